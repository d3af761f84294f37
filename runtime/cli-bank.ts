// Where the bank of a storage is when nobody says: the same place at every start, and one that no other user and no other storage
// shares. It only names the place; whether what is there is a bank is for the bank to judge.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

const MEMORY_DIRECTORY = '/dev/shm';
const DIGEST_LENGTH = 12;

/** By the name of the storage, which may be a link that moves with a deployment, and not by what lies there now, if anything does. */
export function defaultBankPath(storage: string): string {
  const digest = createHash('sha256').update(resolve(storage)).digest('hex').slice(0, DIGEST_LENGTH);
  const directory = existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir();
  // A user without an entry in the system's list, as in many a container, has a number all the same.
  const uid = process.getuid?.() ?? userInfo().uid;
  return join(directory, `rekindle-${uid}-${digest}`);
}
