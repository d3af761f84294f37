// One bank is opened and shut down fifty times: no descriptor, mapping, thread or file is left behind, neither by the fiftieth nor by all.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode } from '#test/support/run-program.js';
import { BACKENDS } from '#test/support/scenario.js';
import { Ground } from './reopen-kit.js';
import type { ResourceFigures } from './reopen-resources-program.js';

const PROGRAM = fileURLToPath(new URL('./reopen-resources-program.js', import.meta.url));
const CASES = BACKENDS.flatMap((backend) => [
  { backend, placement: 'inline', openings: 50 },
  // Each waits for a thread to start.
  { backend, placement: 'thread', openings: 6 },
]);

it.each(CASES)('$openings openings: $backend, $placement', async ({ backend, placement, openings }) => {
  using ground = await Ground.create();
  // Named so that its mappings are counted as those of a bank.
  const args = [ground.at('rekindle-bank'), ground.storage, backend, placement, String(openings)];
  const { exitCode, stdout, stderr } = await runNode(['--expose-gc', PROGRAM, ...args]);
  expect([exitCode, stderr]).toEqual([0, '']);
  const { beforeOpening, warm, afterAll } = JSON.parse(stdout) as ResourceFigures;
  expect(afterAll).toEqual(warm);
  const { files, ...before } = beforeOpening;
  expect(files).toEqual([]);
  // The engine starts no thread of its own that it had not; the library stays open.
  expect(afterAll.bankMappings).toBe(0);
  expect(afterAll.threads).toBe(before.threads);
  expect(afterAll.descriptors).toBe(before.descriptors);
  expect(afterAll.files).toEqual(['content', 'ledger', 'lock', 'superblock']);
});
