// Every WASI function by hand: what it answers, what it writes, and which errno it has for what. Hostile pointers in general
// are the business of hostile-arguments.test.ts.
import { describe, expect, it } from 'vitest';
import { MAX_OUTPUT_BYTES } from '#runtime/limits.js';
import { EBADF, EFAULT, EINVAL, ESPIPE, ESUCCESS } from '#runtime/wasi/errno.js';
import { WASI_FUNCTION_NAMES } from '#runtime/wasi/preview1.js';
import { ExitSignal, guestFixture, MONOTONIC_NS, RANDOM_BYTE, REALTIME_NS } from './guest-fixture.js';

const PAGE = 65536;
const STREAMS = [0, 1, 2];
const NO_DESCRIPTORS = [-1, 3, 4, 0x7fffffff, -0x80000000];

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('the import object', () => {
  it('has every function, and no other', () => {
    const { wasi, preview1 } = guestFixture();
    for (const name of WASI_FUNCTION_NAMES) expect(wasi[name]).toBeTypeOf('function');
    for (const name of ['fd_dup', 'toString', '__proto__', ''])
      expect(preview1.provide(name as never)).toBeUndefined();
  });

  it('answers with the numbers of WASI preview 1', () => {
    expect({ ESUCCESS, EBADF, EFAULT, EINVAL, ESPIPE }).toEqual({
      ESUCCESS: 0,
      EBADF: 8,
      EFAULT: 21,
      EINVAL: 28,
      ESPIPE: 70,
    });
  });
});

describe.each([
  ['args', 'args_sizes_get', 'args_get'],
  ['env', 'environ_sizes_get', 'environ_get'],
] as const)('%s', (member, sizesName, getName) => {
  it.each([
    ['no strings', []],
    ['one', ['NAME=value']],
    ['an empty one among others', ['a', '', 'c']],
    ['several with characters of two, three and four bytes', ['é', '日本', '\u{1F600}=x']],
  ])('hands over %s', (_, strings) => {
    const { wasi, view, bytes } = guestFixture({ [member]: strings });
    expect(wasi[sizesName](0, 4)).toBe(ESUCCESS);
    const count = view().getUint32(0, true);
    const size = view().getUint32(4, true);
    expect(count).toBe(strings.length);
    expect(size).toBe(strings.reduce((sum, string) => sum + Buffer.byteLength(string) + 1, 0));

    bytes().fill(0xee, 1000, 3000);
    expect(wasi[getName](1000, 2000)).toBe(ESUCCESS);
    const seen = Array.from({ length: count }, (_unused, index) => {
      const start = view().getUint32(1000 + index * 4, true);
      return text(bytes().subarray(start, bytes().indexOf(0, start)));
    });
    expect(seen).toEqual(strings);
    expect(bytes()[1000 + count * 4]).toBe(0xee);
    expect(bytes()[2000 + size]).toBe(0xee);
  });

  it.each([
    ['pointers at the end, they fit', PAGE - 8, 0, ESUCCESS],
    ['pointers one byte too far', PAGE - 7, 0, EFAULT],
    ['buffer at the end, it fits', 0, PAGE - 4, ESUCCESS],
    ['buffer one byte too far', 0, PAGE - 3, EFAULT],
    ['pointers that would wrap around', -4, 0, EFAULT],
    ['buffer that would wrap around', 0, -1, EFAULT],
  ])('%s', (_, pointers, buffer, expected) => {
    const { wasi, bytes } = guestFixture({ [member]: ['a', 'b'] });
    expect(wasi[getName](pointers, buffer)).toBe(expected);
    expect(bytes().some((byte) => byte !== 0)).toBe(expected === ESUCCESS);
  });

  it.each([
    [PAGE - 4, 0, ESUCCESS],
    [PAGE - 3, 0, EFAULT],
    [0, PAGE - 3, EFAULT],
    [-1, 0, EFAULT],
  ])('sizes to %i and %i answer %i', (count, size, expected) => {
    const { wasi } = guestFixture({ [member]: ['a'] });
    expect(wasi[sizesName](count, size)).toBe(expected);
  });

  it('refuses to be made from a string with a NUL', () => {
    expect(() => guestFixture({ [member]: ['a\0b'] })).toThrow(/NUL/);
  });
});

describe('fd_write', () => {
  it.each([
    [1, 'stdout'],
    [2, 'stderr'],
  ])('joins the vectors and writes them to descriptor %i, %s', (descriptor, stream) => {
    const { wasi, output, view, bytes, putIovecs } = guestFixture();
    bytes().set(new TextEncoder().encode('Hello, world'), 100);
    putIovecs(0, [
      [107, 5],
      [0, 0],
      [105, 2],
      [100, 5],
    ]);
    expect(wasi.fd_write(descriptor, 0, 4, 40)).toBe(ESUCCESS);
    expect(output.map((entry) => [entry.stream, text(entry.bytes)])).toEqual([[stream, 'world, Hello']]);
    expect(view().getUint32(40, true)).toBe(12);
  });

  it('hands over a copy: what the guest does next cannot change it', () => {
    const { wasi, output, bytes, putIovecs } = guestFixture();
    bytes().set([1, 2, 3], 100);
    putIovecs(0, [[100, 3]]);
    wasi.fd_write(1, 0, 1, 40);
    bytes().fill(9);
    expect([...(output[0]?.bytes ?? [])]).toEqual([1, 2, 3]);
  });

  it.each([
    ['no vector', []],
    [
      'empty vectors',
      [
        [0, 0],
        [PAGE, 0],
      ] as const,
    ],
  ])('writes nothing for %s', (_, ranges) => {
    const { wasi, output, view, putIovecs } = guestFixture();
    putIovecs(0, ranges);
    view().setUint32(40, 77, true);
    expect(wasi.fd_write(1, 0, ranges.length, 40)).toBe(ESUCCESS);
    expect(view().getUint32(40, true)).toBe(0);
    expect(output).toEqual([]);
  });

  it('stops at MAX_OUTPUT_BYTES, in the middle of a vector, and says so', () => {
    const { wasi, output, memory, view, bytes, putIovecs } = guestFixture();
    memory.grow(31);
    bytes().fill(7);
    putIovecs(0, [
      [100, MAX_OUTPUT_BYTES - 10],
      [200, MAX_OUTPUT_BYTES],
      [300, 5],
    ]);
    expect(wasi.fd_write(1, 0, 3, 40)).toBe(ESUCCESS);
    expect(view().getUint32(40, true)).toBe(MAX_OUTPUT_BYTES);
    expect(output.map((entry) => entry.bytes.byteLength)).toEqual([MAX_OUTPUT_BYTES]);
  });

  it.each([
    ['a vector that ends outside', [[PAGE - 1, 2]] as const, 0, 1, 40, EFAULT],
    [
      'a good vector, then one that ends outside',
      [
        [100, 1],
        [0, PAGE + 1],
      ] as const,
      0,
      2,
      40,
      EFAULT,
    ],
    ['a vector whose end would wrap around', [[0xfffffff0, 0x20]] as const, 0, 1, 40, EFAULT],
    ['vectors outside', [], PAGE - 7, 1, 40, EFAULT],
    ['vectors at a negative address', [], -8, 1, 40, EFAULT],
    ['nowhere to put the count', [[100, 1]] as const, 0, 1, PAGE - 3, EFAULT],
    ['1025 vectors', [], 0, 1025, 40, EINVAL],
    ['2^32 - 1 vectors', [], 0, -1, 40, EINVAL],
  ])('writes nothing at all: %s', (_, ranges, iovecs, count, written, expected) => {
    const { wasi, output, putIovecs } = guestFixture();
    putIovecs(0, ranges);
    expect(wasi.fd_write(1, iovecs, count, written)).toBe(expected);
    expect(output).toEqual([]);
  });

  it('takes 1024 vectors', () => {
    const { wasi, output, putIovecs } = guestFixture();
    putIovecs(
      0,
      Array.from({ length: 1024 }, () => [0, 1] as const),
    );
    expect(wasi.fd_write(1, 0, 1024, PAGE - 4)).toBe(ESUCCESS);
    expect(output[0]?.bytes.byteLength).toBe(1024);
  });

  it.each([0, ...NO_DESCRIPTORS])('is EBADF for descriptor %i', (descriptor) => {
    expect(guestFixture().wasi.fd_write(descriptor, 0, 0, 0)).toBe(EBADF);
  });
});

describe('fd_read', () => {
  it('finds standard input at its end and leaves the buffer alone', () => {
    const { wasi, view, bytes, putIovecs } = guestFixture();
    putIovecs(0, [[100, 50]]);
    bytes().fill(0xee, 100, 150);
    view().setUint32(40, 77, true);
    expect(wasi.fd_read(0, 0, 1, 40)).toBe(ESUCCESS);
    expect(view().getUint32(40, true)).toBe(0);
    expect(
      bytes()
        .subarray(100, 150)
        .every((byte) => byte === 0xee),
    ).toBe(true);
  });

  it.each([
    ['a buffer outside', [[PAGE, 1]] as const, 1, 40, EFAULT],
    ['nowhere to put the count', [], 0, PAGE, EFAULT],
    ['1025 vectors', [], 1025, 40, EINVAL],
  ])('refuses %s', (_, ranges, count, read, expected) => {
    const { wasi, putIovecs } = guestFixture();
    putIovecs(0, ranges);
    expect(wasi.fd_read(0, 0, count, read)).toBe(expected);
  });

  it.each([1, 2, ...NO_DESCRIPTORS])('is EBADF for descriptor %i', (descriptor) => {
    expect(guestFixture().wasi.fd_read(descriptor, 0, 0, 0)).toBe(EBADF);
  });
});

describe('the other descriptor calls', () => {
  it.each(STREAMS)('know the stream %i', (descriptor) => {
    const { wasi, view, bytes } = guestFixture();
    expect(wasi.fd_seek(descriptor, 0n, 0, 0)).toBe(ESPIPE);
    bytes().fill(0xee);
    expect(wasi.fd_fdstat_get(descriptor, 8)).toBe(ESUCCESS);
    expect(view().getUint8(8)).toBe(descriptor === 0 ? 0 : 2);
    expect(view().getUint16(10, true)).toBe(0);
    // Flags, stat and poll; and to read, or to write.
    expect(view().getBigUint64(16, true)).toBe(0x8200008n | (descriptor === 0 ? 2n : 64n));
    expect(view().getBigUint64(24, true)).toBe(0n);
    expect([bytes()[7], bytes()[32]]).toEqual([0xee, 0xee]);
    expect(wasi.fd_close(descriptor)).toBe(ESUCCESS);
  });

  it.each([
    [false, 0],
    [true, 2],
  ])('know an input that is a terminal, %s, under every number', (stdin, type) => {
    const { wasi, view } = guestFixture({ terminals: { stdin, stdout: !stdin, stderr: !stdin } });
    expect(wasi.fd_renumber(0, 2)).toBe(ESUCCESS);
    expect([wasi.fd_fdstat_get(2, 8), wasi.fd_filestat_get(2, 64)]).toEqual([ESUCCESS, ESUCCESS]);
    expect([view().getUint8(8), view().getUint8(80)]).toEqual([type, type]);
  });

  it('know no stream any more that was closed, until the guest goes back', () => {
    const { wasi, preview1, output, putIovecs } = guestFixture();
    putIovecs(0, [[100, 1]]);
    expect(wasi.fd_close(1)).toBe(ESUCCESS);
    expect(wasi.fd_write(1, 0, 1, 40)).toBe(EBADF);
    preview1.restore(new Uint8Array(0), 'same', 'fixture');
    expect(wasi.fd_write(1, 0, 1, 40)).toBe(ESUCCESS);
    expect(output).toHaveLength(1);
  });

  it.each([PAGE - 23, -1, -24])('fd_fdstat_get to %i is EFAULT', (fdstat) => {
    expect(guestFixture().wasi.fd_fdstat_get(1, fdstat)).toBe(EFAULT);
  });

  it.each(NO_DESCRIPTORS)('are EBADF for descriptor %i', (descriptor) => {
    const { wasi } = guestFixture();
    expect([
      wasi.fd_close(descriptor),
      wasi.fd_seek(descriptor, -1n, 2, 0),
      wasi.fd_fdstat_get(descriptor, 0),
      wasi.fd_prestat_get(descriptor, 0),
      wasi.fd_prestat_dir_name(descriptor, 0, 10),
    ]).toEqual([EBADF, EBADF, EBADF, EBADF, EBADF]);
  });

  it.each(STREAMS)('no directory is open as %i', (descriptor) => {
    const { wasi } = guestFixture();
    expect(wasi.fd_prestat_get(descriptor, 0)).toBe(EBADF);
    expect(wasi.fd_prestat_dir_name(descriptor, 0, 10)).toBe(EBADF);
  });
});

describe('clocks', () => {
  it.each([
    ['realtime', 0, REALTIME_NS, 1_000_000n],
    ['monotonic', 1, MONOTONIC_NS, 1n],
  ])('%s', (_, id, timeNs, resolutionNs) => {
    const { wasi, view } = guestFixture();
    expect(wasi.clock_time_get(id, 1000n, 3)).toBe(ESUCCESS);
    expect(view().getBigUint64(3, true)).toBe(timeNs);
    expect(wasi.clock_res_get(id, 16)).toBe(ESUCCESS);
    expect(view().getBigUint64(16, true)).toBe(resolutionNs);
  });

  it.each([2, 3, 4, -1])('clock %i is EINVAL', (id) => {
    const { wasi } = guestFixture();
    expect([wasi.clock_time_get(id, 0n, 0), wasi.clock_res_get(id, 0)]).toEqual([EINVAL, EINVAL]);
  });

  it.each([PAGE - 7, PAGE, -1, -8])('to %i is EFAULT', (timestamp) => {
    const { wasi } = guestFixture();
    expect([wasi.clock_time_get(0, 0n, timestamp), wasi.clock_res_get(1, timestamp)]).toEqual([
      EFAULT,
      EFAULT,
    ]);
  });
});

describe('random_get', () => {
  it('fills the buffer and no byte beside it', () => {
    const { wasi, bytes } = guestFixture();
    expect(wasi.random_get(100, 50)).toBe(ESUCCESS);
    expect(
      bytes()
        .subarray(100, 150)
        .every((byte) => byte === RANDOM_BYTE),
    ).toBe(true);
    expect([bytes()[99], bytes()[150]]).toEqual([0, 0]);
  });

  it.each([
    ['all of memory', 0, PAGE, ESUCCESS],
    ['nothing, at the end', PAGE, 0, ESUCCESS],
    ['one byte too many', 1, PAGE, EFAULT],
    ['a length that would wrap around', 1, -1, EFAULT],
    ['nothing, beyond the end', PAGE + 1, 0, EFAULT],
  ])('%s', (_, buffer, lengthBytes, expected) => {
    expect(guestFixture().wasi.random_get(buffer, lengthBytes)).toBe(expected);
  });
});

describe('proc_exit and sched_yield', () => {
  it.each([
    [0, 0],
    [3, 3],
    [-1, 0xffffffff],
  ])('proc_exit(%i) ends the run with %i', (status, expected) => {
    expect(() => guestFixture().wasi.proc_exit(status)).toThrow(new ExitSignal(expected));
  });

  it('sched_yield succeeds', () => {
    expect(guestFixture().wasi.sched_yield()).toBe(ESUCCESS);
  });
});

it('sees memory as it is in each call: grown since the imports were made', () => {
  const { wasi, memory, view } = guestFixture();
  expect(wasi.clock_time_get(0, 0n, PAGE)).toBe(EFAULT);
  memory.grow(1);
  expect(wasi.clock_time_get(0, 0n, PAGE)).toBe(ESUCCESS);
  expect(view().getBigUint64(PAGE, true)).toBe(REALTIME_NS);
});
