// Directories of the host that are hard to name: deeper than any path is long, and with names that look like what the kernel says of files
// that are gone.
import { describe, expect, it } from 'vitest';
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { ESTALE, ESUCCESS } from '#runtime/wasi/errno.js';
import { makeHostDirectory } from '#test/contract/files/file-systems.js';
import { READING, ROOT, WasiGuest } from '#test/support/wasi-guest.js';

const guestOn = (path: string): WasiGuest =>
  new WasiGuest([
    { guestPath: '/data', fileSystem: new HostFileSystem({ path, access: 'read-write', calls: null }) },
  ]);

describe.runIf(process.platform === 'linux')('a directory of the host', () => {
  it('that lies deeper than a path is long can be opened by itself, and is stale elsewhere', () => {
    using directory = makeHostDirectory();
    using guest = guestOn(directory.path);
    guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
    const name = 'd'.repeat(250);
    const passed = [ROOT];
    for (let depth = 0; depth < 20; depth += 1) {
      const from = passed.at(-1) ?? ROOT;
      expect(guest.makeDirectory(name, from)).toBe(ESUCCESS);
      passed.push(guest.open(name, { from, directory: true }));
    }
    const deepest = passed.at(-1) ?? ROOT;
    const again = guest.open('.', { from: deepest, directory: true });
    expect(guest.stat(again)).toEqual(guest.stat(deepest));
    const captured = guest.preview1.capture('guest');
    guest.preview1.restore(captured, 'new', 'guest');
    expect(guest.stat(again)).toEqual(guest.stat(deepest));
    using other = guestOn(directory.path);
    other.preview1.restore(captured, 'new', 'guest');
    expect(other.stat(deepest)).toBe(-ESTALE);
    expect(other.stat(ROOT)).toMatchObject({ type: 3 });
    for (const from of passed.slice(0, -1).reverse())
      expect(guest.removeDirectory(name, from)).toBe(ESUCCESS);
  });

  it('has files that are found again whatever they are called', () => {
    using directory = makeHostDirectory();
    using guest = guestOn(directory.path);
    guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
    guest.put('kept (deleted)', 'text');
    const kept = guest.open('kept (deleted)', { rights: READING });
    guest.put('gone', 'text');
    guest.link('gone', 'elsewhere');
    const gone = guest.open('gone', { rights: READING });
    guest.unlink('gone');
    guest.put('gone (deleted)', 'another');
    using other = guestOn(directory.path);
    other.preview1.restore(guest.preview1.capture('guest'), 'new', 'guest');
    expect(other.read(kept)).toBe('text');
    expect(other.read(gone)).toBe(-ESTALE);
  });
});
