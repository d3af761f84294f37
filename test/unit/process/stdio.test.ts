// What is kept of captured output for an embedder that does not ask: the newest, whatever pieces it came in, and never more than the bound.
import { expect, test } from 'vitest';
import { MAX_CAPTURED_BYTES, MAX_CAPTURED_PIECES } from '#runtime/limits.js';
import { Stdio } from '#runtime/process/stdio.js';

const NO_ENDS = { stdin: null, stdout: null, stderr: null };

const capturing = (): Stdio =>
  new Stdio({ stdin: 'empty', stdout: 'capture', stderr: 'site' }, NO_ENDS, NO_ENDS);

test('many small pieces are kept in order', () => {
  const stdio = capturing();
  const written = Array.from({ length: 2 * MAX_CAPTURED_PIECES + 3 }, (_, index) => index % 251);
  for (const each of written) stdio.write('stdout', Uint8Array.of(each));
  expect(stdio.takeCaptured('stdout')).toEqual({ bytes: Uint8Array.from(written), lostBytes: 0 });
  expect(stdio.takeCaptured('stdout')).toEqual({ bytes: new Uint8Array(0), lostBytes: 0 });
});

test('beyond the bound the oldest is lost, and counted', () => {
  const stdio = capturing();
  const small = 1000;
  for (let count = 0; count < small; count += 1) stdio.write('stdout', Uint8Array.of(1));
  stdio.write('stdout', new Uint8Array(MAX_CAPTURED_BYTES).fill(2));
  stdio.write('stdout', Uint8Array.of(3, 4));
  const { bytes, lostBytes } = stdio.takeCaptured('stdout');
  expect(lostBytes).toBe(small + 2);
  expect(bytes.length).toBe(MAX_CAPTURED_BYTES);
  expect([...bytes.subarray(-3)]).toEqual([2, 3, 4]);
});
