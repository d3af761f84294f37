// The public interface of the package: re-exports only. What is not here is not for embedders.
/// <reference types="node" preserve="true" />
export type { BankLoss } from './bank/bank-loss.ts';
export type { ArunOptions } from './cinit/arun-options.ts';
export type { CommandFailure } from './cinit/command-failure.ts';
export type { MountOption } from './cinit/mount-options.ts';
export { PersistentBlocks } from './cinit/persistent-blocks.ts';
export { PersistentVolumes } from './cinit/persistent-volumes.ts';
export type { GroupRow, ProcessRow, SiteReport } from './cinit/reports.ts';
export type { InputOption, OutputOption, StdioOptions } from './cinit/stdio-options.ts';
export type { HostFunction, HostImports } from './controller/embedding.ts';
export { DEFAULT_POLICY, type Policy, type Rung } from './controller/state.ts';
export { ERROR_CODES, type ErrorCode, RekindleError } from './errors.ts';
export type { HostEntry } from './files/host-files.ts';
export type { VolumeRow } from './files/volumes.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { Credentials } from './memory/credentials.ts';
export type { BankUsage, BlockRow } from './memory/persistent-memory-manager.ts';
export { type Fault, type FaultKind, GuestFaultError, type GuestFrame } from './process/fault.ts';
export type { EmbedderContext, EmbedderFactory, EmbedderImports } from './process/guest-imports.ts';
export type { ProcessEnd } from './process/hosted-process.ts';
export type { ProcessKind } from './process/identity.ts';
export { type CallOptions, type ExportOptions, exportImage, Process } from './process/process.ts';
export type { ProcessState } from './process/process-state.ts';
export type { Argument, NumberArray, ReturnKind, ReturnValue } from './process/program.ts';
export type { CapturedOutput } from './process/stdio.ts';
export { openSite, Site } from './site.ts';
export type { SiteEvents, SiteListener, SiteListeners } from './site-events.ts';
export type { BankOptions, GuestOutput, SiteOptions } from './site-options.ts';
