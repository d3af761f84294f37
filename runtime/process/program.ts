// What a thread needs in order to run a process: the compiled module and its circumstances, as plain cloneable data, the same
// at every start (reference, section 1.3: argv and envp are those of the first start). It holds nothing that changes.
import type { MountSpec } from '../files/mount-spec.ts';
import type { ModuleLayout } from '../image/layout.ts';
import type { Extent } from '../memory/extents.ts';
import type { TerminalStreams } from '../wasi/context.ts';
import type { Fault } from './fault.ts';

/** How a process is entered: decides what a start runs and what its return means. */
export type EntryKind = 'command' | 'reactor';

export interface GuestProgram {
  readonly processName: string;
  readonly module: WebAssembly.Module;
  readonly layout: ModuleLayout;
  readonly entryKind: EntryKind;
  /** Value of the shadow stack pointer in generation 0; null where it could not be told. */
  readonly firstStackPointer: number | null;
  readonly args: readonly string[];
  /** NAME=value. */
  readonly env: readonly string[];
  /** Embedder functions served by the main thread, by import module and name. */
  readonly hostFunctions: readonly { readonly module: string; readonly name: string }[];
  /** URL of the embedder's import module, loaded in the guest's thread; null when there is none. */
  readonly importsUrl: string | null;
  /** Never restore in place. */
  readonly alwaysFresh: boolean;
  /** What WASI shows it of files, and what becomes of its descriptors with a restore. */
  readonly mounts: readonly MountSpec[];
  readonly descriptors: 'lost' | 'restored';
  readonly terminals: TerminalStreams;
}

/** Where an executing image lies in the bank. */
export interface ImageReference {
  readonly generation: number;
  /** Byte offset of the head. */
  readonly offset: number;
  readonly headBytes: number;
}

/** What an image is to be exported of, beside the present state, and how. */
export interface ExportOrder {
  /** Where the text of the process image lies in the bank. */
  readonly text: Extent;
  /** What becomes of imported functions: see `ExportOptions`. */
  readonly imports: 'trap' | 'keep';
}

/** What a start runs. `entry`: the entry point, from generation 0. `restarted`: hr_restarted with its cause, where exported. */
export type StartKind = { readonly kind: 'entry' } | { readonly kind: 'restarted'; readonly cause: number };

/** How a run of guest code ended, as its thread saw it. */
export type RunOutcome =
  | { readonly kind: 'returned'; readonly value: ReturnValue }
  | { readonly kind: 'exited'; readonly status: number; readonly handlerInstalled: boolean }
  | { readonly kind: 'faulted'; readonly fault: Fault; readonly handlerInstalled: boolean }
  | { readonly kind: 'stopped' };

/** A value that can be handed to an exported function. Strings and arrays only to AssemblyScript guests. */
export type Argument = number | bigint | string | readonly string[] | NumberArray;

/** The typed arrays, which an AssemblyScript guest takes when it exports their type ids (`Int32Array_ID` and so on). */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/**
 * How to read the result of a function: `value` as it is (number, bigint, nothing); of an AssemblyScript guest `string`, `strings`
 * (an array of strings) or `array` (an array or typed array of numbers, read as a typed array). What is read is a copy.
 */
export type ReturnKind = 'value' | 'string' | 'strings' | 'array';

/** What a call resolves to. A null reference reads as null. */
export type ReturnValue =
  | number
  | bigint
  | string
  | null
  | undefined
  | readonly (string | null)[]
  | NumberArray
  | readonly (number | bigint)[];

export interface CallRequest {
  readonly exportName: string;
  readonly args: readonly Argument[];
  readonly returns: ReturnKind;
}
