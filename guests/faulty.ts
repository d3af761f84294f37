// A reactor that fails in every way a guest can fail by itself, one export a way; with "at-start" as its argument it fails
// while it is being initialised. Nothing here may return normally but ping: an optimiser or an engine that lets one of these
// pass would hide it.
import { argv, exit, HR_EXIT_HDL } from '../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

/** No linear memory of less than 4 GiB reaches this far. */
const BAD_POINTER: usize = 0xfffffffc;
/** An entry of the function table that is always null. */
const NULL_ENTRY: u32 = 0;

let pings: i32 = 0;

if (argv().includes('at-start')) {
  unreachable();
}

/** How often it was called since the process was last put back. */
export function ping(): i32 {
  pings += 1;
  return pings;
}

function trap(): void {
  unreachable();
}

/** Divides by zero. */
export function divideByZero(): i32 {
  return quotient(1, 0);
}

/** Divides the least i32 by -1: the quotient is not an i32. */
export function integerOverflow(): i32 {
  return quotient(i32.MIN_VALUE, -1);
}

function quotient(dividend: i32, divisor: i32): i32 {
  return dividend / divisor;
}

/** Converts a NaN to an integer. A trap only because asconfig.json asks for trapping conversions. */
export function invalidConversion(): i32 {
  const value: f64 = NaN;
  return <i32>value;
}

/** Loads from beyond linear memory. */
export function outOfBounds(): i32 {
  return load<i32>(BAD_POINTER);
}

/** Calls a null entry of the function table. */
export function indirectCallNull(): i32 {
  return call_indirect<i32>(NULL_ENTRY, 1);
}

/** Calls a function of the table as if it had another signature. */
export function indirectCallMismatch(): i32 {
  const widen = (narrow: i32): i64 => <i64>narrow;
  return call_indirect<i32>(widen.index, 1);
}

/** Calls itself without end. */
export function stackOverflow(): i32 {
  return depthBelow(0);
}

function depthBelow(depth: i32): i32 {
  return depthBelow(depth + 1) + depth;
}

/** Takes memory page by page until it is refused, then gives up. */
export function exhaustMemory(): void {
  while (memory.grow(1) !== -1) {}
  unreachable();
}

/** Ends without telling the controller: an abnormal end, whatever the status. */
export function exitWithoutHandler(status: i32): void {
  exit(status);
}

/** Ends as it should. */
export function exitWithHandler(status: i32): void {
  HR_EXIT_HDL();
  exit(status);
}

function throwError(): void {
  throw new Error('faulty: aborted on request');
}

/** Runs until somebody stops it. */
export function endlessLoop(): void {
  while (true) {}
}

export { throwError as abort, trap as unreachable };
