// The same-result oracle: init, call, image, fault, restore, call gives what init, call, call gives - the same results, memory,
// globals, tables and dropped segments - for every sample guest, wherever it runs and however it is restored. A run that was restored is
// compared with one without a fault; where chance is at work, a second one without a fault tells what that makes of any two runs.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAUSE_TRAP, EXPORT_COMMAND_ENTRY, EXPORT_RESTARTED } from '#abi/hr.js';
import type { Process, ReturnValue } from '#runtime/index.js';
import { imageDifferences, ObservedSite, type SeenImage } from '#test/support/image-observer.js';
import { compiledGuest, faultOf, MATRIX, SAMPLE_GUESTS } from '#test/support/scenario.js';
import { type GuestCall, SUBJECTS, type Subject } from './oracle-subjects.js';

const GROUP = 6;
/** Go's own runtime decides by time and chance what lies where: no two runs of it have the same memory. */
const NEVER_THE_SAME = ['visits-go.wasm'];

interface Outcome {
  readonly results: readonly ReturnValue[];
  readonly image: SeenImage;
}

/** What each side of a comparison does between its start and the calls that are compared. */
type Preparation = (process: Process) => Promise<void>;

it('has a subject for every sample guest that is called by the host', () => {
  const reactors = readdirSync(SAMPLE_GUESTS)
    .filter((file) => file.endsWith('.wasm') && !exportsOf(file).includes(EXPORT_COMMAND_ENTRY))
    .sort();
  const subjects = SUBJECTS.map(({ path }) => path);
  expect([...new Set([...subjects, ...NEVER_THE_SAME])].sort()).toEqual(reactors);
});

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  describe.each(['in-place', 'fresh'] as const)('restored %s', (restore) => {
    let observed: ObservedSite;

    beforeAll(async () => {
      observed = await ObservedSite.open({ backend });
    });

    afterAll(async () => {
      await observed[Symbol.asyncDispose]();
    });

    async function run({ path, options, after }: Subject, prepare: Preparation): Promise<Outcome> {
      const { site, log } = observed.fixture;
      const process = await site.arun(path, { ...options, group: GROUP, placement, restore });
      await prepare(process);
      const results = await callAll(process, after);
      const image = await observed.checkpoint(process);
      await site.killGroup(GROUP);
      expect(log.mishaps).toEqual([]);
      return { results, image };
    }

    async function fail({ fault }: Subject, process: Process): Promise<void> {
      const { pid } = process;
      if (fault === null) await observed.fixture.site.akill(pid);
      else await faultOf(process.call(fault.name, fault.args));
      await observed.fixture.backSince(process, pid);
    }

    /** What any two runs without a fault differ in: asked for only where there is said to be something. */
    async function chanceIn(
      subject: Subject,
      reference: Preparation,
      expected: Outcome,
    ): Promise<readonly string[]> {
      if (subject.varying === undefined) return [];
      const control = await run(subject, reference);
      expect(control.results).toEqual(expected.results);
      const chance = imageDifferences(control.image, expected.image);
      expect(chance.length).toBeLessThanOrEqual(subject.varying);
      return chance;
    }

    async function expectSame(
      subject: Subject,
      reference: Preparation,
      restored: Preparation,
    ): Promise<void> {
      const expected = await run(subject, reference);
      const chance = await chanceIn(subject, reference, expected);
      const actual = await run(subject, restored);
      expect(actual.results).toEqual(expected.results);
      const differences = imageDifferences(actual.image, expected.image);
      expect(differences.filter((each) => !chance.includes(each))).toEqual([]);
    }

    const title = ({ path, fault }: Subject): string => `${path}, ${fault?.name ?? 'killed'}`;

    it.each(SUBJECTS.map((subject) => [title(subject), subject] as const))('%s', async (_, subject) => {
      const { before, undone } = subject;
      const reference: Preparation = async (process) => {
        await callAll(process, before);
        // What the host does after a restore to a checkpoint, done by hand: all else must be the same.
        if (exportsOf(subject.path).includes(EXPORT_RESTARTED))
          await process.call(EXPORT_RESTARTED, [CAUSE_TRAP]);
      };
      await expectSame(subject, reference, async (process) => {
        await callAll(process, before);
        expect(await process.checkpoint()).toBe(1);
        await callAll(process, undone);
        await fail(subject, process);
        expect(process.generation).toBe(1);
      });
    });

    it.each(SUBJECTS.map((subject) => [title(subject), subject] as const))(
      '%s, from generation 0',
      async (_, subject) => {
        const nothing: Preparation = async () => undefined;
        await expectSame(subject, nothing, async (process) => {
          await callAll(process, [...subject.before, ...subject.undone]);
          await fail(subject, process);
          expect(process.generation).toBe(0);
        });
      },
    );
  });
});

async function callAll(process: Process, calls: readonly GuestCall[]): Promise<ReturnValue[]> {
  const results: ReturnValue[] = [];
  for (const { name, args = [], returns = 'value' } of calls)
    results.push(await process.call(name, args, { returns }));
  return results;
}

function exportsOf(path: string): readonly string[] {
  return WebAssembly.Module.exports(compiledGuest(path)).map(({ name }) => name);
}
