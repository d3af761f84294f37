// What a call had open that a watchdog has cut off, without any `finally`: it is closed when the guest is put back, and with the guest at
// the latest.
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { isWatchdogError, runWithTimeLimit } from '#runtime/process/time-limit.js';
import { makeHostDirectory } from '#test/contract/files/file-systems.js';
import { READING, ROOT, WasiGuest } from '#test/support/wasi-guest.js';

const DEEP = 'a/b/c/d/file';

describe.runIf(process.platform === 'linux')('of a directory of the host', () => {
  let directory: ReturnType<typeof makeHostDirectory>;
  let guest: WasiGuest;
  /** Said before each step that may take long. */
  let onStep: () => void;

  /** Descriptors of this program that lead into the directory. */
  const openOnes = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory.path);
      } catch {
        // The one it was listed by.
        return false;
      }
    }).length;

  const cutOff = (body: () => unknown): void => {
    let thrown: unknown = null;
    try {
      runWithTimeLimit(1, body);
    } catch (error) {
      thrown = error;
    }
    expect(isWatchdogError(thrown)).toBe(true);
  };

  const hangAtStep = (step: number): void => {
    let steps = 0;
    onStep = () => {
      steps += 1;
      while (steps === step);
    };
  };

  beforeEach(() => {
    directory = makeHostDirectory();
    mkdirSync(join(directory.path, 'a/b/c/d'), { recursive: true });
    writeFileSync(join(directory.path, DEEP), 'x');
    onStep = () => {};
    const refuseWhenOver = (): void => onStep();
    const options = { path: directory.path, access: 'read-write', calls: null, refuseWhenOver } as const;
    guest = new WasiGuest([{ guestPath: '/data', fileSystem: new HostFileSystem(options) }]);
    guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
  });

  afterEach(() => {
    guest[Symbol.dispose]();
    directory[Symbol.dispose]();
  });

  it('is closed when the guest is put back, and what it holds itself stays open', () => {
    const held = guest.open(DEEP, { rights: READING });
    const captured = guest.preview1.capture('guest');
    const before = openOnes();
    hangAtStep(4);
    cutOff(() => guest.open(DEEP, { rights: READING }));
    hangAtStep(1);
    cutOff(() => guest.list(ROOT));
    expect(openOnes()).toBeGreaterThan(before);
    guest.preview1.restore(captured, 'new', 'guest');
    expect(openOnes()).toBe(before);
    expect(guest.read(held)).toBe('x');
  });

  it('is closed with the guest at the latest', () => {
    hangAtStep(4);
    cutOff(() => guest.open(DEEP, { rights: READING }));
    guest[Symbol.dispose]();
    expect(openOnes()).toBe(0);
  });

  it('is nothing where the end is asked for in time', () => {
    const before = openOnes();
    onStep = () => {
      throw new Error('over');
    };
    expect(() => guest.open(DEEP, { rights: READING })).toThrow('over');
    expect(() => guest.list(ROOT)).toThrow('over');
    expect(openOnes()).toBe(before);
  });
});

it('of a mount in memory: what had no name any more is gone with its descriptor when descriptors are lost', () => {
  const fileSystem = new MemoryFileSystem(16 * 1024, () => 0n);
  using guest = new WasiGuest([{ guestPath: '/tmp', fileSystem }], 'lost');
  guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
  const empty = guest.preview1.capture('guest').length;
  for (let round = 0; round < 20; round += 1) {
    const file = guest.open('file', { create: true });
    expect(guest.write(file, 'x'.repeat(1000))).toBe(1000);
    guest.unlink('file');
    guest.preview1.restore(guest.preview1.capture('guest'), 'new', 'guest');
  }
  guest.put('file', '');
  guest.unlink('file');
  expect(guest.preview1.capture('guest').length).toBe(empty);
});

describe('a change of a mount in memory that is cut off anywhere is undone when the guest goes back', () => {
  const changes: Readonly<Record<string, (guest: WasiGuest) => unknown>> = {
    'write within': (guest) => guest.write(guest.open('file'), 'other'),
    'write beyond': (guest) => guest.write(guest.open('file'), 'x', 1000n),
    'set a size': (guest) => guest.open('file', { truncate: true }),
    'make a file': (guest) => guest.open('new', { create: true }),
    'make a directory': (guest) => guest.makeDirectory('new'),
    'make a link': (guest) => guest.link('file', 'new'),
    'make a symbolic link': (guest) => guest.symlink('file', 'new'),
    unlink: (guest) => guest.unlink('file'),
    'remove a directory': (guest) => guest.removeDirectory('directory'),
    'rename over another': (guest) => guest.rename('file', 'second'),
    'set times': (guest) => guest.setTimes('file', 1n, 2n, 5),
  };

  it.each(Object.entries(changes))('%s', (_, change) => {
    let clock = Number.POSITIVE_INFINITY;
    // The clock is asked within each change, and throws in place of a watchdog.
    const fileSystem = new MemoryFileSystem(16 * 1024, () => {
      clock -= 1;
      if (clock < 0) throw new Error('cut off');
      return 7n;
    });
    using guest = new WasiGuest([{ guestPath: '/tmp', fileSystem }]);
    guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
    for (const name of ['file', 'second']) guest.put(name, 'content');
    guest.makeDirectory('directory');
    const captured = guest.preview1.capture('guest');
    const seen = (): unknown => {
      const names = ['file', 'second', 'directory', 'new'];
      return [guest.list(ROOT), names.map((name) => [guest.stat(name), guest.content(name)])];
    };
    const before = seen();
    let isCutOff = true;
    for (let steps = 0; isCutOff; steps += 1) {
      clock = steps;
      try {
        change(guest);
        isCutOff = false;
      } catch (error) {
        expect(error).toEqual(new Error('cut off'));
      }
      clock = Number.POSITIVE_INFINITY;
      guest.preview1.restore(captured, 'new', 'guest');
      expect(seen()).toEqual(before);
    }
  });
});
