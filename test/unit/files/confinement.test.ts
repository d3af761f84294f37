// A mounted directory of the host cannot be left, and what is in it cannot hurt the host: links that others have put there, trees that
// change while a path is walked, pipes, and a mount that is only to be read.
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostFileSystem, requireHostDirectory } from '#runtime/files/host-file-system.js';
import { loadFileCalls } from '#runtime/system/file-calls.js';
import {
  EEXIST,
  EILSEQ,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTSUP,
  EPERM,
  EROFS,
  ESUCCESS,
} from '#runtime/wasi/errno.js';
import { makeHostDirectory } from '#test/contract/files/file-systems.js';
import { makeFifo } from '#test/support/fifo.js';
import { READING, ROOT, WasiGuest } from '#test/support/wasi-guest.js';

const SECRET = 'not for guests';

let outer: ReturnType<typeof makeHostDirectory>;
let mount: string;
let guest: WasiGuest;

const guestOn = (access: 'read-only' | 'read-write'): WasiGuest =>
  new WasiGuest([
    { guestPath: '/data', fileSystem: new HostFileSystem({ path: mount, access, calls: loadFileCalls() }) },
  ]);

beforeEach(() => {
  outer = makeHostDirectory();
  mount = join(outer.path, 'mount');
  mkdirSync(join(mount, 'dir', 'nested'), { recursive: true });
  mkdirSync(join(outer.path, 'outside'));
  writeFileSync(join(outer.path, 'outside', 'secret'), SECRET);
  writeFileSync(join(mount, 'file'), 'inside');
  guest = guestOn('read-write');
});

afterEach(() => {
  guest[Symbol.dispose]();
  outer[Symbol.dispose]();
});

describe('links that lead out', () => {
  it.each([
    ['an absolute one', () => join(outer.path, 'outside')],
    ['one by the way up', () => '../outside'],
    ['one to the root', () => '/'],
    ['one by way of the mount and up', () => 'dir/../../outside'],
    ['one that names the mount absolutely', () => mount],
    ['one to what every process can reach', () => '/proc/self/root'],
  ])('%s is EPERM, wherever it is', (_, target) => {
    symlinkSync(target(), join(mount, 'out'));
    symlinkSync('out', join(mount, 'again'));
    for (const link of ['out', 'again', 'dir/../out']) {
      for (const path of [`${link}/secret`, `${link}/new`, `${link}/../outside/secret`]) {
        expect(guest.open(path, { rights: READING, follow: true })).toBe(-EPERM);
        expect(guest.open(path, { create: true })).toBe(-EPERM);
        expect(guest.stat(path)).toBe(-EPERM);
        expect(guest.unlink(path)).toBe(EPERM);
        expect(guest.makeDirectory(path)).toBe(EPERM);
        expect(guest.removeDirectory(path)).toBe(EPERM);
        expect(guest.rename('file', path)).toBe(EPERM);
        expect(guest.link('file', path)).toBe(EPERM);
        expect(guest.link(path, 'mine')).toBe(EPERM);
        expect(guest.symlink('x', path)).toBe(EPERM);
        expect(guest.setTimes(path, 1n, 1n, 5, true)).toBe(EPERM);
      }
      expect(guest.open(link, { directory: true, follow: true })).toBe(-EPERM);
      expect(guest.stat(link, { follow: true })).toBe(-EPERM);
    }
    expect(readdirSync(join(outer.path, 'outside'))).toEqual(['secret']);
    expect(readFileSync(join(outer.path, 'outside', 'secret'), 'utf8')).toBe(SECRET);
  });

  it('a hard link to what is outside is in the mount; one cannot be made from it to outside', () => {
    linkSync(join(outer.path, 'outside', 'secret'), join(mount, 'shared'));
    expect(guest.content('shared')).toBe(SECRET);
    expect(guest.link('shared', '../escaped')).toBe(EPERM);
    expect(existsSync(join(outer.path, 'escaped'))).toBe(false);
  });

  it('are left alone when they are not followed', () => {
    symlinkSync('../outside/secret', join(mount, 'out'));
    expect(guest.open('out', { rights: READING })).toBe(-ELOOP);
    expect(guest.readlink('out')).toBe('../outside/secret');
    expect(guest.unlink('out')).toBe(ESUCCESS);
    expect(existsSync(join(outer.path, 'outside', 'secret'))).toBe(true);
  });
});

describe('trees that change', () => {
  it('a directory that is moved out is not followed above where it began', () => {
    const nested = guest.open('dir/nested', { directory: true });
    renameSync(join(mount, 'dir', 'nested'), join(outer.path, 'outside', 'nested'));
    expect(guest.open('../secret', { from: nested, rights: READING })).toBe(-EPERM);
    expect(guest.open('..', { from: nested, directory: true })).toBe(-EPERM);
  });

  it('a mount whose directory is replaced stays the directory it was', () => {
    renameSync(mount, join(outer.path, 'moved'));
    symlinkSync('outside', mount);
    expect(guest.content('file')).toBe('inside');
    expect(guest.content('secret')).toBe(-ENOENT);
    guest.preview1.restore(new Uint8Array(0), 'same', 'guest');
    expect(guest.content('file')).toBe('inside');
  });

  it('no race between a path and whoever swaps a directory for a link leads out', async () => {
    mkdirSync(join(mount, 'real'));
    writeFileSync(join(mount, 'real', 'secret'), 'inside');
    symlinkSync('../outside', join(mount, 'link'));
    const stop = new Int32Array(new SharedArrayBuffer(8));
    const swapping = new Worker(
      `const { workerData: { mount, stop } } = require('node:worker_threads');
       const { renameSync } = require('node:fs');
       while (Atomics.load(stop, 0) === 0) {
         renameSync(mount + '/real', mount + '/way');
         renameSync(mount + '/way', mount + '/real');
         renameSync(mount + '/link', mount + '/way');
         renameSync(mount + '/way', mount + '/link');
         Atomics.add(stop, 1, 1);
       }`,
      { eval: true, workerData: { mount, stop } },
    );
    const seen = new Map<string | number, number>();
    const created = new Set<number>();
    // Bounded by the swaps, not by time: until there were enough of them on either side.
    for (let round = 0; round < 50_000 && Atomics.load(stop, 1) < 2_000; round += 1) {
      const content = guest.content('way/secret');
      seen.set(content, (seen.get(content) ?? 0) + 1);
      created.add(guest.makeDirectory('way/made'));
      guest.removeDirectory('way/made');
    }
    Atomics.store(stop, 0, 1);
    await new Promise((resolve) => swapping.once('exit', resolve));
    expect([...seen.keys()].filter((each) => !['inside', -ENOENT, -EPERM, -ENOTDIR].includes(each))).toEqual(
      [],
    );
    expect(
      [...created].filter((errno) => ![ESUCCESS, ENOENT, EPERM, EEXIST, ENOTDIR].includes(errno)),
    ).toEqual([]);
    expect(readdirSync(join(outer.path, 'outside'))).toEqual(['secret']);
    expect(seen.has(SECRET)).toBe(false);
  });
});

describe('what is neither file nor directory', () => {
  it('a pipe is ENOTSUP at once, and nobody waits for it', () => {
    makeFifo(join(mount, 'pipe'));
    for (const rights of [READING, 1n << 6n]) expect(guest.open('pipe', { rights })).toBe(-ENOTSUP);
    expect(guest.open('pipe', { create: true })).toBe(-ENOTSUP);
    expect(guest.stat('pipe')).toMatchObject({ type: 0 });
  });

  it('a socket is ENOTSUP', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(mount, 'socket'), resolve));
    expect(guest.open('socket', { rights: READING })).toBe(-ENOTSUP);
    await new Promise((resolve) => server.close(resolve));
  });

  it('a name that is not UTF-8 is listed as it is, and cannot be said', () => {
    writeFileSync(Buffer.concat([Buffer.from(`${mount}/`), Buffer.of(0x61, 0xff)]), '');
    symlinkSync(Buffer.of(0x62, 0xfe), join(mount, 'link'));
    const entries = guest.list(ROOT);
    if (typeof entries === 'number') throw new Error('not listed');
    expect(entries.map(({ name }) => name).sort()).toEqual(['.', '..', 'a\ufffd', 'dir', 'file', 'link']);
    expect(guest.readlink('link')).toBe(-EILSEQ);
  });
});

describe('a mount that is only to be read', () => {
  it('answers EROFS to every change, and changes nothing', () => {
    using reader = guestOn('read-only');
    expect(reader.content('file')).toBe('inside');
    expect(reader.open('file', { create: true, rights: READING })).toBeGreaterThan(2);
    const refusals: readonly (readonly [string, number])[] = [
      ['open to write', reader.open('file')],
      ['open a new one', reader.open('new', { create: true, rights: 0n })],
      ['open to empty', reader.open('file', { truncate: true, rights: 0n })],
      ['mkdir', -reader.makeDirectory('new')],
      ['rmdir', -reader.removeDirectory('dir/nested')],
      ['unlink', -reader.unlink('file')],
      ['rename', -reader.rename('file', 'new')],
      ['link', -reader.link('file', 'new')],
      ['symlink', -reader.symlink('file', 'new')],
      ['set times', -reader.setTimes('file', 1n, 1n, 5)],
      ['set times of a directory', -reader.setTimes('dir/', 1n, 1n, 5)],
      ['set times of a descriptor', -reader.wasi.fd_filestat_set_times(ROOT, 1n, 1n, 5)],
    ];
    for (const [what, answer] of refusals) expect([what, answer]).toEqual([what, -EROFS]);
    expect(readdirSync(mount).sort()).toEqual(['dir', 'file']);
    expect(readFileSync(join(mount, 'file'), 'utf8')).toBe('inside');
  });
});

it('what cannot be mounted is MOUNT_UNAVAILABLE, by its name', () => {
  const refused = { code: 'MOUNT_UNAVAILABLE' };
  expect(() => requireHostDirectory(mount)).not.toThrow();
  expect(() => requireHostDirectory(join(mount, 'nowhere'))).toThrow(expect.objectContaining(refused));
  expect(() => requireHostDirectory(join(mount, 'file'))).toThrow(
    expect.objectContaining({ ...refused, culprit: join(mount, 'file') }),
  );
});

it('a directory that has gone is stale to the guest, and nothing to the host', () => {
  const gone = new WasiGuest([
    {
      guestPath: '/gone',
      fileSystem: new HostFileSystem({ path: join(mount, 'gone'), access: 'read-write', calls: null }),
    },
  ]);
  expect([gone.open('file', { rights: READING }), gone.stat('x'), gone.list(ROOT)]).toEqual([-72, -72, -72]);
  gone[Symbol.dispose]();
});
