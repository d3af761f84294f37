// What a site remembers of its groups when it comes back: how often they have failed lately, how far up the ladder they are, and who is
// in quarantine. The clock is the test's own, so that a window closes when it is told to.
import { describe, expect, it } from 'vitest';
import { Site, type SiteOptions } from '#runtime/index.js';
import { SYSTEM_ENVIRONMENT } from '#runtime/site-environment.js';
import { checkSiteOptions } from '#runtime/site-options.js';
import { type PlacementName, rejection, until } from '#test/support/scenario.js';
import { type End, Ground, lived, named, number, readyMember } from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

const INTERVAL_MS = 3_600_000;
const POLICY = {
  maxBadness: 2,
  intervalMs: INTERVAL_MS,
  maxSiteRestarts: 1,
  siteIntervalMs: 2 * INTERVAL_MS,
};
const FAIL = lifeCalled('fail');
const [FAILING, OTHER] = ['survivor#1', 'survivor#2'] as const;

/** A site whose clock runs `laterMs` ahead, and the rungs it climbs. Closed by `await using`. */
async function openLater(ground: Ground, laterMs: number, policy: SiteOptions['policy'] = POLICY) {
  const site = await Site.open(checkSiteOptions(ground.options({ policy, output: () => undefined })), {
    ...SYSTEM_ENVIRONMENT,
    nowMs: () => SYSTEM_ENVIRONMENT.nowMs() + laterMs,
  });
  const rungs: string[] = [];
  site.on('escalated', ({ group, rung }) => rungs.push(`${group}: ${rung}`));
  return { site, rungs, [Symbol.asyncDispose]: () => site.shutdown() };
}

/** A failure, and the group back or in quarantine. */
async function crash(site: Site): Promise<void> {
  const failing = await readyMember(site, FAILING);
  const { pid } = failing;
  await rejection(failing.call('trap'));
  await until('it is back, or in quarantine', () => {
    return failing.state === 'stopped' || (failing.state === 'ready' && failing.pid !== pid);
  });
  if (named(site, OTHER).state !== 'stopped') await readyMember(site, OTHER);
}

const badnessOf = (site: Site, id: number) => site.report().groups.find(({ group }) => group === id)?.badness;

const WAYS = [
  { placement: 'inline', end: 'SIGKILL' },
  { placement: 'thread', end: 'shutdown' },
] as const;
const failedTimes = (ground: Ground, placement: PlacementName, end: End, times: number) =>
  lived(ground, end, FAIL, { placement, times }, { policy: POLICY });

describe.each(WAYS)('after $end: $placement', ({ placement, end }) => {
  it('a group that was at its limit escalates at its next failure', async () => {
    using ground = await Ground.create();
    await failedTimes(ground, placement, end, 2);
    await using opened = await openLater(ground, 0);
    const { site, rungs } = opened;
    expect([badnessOf(site, 1), badnessOf(site, 2)]).toEqual([2, 0]);
    await readyMember(site, FAILING);
    expect(rungs).toEqual([]);
    await crash(site);
    expect(rungs).toEqual(['1: site']);
  });

  it('the rungs above are remembered too: site restart before, cold after; then quarantine', async () => {
    using ground = await Ground.create();
    await failedTimes(ground, placement, end, 3);
    {
      await using opened = await openLater(ground, 0);
      await crash(opened.site);
      expect(opened.rungs).toEqual(['1: cold']);
      await crash(opened.site);
      await crash(opened.site);
      expect(badnessOf(opened.site, 1)).toBe(2);
    }
    {
      await using opened = await openLater(ground, 0);
      await crash(opened.site);
      expect(opened.rungs).toEqual(['1: quarantine']);
    }
    await using opened = await openLater(ground, 0);
    const { site, rungs } = opened;
    const row = site.report().groups.find(({ group }) => group === 1);
    expect([row?.phase, row?.reason]).toEqual(['quarantined', expect.stringContaining('trap: unreachable')]);
    expect((await rejection(named(site, FAILING).call('count'))).code).toBe('GROUP_QUARANTINED');
    expect((await rejection(named(site, FAILING).ready())).code).toBe('GROUP_QUARANTINED');
    expect((await rejection(site.arun('survivor.wasm', { group: 1, placement }))).code).toBe(
      'GROUP_QUARANTINED',
    );
    expect(await number(await readyMember(site, OTHER), 'count')).toBe(1);
    await site.releaseGroup(1);
    expect(await number(await readyMember(site, FAILING), 'count')).toBe(1);
    expect(badnessOf(site, 1)).toBe(1);
    expect(rungs).toEqual([]);
  });
});

describe('the clock', () => {
  it.each([
    ['within the window the next failure escalates', INTERVAL_MS - 60_000, ['1: site']],
    ['after the window it restarts the group alone', INTERVAL_MS + 60_000, []],
    ['a clock set back by a year closes no window, and opens none', -365 * 24 * INTERVAL_MS, ['1: site']],
  ])('%s', async (_, laterMs, expected) => {
    using ground = await Ground.create();
    await failedTimes(ground, 'inline', 'shutdown', 2);
    await using opened = await openLater(ground, laterMs);
    await crash(opened.site);
    expect(opened.rungs).toEqual(expected);
    expect(badnessOf(opened.site, 1)).toBe(expected.length > 0 ? 2 : 1);
  });

  it('set back, what was yet to come counts no longer than its window from then on', async () => {
    using ground = await Ground.create();
    await failedTimes(ground, 'inline', 'shutdown', 2);
    const backMs = -10 * INTERVAL_MS;
    {
      await using opened = await openLater(ground, backMs);
      expect(badnessOf(opened.site, 1)).toBe(2);
    }
    await using opened = await openLater(ground, backMs + INTERVAL_MS + 60_000);
    await crash(opened.site);
    expect(opened.rungs).toEqual([]);
  });

  it('a cold start long ago is forgotten: the site is restarted again before the next one', async () => {
    using ground = await Ground.create();
    await failedTimes(ground, 'inline', 'shutdown', 4);
    await using opened = await openLater(ground, 2 * INTERVAL_MS + 60_000);
    for (let time = 0; time < 3; time += 1) await crash(opened.site);
    expect(opened.rungs).toEqual(['1: site']);
  });
});

it('a looser policy at the next opening lets a group go on that the earlier one would have stopped', async () => {
  using ground = await Ground.create();
  await failedTimes(ground, 'inline', 'shutdown', 2);
  await using opened = await openLater(ground, 0, { ...POLICY, maxBadness: 5 });
  await crash(opened.site);
  expect([opened.rungs, badnessOf(opened.site, 1)]).toEqual([[], 3]);
});

it('many reopenings in a row count against nobody', async () => {
  using ground = await Ground.create();
  await failedTimes(ground, 'inline', 'shutdown', 1);
  for (let time = 0; time < 8; time += 1) {
    await using opened = await openLater(ground, 0);
    await readyMember(opened.site, FAILING);
    expect([badnessOf(opened.site, 1), opened.rungs]).toEqual([1, []]);
  }
});
