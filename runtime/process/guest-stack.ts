// Reads from an exception which guest code was on the stack when it was thrown. It must never leave the host's own stack traces
// otherwise than it found them.
import { shortened } from '../checks.ts';
import { MAX_FAULT_CHARACTERS } from '../limits.ts';
import { isGuarded } from './time-limit.ts';

/** A frame of guest code on the stack at the fault, innermost first. */
export interface GuestFrame {
  /** Name from the module's name section, or null. */
  readonly functionName: string | null;
  readonly functionIndex: number;
  /** Byte offset in the module as it lies in the process image. */
  readonly offset: number;
}

// V8 prints a frame of guest code as `at NAME (wasm://wasm/HASH:wasm-function[INDEX]:0xOFFSET)`, the name only when there is one.
const GUEST_FRAME = /^ *at (?:(.+) \()?wasm:\/\/[^\s]*wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;

/** The frames in a text of `guestStackOf`, innermost first. Frozen. */
export function guestFrames(stack: string): readonly GuestFrame[] {
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

/** The stack of an exception as text, of a trap without the frames of the host; empty where there is none to be had. Total. */
export function guestStackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  const read = (): unknown => thrown.stack;
  // The watchdog runs no `finally`. And what host functions throw may be kept by others, who expect all of it.
  const ofTrap = thrown instanceof WebAssembly.RuntimeError && !isGuarded();
  try {
    const stack = ofTrap ? withFormat(guestLines, read) : read();
    // The embedder may have a format of its own, which makes something else of it.
    return typeof stack === 'string' ? stack : '';
  } catch {
    // Or throws. A fault without frames is still a fault: the guest is put back all the same.
    return '';
  }
}

type Format = typeof Error.prepareStackTrace;

/** Where the embedder has frozen `Error`, the usual format stays. */
function withFormat<T>(format: Format, read: () => T): T {
  const usual = Error.prepareStackTrace;
  Reflect.set(Error, 'prepareStackTrace', format);
  try {
    return read();
  } finally {
    Reflect.set(Error, 'prepareStackTrace', usual);
  }
}

/** Leaves the frames of the host out: finding out their lines and columns takes longer than all else about a trap. */
function guestLines(error: Error, sites: readonly NodeJS.CallSite[]): string {
  let lines = `${error.name}: ${error.message}`;
  for (const site of sites) {
    if (site.getScriptNameOrSourceURL()?.startsWith('wasm://') === true)
      lines += `\n    at ${site.toString()}`;
  }
  return lines;
}
