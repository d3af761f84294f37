// A program that takes the lock in the directory it is given, says what came of it in one line, and stays until its input ends. When
// told to, it also starts a child process, which lives on until it is killed, or for a minute; the line says its process ID then.
import { spawn } from 'node:child_process';
import { BankLock } from '#runtime/bank/bank-lock.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';

const [path = '', bystander = 'false'] = process.argv.slice(2);
const owner = { pid: process.pid, startedAt: new Date().toISOString(), program: 'owner-program' };

try {
  const lock = BankLock.acquire(DirectoryFiles.open(path, { sync: false }), owner);
  const words = [lock.isHeld() ? 'owned' : 'not held'];
  if (bystander === 'true') {
    const sleep = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], {
      detached: true,
      stdio: 'ignore',
    });
    sleep.unref();
    words.push(String(sleep.pid));
  }
  process.stdout.write(`${words.join(' ')}\n`);
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
process.stdin.resume();
