// What the keeper decides when its site has died: row by row, and as properties over any series of deaths.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_KEEPER_POLICY,
  type Death,
  decideOnDeath,
  describeDeath,
  type KeeperPolicy,
  rememberDeath,
} from '#runtime/keeper/keeper-policy.js';

const SEGV: Death = { kind: 'killed', signal: 'SIGSEGV' };
const POLICY = DEFAULT_KEEPER_POLICY;

describe('each death after how many others', () => {
  it.each<[deathsBefore: number, maxDeaths: number, expected: object]>([
    [0, 5, { kind: 'start-again', delayMs: 0 }],
    [1, 5, { kind: 'start-again', delayMs: 100 }],
    [2, 5, { kind: 'start-again', delayMs: 200 }],
    [3, 5, { kind: 'start-again', delayMs: 400 }],
    [4, 5, { kind: 'start-again', delayMs: 800 }],
    [5, 5, { kind: 'stop', exitCode: 1 }],
    [6, 20, { kind: 'start-again', delayMs: 3200 }],
    [7, 20, { kind: 'start-again', delayMs: 5000 }],
    [19, 20, { kind: 'start-again', delayMs: 5000 }],
    [20, 20, { kind: 'stop', exitCode: 1 }],
    [1000, 10_000, { kind: 'start-again', delayMs: 5000 }],
    [0, 0, { kind: 'stop', exitCode: 1 }],
  ])('%i before, at most %i: %o', (deathsBefore, maxDeaths, expected) => {
    const history = Array.from({ length: deathsBefore }, () => 1000);
    expect(decideOnDeath(history, SEGV, 1000, { ...POLICY, maxDeaths })).toMatchObject(expected);
  });
});

describe('what is final', () => {
  it.each<[Death, number, string]>([
    [{ kind: 'exited', exitCode: 0 }, 0, 'the site was ended on purpose'],
    [{ kind: 'exited', exitCode: 3 }, 3, 'the site cannot be opened, and another start would not mend that'],
    [{ kind: 'unkillable' }, 1, 'the site was killed, but it does not end'],
  ])('%o stops at the first time', (death, exitCode, reason) => {
    expect(decideOnDeath([], death, 0, POLICY)).toEqual({ kind: 'stop', exitCode, reason });
  });

  it('too many deaths say how many, in what time, and the last one', () => {
    const reasonOf = (count: number, death: Death) =>
      decideOnDeath(Array(count).fill(0), death, 1, { ...POLICY, maxDeaths: count });
    expect(reasonOf(5, SEGV)).toMatchObject({
      reason: 'the site died 6 times within 60000 ms, last: killed by SIGSEGV',
    });
    expect(reasonOf(0, { kind: 'exited', exitCode: 1 })).toMatchObject({
      reason: 'the site died once within 60000 ms, last: exit code 1',
    });
  });
});

it.each<[Death, string]>([
  [{ kind: 'exited', exitCode: 1 }, 'exit code 1'],
  [SEGV, 'killed by SIGSEGV'],
  [{ kind: 'hung', limitMs: 10 }, 'hung, no sign of life for 10 ms'],
  [{ kind: 'not-ready', limitMs: 20 }, 'not open within 20 ms'],
  [{ kind: 'not-started', reason: 'spawn EAGAIN' }, 'could not be started: spawn EAGAIN'],
])('%o is told as %j', (death, text) => {
  expect(describeDeath(death)).toBe(text);
});

describe('the window', () => {
  const policy = { ...POLICY, maxDeaths: 2, intervalMs: 100 };

  it.each([
    ['trips exactly when one more comes within it', [0, 50], 99, 'stop'],
    ['has forgotten what is as old as it is long', [0, 50], 100, 'start-again'],
    ['has forgotten all after an interval without death', [0, 50], 150, 'start-again'],
  ])('%s', (_title, history, nowMs, kind) => {
    expect(decideOnDeath(history, SEGV, nowMs, policy).kind).toBe(kind);
  });

  it('after an interval without death the next start is at once', () => {
    expect(decideOnDeath([0, 50], SEGV, 150, policy)).toEqual({ kind: 'start-again', delayMs: 0 });
  });
});

describe('any series of deaths', () => {
  const deaths = fc.oneof<fc.Arbitrary<Death>[]>(
    fc.integer({ min: 0, max: 255 }).map((exitCode) => ({ kind: 'exited', exitCode })),
    fc.constantFrom('SIGKILL', 'SIGSEGV', 'SIGABRT').map((signal) => ({ kind: 'killed', signal })),
    fc.constantFrom<Death>({ kind: 'hung', limitMs: 1 }, { kind: 'not-ready', limitMs: 1 }),
    fc.constant<Death>({ kind: 'not-started', reason: 'EAGAIN' }),
  );
  const lives = fc.array(fc.tuple(deaths, fc.integer({ min: 0, max: 500 })), { maxLength: 60 });
  const policies: fc.Arbitrary<KeeperPolicy> = fc
    .record({ maxDeaths: fc.integer({ min: 0, max: 8 }), intervalMs: fc.integer({ min: 1, max: 2000 }) })
    .map((given) => ({ ...POLICY, ...given }));

  it('never starts more often within an interval than allowed, and never after a final one', () => {
    fc.assert(
      fc.property(lives, policies, (series, policy) => {
        const restartTimesMs: number[] = [];
        let history: readonly number[] = [];
        let nowMs = 0;
        for (const [death, livedMs] of series) {
          nowMs += livedMs;
          const decision = decideOnDeath(history, death, nowMs, policy);
          history = rememberDeath(history, nowMs, policy);
          expect(history.length).toBeLessThanOrEqual(policy.maxDeaths + 1);
          const isFinal = death.kind === 'exited' && [0, 3].includes(death.exitCode);
          if (decision.kind === 'stop') {
            expect(isFinal || history.length === policy.maxDeaths + 1).toBe(true);
            return;
          }
          expect(isFinal).toBe(false);
          restartTimesMs.push(nowMs);
          nowMs += decision.delayMs;
          const recent = restartTimesMs.filter(
            (timeMs) => (restartTimesMs.at(-1) ?? 0) - timeMs < policy.intervalMs,
          );
          expect(recent.length).toBeLessThanOrEqual(policy.maxDeaths);
        }
      }),
    );
  });

  it('a site that dies at every start is given up after maxDeaths + 1 starts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), deaths, (maxDeaths, death) => {
        // Long enough for all the delays together.
        const policy = { ...POLICY, maxDeaths, intervalMs: 60_000 };
        let history: readonly number[] = [];
        let nowMs = 0;
        for (let starts = 1; ; starts++) {
          const decision = decideOnDeath(history, death, nowMs, policy);
          history = rememberDeath(history, nowMs, policy);
          if (decision.kind === 'stop') {
            const isFinal = death.kind === 'exited' && [0, 3].includes(death.exitCode);
            expect(starts).toBe(isFinal ? 1 : maxDeaths + 1);
            return;
          }
          nowMs += decision.delayMs;
        }
      }),
    );
  });
});
