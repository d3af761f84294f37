// WASI's arguments and environment: two lists of strings, handed to the guest in the same form. They are encoded once, when
// the functions are made, and never change afterwards.
import { invariant } from '../invariant.ts';
import { answering, type FunctionContext } from './answer.ts';
import type { GuestView } from './guest-view.ts';

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
export function stringFunctions(functions: FunctionContext) {
  const { args, env } = functions.context;
  const lists = { args: encodeStrings(args), env: encodeStrings(env) };
  const sizes = (list: StringList) =>
    answering(functions, (guest, count: number, bufferSize: number) => {
      guest.check(bufferSize, 4);
      guest.writeU32(count, list.count);
      guest.writeU32(bufferSize, list.buffer.byteLength);
    });
  const get = (list: StringList) =>
    answering(functions, (guest, pointers: number, buffer: number) =>
      writeStrings(guest, list, pointers, buffer),
    );
  return {
    args_sizes_get: sizes(lists.args),
    args_get: get(lists.args),
    environ_sizes_get: sizes(lists.env),
    environ_get: get(lists.env),
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

function writeStrings(guest: GuestView, list: StringList, pointers: number, buffer: number): void {
  guest.check(pointers, list.count * POINTER_SIZE);
  guest.range(buffer, list.buffer.byteLength).set(list.buffer);
  for (const [index, offset] of list.offsets.entries())
    guest.writeU32((pointers >>> 0) + index * POINTER_SIZE, (buffer >>> 0) + offset);
}
