// One contract for every file system that can be mounted, kept through WASI's own functions: the content of files, the position in them,
// what a descriptor may do, and the errno of each thing that it may not.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOTCAPABLE,
  ENOTDIR,
  ENOTSUP,
  EPERM,
  ESPIPE,
  ESUCCESS,
} from '#runtime/wasi/errno.js';
import { ALL_RIGHTS, READING, ROOT, type Stat, WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, type MadeFileSystem } from './file-systems.js';

const [SET, CURRENT, END] = [0, 1, 2];
const APPEND = 1;
const PAGE = 65536;

describe.each(FILE_SYSTEMS)('content: %s', (name, make) => {
  let made: MadeFileSystem;
  let guest: WasiGuest;

  beforeEach(() => {
    made = make();
    guest = new WasiGuest([{ guestPath: '/data', fileSystem: made.fileSystem }]);
  });

  afterEach(() => {
    guest[Symbol.dispose]();
    made[Symbol.dispose]();
  });

  const stat = (what: number | string): Stat => {
    const found = guest.stat(what);
    if (typeof found === 'number') throw new Error(`errno ${-found}`);
    return found;
  };
  const create = (flags = 0): number => guest.open('file', { create: true, flags });

  describe('reading and writing', () => {
    it('goes on where it was', () => {
      const file = create();
      expect([guest.write(file, 'Hello, '), guest.write(file, 'world')]).toEqual([7, 5]);
      expect(guest.tell(file)).toBe(12);
      expect(guest.read(file)).toBe('');
      expect(guest.seek(file, 0n, SET)).toBe(0);
      expect([guest.read(file, 5), guest.read(file, 100), guest.read(file)]).toEqual([
        'Hello',
        ', world',
        '',
      ]);
    });

    it('at a place of its own leaves the position alone', () => {
      const file = create();
      guest.write(file, 'Hello, world');
      guest.seek(file, 2n, SET);
      expect(guest.write(file, 'J', 0n)).toBe(1);
      expect(guest.read(file, 5, 7n)).toBe('world');
      expect(guest.tell(file)).toBe(2);
      expect(guest.content('file')).toBe('Jello, world');
    });

    it('beyond the end fills with zeros', () => {
      const file = create();
      guest.write(file, 'a');
      expect(guest.write(file, 'b', 5000n)).toBe(1);
      expect(stat(file).size).toBe(5001n);
      expect(guest.read(file, 10, 4995n)).toBe('\0\0\0\0\0b');
      expect(guest.read(file, 10, 5001n)).toBe('');
      expect(guest.read(file, 10, 99_999n)).toBe('');
    });

    it('takes several vectors in one call', () => {
      const file = create();
      guest.bytes.set(new TextEncoder().encode('abcdef'), 100);
      const vectors = [102, 2, 0, 0, 100, 1];
      for (const [index, value] of vectors.entries()) guest.view.setUint32(200 + index * 4, value, true);
      expect(guest.wasi.fd_write(file, 200, 3, 0)).toBe(ESUCCESS);
      expect(guest.content('file')).toBe('cda');
      expect(guest.wasi.fd_pread(file, 200, 3, 1n, 0)).toBe(ESUCCESS);
      expect(guest.view.getUint32(0, true)).toBe(2);
      expect(Buffer.from(guest.bytes.subarray(100, 106)).toString()).toBe('abdaef');
    });

    it('is seen by everybody at once', () => {
      const [one, other] = [create(), create()];
      guest.write(one, 'abc');
      expect(guest.read(other)).toBe('abc');
      expect(guest.wasi.fd_filestat_set_size(other, 1n)).toBe(ESUCCESS);
      expect(guest.read(one, 10, 0n)).toBe('a');
    });

    it('of a file without a name goes on until it is closed', () => {
      const file = create();
      guest.unlink('file');
      expect([guest.write(file, 'abc'), guest.read(file, 10, 0n)]).toEqual([3, 'abc']);
      expect(stat(file).links).toBe(0n);
      expect(guest.close(file)).toBe(ESUCCESS);
      expect(guest.read(file)).toBe(-EBADF);
    });

    it.each([
      ['a position below zero', -1n, EINVAL],
      ['a position beyond 2^53', 2n ** 53n, EFBIG],
    ])('refuses %s', (_title, position, errno) => {
      const file = create();
      expect([guest.read(file, 1, position), guest.write(file, 'a', position)]).toEqual([-errno, -errno]);
    });

    it('touches nothing when the count has no place to go', () => {
      const file = create();
      expect(guest.wasi.fd_write(file, 200, 0, PAGE * 2)).toBe(EFAULT);
      guest.view.setUint32(200, 100, true);
      guest.view.setUint32(204, 5, true);
      expect(guest.wasi.fd_write(file, 200, 1, PAGE * 2 - 3)).toBe(EFAULT);
      expect(guest.wasi.fd_pwrite(file, 200, 1, 0n, -1)).toBe(EFAULT);
      expect([stat(file).size, guest.tell(file)]).toEqual([0n, 0]);
    });

    it.each([
      ['read', (fd: number) => guest.read(fd)],
      ['pread', (fd: number) => guest.read(fd, 5, 0n)],
    ])('%s of a directory is EISDIR', (_title, call) => {
      expect(call(ROOT)).toBe(-EISDIR);
    });

    it.each([
      ['write', (fd: number) => guest.write(fd, 'a')],
      ['pwrite', (fd: number) => guest.write(fd, 'a', 0n)],
      ['seek', (fd: number) => guest.seek(fd, 0n, SET)],
      ['tell', (fd: number) => guest.tell(fd)],
      ['allocate', (fd: number) => -guest.wasi.fd_allocate(fd, 0n, 1n)],
      ['set_size', (fd: number) => -guest.wasi.fd_filestat_set_size(fd, 0n)],
      ['advise', (fd: number) => -guest.wasi.fd_advise(fd, 0n, 0n, 0)],
    ])('%s of a directory is EBADF', (_title, call) => {
      expect(call(ROOT)).toBe(-EBADF);
    });
  });

  describe('fd_seek', () => {
    it.each([
      [3n, SET, 3],
      [2n, CURRENT, 6],
      [-4n, CURRENT, 0],
      [0n, CURRENT, 4],
      [-1n, END, 9],
      [90n, END, 100],
      [-5n, CURRENT, -EINVAL],
      [-11n, END, -EINVAL],
      [0n, 3, -EINVAL],
      [2n ** 62n, SET, -EFBIG],
    ])('by %d from %i', (offset, whence, expected) => {
      const file = create();
      guest.write(file, '0123456789');
      guest.seek(file, 4n, SET);
      expect(guest.seek(file, offset, whence)).toBe(expected);
      expect(guest.tell(file)).toBe(expected < 0 ? 4 : expected);
    });

    it('of a stream is ESPIPE', () => {
      expect([guest.seek(1, 0n, SET), guest.tell(0), guest.write(1, 'a', 0n), guest.read(0, 1, 0n)]).toEqual([
        -ESPIPE,
        -ESPIPE,
        -ESPIPE,
        -ESPIPE,
      ]);
    });
  });

  describe('appending', () => {
    it('writes at the end, wherever that is', () => {
      const file = create(APPEND);
      const other = create();
      guest.write(file, 'one');
      guest.write(other, 'ONE and more');
      expect(guest.write(file, '!')).toBe(1);
      expect(guest.content('file')).toBe('ONE and more!');
      expect(guest.tell(file)).toBe(13);
    });

    it('is a flag that can be set and taken away', () => {
      const file = create();
      guest.write(file, 'abc');
      guest.seek(file, 0n, SET);
      expect(guest.wasi.fd_fdstat_set_flags(file, APPEND)).toBe(ESUCCESS);
      guest.write(file, 'd');
      expect(guest.wasi.fd_fdstat_set_flags(file, 0)).toBe(ESUCCESS);
      guest.seek(file, 0n, SET);
      guest.write(file, 'A');
      expect(guest.content('file')).toBe('Abcd');
      expect(guest.wasi.fd_fdstat_set_flags(file, 1 << 5)).toBe(EINVAL);
    });
  });

  describe('size', () => {
    it('is set, and what comes back reads as zero', () => {
      const file = create();
      guest.write(file, 'content');
      for (const size of [3n, 5n]) expect(guest.wasi.fd_filestat_set_size(file, size)).toBe(ESUCCESS);
      expect(guest.content('file')).toBe('con\0\0');
      expect(guest.wasi.fd_filestat_set_size(file, -1n)).toBe(EINVAL);
      expect(guest.wasi.fd_filestat_set_size(file, 2n ** 60n)).toBe(EFBIG);
    });

    it('of a file that was not opened for writing stays', () => {
      guest.put('file', 'content');
      const [file, plain] = [READING, READING & ~(1n << 22n)].map((rights) => guest.open('file', { rights }));
      expect(guest.wasi.fd_filestat_set_size(file ?? -1, 1n)).toBe(EINVAL);
      expect(guest.wasi.fd_filestat_set_size(plain ?? -1, 1n)).toBe(ENOTCAPABLE);
      expect(guest.wasi.fd_allocate(file ?? -1, 0n, 100n)).toBe(EBADF);
      expect(guest.content('file')).toBe('content');
    });

    it('is promised by fd_allocate', () => {
      const file = create();
      const allocate = (offset: bigint, length: bigint) => guest.wasi.fd_allocate(file, offset, length);
      expect(allocate(0n, 0n)).toBe(EINVAL);
      expect(allocate(-1n, 5n)).toBe(EINVAL);
      if (name === 'host without koffi') {
        expect(allocate(0n, 100n)).toBe(ENOTSUP);
        return;
      }
      const sizes = [
        [0n, 100n],
        [10n, 10n],
        [90n, 20n],
      ].map(([offset = 0n, length = 0n]) => [allocate(offset, length), stat(file).size]);
      expect(sizes).toEqual([
        [ESUCCESS, 100n],
        [ESUCCESS, 100n],
        [ESUCCESS, 110n],
      ]);
    });
  });

  describe('times', () => {
    // Node's own calls keep less of a time than a guest can say.
    const exact = name !== 'host without koffi';
    const time = 1_600_000_000_000_000_000n + (exact ? 123_456_789n : 0n);

    it('are set by path and by descriptor, one by one or both', () => {
      guest.put('file', '');
      const before = stat('file');
      expect(guest.setTimes('file', 7n, time, 4)).toBe(ESUCCESS);
      expect(stat('file').modifiedNs).toBe(time);
      if (exact) expect(stat('file').accessedNs).toBe(before.accessedNs);
      expect(guest.setTimes('file', time - 1_000_000_000n, 7n, 1)).toBe(ESUCCESS);
      expect(stat('file')).toMatchObject({ accessedNs: time - 1_000_000_000n, modifiedNs: time });
      const file = create();
      expect(guest.wasi.fd_filestat_set_times(file, 0n, 0n, 2 | 8)).toBe(ESUCCESS);
      expect(stat(file)).toMatchObject({ accessedNs: guest.nowNs, modifiedNs: guest.nowNs });
      expect(guest.wasi.fd_filestat_set_times(file, time, time, 1 | 4)).toBe(ESUCCESS);
      expect(stat(file)).toMatchObject({ accessedNs: time, modifiedNs: time });
    });

    it('of a link, of what it leads to, and of a directory', () => {
      guest.put('file', '');
      guest.symlink('file', 'link');
      guest.makeDirectory('dir');
      expect(guest.setTimes('link', 0n, time, 4)).toBe(ESUCCESS);
      expect(stat('link').modifiedNs).toBe(time);
      expect(stat('file').modifiedNs).not.toBe(time);
      expect(guest.setTimes('link', 0n, time, 4, true)).toBe(ESUCCESS);
      expect(stat('file').modifiedNs).toBe(time);
      for (const path of ['dir/', '.']) expect(guest.setTimes(path, 0n, time, 4)).toBe(ESUCCESS);
      expect([stat('dir').modifiedNs, stat(ROOT).modifiedNs]).toEqual([time, time]);
      expect(guest.wasi.fd_filestat_set_times(ROOT, 0n, time + 1_000_000_000n, 4)).toBe(ESUCCESS);
      expect(stat(ROOT).modifiedNs).toBe(time + 1_000_000_000n);
    });

    it.each([1 | 2, 4 | 8, 16])('flags %i are EINVAL', (flags) => {
      guest.put('file', '');
      expect(guest.setTimes('file', 1n, 1n, flags)).toBe(EINVAL);
      expect(guest.wasi.fd_filestat_set_times(create(), 1n, 1n, flags)).toBe(EINVAL);
    });

    it('of what cannot have any', () => {
      guest.put('file', '');
      expect(guest.setTimes('file/', 1n, 1n, 1)).toBe(ENOTDIR);
      expect(guest.wasi.fd_filestat_set_times(1, 1n, 1n, 1)).toBe(ENOTCAPABLE);
    });
  });

  describe('fd_sync, fd_datasync, fd_advise', () => {
    it('are done for files and directories, not for streams', () => {
      const file = create();
      const { wasi } = guest;
      expect([wasi.fd_sync(file), wasi.fd_datasync(file), wasi.fd_sync(ROOT)]).toEqual([0, 0, 0]);
      expect([wasi.fd_sync(1), wasi.fd_datasync(0), wasi.fd_sync(99)]).toEqual([EINVAL, EINVAL, EBADF]);
      expect(wasi.fd_advise(file, 0n, 0n, 5)).toBe(ESUCCESS);
      expect(wasi.fd_advise(file, 0n, 0n, 6)).toBe(EINVAL);
      expect(wasi.fd_advise(file, -1n, 0n, 0)).toBe(EINVAL);
      expect(wasi.fd_advise(1, 0n, 0n, 0)).toBe(ESPIPE);
    });

    it('are done with every write when a descriptor says so', () => {
      for (const flags of [2, 16]) {
        const file = create(flags);
        expect([guest.write(file, 'a'), guest.write(file, 'b', 1n)]).toEqual([1, 1]);
      }
    });
  });

  describe('rights', () => {
    const fdstat = (descriptor: number) => {
      expect(guest.wasi.fd_fdstat_get(descriptor, 64)).toBe(ESUCCESS);
      const word = (offset: number) => guest.view.getBigUint64(64 + offset, true);
      return { rights: word(8), inheriting: word(16), flags: guest.view.getUint16(66, true) };
    };

    it('are those asked for, as far as there is use for them', () => {
      const file = fdstat(create(APPEND));
      expect(file.rights & (1n << 18n)).toBe(0n);
      expect(file.rights & 2n).toBe(2n);
      expect(file.flags).toBe(APPEND);
      const root = fdstat(ROOT);
      expect(root.rights & ((1n << 2n) | (1n << 22n) | 2n)).toBe(0n);
      expect(root.inheriting & ALL_RIGHTS & ~0x30000000n).toBe(ALL_RIGHTS & ~0x30000000n);
    });

    it('can be given up, and not be had again', () => {
      const file = create();
      guest.write(file, 'abc');
      const { rights } = fdstat(file);
      const { wasi } = guest;
      expect(wasi.fd_fdstat_set_rights(file, rights & ~(1n << 6n), 0n)).toBe(ESUCCESS);
      expect(guest.write(file, 'd')).toBe(-EBADF);
      expect(wasi.fd_fdstat_set_rights(file, rights, 0n)).toBe(ENOTCAPABLE);
      expect(guest.read(file, 5, 0n)).toBe('abc');
      expect(wasi.fd_fdstat_set_rights(file, 0n, 0n)).toBe(ESUCCESS);
      expect(guest.read(file, 5, 0n)).toBe(-EBADF);
      expect([guest.stat(file), guest.tell(file)]).toEqual([-ENOTCAPABLE, -ENOTCAPABLE]);
      expect([wasi.fd_sync(file), wasi.fd_fdstat_set_flags(file, 0)]).toEqual([ENOTCAPABLE, ENOTCAPABLE]);
      expect(guest.close(file)).toBe(ESUCCESS);
    });

    it('that a directory has not are not passed on', () => {
      guest.put('file', 'abc');
      const directory = guest.open('.', { directory: true, inheriting: 1n << 1n });
      const file = guest.open('file', { from: directory });
      expect(fdstat(file).rights).toBe(2n);
      expect(guest.read(file)).toBe('abc');
      expect(guest.write(file, 'x')).toBe(-EBADF);
    });

    it.each([
      ['to make files', 10, () => guest.open('new', { create: true, from: 4 }), ENOTCAPABLE],
      ['to open', 13, () => guest.open('file', { from: 4, rights: READING }), ENOTCAPABLE],
      ['to empty', 19, () => guest.open('file', { from: 4, truncate: true, rights: 0n }), EPERM],
      ['to make directories', 9, () => -guest.makeDirectory('new', 4), ENOTCAPABLE],
      ['to remove directories', 25, () => -guest.removeDirectory('dir', 4), ENOTCAPABLE],
      ['to unlink', 26, () => -guest.unlink('file', 4), ENOTCAPABLE],
      ['to rename from', 16, () => -guest.rename('file', 'new', 4, ROOT), ENOTCAPABLE],
      ['to rename to', 17, () => -guest.rename('file', 'new', ROOT, 4), ENOTCAPABLE],
      ['to link from', 11, () => -guest.link('file', 'new', { from: 4, target: ROOT }), ENOTCAPABLE],
      ['to link to', 12, () => -guest.link('file', 'new', { target: 4 }), ENOTCAPABLE],
      ['to make links', 24, () => -guest.symlink('file', 'new', 4), ENOTCAPABLE],
      ['to read links', 15, () => guest.readlink('link', 10, 4), ENOTCAPABLE],
      ['to look', 18, () => guest.stat('file', { from: 4 }), ENOTCAPABLE],
      ['to list', 14, () => guest.list(4), ENOTCAPABLE],
    ])('without the right %s', (_title, bit, call, errno) => {
      guest.put('file', 'abc');
      guest.makeDirectory('dir');
      guest.symlink('file', 'link');
      expect(guest.open('.', { directory: true, rights: READING & ~(1n << BigInt(bit)) })).toBe(4);
      expect(call()).toBe(-errno);
      expect(guest.content('file')).toBe('abc');
    });
  });

  describe('descriptors', () => {
    it('are renumbered, and what was there is closed', () => {
      guest.put('a', 'of a');
      guest.put('b', 'of b');
      const [a, b] = [guest.open('a', { rights: READING }), guest.open('b', { rights: READING })];
      guest.read(a, 3);
      expect(guest.wasi.fd_renumber(a, b)).toBe(ESUCCESS);
      expect([guest.read(b), guest.read(a)]).toEqual(['a', -EBADF]);
      expect(guest.wasi.fd_renumber(b, b)).toBe(ESUCCESS);
      expect(guest.wasi.fd_renumber(a, b)).toBe(EBADF);
      expect(guest.wasi.fd_renumber(b, 77)).toBe(EBADF);
      expect(guest.wasi.fd_renumber(1, b)).toBe(ESUCCESS);
      expect(guest.write(b, 'to stdout')).toBe(9);
      expect(guest.written).toEqual([{ stream: 'stdout', text: 'to stdout' }]);
      expect(guest.wasi.fd_renumber(b, ROOT)).toBe(ESUCCESS);
      expect(guest.stat('a')).toBe(-ENOTDIR);
    });

    it('say what they were opened as', () => {
      const { wasi, view } = guest;
      expect(wasi.fd_prestat_get(ROOT, 64)).toBe(ESUCCESS);
      expect([view.getUint8(64), view.getUint32(68, true)]).toEqual([0, 5]);
      expect(wasi.fd_prestat_dir_name(ROOT, 64, 4)).toBe(ENAMETOOLONG);
      expect(wasi.fd_prestat_dir_name(ROOT, 64, 9)).toBe(ESUCCESS);
      expect(Buffer.from(guest.bytes.subarray(64, 69)).toString()).toBe('/data');
      expect([wasi.fd_prestat_get(create(), 64), wasi.fd_prestat_get(1, 64)]).toEqual([EBADF, EBADF]);
      expect(wasi.fd_prestat_get(ROOT, -8)).toBe(EFAULT);
      expect(guest.close(ROOT)).toBe(ESUCCESS);
      expect(wasi.fd_prestat_get(ROOT, 64)).toBe(EBADF);
    });
  });
});
