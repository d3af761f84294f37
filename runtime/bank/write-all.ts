// Writes whole ranges of a file by its descriptor, from any thread. It must never report a range as written of which a part is missing.
import { writeSync } from 'node:fs';
import { RekindleError } from '../errors.ts';

/** Writes that move nothing, or are interrupted, before it is a failure. */
const MAX_FRUITLESS_WRITES = 16;
/** Node takes less than 2 GiB at a time. */
const MAX_WRITE_BYTES = 1024 * 1024 * 1024;

/** Throws BANK_FULL when the file system has no space, BANK_UNAVAILABLE for whatever else the system says. */
export function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  let fruitless = 0;
  for (let done = 0; done < bytes.byteLength; ) {
    const written = writeSome(fd, bytes, done, offset + done);
    if (written > 0) done += written;
    else if (++fruitless > MAX_FRUITLESS_WRITES)
      throw new RekindleError(
        'BANK_UNAVAILABLE',
        `descriptor ${fd}`,
        'writes are interrupted again and again',
      );
  }
}

function writeSome(fd: number, bytes: Uint8Array, start: number, offset: number): number {
  try {
    return writeSync(fd, bytes, start, Math.min(bytes.byteLength - start, MAX_WRITE_BYTES), offset);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    if (code === 'EINTR' || code === 'EAGAIN') return 0;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new RekindleError(isFull ? 'BANK_FULL' : 'BANK_UNAVAILABLE', `descriptor ${fd}`, String(cause), {
      cause,
    });
  }
}
