// Poisoned checkpoints, with real guests: whoever can only fail from its newest generations goes back to a sound one, and nobody else
// pays for it. What a poisoned guest does is in its memory alone; the host must find its way without being told.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSite, type Process, type Site, type SiteOptions } from '#runtime/index.js';
import { faultOf, inTime, MATRIX, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const LONG_MS = 3_600_000;
/** All failures of a test are in one window, however slow the machine is. */
const POLICY: NonNullable<SiteOptions['policy']> = {
  maxBadness: 3,
  intervalMs: LONG_MS,
  maxSiteRestarts: 1,
  siteIntervalMs: LONG_MS,
};
const LIMITS: NonNullable<SiteOptions['limits']> = { maxGenerations: 3 };
const GUEST = 'poisonable.wasm';

let stableStorage: string;
let banks: string;

beforeAll(async () => {
  stableStorage = TEST_GUESTS;
  banks = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-rollback-'));
});

afterAll(() => rmSync(banks, { recursive: true }));

/** A site, and what it told of roll-backs and of the ladder, in order. Shut down by `await using`. */
class RollBackSite implements AsyncDisposable {
  readonly site: Site;
  readonly told: readonly string[];

  private constructor(site: Site, told: string[]) {
    this.site = site;
    this.told = told;
  }

  static async open(options: Partial<SiteOptions>): Promise<RollBackSite> {
    const told: string[] = [];
    const site = await openSite({
      stableStorage,
      policy: POLICY,
      limits: LIMITS,
      listeners: {
        rolledBack: ({ group, process, from, to }) =>
          told.push(`${group}: ${process.name} from ${from} to ${to}`),
        escalated: ({ group, rung }) => told.push(`${group}: ${rung}`),
        quarantined: ({ group }) => told.push(`${group}: quarantined`),
      },
      ...options,
    });
    return new RollBackSite(site, told);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await inTime('shutdown', this.site.shutdown());
  }
}

/** Serves twice and makes `sound` checkpoints, then is poisoned and makes `poisoned` ones. */
async function makeCheckpoints(process: Process, sound: number, poisoned: number): Promise<void> {
  for (const expected of [1, 2]) expect(await process.call('serve')).toBe(expected);
  for (let made = 0; made < sound; made += 1) await process.checkpoint();
  await process.call('poison');
  for (let made = 0; made < poisoned; made += 1) await process.checkpoint();
}

/** It fails once; what follows from that goes on by itself until it can be called. */
async function failAndComeBack(process: Process, exportName = 'serve'): Promise<void> {
  const { pid } = process;
  expect(await faultOf(process.call(exportName))).toMatchObject({ kind: 'trap', message: 'unreachable' });
  await until(`${process.name} is back`, () => process.pid !== pid && process.state === 'ready');
}

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  const start = (site: Site, group: number) => inTime('a start', site.arun(GUEST, { placement, group }));
  const startReady = async (site: Site, group: number) => {
    const process = await start(site, group);
    await process.ready();
    return process;
  };

  it('goes back one generation at a time to the sound one, and serves; its mate serves too', async () => {
    await using opened = await RollBackSite.open({ backend });
    const { site, told } = opened;
    const [process, mate] = [await startReady(site, 1), await startReady(site, 1)];
    await makeCheckpoints(mate, 1, 0);
    await makeCheckpoints(process, 1, 2);
    await failAndComeBack(process);
    expect(told).toEqual([`1: ${process.name} from 3 to 2`, `1: ${process.name} from 2 to 1`]);
    expect(await process.call('serve')).toBe(3);
    await mate.ready();
    expect(await mate.call('serve')).toBe(3);
    expect(await process.checkpoint()).toBe(2);
    await failAndComeBack(process, 'fail');
    expect(await process.call('serve')).toBe(4);
    expect(told).toHaveLength(2);
  });

  it('goes back to generation 0 when all the others are poisoned', async () => {
    await using opened = await RollBackSite.open({ backend });
    const process = await startReady(opened.site, 1);
    await makeCheckpoints(process, 0, 2);
    await failAndComeBack(process);
    expect(opened.told).toEqual([`1: ${process.name} from 2 to 1`, `1: ${process.name} from 1 to 0`]);
    expect(await process.call('serve')).toBe(1);
  });

  it('loses no checkpoint to bad requests, as long as the ladder is not reached', async () => {
    await using opened = await RollBackSite.open({ backend });
    const process = await startReady(opened.site, 1);
    await makeCheckpoints(process, 1, 0);
    for (let request = 0; request < 3; request += 1) await failAndComeBack(process, 'fail');
    expect(opened.told).toEqual([]);
    expect(await process.call('serve')).toBe(3);
  });

  it('is rolled back at once where the policy says so', async () => {
    await using opened = await RollBackSite.open({ backend, policy: { ...POLICY, maxFutileFailures: 1 } });
    const process = await startReady(opened.site, 1);
    const faults: number[] = [];
    opened.site.on('fault', ({ fault }) => faults.push(fault.generation));
    await makeCheckpoints(process, 1, 2);
    await failAndComeBack(process);
    expect(faults).toEqual([3, 3, 2]);
    expect(await process.call('serve')).toBe(3);
  });

  it('climbs the ladder instead where rolling back is switched off', async () => {
    await using opened = await RollBackSite.open({
      backend,
      policy: { ...POLICY, rungs: { rollback: false } },
    });
    const process = await startReady(opened.site, 1);
    await makeCheckpoints(process, 1, 2);
    await failAndComeBack(process);
    expect(opened.told).toEqual(['1: site', '1: cold']);
    expect(await process.call('serve')).toBe(1);
  });

  it('a poisoned process disturbs no other group: every call of it is answered', async () => {
    await using opened = await RollBackSite.open({ backend });
    const { site, told } = opened;
    const [process, other] = [await startReady(site, 1), await startReady(site, 2)];
    await makeCheckpoints(process, 0, 3);
    const { pid } = other;
    let isBack = false;
    const back = failAndComeBack(process).finally(() => {
      isBack = true;
    });
    let answered = 0;
    while (!isBack) {
      answered += 1;
      expect(await inTime('an answer', other.call('serve'))).toBe(answered);
      // Inline, a call that is answered has not let anything else happen.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await back;
    expect(told.map((each) => each.replace(process.name, 'it'))).toEqual([
      '1: it from 3 to 2',
      '1: it from 2 to 1',
      '1: it from 1 to 0',
    ]);
    expect(other.pid).toBe(pid);
    expect(await other.call('serve')).toBe(answered + 1);
  });

  it('a site that comes back to a poisoned newest generation does the same', async () => {
    const bank = join(banks, `${backend}-${placement}`);
    const names: string[] = [];
    {
      await using before = await RollBackSite.open({ backend, bank });
      const [process, mate] = [await startReady(before.site, 1), await startReady(before.site, 1)];
      names.push(process.name, mate.name);
      await makeCheckpoints(process, 1, 2);
      expect(before.told).toEqual([]);
    }
    await using after = await RollBackSite.open({ backend, bank });
    const [process, mate] = names.map((name) => after.site.process(name));
    if (process == null || mate == null) throw new Error('a process has not come back');
    await until('it is back', () => process.state === 'ready' && mate.state === 'ready');
    expect(after.told).toEqual([`1: ${process.name} from 3 to 2`, `1: ${process.name} from 2 to 1`]);
    expect(await process.call('serve')).toBe(3);
    expect(await mate.call('serve')).toBe(1);
    expect(after.site.report().groups.map(({ phase }) => phase)).toEqual(['live']);
    expect(await process.checkpoint()).toBe(2);
  });
});
