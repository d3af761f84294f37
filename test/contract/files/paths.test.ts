// One contract for every file system that can be mounted, kept through WASI's own functions: what paths lead to, what is made, renamed and
// removed, and the errno of each thing that cannot be done.
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_DESCRIPTORS, MAX_GUEST_PATH_BYTES } from '#runtime/limits.js';
import {
  EEXIST,
  EFAULT,
  EILSEQ,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOTCAPABLE,
  ENOTDIR,
  EPERM,
  ESUCCESS,
} from '#runtime/wasi/errno.js';
import { ALL_RIGHTS, READING, ROOT, type WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, useFiles } from './file-systems.js';

const TYPE = { directory: 3, file: 4, symlink: 7 };

describe.each(FILE_SYSTEMS)('paths: %s', (_, make) => {
  const files = useFiles(make);
  const { names, stat } = files;
  let guest: WasiGuest;
  beforeEach(() => {
    guest = files.guest;
  });

  describe('where a path leads', () => {
    beforeEach(() => {
      guest.makeDirectory('dir');
      guest.makeDirectory('dir/nested');
      guest.put('dir/nested/file', 'content');
    });

    it.each([
      'dir/nested/file',
      './dir/nested/file',
      'dir//nested///file',
      'dir/.//nested/../../dir/nested/../nested///./file',
    ])('%s', (path) => {
      expect(guest.content(path)).toBe('content');
    });

    it.each([
      ['', ENOENT],
      ['nowhere', ENOENT],
      ['dir/nowhere/file', ENOENT],
      ['dir/nested/file/', ENOTDIR],
      ['dir/nested/file///', ENOTDIR],
      ['dir/nested/file/below', ENOTDIR],
      ['/dir/nested/file', EPERM],
      ['/', EPERM],
      ['..', EPERM],
      ['../x', EPERM],
      ['dir/nested/../../../data/dir/nested/file', EPERM],
      ['./..', EPERM],
      ['dir/../..', EPERM],
      ['dir/nested/file\0', EINVAL],
      ['\0', EINVAL],
      ['n'.repeat(256), ENAMETOOLONG],
      ['d/'.repeat(MAX_GUEST_PATH_BYTES / 2 + 1), ENAMETOOLONG],
    ])('%j is refused', (path, errno) => {
      expect(guest.open(path, { rights: READING })).toBe(-errno);
      expect(guest.stat(path)).toBe(-errno);
    });

    it('a directory descriptor is a mount of its own', () => {
      const directory = guest.open('dir', { directory: true });
      expect(guest.open('nested/file', { from: directory, rights: READING })).toBeGreaterThan(2);
      expect(guest.open('../dir/nested/file', { from: directory })).toBe(-EPERM);
      expect(guest.open('..', { from: directory, directory: true })).toBe(-EPERM);
      expect(guest.open('nested/../..', { from: directory, directory: true })).toBe(-EPERM);
    });

    it('a name that is not UTF-8 is EILSEQ, one outside of memory EFAULT', () => {
      guest.bytes.set([0x64, 0xff], 60000);
      expect(guest.wasi.path_create_directory(ROOT, 60000, 2)).toBe(EILSEQ);
      expect(guest.wasi.path_unlink_file(ROOT, -1, 4)).toBe(EFAULT);
      expect(guest.wasi.path_unlink_file(ROOT, 0, -1)).toBe(EFAULT);
    });

    it('a file is no place to begin', () => {
      const file = guest.open('dir/nested/file', { rights: READING });
      expect(guest.open('x', { from: file, create: true })).toBe(-ENOTDIR);
      expect(guest.makeDirectory('x', file)).toBe(ENOTDIR);
      expect(guest.open('x', { from: 1, create: true })).toBe(-ENOTDIR);
    });
  });

  describe('path_open', () => {
    it('makes a file, and finds it', () => {
      expect(guest.open('new', { rights: READING })).toBe(-ENOENT);
      const descriptor = guest.open('new', { create: true });
      expect(descriptor).toBe(5);
      expect(guest.write(descriptor, 'abc')).toBe(3);
      expect(guest.content('new')).toBe('abc');
      expect(stat('new')).toMatchObject({ type: TYPE.file, size: 3n, links: 1n });
      expect(stat(descriptor).inode).toBe(stat('new').inode);
    });

    it('empties it only when asked', () => {
      guest.put('file', 'content');
      guest.open('file', { create: true });
      expect(guest.content('file')).toBe('content');
      guest.open('file', { truncate: true, rights: 0n });
      expect(guest.content('file')).toBe('');
    });

    it('exclusively', () => {
      guest.put('file', '');
      guest.makeDirectory('dir');
      guest.symlink('nowhere', 'link');
      for (const path of ['file', 'dir', 'link']) {
        expect(guest.open(path, { create: true, exclusive: true }), path).toBe(-EEXIST);
        expect(guest.open(path, { create: true, exclusive: true, follow: true }), path).toBe(-EEXIST);
      }
      expect(guest.open('nowhere')).toBe(-ENOENT);
    });

    it.each([
      ['a directory that is none', 'file', { directory: true }, ENOTDIR],
      ['a directory to be made', 'new', { create: true, directory: true }, EINVAL],
      ['a directory for writing', 'dir', { rights: ALL_RIGHTS }, EISDIR],
      ['a directory to be emptied', 'dir', { truncate: true, rights: 0n }, EISDIR],
      ['a directory that is there, made', 'dir', { create: true, rights: 0n }, EISDIR],
      ['a new file with a slash', 'new/', { create: true }, ENOENT],
      ['unknown flags', 'file', { flags: 1 << 9 }, EINVAL],
      ['a link that is not followed', 'link', {}, ELOOP],
      ['a link that is not followed, made', 'link', { create: true }, ELOOP],
      ['a link that leads nowhere', 'dangling', { follow: true }, ENOENT],
    ])('refuses %s', (_title, path, request, errno) => {
      guest.put('file', '');
      guest.makeDirectory('dir');
      guest.symlink('file', 'link');
      guest.symlink('nowhere', 'dangling');
      expect(guest.open(path, request)).toBe(-errno);
      expect(names()).toEqual(['.', '..', 'dangling', 'dir', 'file', 'link']);
    });

    it('makes what a dangling link leads to, when it is followed', () => {
      guest.symlink('made', 'link');
      expect(guest.open('link', { create: true, follow: true })).toBeGreaterThan(2);
      expect(stat('made').type).toBe(TYPE.file);
    });

    it.each(['.', './', 'dir/..', 'dir/.'])('a directory by %s, again and again', (path) => {
      guest.makeDirectory('dir');
      const first = guest.open(path, { directory: true });
      const again = guest.open('.', { from: first, rights: 0n, inheriting: 0n });
      expect(stat(first).type).toBe(TYPE.directory);
      expect(again).toBeGreaterThan(first);
      expect(guest.stat(again)).toBe(-ENOTCAPABLE);
      expect(guest.open('.', { from: first, rights: ALL_RIGHTS })).toBe(-EISDIR);
    });

    it('gives the lowest free number, and none beyond the limit', () => {
      guest.put('file', '');
      const opened: number[] = [];
      for (let descriptor = 0; descriptor >= 0; ) {
        descriptor = guest.open('file', { rights: READING });
        opened.push(descriptor);
      }
      expect(opened.pop()).toBe(-EMFILE);
      expect(opened).toHaveLength(MAX_DESCRIPTORS - 5);
      guest.close(9);
      guest.close(7);
      expect([guest.open('file', { rights: READING }), guest.open('file', { rights: READING })]).toEqual([
        7, 9,
      ]);
      expect(guest.open('new', { create: true })).toBe(-EMFILE);
      expect(guest.stat('new')).toBe(-ENOENT);
    });
  });

  describe('symbolic links', () => {
    beforeEach(() => {
      guest.makeDirectory('dir');
      guest.put('dir/file', 'content');
      guest.symlink('file', 'dir/link');
      guest.symlink('dir/link', 'link');
      guest.symlink('dir', 'way');
      guest.symlink('dir/', 'slash');
    });

    it('are followed on the way, and at the end when asked', () => {
      expect(guest.content('way/file')).toBe('content');
      expect(guest.content('link', true)).toBe('content');
      expect(guest.content('way/../dir/link', true)).toBe('content');
      expect(stat('link').type).toBe(TYPE.symlink);
      expect(stat('link', true).type).toBe(TYPE.file);
      expect(stat('slash', true).type).toBe(TYPE.directory);
      expect(guest.open('way', { directory: true, follow: true })).toBeGreaterThan(2);
      expect(guest.open('way', { directory: true })).toBe(-ENOTDIR);
    });

    it('are read as they were written, cut where the buffer ends', () => {
      expect(guest.readlink('link')).toBe('dir/link');
      expect(guest.readlink('link', 3)).toBe('dir');
      expect(guest.readlink('link', 0)).toBe('');
      expect(stat('link').size).toBe(8n);
      expect(guest.readlink('dir')).toBe(-EINVAL);
      expect(guest.readlink('dir/file')).toBe(-EINVAL);
      expect(guest.readlink('link/')).toBe(-ENOTDIR);
      expect(guest.readlink('nowhere')).toBe(-ENOENT);
      expect(guest.readlink('.')).toBe(-EINVAL);
    });

    it('in a circle are ELOOP', () => {
      guest.symlink('b', 'a');
      guest.symlink('a', 'b');
      guest.symlink('self/x', 'self');
      for (const path of ['a', 'a/x', 'self', 'self/y'])
        expect(guest.open(path, { follow: true }), path).toBe(-ELOOP);
      expect(guest.readlink('a')).toBe('b');
    });

    it.each([
      ['../outside', ''],
      ['../../../../../../etc', 'passwd'],
      ['../../x', ''],
    ])('that lead out are EPERM when they are followed: %s', (content, below) => {
      expect(guest.symlink(content, 'dir/out')).toBe(ESUCCESS);
      expect(guest.symlink('dir/out', 'indirect')).toBe(ESUCCESS);
      const tail = below === '' ? '' : `/${below}`;
      // From `dir` one step up is still inside; the second is not.
      const escapes = content !== '../outside';
      for (const path of [`dir/out${tail}`, `indirect${tail}`])
        expect(guest.open(path, { follow: true, rights: READING })).toBe(-(escapes ? EPERM : ENOENT));
    });

    it('may say nothing that is absolute, and something', () => {
      expect(guest.symlink('/etc/passwd', 'out')).toBe(EPERM);
      expect(guest.symlink('', 'out')).toBe(ENOENT);
      expect(guest.symlink('a\0b', 'out')).toBe(EINVAL);
      expect(guest.stat('out')).toBe(-ENOENT);
    });

    it('are not made where there is something, or with a slash', () => {
      expect(guest.symlink('x', 'dir')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/file')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/file/')).toBe(ENOTDIR);
      expect(guest.symlink('x', 'new/')).toBe(ENOENT);
      expect(guest.symlink('x', 'link')).toBe(EEXIST);
      expect(guest.symlink('x', '.')).toBe(EEXIST);
    });
  });
});
