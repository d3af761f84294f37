// The row of inline restores in small: its points, and that every case passes its own checks, whatever was resident.
import { expect, it } from 'vitest';
import { makeRestoreInline } from '../../../bench/rows/restore-inline.js';
import { runInSmall } from './run-in-small.js';

const KIB = 1024;
const SMALL = { label: '64 KiB', sizeBytes: 64 * KIB, residence: ['in part'] } as const;
const LARGER = { label: '1 MiB', sizeBytes: 1024 * KIB, residence: ['in part', 'wholly'] } as const;

it('restores guests to the state they are asked for, beside floors and peers that do the same', async () => {
  const points = await runInSmall(makeRestoreInline([[SMALL], [LARGER]]), { turns: 2 });
  if (points === null) return;
  expect(points.map(({ name }) => name)).toEqual([
    '64 KiB, trap to fault event',
    '64 KiB, 1 dirty',
    '64 KiB, 1 dirty, restore()',
    '1 MiB, 1 dirty',
    '1 MiB, 1 dirty, restore()',
    '1 MiB resident, 1 dirty',
    '1 MiB resident, 1 dirty, restore()',
    '64 KiB, 16 dirty',
    '64 KiB, 16 dirty, restore()',
    '1 MiB, 16 dirty',
    '1 MiB, 16 dirty, restore()',
    '1 MiB resident, 16 dirty',
    '1 MiB resident, 16 dirty, restore()',
    '1 MiB, 256 dirty',
    '1 MiB, 256 dirty, restore()',
    '1 MiB resident, 256 dirty',
    '1 MiB resident, 256 dirty, restore()',
  ]);
  for (const { name, floors, peers, targets } of points.slice(1)) {
    const peerCount = name.endsWith('restore()') ? 0 : 3;
    expect([name, floors.length, peers.length, targets.length]).toEqual([name, 3, peerCount, 1]);
  }
});
