// A file of the host that is as long as a file can be: positions in it stay numbers that an executing image can carry. It is sparse, and lies
// where files may be so long.
import { appendFileSync, existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { ALL_RIGHTS, WasiGuest } from '#test/support/wasi-guest.js';

const EFBIG = 22;
const APPEND = 1;
/** In memory, where the longest file is longer than on a disk. */
const PLACE = '/dev/shm';
const LAST = Number.MAX_SAFE_INTEGER;

it.skipIf(!existsSync(PLACE))('is neither appended to nor read beyond the last position there is', () => {
  const path = mkdtempSync(join(PLACE, 'rekindle-files-'));
  try {
    const fileSystem = new HostFileSystem({ path, access: 'read-write', calls: null });
    using guest = new WasiGuest([{ guestPath: '/', fileSystem }]);
    guest.put('file', '');
    truncateSync(join(path, 'file'), LAST - 3);
    const file = guest.open('file', { rights: ALL_RIGHTS, flags: APPEND });
    expect(guest.write(file, 'four')).toBe(-EFBIG);
    expect(guest.write(file, '123')).toBe(3);
    expect(guest.write(file, '4')).toBe(-EFBIG);
    appendFileSync(join(path, 'file'), 'and more');
    expect(guest.seek(file, BigInt(LAST - 2), 0)).toBe(LAST - 2);
    expect(guest.read(file, 10)).toBe('23');
    expect(guest.read(file, 10)).toBe('');
    const captured = guest.preview1.capture('guest');
    guest.preview1.restore(captured.slice(), 'same', 'guest');
    expect(guest.tell(file)).toBe(LAST);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});
