// The same-result oracle on any sequence of calls: a counter that checkpoints and fails wherever chance puts it answers as one does
// that was only ever asked the calls that counted. A failure prints its seed and the shortest sequence that shows it.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAUSE_TRAP } from '#abi/hr.js';
import type { Process } from '#runtime/index.js';
import { faultOf, MATRIX, SiteUnderTest } from '#test/support/scenario.js';

const SUBJECT_GROUP = 1;
const REFERENCE_GROUP = 2;

type Step =
  | { readonly kind: 'increment' }
  | { readonly kind: 'add'; readonly amount: number }
  | { readonly kind: 'talk'; readonly words: readonly string[] }
  | { readonly kind: 'checkpoint'; readonly by: 'host' | 'guest' }
  | { readonly kind: 'crash' };

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'increment' }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), amount: fc.integer() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('talk' as const),
        words: fc.array(fc.string(), { maxLength: 40 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('checkpoint' as const),
        by: fc.constantFrom('host' as const, 'guest' as const),
      }),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'crash' }) },
  ),
  { minLength: 1, maxLength: 25 },
);

/** The steps whose effects are there at the end: what came after the last image is gone with every crash. */
function stepsThatCount(all: readonly Step[]): readonly Step[] {
  let kept: readonly Step[] = [];
  let current: readonly Step[] = [];
  for (const step of all) {
    if (step.kind === 'checkpoint') kept = current;
    else if (step.kind === 'crash') current = kept;
    else current = [...current, step];
  }
  return current;
}

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  let fixture: SiteUnderTest;

  beforeAll(async () => {
    fixture = await SiteUnderTest.open({ backend });
  });

  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  async function perform(process: Process, step: Step): Promise<unknown> {
    switch (step.kind) {
      case 'increment':
        return process.call('increment');
      case 'add':
        return process.call('add', [step.amount]);
      case 'talk':
        return process.call('joined', [step.words], { returns: 'string' });
      case 'checkpoint':
        return step.by === 'host' ? process.checkpoint() : process.call('checkpoint');
      case 'crash': {
        const { pid } = process;
        expect(await faultOf(process.call('crash'))).toMatchObject({ kind: 'trap', message: 'unreachable' });
        return fixture.backSince(process, pid);
      }
    }
  }

  async function observe(process: Process): Promise<unknown> {
    return {
      value: await process.call('value'),
      history: await process.call('history', [], { returns: 'string' }),
      next: await process.call('add', [17]),
    };
  }

  it.each(['in-place', 'fresh'] as const)('restored %s', async (restore) => {
    const { site } = fixture;
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const options = { placement, restore, args: ['-3'] };
        const subject = await site.arun('counter.wasm', { ...options, group: SUBJECT_GROUP });
        const reference = await site.arun('counter.wasm', { ...options, group: REFERENCE_GROUP });
        let checkpoints = 0;
        for (const step of all) {
          const result = await perform(subject, step);
          if (step.kind !== 'checkpoint') continue;
          checkpoints += 1;
          expect(result).toBe(checkpoints);
        }
        expect(subject.generation).toBe(checkpoints);
        for (const step of stepsThatCount(all)) await perform(reference, step);
        expect(await observe(subject)).toEqual(await observe(reference));
        // A restart from a checkpoint is told to the guest; one from generation 0 is not, for it starts anew.
        const restartedFromCheckpoint =
          all.findLastIndex(({ kind }) => kind === 'crash') > firstCheckpoint(all);
        expect(await subject.call('lastCause')).toBe(restartedFromCheckpoint ? CAUSE_TRAP : -1);
        await site.killGroup(SUBJECT_GROUP);
        await site.killGroup(REFERENCE_GROUP);
        expect(site.report().blocks).toEqual([]);
      }),
      { numRuns: placement === 'inline' ? 40 : 8, seed: 20_260_103 },
    );
    expect(fixture.log.mishaps).toEqual([]);
  });
});

function firstCheckpoint(all: readonly Step[]): number {
  const position = all.findIndex(({ kind }) => kind === 'checkpoint');
  return position < 0 ? all.length : position;
}
