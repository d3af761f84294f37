// Format and lint are a test like any other, so that one run tells everything and its last line counts it.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BIOME = join(
  dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')),
  'bin',
  'biome',
);

it('Biome finds nothing to say', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'check', '--colors=off', '.'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(status === 0 ? '' : stdout + stderr).toBe('');
});
