// The row on QuickJS finds every guest, ours and the others', where it must be before each request. Figures are of no concern here.
import { expect, it } from 'vitest';
import { restoreQuickjs } from '../../../bench/rows/restore-quickjs.js';
import { runInSmall } from './run-in-small.js';

it('serves every request from the checkpoint, whoever had the turn before', async () => {
  const points = await runInSmall(restoreQuickjs, { turns: 2 });
  expect(points?.map(({ floors, peers }) => [floors.length, peers.length])).toEqual([
    [0, 4],
    [0, 4],
    [0, 0],
    [0, 2],
    [0, 4],
  ]);
  expect(points?.flatMap(({ targets }) => targets)).toHaveLength(2);
});
