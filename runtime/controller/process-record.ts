// What of a registered process is written down in the bank, and how it is read back. Nothing of a run is in it, and no function of the
// embedder: those cannot be written down, only which ones there must be.
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { mountsFromRecord, recordBytesOfMounts, recordOfMounts } from '../files/mount-spec.ts';
import { LIMIT_BOUNDS } from '../limits.ts';
import { credentialsFromRecord, recordOfCredentials } from '../memory/credentials.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import type { ProcessIdentity, ProcessSettings } from '../process/identity.ts';
import type { GuestProgram } from '../process/program.ts';
import type { OutputRoute, StdioRoutes } from '../process/stdio.ts';

/** Key of a registered process: this and its name. */
export const PROCESS_PREFIX = 'process/';

/** A registered process as an earlier site has written it down. */
export interface ProcessRecord {
  readonly identity: ProcessIdentity & { readonly kind: 'direct' | 'indirect'; readonly groupId: number };
  readonly imageDigest: string;
  readonly externals: Pick<GuestProgram, 'hostFunctions' | 'importsUrl'>;
}

/** Of a process in a group; a plain one is not written down. */
export function changeOfProcess({ identity, image, externals }: HostedProcess): LedgerChange {
  const { name, kind, path, groupId, args, env, settings } = identity;
  const { credentials, placement, memoryQuotaBytes, cleanExit, callLimitMs, entryLimitMs, restore } =
    settings;
  const { mounts, descriptors, stdio } = settings;
  const value: JsonValue = {
    kind,
    path,
    group: groupId,
    args: [...args],
    env: [...env],
    placement,
    credentials: recordOfCredentials(credentials),
    memoryQuotaBytes,
    cleanExit,
    callLimitMs,
    entryLimitMs,
    restore,
    mounts: recordOfMounts(mounts),
    descriptors,
    stdio: { ...stdio },
    image: image.digest,
    hostFunctions: externals.hostFunctions.map((each) => ({ module: each.module, name: each.name })),
    importsUrl: externals.importsUrl,
  };
  return { key: `${PROCESS_PREFIX}${name}`, value };
}

export function removalOfProcess(name: string): LedgerChange {
  return { key: `${PROCESS_PREFIX}${name}`, value: null };
}

/** More than the record of this process takes in the ledger, its part in the record of its group included. */
export function recordBytesOfProcess(identity: Pick<ProcessIdentity, 'args' | 'env' | 'settings'>): number {
  const texts = [...identity.args, ...identity.env];
  // Six bytes of JSON for a byte at worst.
  const mountBytes = recordBytesOfMounts(identity.settings.mounts);
  return texts.reduce((sum, each) => sum + 6 * Buffer.byteLength(each) + 4, mountBytes) + 16 * 1024;
}

/** Throws BANK_DAMAGED. */
export function processFromRecord(key: string, value: JsonValue): ProcessRecord {
  const record = new RecordReader(key, value);
  return {
    identity: {
      name: key.slice(PROCESS_PREFIX.length),
      kind: record.oneOf('kind', ['direct', 'indirect']),
      path: record.text('path'),
      groupId: record.integer('group', 0, LIMIT_BOUNDS.maxGroups.max),
      args: texts(record, 'args'),
      env: texts(record, 'env'),
      settings: settingsFrom(record),
    },
    imageDigest: record.text('image'),
    externals: {
      hostFunctions: record.list('hostFunctions', (items, index) => {
        const each = items.record(index);
        return { module: each.text('module'), name: each.text('name') };
      }),
      importsUrl: record.nullable('importsUrl', (name) => record.text(name)),
    },
  };
}

function settingsFrom(record: RecordReader): ProcessSettings {
  const { min, max } = LIMIT_BOUNDS.memoryQuotaBytes;
  const limit = (name: string): number => record.number(name, 0, Number.MAX_SAFE_INTEGER);
  return {
    placement: record.oneOf('placement', ['thread', 'inline']),
    credentials: credentialsFromRecord(record.record('credentials')),
    memoryQuotaBytes: record.integer('memoryQuotaBytes', min, max),
    cleanExit: record.oneOf('cleanExit', ['handler', 'zero']),
    callLimitMs: record.nullable('callLimitMs', limit),
    entryLimitMs: record.nullable('entryLimitMs', limit),
    restore: record.oneOf('restore', ['in-place', 'fresh']),
    mounts: mountsFromRecord(record, 'mounts'),
    descriptors: record.oneOf('descriptors', ['lost', 'restored']),
    stdio: stdioFrom(record.record('stdio')),
  };
}

function stdioFrom(record: RecordReader): StdioRoutes {
  const output = (name: string): OutputRoute =>
    record.oneOf(name, ['site', 'inherit', 'ignore', 'capture', 'given']);
  return {
    stdin: record.oneOf('stdin', ['empty', 'inherit', 'given']),
    stdout: output('stdout'),
    stderr: output('stderr'),
  };
}

function texts(record: RecordReader, name: string): readonly string[] {
  return record.list(name, (items, index) => items.text(index));
}
