// One contract for every file system that can be mounted, kept through WASI's own functions: the content of files, the position in them,
// what a descriptor may do, and the errno of each thing that it may not.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOTCAPABLE,
  ENOTSUP,
  ESPIPE,
  ESUCCESS,
} from '#runtime/wasi/errno.js';
import { READING, ROOT, type WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, useFiles } from './file-systems.js';

const [SET, CURRENT, END] = [0, 1, 2];
const APPEND = 1;
const PAGE = 65536;

describe.each(FILE_SYSTEMS)('content: %s', (name, make) => {
  const files = useFiles(make);
  const { stat } = files;
  let guest: WasiGuest;
  beforeEach(() => {
    guest = files.guest;
  });
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
});
