// A guest's fault as a value: what went wrong in a run of guest code, and how an exception caught at the border of guest code
// becomes one. Nothing here throws on account of a guest, and nothing here decides what happens next.
import { printable, shortened } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import { MAX_FAULT_CHARACTERS } from '../limits.ts';
import { isWatchdogError } from './time-limit.ts';

/** The kinds of fault; docs/failure-model.md says what each means and who can tell. */
export type FaultKind =
  | 'trap'
  | 'exit'
  | 'timeout'
  | 'memory-limit'
  | 'killed'
  | 'host-error'
  | 'worker-lost';

/** A frame of guest code on the stack at the fault, innermost first. */
export interface GuestFrame {
  /** Name from the module's name section, or null. */
  readonly functionName: string | null;
  readonly functionIndex: number;
  /** Byte offset in the module as it lies in the process image. */
  readonly offset: number;
}

/** What went wrong in one run of a guest. Frozen. */
export interface Fault {
  readonly kind: FaultKind;
  readonly message: string;
  /** What the guest was doing: the name of the export it had been entered by, or null when it was running nothing. */
  readonly activity: string | null;
  /** Exit status of an `exit` without HR_EXIT_HDL; null for the other kinds. */
  readonly exitStatus: number | null;
  readonly frames: readonly GuestFrame[];
  /** Generation of the executing image the failed run had started from. */
  readonly generation: number;
}

/** The call in which the guest failed rejects with this; the fault itself also travels in the site's `fault` event. */
export class GuestFaultError extends RekindleError {
  readonly fault: Fault;

  constructor(processName: string, fault: Fault) {
    super('GUEST_FAULT', processName, `${fault.kind} in ${fault.activity ?? 'no call'}: ${fault.message}`);
    this.fault = fault;
  }
}

/** Thrown through guest code by proc_exit; it never leaves the border of the guest. */
export class GuestExit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit(${status})`);
    this.status = status;
  }
}

/** Thrown through guest code when its process is being stopped; it never leaves the border of the guest. */
export class GuestStopped extends Error {}

/** Thrown by an import when the guest's own runtime library gives up (AssemblyScript's abort). */
export class GuestAbort extends Error {}

/** Thrown by an import when the guest's time is up. */
export class GuestTimeout extends Error {}

export interface FaultCircumstances {
  readonly activity: string | null;
  readonly generation: number;
  /** Linear memory cannot grow by another page within its quota. */
  readonly memoryAtQuota: boolean;
}

/** Turns what was thrown out of guest code into a fault. Total: anything unknown is the fault of a host function. */
export function faultFromException(thrown: unknown, circumstances: FaultCircumstances): Fault {
  const { activity, generation } = circumstances;
  const make = (kind: FaultKind, message: string): Fault => {
    // The text at once, since an exception whose stack nobody has read holds the guest's instance and all its memory; its parsing later.
    const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
    let frames: readonly GuestFrame[] | null = null;
    return Object.freeze({
      kind,
      message: shortened(message, MAX_FAULT_CHARACTERS),
      activity,
      exitStatus: null,
      generation,
      get frames() {
        frames ??= guestFrames(stack);
        return frames;
      },
    });
  };

  if (thrown instanceof GuestTimeout || isWatchdogError(thrown))
    return make('timeout', 'the time limit passed');
  if (thrown instanceof GuestAbort) return make('trap', thrown.message);
  if (thrown instanceof WebAssembly.RuntimeError) {
    // Allocators answer a refused memory.grow with `unreachable`: at the quota that is what it means.
    if (circumstances.memoryAtQuota && thrown.message === 'unreachable') {
      return make('memory-limit', 'the memory quota is used up');
    }
    return make('trap', thrown.message);
  }
  if (isStackOverflow(thrown)) return make('trap', 'stack overflow');
  return make(
    'host-error',
    thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : printable(thrown),
  );
}

/** A fault that no exception tells of: killed from outside, worker lost, time limit seen from outside, premature exit. */
export function faultFromOutside(
  kind: 'killed' | 'worker-lost' | 'timeout' | 'exit' | 'host-error',
  message: string,
  where: { readonly activity: string | null; readonly generation: number; readonly exitStatus?: number },
): Fault {
  const { activity, generation, exitStatus = null } = where;
  return Object.freeze({
    kind,
    message: shortened(message, MAX_FAULT_CHARACTERS),
    activity,
    exitStatus,
    frames: Object.freeze([]),
    generation,
  });
}

function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === 'Maximum call stack size exceeded';
}

// V8 prints a frame of guest code as `at NAME (wasm://wasm/HASH:wasm-function[INDEX]:0xOFFSET)`, the name only when there is one.
const GUEST_FRAME = /at (?:(.+) \()?wasm:\/\/[^\s]*wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;

function guestFrames(stack: string): readonly GuestFrame[] {
  const frames: GuestFrame[] = [];
  for (const line of stack.split('\n')) {
    const match = GUEST_FRAME.exec(line);
    if (match === null) continue;
    frames.push(
      Object.freeze({
        functionName: match[1] === undefined ? null : shortened(match[1], MAX_FAULT_CHARACTERS),
        functionIndex: Number(match[2]),
        offset: Number.parseInt(match[3] ?? '0', 16),
      }),
    );
  }
  return Object.freeze(frames);
}
