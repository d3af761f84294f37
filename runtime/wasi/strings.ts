// WASI's arguments and environment: two lists of strings, handed to the guest in the same form. They are encoded once, when
// the imports are made, and never change afterwards.
import { invariant } from '../invariant.ts';
import type { WasiContext } from './context.ts';
import { EFAULT, ESUCCESS } from './errno.ts';
import { GuestView } from './guest-view.ts';

const POINTER_SIZE = 4;

//  What *_get writes, at two addresses of the guest's choice:
//
//   pointers                               buffer
//  +-----------+-----------+-----+        +------------------+------------------+-----+
//  | u32 of s0 | u32 of s1 | ... |        | s0, UTF-8 | NUL  | s1, UTF-8 | NUL  | ... |
//  +-----------+-----------+-----+        +------------------+------------------+-----+
interface StringList {
  readonly count: number;
  readonly buffer: Uint8Array;
  /** Where each string begins in the buffer. */
  readonly offsets: readonly number[];
}

/** args_sizes_get, args_get, environ_sizes_get and environ_get. */
export function stringFunctions(context: Pick<WasiContext, 'memory' | 'args' | 'env'>) {
  const args = encodeStrings(context.args);
  const env = encodeStrings(context.env);
  return {
    args_sizes_get: (count: number, bufferSize: number) =>
      writeSizes(new GuestView(context.memory()), args, count, bufferSize),
    args_get: (pointers: number, buffer: number) =>
      writeStrings(new GuestView(context.memory()), args, pointers, buffer),
    environ_sizes_get: (count: number, bufferSize: number) =>
      writeSizes(new GuestView(context.memory()), env, count, bufferSize),
    environ_get: (pointers: number, buffer: number) =>
      writeStrings(new GuestView(context.memory()), env, pointers, buffer),
  };
}

function encodeStrings(strings: readonly string[]): StringList {
  invariant(
    strings.every((text) => !text.includes('\0')),
    'no argument or environment string holds a NUL',
  );
  const buffer = new TextEncoder().encode(strings.map((text) => `${text}\0`).join(''));
  const offsets: number[] = [];
  let offset = 0;
  while (offset < buffer.byteLength) {
    offsets.push(offset);
    offset = buffer.indexOf(0, offset) + 1;
  }
  return { count: strings.length, buffer, offsets };
}

function writeSizes(guest: GuestView, list: StringList, count: number, bufferSize: number): number {
  if (!guest.holds(count, 4) || !guest.holds(bufferSize, 4)) return EFAULT;
  guest.writeU32(count, list.count);
  guest.writeU32(bufferSize, list.buffer.byteLength);
  return ESUCCESS;
}

function writeStrings(guest: GuestView, list: StringList, pointers: number, buffer: number): number {
  if (!guest.holds(pointers, list.count * POINTER_SIZE) || !guest.holds(buffer, list.buffer.byteLength))
    return EFAULT;
  guest.range(buffer, list.buffer.byteLength).set(list.buffer);
  for (const [index, offset] of list.offsets.entries()) {
    guest.writeU32((pointers >>> 0) + index * POINTER_SIZE, (buffer >>> 0) + offset);
  }
  return ESUCCESS;
}
