// The host's own standard input, as guests have it: a program that has opened it for a guest, and waits for nothing else, ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { ROOT } from '#test/support/run-program.js';

const PROGRAM = `
  import { HOST_STDIO } from '#runtime/site-stdio.js';
  const { kind } = await HOST_STDIO.stdin.read(0, 10, 0);
  HOST_STDIO.stdin.read(0, 10, 60_000);
  console.log(kind);
`;

it('does not keep the host alive', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += String(bytes);
  });
  // The other end of the pipe stays open.
  const [exitCode] = await once(child, 'close');
  expect([exitCode, text]).toEqual([0, 'wait\n']);
});
