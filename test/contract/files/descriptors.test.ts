// One contract for every file system that can be mounted, kept through WASI's own functions: what a descriptor says of its file, what it
// may do, and what becomes of its number.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EBADF,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOTCAPABLE,
  ENOTDIR,
  EPERM,
  ESUCCESS,
} from '#runtime/wasi/errno.js';
import { ALL_RIGHTS, READING, ROOT, type WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, useFiles } from './file-systems.js';

const APPEND = 1;

describe.each(FILE_SYSTEMS)('descriptors: %s', (name, make) => {
  const files = useFiles(make);
  const { stat } = files;
  let guest: WasiGuest;
  beforeEach(() => {
    guest = files.guest;
  });
  const create = (flags = 0): number => guest.open('file', { create: true, flags });

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
      ['to make files', 10, () => guest.open('new', { create: true, from: 5 }), ENOTCAPABLE],
      ['to open', 13, () => guest.open('file', { from: 5, rights: READING }), ENOTCAPABLE],
      ['to empty', 19, () => guest.open('file', { from: 5, truncate: true, rights: 0n }), EPERM],
      ['to make directories', 9, () => -guest.makeDirectory('new', 5), ENOTCAPABLE],
      ['to remove directories', 25, () => -guest.removeDirectory('dir', 5), ENOTCAPABLE],
      ['to unlink', 26, () => -guest.unlink('file', 5), ENOTCAPABLE],
      ['to rename from', 16, () => -guest.rename('file', 'new', 5, ROOT), ENOTCAPABLE],
      ['to rename to', 17, () => -guest.rename('file', 'new', ROOT, 5), ENOTCAPABLE],
      ['to link from', 11, () => -guest.link('file', 'new', { from: 5, target: ROOT }), ENOTCAPABLE],
      ['to link to', 12, () => -guest.link('file', 'new', { target: 5 }), ENOTCAPABLE],
      ['to make links', 24, () => -guest.symlink('file', 'new', 5), ENOTCAPABLE],
      ['to read links', 15, () => guest.readlink('link', 10, 5), ENOTCAPABLE],
      ['to look', 18, () => guest.stat('file', { from: 5 }), ENOTCAPABLE],
      ['to list', 14, () => guest.list(5), ENOTCAPABLE],
    ])('without the right %s', (_title, bit, call, errno) => {
      guest.put('file', 'abc');
      guest.makeDirectory('dir');
      guest.symlink('file', 'link');
      expect(guest.open('.', { directory: true, rights: READING & ~(1n << BigInt(bit)) })).toBe(5);
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
      expect([view.getUint8(64), view.getUint32(68, true)]).toEqual([0, 6]);
      expect(wasi.fd_prestat_dir_name(ROOT, 64, 5)).toBe(ENAMETOOLONG);
      expect(wasi.fd_prestat_dir_name(ROOT, 64, 9)).toBe(ESUCCESS);
      expect(Buffer.from(guest.bytes.subarray(64, 70)).toString()).toBe('/data0');
      expect([wasi.fd_prestat_get(create(), 64), wasi.fd_prestat_get(1, 64)]).toEqual([EBADF, EBADF]);
      expect(wasi.fd_prestat_get(ROOT, -8)).toBe(EFAULT);
      expect(guest.close(ROOT)).toBe(ESUCCESS);
      expect(wasi.fd_prestat_get(ROOT, 64)).toBe(EBADF);
    });
  });
});
