// A volume through the interface that guests' file systems have: names, content, gaps, what is refused and with which number, and what
// another opening of the bank finds.
import { describe, expect, it } from 'vitest';
import { VolumeSlot } from '#runtime/files/volume-slot.js';
import * as errno from '#runtime/wasi/errno.js';
import type { OpenFile } from '#runtime/wasi/file-system.js';
import { MiB, PAGE, PLACES, refusal, VolumeFixture } from './volume-fixture.js';

const READ_WRITE = { read: true, write: true, create: true, exclusive: false, truncate: false };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function content(file: OpenFile): Uint8Array {
  const bytes = new Uint8Array(Number(file.stat().sizeBytes) + 10);
  return bytes.slice(0, file.read(bytes, 0));
}

function namesOf(entries: readonly { readonly name: Uint8Array }[]): readonly string[] {
  return entries.map(({ name }) => Buffer.from(name).toString());
}

describe.each(PLACES)('a volume, $backend, in $in', (place) => {
  it('keeps what is written, within the length and beyond it', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    const file = mounted.openRoot().openFile('f', READ_WRITE);
    expect(file.write(text('hello'), 0)).toBe(5);
    expect(file.append(text(' world'))).toEqual({ writtenBytes: 6, endBytes: 11 });
    expect(file.write(text('J'), 0)).toBe(1);
    expect(Buffer.from(content(file)).toString()).toBe('Jello world');
    const large = new Uint8Array(3 * MiB + 5).map((_, index) => index % 251);
    expect(file.write(large, 3)).toBe(large.length);
    expect(Buffer.compare(content(file).subarray(3), large)).toBe(0);
    file.close();
    expect(Buffer.compare(fixture.files.read('v', 'f')?.subarray(3) ?? new Uint8Array(), large)).toBe(0);
    expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
  });

  it('that is only to be read makes nothing, and opens what is there all the same', () => {
    using fixture = new VolumeFixture(place);
    fixture.files.write('v', 'f', text('hello'));
    using mounted = fixture.mount(1, 'v', 'read-only');
    const root = mounted.openRoot();
    const reading = { read: true, write: false, create: true, exclusive: false, truncate: false };
    expect(Buffer.from(content(root.openFile('f', reading))).toString()).toBe('hello');
    expect(refusal(() => root.openFile('new', reading))).toBe(errno.EROFS);
    expect(refusal(() => root.openFile('f', { ...reading, exclusive: true }))).toBe(errno.EROFS);
    expect(refusal(() => root.openFile('f', { ...reading, write: true }))).toBe(errno.EROFS);
    expect(fixture.files.entries('v', '')?.map(({ name }) => name)).toEqual(['f']);
  });

  it('reads gaps as zero, also where something had been before', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    const file = mounted.openRoot().openFile('f', READ_WRITE);
    file.write(new Uint8Array(100).fill(7), 0);
    file.setSize(10);
    file.write(Uint8Array.of(9), 3 * PAGE);
    const bytes = content(file);
    expect(bytes.length).toBe(3 * PAGE + 1);
    expect([bytes[9], bytes[10], bytes[99], bytes[PAGE], bytes[3 * PAGE]]).toEqual([7, 0, 0, 0, 9]);
    file.setSize(2 ** 31);
    expect(file.read(bytes, 2 ** 30)).toBe(bytes.length);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(file.write(Uint8Array.of(5), PAGE + 1)).toBe(1);
    file.read(bytes, 0);
    expect([bytes[PAGE], bytes[PAGE + 1], bytes[3 * PAGE]]).toEqual([0, 5, 9]);
    expect(refusal(() => file.write(Uint8Array.of(1), 2 ** 40))).toBe(errno.EFBIG);
    expect(refusal(() => file.setSize(2 ** 40))).toBe(errno.EFBIG);
    file.close();
  });

  it('keeps a file that has lost its name until the last handle is closed, and no longer', () => {
    using fixture = new VolumeFixture(place);
    using first = fixture.mount(1);
    using second = fixture.mount(2);
    const file = first.openRoot().openFile('f', READ_WRITE);
    const other = second.openRoot().openFile('f', READ_WRITE);
    file.write(new Uint8Array(5 * PAGE).fill(1), 0);
    const { usedBytes } = fixture.books;
    second.openRoot().unlink('f');
    expect(refusal(() => first.openRoot().lookup('f'))).toBe(errno.ENOENT);
    file.close();
    expect(other.stat().links).toBe(0n);
    expect(content(other).length).toBe(5 * PAGE);
    expect(fixture.books.usedBytes).toBe(usedBytes);
    other.close();
    expect(fixture.books.usedBytes).toBeLessThanOrEqual(usedBytes - 5 * PAGE);
    expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
  });

  it('gives nothing back that another run could still store to', () => {
    using fixture = new VolumeFixture(place);
    using first = fixture.mount(1);
    const second = fixture.mount(2);
    const file = first.openRoot().openFile('f', READ_WRITE);
    second.openRoot().openFile('f', READ_WRITE);
    file.write(new Uint8Array(64 * PAGE), 0);
    const { usedBytes } = fixture.books;
    file.setSize(0);
    expect(fixture.books.usedBytes).toBe(usedBytes);
    fixture.volumes.release(2);
    file.write(new Uint8Array(PAGE).fill(3), 0);
    file.setSize(1);
    file.close();
    expect(fixture.books.usedBytes).toBeLessThanOrEqual(usedBytes - 32 * PAGE);
    expect(fixture.volumes.list()[0]?.mounts).toBe(1);
  });

  it('refuses what does not fit, and goes on', () => {
    using fixture = new VolumeFixture(place, { quotaBytes: MiB });
    using mounted = fixture.mount();
    const root = mounted.openRoot();
    const file = root.openFile('f', READ_WRITE);
    const written = file.write(new Uint8Array(2 * MiB).fill(1), 0);
    expect(written).toBe(MiB - PAGE);
    expect(refusal(() => file.append(Uint8Array.of(1)))).toBe(errno.ENOSPC);
    expect(refusal(() => file.allocate(0, 2 * MiB))).toBe(errno.ENOSPC);
    root.makeDirectory('d');
    const empty = root.openFile('g', READ_WRITE);
    expect(refusal(() => empty.write(Uint8Array.of(1), 0))).toBe(errno.ENOSPC);
    expect(empty.write(new Uint8Array(0), 0)).toBe(0);
    file.setSize(PAGE);
    expect(empty.write(Uint8Array.of(1), 0)).toBe(1);
    expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
  });

  it('allocates room that is there from then on', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    const file = mounted.openRoot().openFile('f', READ_WRITE);
    file.write(text('x'), 0);
    file.allocate(PAGE, 10 * PAGE);
    expect(file.stat().sizeBytes).toBe(BigInt(11 * PAGE));
    const { usedBytes } = fixture.books;
    file.write(new Uint8Array(10 * PAGE).fill(1), PAGE);
    expect(fixture.books.usedBytes).toBe(usedBytes);
  });

  it('says of every operation what POSIX says', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    using elsewhere = fixture.mount(1, 'w');
    const root = mounted.openRoot();
    root.makeDirectory('d');
    root.openFile('f', READ_WRITE).close();
    root.symlink('f', 's');
    const inside = root.openDirectory('d');
    inside.openFile('g', READ_WRITE).close();
    const refused: readonly (readonly [number, () => unknown])[] = [
      [errno.EEXIST, () => root.makeDirectory('f')],
      [errno.EEXIST, () => root.openFile('f', { ...READ_WRITE, exclusive: true })],
      [errno.EEXIST, () => root.symlink('x', 'f')],
      [errno.EEXIST, () => root.link('f', root, 's')],
      [errno.ENOENT, () => root.openFile('x', { ...READ_WRITE, create: false })],
      [errno.ENOENT, () => root.openDirectory('x')],
      [errno.ENOENT, () => root.unlink('x')],
      [errno.ENOENT, () => root.rename('x', root, 'y')],
      [errno.ENOTDIR, () => root.openDirectory('f')],
      [errno.ENOTDIR, () => root.openDirectory('s')],
      [errno.ENOTDIR, () => root.removeDirectory('f')],
      [errno.ENOTDIR, () => root.rename('d', root, 'f')],
      [errno.EISDIR, () => root.openFile('d', READ_WRITE)],
      [errno.EISDIR, () => root.unlink('d')],
      [errno.EISDIR, () => root.rename('f', root, 'd')],
      [errno.ELOOP, () => root.openFile('s', READ_WRITE)],
      [errno.ENOTEMPTY, () => root.removeDirectory('d')],
      [errno.EINVAL, () => root.readlink('f')],
      [errno.EINVAL, () => root.rename('d', inside, 'below')],
      [errno.EINVAL, () => root.makeDirectory('..')],
      [errno.EPERM, () => root.link('d', root, 'e')],
      [errno.EXDEV, () => root.link('f', elsewhere.openRoot(), 'f')],
      [errno.EXDEV, () => root.rename('f', elsewhere.openRoot(), 'f')],
      [errno.ENAMETOOLONG, () => root.makeDirectory('n'.repeat(256))],
      [errno.ENAMETOOLONG, () => root.symlink('n'.repeat(4097), 'long')],
      [errno.EBADF, () => root.openFile('f', { ...READ_WRITE, write: false }).write(text('x'), 0)],
      [errno.EBADF, () => root.openFile('f', { ...READ_WRITE, read: false }).read(new Uint8Array(1), 0)],
      [errno.EINVAL, () => fixture.mount(1, '.hidden').openRoot()],
    ];
    for (const [number, action] of refused)
      expect([action.toString(), refusal(action)]).toEqual([action.toString(), number]);
    root.makeDirectory('empty');
    root.rename('d', root, 'empty');
    expect(namesOf(root.list())).toEqual(['f', 's', 'empty']);
    expect(root.readlink('s')).toBe('f');
    expect(root.stat().links).toBe(3n);
    root.link('f', root.openDirectory('empty'), 'again');
    expect(root.lookup('f').links).toBe(2n);
    expect(inside.lookup('again').inode).toBe(root.lookup('f').inode);
    root.rename('f', inside, 'again');
    expect(namesOf(root.list())).toContain('f');
    inside.unlink('again');
    inside.unlink('g');
    root.removeDirectory('empty');
    expect(refusal(() => inside.makeDirectory('x'))).toBe(errno.ENOENT);
    expect(refusal(() => inside.stat())).toBe(errno.ESTALE);
    expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
  });

  it('tells when things were done', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    const root = mounted.openRoot();
    const file = root.openFile('f', READ_WRITE);
    file.append(text('ab'));
    const first = file.stat();
    file.write(text('c'), 0);
    const second = file.stat();
    expect(second.modifiedNs).toBeGreaterThan(first.modifiedNs);
    expect(second.changedNs).toBe(second.modifiedNs);
    expect(second.accessedNs).toBe(first.accessedNs);
    root.setTimesOf('f', { accessedNs: 5n, modifiedNs: null });
    expect(file.stat()).toMatchObject({ accessedNs: 5n, modifiedNs: second.modifiedNs });
    const before = root.stat().modifiedNs;
    root.makeDirectory('d');
    expect(root.stat().modifiedNs).toBeGreaterThan(before);
  });

  it('opens again by a bookmark what is still there', () => {
    using fixture = new VolumeFixture(place);
    using mounted = fixture.mount();
    const root = mounted.openRoot();
    const file = root.openFile('f', READ_WRITE);
    file.append(text('kept'));
    root.makeDirectory('d');
    const marks = [file.bookmark(), root.openDirectory('d').bookmark()];
    file.close();
    root.rename('f', root.openDirectory('d'), 'moved');
    const again = marks.map((mark) => mounted.reopen(mark, { read: true, write: false }));
    expect(again.map(({ kind }) => kind)).toEqual(['file', 'directory']);
    for (const each of again) each.close();
    root.openDirectory('d').unlink('moved');
    root.openFile('f', READ_WRITE).close();
    for (const mark of [marks[0] ?? '', '99/1', 'x', ''])
      expect(refusal(() => mounted.reopen(mark, { read: true, write: true }))).toBe(errno.ESTALE);
  });
});

describe.each(PLACES.filter(({ in: where }) => where === 'directory'))(
  'a volume opened again, $backend',
  (place) => {
    it('has everything, and what had lost its name is gone', () => {
      using fixture = new VolumeFixture(place);
      const root = fixture.mount().openRoot();
      const file = root.openFile('f', READ_WRITE);
      file.append(text('content'));
      root.makeDirectory('d');
      root.openDirectory('d').symlink('../f', 's');
      for (let index = 0; index < 200; index += 1)
        root.openDirectory('d').openFile(`n${index}`, READ_WRITE).close();
      root.openFile('gone', READ_WRITE).append(new Uint8Array(10 * PAGE));
      root.unlink('gone');
      const stat = file.stat();
      expect(fixture.reopen().losses).toEqual([]);
      const again = fixture.mount().openRoot();
      expect(again.lookup('f')).toEqual(stat);
      expect(namesOf(again.list())).toEqual(['f', 'd']);
      expect(again.openDirectory('d').list().length).toBe(201);
      expect(again.openDirectory('d').readlink('s')).toBe('../f');
      expect(Buffer.from(content(again.openFile('f', READ_WRITE))).toString()).toBe('content');
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      expect(fixture.volumes.list()).toMatchObject([{ name: 'v', files: 203, mounts: 1 }]);
    });

    it('names a file whose length is damaged, and has the rest', () => {
      using fixture = new VolumeFixture(place);
      const root = fixture.mount().openRoot();
      root.makeDirectory('d');
      const file = root.openDirectory('d').openFile('f', READ_WRITE);
      file.append(text('content'));
      root.openFile('whole', READ_WRITE).append(text('rest'));
      const { books } = fixture.volumes.open('v');
      const node = books.node(Number(file.stat().inode));
      new VolumeSlot(fixture.bank.view, books.slotOffset(node)).setSize({ volume: 99, inode: 99 }, 7);
      const { losses } = fixture.reopen();
      expect(losses).toEqual([{ kind: 'file', name: 'v/d/f', reason: 'its length is damaged' }]);
      const again = fixture.mount().openRoot();
      expect(again.openDirectory('d').list()).toEqual([]);
      expect(Buffer.from(content(again.openFile('whole', READ_WRITE))).toString()).toBe('rest');
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      expect(fixture.reopen().losses).toEqual([]);
    });

    it('does not take a number twice', () => {
      using fixture = new VolumeFixture(place);
      const file = fixture.mount().openRoot().openFile('f', READ_WRITE);
      const mark = file.bookmark();
      fixture.mount().openRoot().unlink('f');
      fixture.reopen();
      fixture.mount().openRoot().openFile('f', READ_WRITE);
      expect(refusal(() => fixture.mount().reopen(mark, { read: true, write: true }))).toBe(errno.ESTALE);
      fixture.volumes.release(1);
      expect(fixture.volumes.remove('v')).toBe(true);
      fixture.reopen();
      expect(fixture.volumes.list()).toEqual([]);
      expect(fixture.books.usedBytes).toBe(0);
      expect(refusal(() => fixture.mount().reopen(mark, { read: true, write: true }))).toBe(errno.ESTALE);
    });
  },
);
