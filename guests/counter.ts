// A reactor that counts: its state is in globals and on the heap and goes back with every restore; a total in a block of
// persistent memory stays. Argument: [initial value = 0]. It must not hide a lost state: nothing is recomputed on start.
import {
  argv,
  BlockPointer,
  HR_GROUP_KEY,
  hrCheckpoint,
  K_OK,
  PmmName,
  pmmAllocate,
  reseedRandom,
} from '../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

// Class ids: what a host needs to make arrays for the calls below.
export const Int32Array_ID = idof<Int32Array>();
export const Float64Array_ID = idof<Float64Array>();
export const ArrayString_ID = idof<Array<string>>();

const args = argv();
let current: i32 = args.length > 1 ? I32.parseInt(args[1]) : 0;
let cause: i32 = -1;
const callsByName = new Map<string, i32>();

const totalBlock = new BlockPointer();
const result = pmmAllocate(totalBlock, new PmmName('COUNTER_TOTAL'), sizeof<i64>(), HR_GROUP_KEY);
assert(result === K_OK, 'counter: cannot allocate COUNTER_TOTAL');

function note(call: string): void {
  callsByName.set(call, (callsByName.has(call) ? callsByName.get(call) : 0) + 1);
}

/** Adds one; the new value. */
export function increment(): i32 {
  note('increment');
  return advance(1);
}

/** Adds `amount`; the new value. */
export function add(amount: i32): i32 {
  note('add');
  return advance(amount);
}

function advance(amount: i32): i32 {
  current += amount;
  store<i64>(totalBlock.address, total() + amount);
  return current;
}

export function value(): i32 {
  return current;
}

/** The sum of all that was ever added while the group lives, whatever was rewound in between. */
export function total(): i64 {
  return load<i64>(totalBlock.address);
}

/** How often increment and add were called, from a map on the heap: "increment 2, add 1". */
export function history(): string {
  const names = callsByName.keys();
  const entries = new Array<string>(names.length);
  for (let index = 0; index < names.length; index++) {
    entries[index] = `${names[index]} ${callsByName.get(names[index])}`;
  }
  return entries.join(', ');
}

export function greet(name: string): string {
  return `Hello, ${name}!`;
}

export function sum(values: Int32Array): i32 {
  return values.reduce((subtotal: i32, each: i32) => subtotal + each, 0);
}

/** A new array of each value times `factor`. */
export function scale(values: Float64Array, factor: f64): Float64Array {
  const scaled = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    scaled[index] = values[index] * factor;
  }
  return scaled;
}

/** The parts with ", " between them. */
export function joined(parts: string[]): string {
  return parts.join(', ');
}

/** A random number from 0 to 1. */
export function seed(): f64 {
  return Math.random();
}

/** Makes a new generation from within a call: its number, or -1. */
export function checkpoint(): i32 {
  return hrCheckpoint();
}

/** Fails on purpose. */
export function crash(): void {
  unreachable();
}

/** The cause of the last restore from a checkpoint, one of the CAUSE_ values; -1 when there was none. */
export function lastCause(): i32 {
  return cause;
}

/** Called by the host after a restore from a checkpoint: random numbers must not come a second time. */
export function hr_restarted(restartCause: i32): void {
  cause = restartCause;
  reseedRandom();
}
