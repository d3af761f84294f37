// What a guest waits for: clocks, standard input, and both at once by poll_oneoff. It sleeps, and never asks over and over; what nobody
// can bring it is said at once.
import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { INPUT_WAIT_MS, MAX_SLEEP_MS, MAX_SUBSCRIPTIONS } from '#runtime/limits.js';
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOTCAPABLE, ESUCCESS } from '#runtime/wasi/errno.js';
import type { InputReply } from '#runtime/wasi/preview1.js';
import { WasiGuest } from '#test/support/wasi-guest.js';

const [CLOCK, READ, WRITE] = [0, 1, 2];
const IN = 4096;
const OUT = 32768;

interface Event {
  readonly userdata: number;
  readonly errno: number;
  readonly type: number;
  readonly bytes: number;
  readonly hangup: boolean;
}

class PollingGuest extends WasiGuest {
  readonly asked: { position: number; maxBytes: number; waitMs: number }[] = [];

  clock(index: number, timeoutNs: bigint, { id = 1, absolute = false } = {}): void {
    const at = this.#subscribe(index, CLOCK);
    this.view.setUint32(at + 16, id, true);
    this.view.setBigUint64(at + 24, timeoutNs, true);
    this.view.setUint16(at + 40, Number(absolute), true);
  }

  descriptor(index: number, type: number, descriptor: number): void {
    this.view.setUint32(this.#subscribe(index, type) + 16, descriptor, true);
  }

  poll(count: number): readonly Event[] | number {
    const errno = this.wasi.poll_oneoff(IN, OUT, count, 0);
    if (errno !== 0) return -errno;
    return Array.from({ length: this.view.getUint32(0, true) }, (_, index) => {
      const at = OUT + index * 32;
      return {
        userdata: Number(this.view.getBigUint64(at, true)),
        errno: this.view.getUint16(at + 8, true),
        type: this.view.getUint8(at + 10),
        bytes: Number(this.view.getBigUint64(at + 16, true)),
        hangup: this.view.getUint16(at + 24, true) === 1,
      };
    });
  }

  /** Standard input that brings `replies` one after another, then the last of them again and again. */
  feed(...replies: readonly InputReply[]): void {
    let index = 0;
    this.input = (position, maxBytes, waitMs) => {
      this.asked.push({ position, maxBytes, waitMs });
      const reply = replies[Math.min(index, replies.length - 1)] ?? { kind: 'end' };
      index += 1;
      if (reply.kind === 'wait') this.nowNs += BigInt(Math.ceil(waitMs * 1e6));
      return reply.kind === 'bytes' ? { kind: 'bytes', bytes: reply.bytes.slice(0, maxBytes) } : reply;
    };
  }

  #subscribe(index: number, type: number): number {
    const at = IN + index * 48;
    this.bytes.fill(0, at, at + 48);
    this.view.setBigUint64(at, BigInt(100 + index), true);
    this.view.setUint8(at + 8, type);
    return at;
  }
}

const polling = (): PollingGuest =>
  new PollingGuest([{ guestPath: '/', fileSystem: new MemoryFileSystem(65536, () => 0n) }]);
const bytes = (text: string): InputReply => ({ kind: 'bytes', bytes: Buffer.from(text) });
const event = (index: number, type: number, rest: Partial<Event> = {}): Event => ({
  userdata: 100 + index,
  errno: ESUCCESS,
  type,
  bytes: 0,
  hangup: false,
  ...rest,
});

describe('clocks', () => {
  it.each([
    ['a millisecond', 1_000_000n],
    ['nothing', 0n],
    ['an hour', 3_600_000_000_000n],
    ['an odd time', 1n],
  ])('sleeps %s, and no longer than it must', (_, timeoutNs) => {
    const guest = polling();
    const before = guest.nowNs;
    guest.clock(0, timeoutNs);
    expect(guest.poll(1)).toEqual([event(0, CLOCK)]);
    expect(guest.nowNs - before).toBeGreaterThanOrEqual(timeoutNs);
    expect(guest.nowNs - before).toBeLessThan(timeoutNs + 1_000_000n);
  });

  it('until a time, of either clock, that may be over already', () => {
    const guest = polling();
    const before = guest.nowNs;
    for (const id of [0, 1]) {
      guest.clock(0, guest.nowNs + 5_000_000n, { id, absolute: true });
      expect(guest.poll(1)).toEqual([event(0, CLOCK)]);
    }
    expect(guest.nowNs - before).toBe(10_000_000n);
    guest.clock(0, 5n, { absolute: true });
    expect(guest.poll(1)).toEqual([event(0, CLOCK)]);
    expect(guest.nowNs - before).toBe(10_000_000n);
  });

  it('the first of several, and all that are due then', () => {
    const guest = polling();
    guest.clock(0, 9_000_000n);
    guest.clock(1, 2_000_000n);
    guest.clock(2, 2_000_000n);
    expect(guest.poll(3)).toEqual([event(1, CLOCK), event(2, CLOCK)]);
  });

  it('a clock there is not is the event’s error', () => {
    const guest = polling();
    guest.clock(0, 10n, { id: 2 });
    guest.clock(1, 10n ** 18n);
    expect(guest.poll(2)).toEqual([event(0, CLOCK, { errno: EINVAL })]);
  });

  it('no sleep is longer than the limit in one piece', () => {
    const pieces: number[] = [];
    const guest = polling();
    guest.clock(0, BigInt(3.5 * MAX_SLEEP_MS) * 1_000_000n);
    const { nowNs } = guest;
    let last = nowNs;
    Object.defineProperty(guest, 'nowNs', {
      get: () => last,
      set: (value: bigint) => {
        pieces.push(Number((value - last) / 1_000_000n));
        last = value;
      },
    });
    guest.poll(1);
    expect(pieces).toEqual([MAX_SLEEP_MS, MAX_SLEEP_MS, MAX_SLEEP_MS, MAX_SLEEP_MS / 2]);
  });
});

describe('descriptors', () => {
  it('files and output are ready at once, whatever the clock', () => {
    const guest = polling();
    guest.put('file', '0123456789');
    const file = guest.open('file');
    guest.read(file, 3);
    guest.descriptor(0, READ, file);
    guest.descriptor(1, WRITE, file);
    guest.descriptor(2, WRITE, 1);
    guest.clock(3, 10n ** 15n);
    expect(guest.poll(4)).toEqual([event(0, READ, { bytes: 7 }), event(1, WRITE), event(2, WRITE)]);
  });

  it('what cannot be polled is the event’s error', () => {
    const guest = polling();
    const file = guest.open('file', { create: true });
    guest.wasi.fd_fdstat_set_rights(file, 2n, 0n);
    for (const [index, descriptor] of [77, 3, 1, file].entries()) guest.descriptor(index, READ, descriptor);
    guest.descriptor(4, WRITE, 0);
    expect(guest.poll(5)).toEqual([
      event(0, READ, { errno: EBADF }),
      event(1, READ, { errno: ENOTCAPABLE }),
      event(2, READ, { errno: EBADF }),
      event(3, READ, { errno: ENOTCAPABLE }),
      event(4, WRITE, { errno: EBADF }),
    ]);
  });

  it('input that is there, at its end, or out of reach', () => {
    const guest = polling();
    guest.descriptor(0, READ, 0);
    guest.clock(1, 10n ** 15n);
    guest.feed(bytes('abc'));
    expect(guest.poll(2)).toEqual([event(0, READ, { bytes: 1 })]);
    guest.feed({ kind: 'end' });
    expect(guest.poll(2)).toEqual([event(0, READ, { hangup: true })]);
    guest.feed({ kind: 'unavailable' });
    expect(guest.poll(2)).toEqual([event(0, READ, { errno: EAGAIN })]);
  });

  it('waits for input as long as the clock lets it, asleep', () => {
    const guest = polling();
    guest.descriptor(0, READ, 0);
    guest.clock(1, BigInt(2.5 * INPUT_WAIT_MS) * 1_000_000n);
    guest.feed({ kind: 'wait' });
    expect(guest.poll(2)).toEqual([event(1, CLOCK)]);
    const waits = guest.asked.map(({ waitMs }) => waitMs).filter((waitMs) => waitMs > 0);
    expect(waits).toEqual([INPUT_WAIT_MS, INPUT_WAIT_MS, INPUT_WAIT_MS / 2]);
    expect(guest.asked.every(({ maxBytes }) => maxBytes === 0)).toBe(true);
  });

  it('waits for input alone, piece by piece', () => {
    const guest = polling();
    guest.descriptor(0, READ, 0);
    guest.feed({ kind: 'wait' }, { kind: 'wait' }, { kind: 'wait' }, { kind: 'wait' }, bytes('x'));
    expect(guest.poll(1)).toEqual([event(0, READ, { bytes: 1 })]);
  });
});

describe('what is no poll', () => {
  it.each([
    ['of nothing', IN, OUT, 0, 0, EINVAL],
    ['of too much', IN, OUT, MAX_SUBSCRIPTIONS + 1, 0, EINVAL],
    ['of 2^32 - 1', IN, OUT, -1, 0, EINVAL],
    ['from outside', -48, OUT, 1, 0, EFAULT],
    ['to outside', IN, 2 * 65536 - 31, 1, 0, EFAULT],
    ['counted outside', IN, OUT, 1, -4, EFAULT],
  ])('%s', (_, input, output, count, used, errno) => {
    expect(polling().wasi.poll_oneoff(input, output, count, used)).toBe(errno);
  });

  it('of a kind there is not', () => {
    const guest = polling();
    guest.descriptor(0, 3, 0);
    expect(guest.poll(1)).toBe(-EINVAL);
  });
});

describe('fd_read of standard input', () => {
  it('takes what there is, from where this run has come to', () => {
    const guest = polling();
    guest.feed(bytes('Hello'), bytes(', world'), { kind: 'end' });
    expect([guest.read(0, 5), guest.read(0, 100), guest.read(0, 100)]).toEqual(['Hello', ', world', '']);
    expect(guest.asked.map(({ position }) => position)).toEqual([0, 5, 12]);
    const captured = guest.preview1.capture('guest');
    guest.feed(bytes('more'));
    guest.read(0, 4);
    guest.preview1.restore(captured, 'same', 'guest');
    guest.read(0, 4);
    expect(guest.asked.slice(-2).map(({ position }) => position)).toEqual([12, 12]);
  });

  it('waits, and asks again after a while', () => {
    const guest = polling();
    guest.feed({ kind: 'wait' }, { kind: 'wait' }, bytes('x'));
    expect(guest.read(0, 10)).toBe('x');
    expect(guest.asked.map(({ waitMs }) => waitMs)).toEqual([INPUT_WAIT_MS, INPUT_WAIT_MS, INPUT_WAIT_MS]);
  });

  it('does not wait when the descriptor says so, or where nobody could bring it', () => {
    const guest = polling();
    guest.feed({ kind: 'unavailable' });
    expect(guest.read(0)).toBe(-EAGAIN);
    guest.wasi.fd_fdstat_set_flags(0, 4);
    guest.feed({ kind: 'wait' });
    expect(guest.read(0)).toBe(-EAGAIN);
    expect(guest.asked.at(-1)?.waitMs).toBe(0);
  });
});
