// A process that fails whenever it is started, under any policy and from any state: how many failures it takes to the top of the
// ladder, which rungs are on the way and in what order, and that a process that fails slowly enough never climbs. The bounds are
// reckoned from the policy alone.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Group, Policy } from '#runtime/controller/state.js';
import { anyHistory, anyPolicy, pastOf } from './any-history.js';
import {
  direct,
  fails,
  failsFutilely,
  failsUsefully,
  History,
  isReloaded,
  restartIsThrough,
  SHORT_LADDER,
} from './history.js';

type Rung = 'roll-back' | 'group' | 'site' | 'cold' | 'quarantine' | 'none';

/** A member that fails at each start, and the generations of it that are kept, newest first; 0 is always kept. */
class FailingMember {
  readonly #history: History;
  readonly #group: number;
  readonly #name: string;
  #kept: number[];

  constructor(history: History, group: number, name: string, kept: readonly number[]) {
    this.#history = history;
    this.#group = group;
    this.#name = name;
    this.#kept = [...kept, 0];
  }

  get generation(): number {
    return this.#kept[0] ?? 0;
  }

  /** It fails, and comes back as far as it does; `prompt`: before it fails again, its restart is through. */
  fail(nowMs: number, prompt = true): Rung {
    const { actions } = this.#history.put(failsFutilely(this.#name, this.generation, this.#group), nowMs);
    const has = (kind: string) => actions.some((action) => action.kind === kind);
    const escalated = actions.find((action) => action.kind === 'report-escalated');
    if (has('roll-back')) this.#kept.shift();
    if (has('reload')) this.#kept = [0];
    if (prompt) {
      if (has('confirm-reloaded')) this.#history.put(isReloaded(this.#group), nowMs);
      this.#history.put(restartIsThrough(this.#group), nowMs);
    }
    if (has('roll-back')) return 'roll-back';
    if (escalated !== undefined) return escalated.rung;
    return has('report-restarted') ? 'group' : 'none';
  }
}

/** Generations newest first, none twice and none of them 0. */
const anyKept = fc
  .uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: 5 })
  .map((kept) => kept.sort((a, b) => b - a));

/** Failures it takes to give up one poisoned generation, at most; exactly so many when nothing else is in the window. */
function failuresOfGeneration({ maxBadness, maxFutileFailures }: Policy): number {
  return Math.max(1, Math.min(maxFutileFailures, maxBadness + 1));
}

/** More failures than this one after another no group survives that may be quarantined. */
function mostFailures(policy: Policy, keptGenerations: number): number {
  const beforeTheLadder = keptGenerations * failuresOfGeneration(policy) + policy.maxBadness;
  const siteRestarts = policy.rungs.site ? policy.maxSiteRestarts : 0;
  const cold = policy.rungs.cold ? 1 + policy.maxBadness : 0;
  const quarantine = 1;
  return beforeTheLadder + siteRestarts + cold + quarantine;
}

const count = (rungs: readonly Rung[], rung: Rung) => rungs.filter((each) => each === rung).length;
const ORDER: readonly Rung[] = ['roll-back', 'site', 'cold', 'quarantine'];

function expectInOrder(rungs: readonly Rung[]): void {
  const ranks = rungs.filter((rung) => ORDER.includes(rung)).map((rung) => ORDER.indexOf(rung));
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
}

/** Of some group a direct member that runs: such a one is started again whenever its group is. */
function victimOf(
  groups: ReadonlyMap<number, Group>,
): { readonly group: number; readonly name: string } | null {
  for (const { id, members } of groups.values()) {
    const victim = members.find(({ kind, status }) => kind === 'direct' && status === 'running');
    if (victim !== undefined) return { group: id, name: victim.name };
  }
  return null;
}

test('from any state: quarantined within the bound, rung by rung, or restarted for ever where that is switched off', () => {
  let climbed = 0;
  fc.assert(
    fc.property(
      anyPolicy,
      anyHistory,
      anyKept,
      fc.boolean(),
      fc.boolean(),
      (policy, events, kept, prompt, slowly) => {
        const { history, nowMs } = pastOf(policy, events);
        const victim = victimOf(history.state.groups);
        if (victim === null) return;
        const bound = mostFailures(policy, kept.length);
        // All of it within one window.
        const gapMs = slowly ? policy.intervalMs / (bound + 1) : 0;
        const member = new FailingMember(history, victim.group, victim.name, kept);
        const rungs: Rung[] = [];
        for (let failure = 0; failure < bound; failure += 1) {
          rungs.push(member.fail(nowMs + failure * gapMs, prompt));
          if (rungs.at(-1) === 'quarantine') break;
        }
        expect(rungs).not.toContain('none');
        // What had happened before may have left no room for a second futile failure of the first generation.
        expectInOrder(rungs.slice(1));
        for (const rung of ['site', 'cold', 'quarantine'] as const)
          if (!policy.rungs[rung]) expect(rungs).not.toContain(rung);
        if (!policy.rungs.rollback) expect(rungs).not.toContain('roll-back');
        expect(rungs.at(-1) === 'quarantine').toBe(policy.rungs.quarantine);
        climbed += 1;
      },
    ),
    { numRuns: 1500 },
  );
  expect(climbed).toBeGreaterThan(100);
});

test('from the start: every kept generation is tried, then every rung that is switched on, as often as allowed', () => {
  fc.assert(
    fc.property(anyPolicy, anyKept, (policy, kept) => {
      const history = new History(policy);
      history.put(direct('a'));
      const member = new FailingMember(history, 1, 'a', kept);
      const rungs = Array.from({ length: mostFailures(policy, kept.length) + 5 }, (_, failure) =>
        member.fail(failure / 100),
      );
      const { rollback, site, cold, quarantine } = policy.rungs;
      expect(count(rungs, 'roll-back')).toBe(rollback ? kept.length : 0);
      expect(count(rungs, 'site')).toBe(site ? policy.maxSiteRestarts : 0);
      expect(count(rungs, 'cold')).toBe(cold ? 1 : 0);
      expect(count(rungs, 'quarantine')).toBe(quarantine ? 1 : 0);
      const toGeneration0 = rollback ? kept.length * failuresOfGeneration(policy) : 0;
      const groupRestarts = toGeneration0 - count(rungs, 'roll-back') + policy.maxBadness * (cold ? 2 : 1);
      if (quarantine) expect(count(rungs, 'group')).toBe(groupRestarts);
      const climbed = rungs.findIndex((rung) => ['site', 'cold', 'quarantine'].includes(rung));
      const climbs = (site && policy.maxSiteRestarts > 0) || cold || quarantine;
      expect(climbed).toBe(climbs ? toGeneration0 + policy.maxBadness : -1);
      expect(climbed).toBeLessThan((kept.length + 1) * (policy.maxBadness + 1));
      expectInOrder(rungs);
      // A poisoned generation never takes the group up the ladder: by then the process starts from generation 0.
      if (rollback) expect(member.generation).toBe(0);
    }),
    { numRuns: 500 },
  );
});

test('whoever makes its poisoned generation anew after every roll-back climbs all the same', () => {
  const climbing = anyPolicy.filter(({ rungs }) => rungs.rollback && rungs.quarantine);
  fc.assert(
    fc.property(climbing, fc.integer({ min: 1, max: 9 }), (policy, generation) => {
      const history = new History(policy);
      history.put(direct('a'));
      // Each time round there is one useful failure more that is not forgotten; then each goes up a rung.
      const series = (policy.maxBadness + 1) * (policy.maxBadness + 2);
      const bound = 2 * series + 3 * (policy.maxSiteRestarts + 2);
      let poisoned = false;
      const rungs: (string | undefined)[] = [];
      for (let failure = 0; failure < bound && rungs.at(-1) !== 'quarantine'; failure += 1) {
        const event = poisoned ? failsFutilely('a', generation) : failsUsefully('a', generation);
        const { actions } = history.put(event, failure / 100);
        for (const end of [isReloaded(), restartIsThrough()]) history.put(end, failure / 100);
        rungs.push(actions.flatMap((action) => (action.kind === 'report-escalated' ? [action.rung] : []))[0]);
        const givenUp = actions.some(({ kind }) => kind === 'roll-back' || kind === 'reload');
        poisoned = !givenUp;
      }
      expect(rungs.at(-1)).toBe('quarantine');
    }),
    { numRuns: 300 },
  );
});

test('failures of runs that did something useful climb at the same pace, and lose no generation', () => {
  fc.assert(
    fc.property(anyPolicy, fc.integer({ min: 1, max: 9 }), (policy, generation) => {
      const told = (event: ReturnType<typeof fails>) => {
        const history = new History(policy);
        history.put(direct('a'));
        return Array.from({ length: mostFailures(policy, 0) + 2 }, (_, failure) =>
          history.tell(event, failure / 100),
        );
      };
      expect(told(failsUsefully('a', generation))).toEqual(told(fails('a')));
    }),
  );
});

test('whoever fails no more often than the window allows never climbs, whether rolled back or not', () => {
  const allowed = fc.integer({ min: 1, max: 4 });
  const excessesMs = fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(allowed, excessesMs, anyKept, (maxBadness, excesses, kept) => {
      const policy = { ...SHORT_LADDER, maxBadness };
      const history = new History(policy);
      history.put(direct('a'));
      const member = new FailingMember(history, 1, 'a', kept);
      let nowMs = 0;
      for (const excessMs of excesses) {
        nowMs += policy.intervalMs / maxBadness + excessMs;
        expect(['group', 'roll-back']).toContain(member.fail(nowMs));
      }
      expect(history.state.groups.get(1)?.siteRestartTimesMs).toEqual([]);
    }),
  );
});
