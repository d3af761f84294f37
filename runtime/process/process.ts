// The embedder's handle of a process. It stays the same through restarts, while pid and generation change; it gives no way to get
// at the instance itself.
import { refuse, requireKnown, requireLimit, requireOneOf } from '../checks.ts';
import { type CompletedOptions, PLAIN_CALL } from './call-arguments.ts';
import type { HostedProcess, ProcessEnd } from './hosted-process.ts';
import type { ProcessKind } from './identity.ts';
import type { ProcessState } from './process-state.ts';
import type { Argument, ReturnKind, ReturnValue } from './program.ts';
import type { CapturedOutput } from './stdio.ts';

export interface CallOptions {
  /** How to read what an AssemblyScript function returns. Default `value`: a number, a bigint or nothing. */
  readonly returns?: ReturnKind;
  /** The call is ended, as a fault of kind `timeout`, when it takes longer. Default: the process's `callLimitMs`. */
  readonly limitMs?: number;
}

export interface ExportOptions {
  /**
   * What becomes of the functions the module imports. `trap`: the exported module imports nothing, and where its code calls one of them,
   * it traps. `keep`: they stay imported, for another host to provide. Default `trap`.
   */
  readonly imports?: 'trap' | 'keep';
}

const NO_OPTIONS: CallOptions = Object.freeze({});

/** How long `ready` waits when it is not told, in milliseconds: longer than a worker may take to start. */
const READY_LIMIT_MS = 30_000;

let hostedOf: (process: Process) => HostedProcess | null;

/** Made by the site: `arun` returns one, `site.process(name)` and the events give the same one for the same process. */
export class Process {
  readonly #hosted: HostedProcess;

  static {
    hostedOf = (process) => (#hosted in process ? process.#hosted : null);
  }

  constructor(hosted: HostedProcess) {
    this.#hosted = hosted;
  }

  /** Unique among the registered processes; the same for the life of the group (reference, section 3.3). */
  get name(): string {
    return this.#hosted.identity.name;
  }

  /** New for every run (reference, section 3.3). */
  get pid(): number {
    return this.#hosted.pid;
  }

  /** Group ID; null for a plain process. */
  get group(): number | null {
    return this.#hosted.identity.groupId;
  }

  /** `direct` (arun in a group), `indirect` (hrfexec) or `plain` (not restartable). */
  get kind(): ProcessKind {
    return this.#hosted.identity.kind;
  }

  /** Where its guest code runs: the caller's thread, or a worker of its own. */
  get placement(): 'inline' | 'thread' {
    return this.#hosted.identity.settings.placement;
  }

  /** What it is doing now; calls are taken while it is `running` or `ready`. */
  get state(): ProcessState {
    return this.#hosted.state;
  }

  /** Generation of the executing image the process would be restored to. */
  get generation(): number {
    return this.#hosted.generations.current.generation;
  }

  /** Resolves when the process has ended for good: with its group, or at once for a plain process. Not while its group is quarantined. */
  get exited(): Promise<ProcessEnd> {
    return this.#hosted.exited;
  }

  /**
   * Resolves when the process takes calls again: after a restart, or after its start. Rejects with PROCESS_ENDED or GROUP_QUARANTINED
   * when it never will by itself, and with PROCESS_RESTARTING when it does not within `limitMs` milliseconds.
   */
  async ready(options: { readonly limitMs?: number } = {}): Promise<void> {
    const { limitMs } = requireKnown('ready', options, ['limitMs']);
    await this.#hosted.whenReady(requireLimit('limitMs', limitMs) ?? READY_LIMIT_MS);
  }

  /**
   * Calls an exported function. i32, f32 and f64 take numbers, i64 bigints; strings, typed arrays and arrays of strings go to
   * AssemblyScript guests compiled with --exportRuntime. These go as pointers, which are i32: whether the function takes a pointer there is
   * the caller's to know. Calls of one process run one after another.
   *
   * Rejects with EXPORT_MISSING or ARGUMENT_INVALID before the guest is entered; GuestFaultError (GUEST_FAULT) when the guest failed
   * in this call, with the fault as its `fault`; PROCESS_RESTARTED, PROCESS_ENDED, GROUP_QUARANTINED or SITE_CLOSED when it was
   * stopped meanwhile on another's account; PROCESS_RESTARTING, PROCESS_ENDED, GROUP_QUARANTINED, CALL_QUEUE_FULL or (inline, from
   * within its own call) PROCESS_BUSY when it cannot be called now; OPTION_INVALID for the options.
   */
  async call(
    exportName: string,
    args: readonly Argument[] = [],
    options: CallOptions = NO_OPTIONS,
  ): Promise<ReturnValue> {
    return this.#hosted.call(exportName, args, completed(options));
  }

  /**
   * `call` without giving up the thread; inline processes only (PLACEMENT_UNSUITED). Throws what `call` rejects with, and
   * PROCESS_BUSY also while its entry waits to be run.
   */
  callSync(
    exportName: string,
    args: readonly Argument[] = [],
    options: CallOptions = NO_OPTIONS,
  ): ReturnValue {
    return this.#hosted.callSync(exportName, args, completed(options));
  }

  /**
   * An exported function as a function of the host, for those who call it often: every call is `callSync(exportName, args)`, and throws
   * what that throws, at a fraction of its price. It stays good through restarts, and answers again when the process does. Inline
   * processes only (PLACEMENT_UNSUITED); EXPORT_MISSING when there is no such function. The types are the caller's word, nobody
   * checks them but for what the guest's function takes. Under a `callLimitMs`, which costs some 100 us a call, and in the copied
   * backend it is as dear as callSync.
   */
  bind<Args extends readonly Argument[] = readonly Argument[], Result extends ReturnValue = ReturnValue>(
    exportName: string,
  ): (...args: Args) => Result {
    return this.#hosted.bind(exportName) as (...args: readonly Argument[]) => Result;
  }

  /**
   * Makes the next generation of the executing image, between calls, and returns its number.
   * Rejects with CHECKPOINT_REFUSED (naming what cannot be captured), BANK_FULL or BLOCK_LIMIT: the generation before stays current
   * then. And, like `call`, with PROCESS_BUSY, PROCESS_RESTARTING, PROCESS_RESTARTED or PROCESS_ENDED.
   */
  checkpoint(): Promise<number> {
    return this.#hosted.checkpoint();
  }

  /**
   * Brings memory, globals, tables and mapped blocks back to the newest generation, between calls, and takes calls from there: the state
   * after a checkpoint, for every request anew. The contents of blocks stay. It is no restart: pid, group and the rest of the group
   * are what they were, nothing is counted and neither the entry nor hr_restarted is run.
   * Rejects with RESTORE_REFUSED when no checkpoint was made, GuestFaultError when the host could not do it, so that the group restarts,
   * and, like `call`, with PROCESS_BUSY, PROCESS_RESTARTING, PROCESS_RESTARTED or PROCESS_ENDED.
   */
  restore(): Promise<void> {
    return this.#hosted.restore();
  }

  /**
   * What the guest has written to a stream since this was asked last, the newest MiB of it; of a process started with `capture` for it,
   * else nothing. It stays through restarts, but not through the end of the site.
   */
  takeOutput(stream: 'stdout' | 'stderr'): CapturedOutput {
    return this.#hosted.stdio.takeCaptured(requireOneOf('stream', stream, ['stdout', 'stderr']));
  }

  /** `restore` without giving up the thread; inline processes only (PLACEMENT_UNSUITED). Throws what `restore` rejects with. */
  restoreSync(): void {
    this.#hosted.restoreSync();
  }
}

/**
 * The process in its present state as a WebAssembly module of its own: what is in linear memory, blocks included, as data, globals and tables
 * as they are. Its instances go on from there on any engine, without this runtime; the process is left as it is, and no generation is
 * made. Between calls, in either placement, of a plain process too. See docs/exported-images.md for what such a module is.
 *
 * Rejects with CHECKPOINT_REFUSED (naming what cannot be captured, or what engines would not take), OPTION_INVALID, IMAGE_DAMAGED when the
 * text in the bank is; and, like `call`, with PROCESS_BUSY, PROCESS_RESTARTING, PROCESS_RESTARTED or PROCESS_ENDED.
 */
export async function exportImage(
  process: Process,
  options: ExportOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { imports = 'trap' } = requireKnown('exportImage', options, ['imports']);
  const how = requireOneOf('exportImage.imports', imports, ['trap', 'keep']);
  const hosted = process instanceof Process ? hostedOf(process) : null;
  return hosted === null ? refuse('process', 'is not one of a site') : hosted.exportImage(how);
}

function completed(options: CallOptions): CompletedOptions {
  if (options === NO_OPTIONS) return PLAIN_CALL;
  const { returns = 'value', limitMs } = requireKnown('call', options, ['returns', 'limitMs']);
  return { returns, limitMs: requireLimit('limitMs', limitMs) };
}
