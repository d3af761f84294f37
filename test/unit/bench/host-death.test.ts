// The row of host deaths in small: a host is killed, its successor answers, and what is told of it is in order.
import { expect, it } from 'vitest';
import { makeHostDeath } from '../../../bench/rows/host-death.js';
import { runInSmall } from './run-in-small.js';

it('kills a host and follows the next one to its last answer, beside one that begins anew', async () => {
  const points = (await runInSmall(makeHostDeath([[1, 'inline']]), { turns: 1 })) ?? [];
  const moments = [
    'to the first answer',
    'to the last',
    'from opening to the first',
    'from opening to the last',
  ];
  expect(points.map(({ name }) => name)).toEqual(moments.map((moment) => `1 inline, ${moment}`));
  for (const side of [points.map(({ ours }) => ours), points.flatMap(({ peers }) => peers)]) {
    const [first = 0, last = 0, openToFirst = 0, openToLast = 0] = side.map(({ p50 }) => p50);
    expect([last >= first, openToLast >= openToFirst, first > openToFirst, openToFirst > 0]).not.toContain(
      false,
    );
  }
}, 50_000);
