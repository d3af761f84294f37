// The rows on calls, on steady code and on density, in small: their guests answer what the rows expect of them, in every case.
import { expect, it } from 'vitest';
import { call } from '../../../bench/rows/call.js';
import { densityRow } from '../../../bench/rows/density.js';
import { steady } from '../../../bench/rows/steady.js';
import { runInSmall } from './run-in-small.js';

it('calls in both directions', async () => {
  const points = await runInSmall(call, { turns: 2 });
  expect(points?.map(({ name }) => name)).toContain('host to guest, inline');
});

it('five kernels come to the same sums', async () => {
  const points = await runInSmall(steady, { turns: 2 });
  expect(points?.length).toBe(5);
});

it('guests are counted, weighed and restarted', async () => {
  const points = await runInSmall(densityRow([3, 5]), { turns: 1 });
  expect(points?.map(({ unit }) => unit)).toEqual(['bytes', 'us', 'bytes', 'us', 'bytes', 'us']);
});
