// What becomes of descriptors, and of what they lead to, when a guest goes back to a checkpoint: in the thread it was made in, where most is
// still open, and in another one, where nothing is.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { EBADF, ESTALE } from '#runtime/wasi/errno.js';
import { READING, ROOT, WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, type MadeFileSystem } from './file-systems.js';

const [SET, CURRENT] = [0, 1];

describe.each(FILE_SYSTEMS)('restore: %s', (name, make) => {
  let made: MadeFileSystem;
  let guest: WasiGuest;
  const guests: WasiGuest[] = [];
  const rewinds = name === 'memory';

  const guestOn = (fileSystem: MadeFileSystem['fileSystem'], descriptors?: 'lost'): WasiGuest => {
    const other = new WasiGuest([{ guestPath: '/data', fileSystem }], descriptors);
    guests.push(other);
    return other;
  };

  beforeEach(() => {
    made = make();
    guest = guestOn(made.fileSystem);
  });

  afterEach(() => {
    for (const each of guests.splice(0)) each[Symbol.dispose]();
    made[Symbol.dispose]();
  });

  /** Where the guest finds itself again: `here`, or as another thread would have it. */
  const goBack = (where: 'here' | 'elsewhere', captured: Uint8Array): WasiGuest => {
    const back = where === 'here' ? guest : guestOn(made.again());
    // As a bank gives it: other bytes that say the same.
    back.preview1.restore(where === 'here' ? captured : captured.slice(), 'same', 'guest');
    return back;
  };

  describe.each(['here', 'elsewhere'] as const)('%s', (where) => {
    it('descriptors are those the guest had, where they were', () => {
      guest.put('file', '0123456789');
      guest.makeDirectory('dir');
      const file = guest.open('file');
      const directory = guest.open('dir', { directory: true });
      guest.read(file, 4);
      const captured = guest.preview1.capture('guest');
      guest.read(file, 3);
      guest.close(directory);
      expect(guest.open('file', { rights: READING })).toBe(directory);
      guest.open('file');

      const back = goBack(where, captured);
      expect(back.tell(file)).toBe(4);
      expect(back.read(file, 2)).toBe('45');
      expect(back.open('new', { from: directory, create: true })).toBe(6);
      expect(back.stat('dir/new')).toMatchObject({ type: 4 });
      expect(back.tell(7)).toBe(-EBADF);
    });

    it('numbers, rights, flags and closed streams too', () => {
      const file = guest.open('file', { create: true, flags: 1 });
      guest.wasi.fd_renumber(file, 2);
      guest.close(0);
      guest.wasi.fd_fdstat_set_rights(2, 1n << 6n, 0n);
      const captured = guest.preview1.capture('guest');
      guest.close(2);
      const back = goBack(where, captured);
      expect([back.write(2, 'one'), back.read(2, 1, 0n), back.read(0)]).toEqual([3, -EBADF, -EBADF]);
      expect(back.content('file')).toBe('one');
      expect([back.write(1, 'text'), back.written]).toEqual([4, [{ stream: 'stdout', text: 'text' }]]);
    });

    it('files are as they are, or as they were', () => {
      guest.put('kept', 'before');
      const file = guest.open('kept');
      const captured = guest.preview1.capture('guest');
      guest.write(file, 'after!!');
      guest.put('new', 'new');
      guest.makeDirectory('newer');
      const back = goBack(where, captured);
      expect(back.content('kept')).toBe(rewinds ? 'before' : 'after!!');
      expect(back.content('new')).toBe(rewinds ? -44 : 'new');
      expect(back.write(file, 'B')).toBe(1);
      expect(back.content('kept')).toBe(rewinds ? 'Before' : 'Bfter!!');
    });

    it('what has lost its name is found where it is still open, or in memory', () => {
      guest.put('file', 'content');
      const file = guest.open('file', { rights: READING });
      guest.unlink('file');
      const captured = guest.preview1.capture('guest');
      const back = goBack(where, captured);
      const expected = rewinds || where === 'here' ? 'content' : -ESTALE;
      expect(back.read(file)).toBe(expected);
      expect(back.close(file)).toBe(0);
    });

    it('what has been replaced is not taken for what it was', () => {
      guest.put('file', 'content');
      const file = guest.open('file', { rights: READING });
      const captured = guest.preview1.capture('guest');
      guest.put('other', 'other');
      guest.rename('other', 'file');
      const back = goBack(where, captured);
      expect(back.read(file)).toBe(rewinds || where === 'here' ? 'content' : -ESTALE);
      // What is stale stays so with the next checkpoint, and takes up its number.
      const again = goBack(where, back.preview1.capture('guest'));
      expect(again.open('file', { rights: READING })).toBe(file + 1);
    });

    it('what has moved is found again', () => {
      guest.makeDirectory('dir');
      guest.put('dir/file', 'content');
      const file = guest.open('dir/file', { rights: READING });
      guest.rename('dir/file', 'file');
      const captured = guest.preview1.capture('guest');
      expect(goBack(where, captured).read(file)).toBe('content');
    });

    it('from any number of checkpoints, again and again', () => {
      const file = guest.open('file', { create: true });
      guest.write(file, 'abcdef');
      const states = [1n, 2n, 3n].map((position) => {
        guest.seek(file, position, SET);
        return guest.preview1.capture('guest');
      });
      for (const index of [2, 0, 1, 1, 2]) {
        const back = goBack(where, states[index] ?? new Uint8Array(0));
        expect(back.tell(file)).toBe(index + 1);
        back.seek(file, 1n, CURRENT);
      }
      const first = goBack(where, new Uint8Array(0));
      expect([first.tell(file), first.open('.', { directory: true })]).toEqual([-EBADF, 4]);
    });
  });

  it('descriptors are lost when that is wished; what is in memory goes back nevertheless', () => {
    const lost = guestOn(made.again(), 'lost');
    lost.put('kept', 'before');
    const file = lost.open('kept');
    const captured = lost.preview1.capture('guest');
    lost.put('kept', 'after');
    lost.close(1);
    lost.preview1.restore(captured, 'same', 'guest');
    expect(lost.tell(file)).toBe(-EBADF);
    expect(lost.write(1, 'text')).toBe(4);
    expect(lost.content('kept')).toBe(rewinds ? 'before' : 'after');
    expect(lost.stat(ROOT)).toMatchObject({ type: 3 });
  });

  it('bytes that are no state are refused by name, whatever they are', () => {
    guest.put('file', 'content');
    guest.open('file');
    const captured = guest.preview1.capture('guest');
    const refusal = (bytes: Uint8Array): unknown => {
      try {
        guest.preview1.restore(bytes, 'same', 'guest');
        return null;
      } catch (error) {
        expect(error).toBeInstanceOf(RekindleError);
        return (error as RekindleError).code;
      }
    };
    for (let length = 1; length < captured.length; length += 1)
      expect(refusal(captured.slice(0, length))).toBe('IMAGE_DAMAGED');
    for (let offset = 0; offset < captured.length; offset += 1) {
      const bytes = captured.slice();
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x11;
      expect(['IMAGE_DAMAGED', null]).toContain(refusal(bytes));
    }
  });
});
