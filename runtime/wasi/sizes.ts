// Positions and sizes as a guest gives them, 64 bits wide, and as this room reckons with them: exact numbers. Nothing beyond 2^53 - 1 may
// come in; no file is so long.
import { EFBIG, EINVAL, FileError } from './errno.ts';

/** An unsigned i64 parameter. Throws FileError EFBIG, or EINVAL when it would be negative. */
export function sizeFrom(value: bigint): number {
  if (BigInt.asIntN(64, value) < 0n) throw new FileError(EINVAL);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileError(EFBIG);
  return Number(value);
}
