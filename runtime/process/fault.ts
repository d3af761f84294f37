// A guest's fault as a value: what went wrong in a run of guest code, and how an exception caught at the border of guest code
// becomes one. Nothing here throws on account of a guest, and nothing here decides what happens next.
import { printable, shortened } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import { MAX_FAULT_CHARACTERS } from '../limits.ts';
import { type GuestFrame, guestFrames, guestStackOf } from './guest-stack.ts';
import { isWatchdogError } from './time-limit.ts';

export type { GuestFrame } from './guest-stack.ts';

/** The kinds of fault; docs/failure-model.md says what each means and who can tell. */
export type FaultKind =
  | 'trap'
  | 'exit'
  | 'timeout'
  | 'memory-limit'
  | 'killed'
  | 'host-error'
  | 'worker-lost';

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

/** A fault as it crosses between threads: its frames as the text they are read from when somebody asks for them. */
export type PortableFault = Omit<Fault, 'frames'> & { readonly stack: string };

/** What the engine says when the stack is used up. */
const STACK_OVERFLOW = 'Maximum call stack size exceeded';

/** Where the frames of a fault are read from. */
const stacks = new WeakMap<Fault, string>();

/** Of a fault made by this file. */
export function toPortableFault(fault: Fault): PortableFault {
  const { kind, message, activity, exitStatus, generation } = fault;
  return { kind, message, activity, exitStatus, generation, stack: stacks.get(fault) ?? '' };
}

export function faultFromPortable({ stack, ...rest }: PortableFault): Fault {
  let frames: readonly GuestFrame[] | null = null;
  const fault: Fault = Object.freeze({
    ...rest,
    get frames() {
      frames ??= guestFrames(stack);
      return frames;
    },
  });
  stacks.set(fault, stack);
  return fault;
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
    const stack = guestStackOf(thrown);
    const text = shortened(message, MAX_FAULT_CHARACTERS);
    return faultFromPortable({ kind, message: text, activity, exitStatus: null, generation, stack });
  };

  if (thrown instanceof GuestTimeout || isWatchdogError(thrown))
    return make('timeout', 'the time limit passed');
  if (thrown instanceof GuestAbort) return make('trap', thrown.message);
  // No `Error`, and without a message: what the guest's own code has thrown, and nobody in it has caught.
  if (thrown instanceof WebAssembly.Exception) return make('trap', 'uncaught exception');
  if (!(thrown instanceof Error)) return make('host-error', printable(thrown));
  const { name, message } = nameAndMessage(thrown);
  if (thrown instanceof WebAssembly.RuntimeError) {
    // Allocators answer a refused memory.grow with `unreachable`: at the quota that is what it means.
    if (circumstances.memoryAtQuota && message === 'unreachable') {
      return make('memory-limit', 'the memory quota is used up');
    }
    return make('trap', message);
  }
  if (thrown instanceof RangeError && message === STACK_OVERFLOW) return make('trap', 'stack overflow');
  return make('host-error', `${name}: ${message}`);
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

/** Host functions may throw errors whose properties are anything, or cannot be read. */
function nameAndMessage(error: Error): { readonly name: string; readonly message: string } {
  try {
    return { name: printable(error.name), message: printable(error.message) };
  } catch {
    return { name: 'Error', message: 'its name and message cannot be read' };
  }
}
