// A guest that takes the host down whenever it is put back must not keep the others down with it: after a few deaths its group is left
// out. Real processes, which really die.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TemporaryDirectory } from '../unit/bank/bank-fixture.js';
import { ANSWER, DEADLY, deadlyModule, SOUND, soundModule } from './reopen-deadly.js';

const PROGRAM = fileURLToPath(new URL('./reopen-deadly-program.js', import.meta.url));
const LIMIT_MS = 30_000;

test('a group whose launch kills the site is quarantined after the third time, and the others come back', () => {
  using directory = new TemporaryDirectory('/dev/shm');
  const storage = directory.at('storage');
  mkdirSync(storage);
  writeFileSync(`${storage}/${SOUND}`, soundModule());
  writeFileSync(`${storage}/${DEADLY}`, deadlyModule());
  const live = () =>
    spawnSync(process.execPath, [PROGRAM, storage, directory.at('bank')], {
      timeout: LIMIT_MS,
      encoding: 'utf8',
    });

  // The first has started it, the others have put it back.
  const signals = Array.from({ length: 4 }, () => live().signal);
  expect(signals).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL']);
  const last = live();
  const reason = '3 sites in a row have died while it was put back';
  expect(last).toMatchObject({ status: 0, stderr: `HR_CTRL: group 2 is quarantined: ${reason}\n` });
  expect(JSON.parse(last.stdout)).toMatchObject({
    answer: ANSWER,
    groups: [
      { group: 1, phase: 'live' },
      { group: 2, phase: 'quarantined', reason },
    ],
  });
});
