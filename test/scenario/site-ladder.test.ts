// A group that traps at every start walks the whole ladder, rung by rung, from its restart to quarantine, with the counts of the default
// policy, while another group answers every call; and it is in quarantine still when the site has come back from its bank.
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, type Process, RekindleError, type Site } from '#runtime/index.js';
import { type Backend, inTime, MATRIX, type PlacementName, until } from '#test/support/scenario.js';
import { Ground, MEMBER, number, readyMember } from './reopen-kit.js';

const LONG_MS = 3_600_000;
/** No window closes while the ladder is climbed, however slow the machine is; the counts are the default ones. */
const POLICY = { intervalMs: LONG_MS, siteIntervalMs: LONG_MS };
const FAILING = 1;
const SERVING = 2;
const { maxBadness, maxSiteRestarts } = DEFAULT_POLICY;

const FAULT = 'fault';
const groupRestarts = (): string[] =>
  Array.from({ length: maxBadness }, () => [FAULT, 'restarted: group']).flat();
/** Of the failing group, from its first start on: what the default counts call for, and nothing else. */
const WHOLE_LADDER: readonly string[] = [
  ...groupRestarts(),
  ...Array.from({ length: maxSiteRestarts }, () => [FAULT, 'escalated: site', 'restarted: site']).flat(),
  FAULT,
  'escalated: cold',
  'restarted: cold',
  ...groupRestarts(),
  FAULT,
  'escalated: quarantine',
  'quarantined',
];

/** An inline guest fails on the stack of its own launch: its group is on to the next restart before this one could be told of. */
const expectedOf = (placement: PlacementName): readonly string[] =>
  placement === 'thread' ? WHOLE_LADDER : WHOLE_LADDER.filter((told) => !told.startsWith('restarted'));

/** What is told of the failing group, and of the site as a whole, in order. */
class LadderLog {
  readonly rungs: string[] = [];
  readonly reasons: string[] = [];
  readonly others: string[] = [];
  siteRestarts = 0;

  constructor(site: Site) {
    const log = (group: number | null, text: string): void => {
      (group === FAILING ? this.rungs : this.others).push(text);
    };
    site.on('fault', ({ process }) => log(process.group, FAULT));
    site.on('restarted', ({ group, rung }) => log(group, `restarted: ${rung}`));
    site.on('rolledBack', ({ group }) => log(group, 'rolled back'));
    site.on('escalated', ({ group, rung, reason }) => {
      log(group, `escalated: ${rung}`);
      this.reasons.push(reason);
    });
    site.on('quarantined', ({ group, reason }) => {
      log(group, 'quarantined');
      this.reasons.push(reason);
    });
    site.on('blocked', ({ group }) => log(group, 'blocked'));
    site.on('siteRestarted', () => {
      this.siteRestarts += 1;
    });
  }
}

/** Calls without pause until it is told to stop; a call that meets a restart is made again when the process is ready. */
class Caller {
  answered = 0;
  /** What calls got that were not answered. */
  readonly refusals: string[] = [];
  #stopping = false;
  readonly #done: Promise<void>;

  constructor(process: Process) {
    this.#done = this.#call(process);
    this.#done.catch(() => undefined);
  }

  async #call(process: Process): Promise<void> {
    while (!this.#stopping) {
      try {
        await inTime('a call of the serving group', process.call('count'));
        this.answered += 1;
      } catch (error) {
        if (!(error instanceof RekindleError)) throw error;
        this.refusals.push(error.code);
        await process.ready();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }
}

async function climb(ground: Ground, backend: Backend, placement: PlacementName): Promise<void> {
  await using fixture = await ground.open({ backend, policy: POLICY });
  const { site } = fixture;
  const log = new LadderLog(site);
  const serving = await site.arun(MEMBER, { group: SERVING, placement });
  await serving.ready();
  await number(serving, 'allocate', 'SERVED', 8, 'of serving');
  await serving.call('put', ['SERVED', 77]);
  const caller = new Caller(serving);
  const failing = await site.arun(MEMBER, { group: FAILING, placement, args: ['trap-at-start'] });
  await until('it is in quarantine', () => log.rungs.includes('quarantined'));
  const answeredThen = caller.answered;
  await until('calls are answered after that', () => caller.answered >= answeredThen + 20);
  await caller.stop();

  expect(log.rungs).toEqual(expectedOf(placement));
  expect(log.reasons).toHaveLength(maxSiteRestarts + 3);
  for (const reason of log.reasons) expect(reason).toContain(`${failing.name}: trap: unreachable`);
  // A site restart that the next one overtakes ends with that one.
  expect(log.siteRestarts).toBeGreaterThanOrEqual(1);
  expect(log.siteRestarts).toBeLessThanOrEqual(maxSiteRestarts);
  expect(log.others.length).toBeGreaterThanOrEqual(log.siteRestarts);
  expect(log.others.filter((told) => told !== 'restarted: site')).toEqual([]);
  expect(caller.refusals.filter((code) => !/^PROCESS_RESTART(ED|ING)$/.test(code))).toEqual([]);
  expect(caller.refusals.length).toBeLessThanOrEqual(2 * maxSiteRestarts);
  expect(failing.state).toBe('stopped');
  expect(
    site
      .report()
      .groups.map(({ group, phase }) => `${group}: ${phase}`)
      .sort(),
  ).toEqual(['1: quarantined', '2: live']);
}

describe.each(MATRIX)('the ladder: $backend, $placement', ({ backend, placement }) => {
  it('is walked to its top by a group that traps at start, and remembered; the other group serves', async () => {
    using ground = await Ground.create();
    await climb(ground, backend, placement);

    await using fixture = await ground.open({ backend, policy: POLICY });
    const { site } = fixture;
    const log = new LadderLog(site);
    const serving = await readyMember(site, 'survivor#1');
    expect(await number(serving, 'count')).toBe(1);
    expect(site.pmm.read('SERVED')?.[0]).toBe(77);
    const row = site.report().groups.find(({ group }) => group === FAILING);
    expect([row?.phase, row?.members]).toEqual(['quarantined', [{ name: 'survivor#2', status: 'stopped' }]]);
    expect(row?.reason).toMatch(/^restarted 5 times within 3600000 ms, last: survivor#2: trap: unreachable$/);
    const call = site.process('survivor#2')?.call('count');
    await expect(call).rejects.toMatchObject({ code: 'GROUP_QUARANTINED' });
    await site.restart();
    expect(log.rungs).toEqual([]);

    // Released, it has a clean record: its first failures restart the group alone.
    await site.releaseGroup(FAILING);
    await until('it fails again', () => log.rungs.includes('quarantined'));
    const firstFaults = log.rungs.filter((told) => told !== 'restarted: group').slice(0, maxBadness + 1);
    // The release itself is a restart that counts.
    expect(firstFaults).toEqual([...Array.from({ length: maxBadness }, () => FAULT), 'escalated: site']);
    await readyMember(site, 'survivor#1');
  });
});
