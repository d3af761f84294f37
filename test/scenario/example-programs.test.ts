// The two example programs of the reference (section 6), in AssemblyScript and in C: their output is exact and the same, wherever they
// run, however often they crash, and whoever kills them meanwhile. The moments of the kills are chosen by a seed, which a failure prints.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Process } from '#runtime/index.js';
import {
  DIAGONAL,
  inTime,
  MATRIX,
  type PlacementName,
  SiteUnderTest,
  until,
} from '#test/support/scenario.js';

const THREADS = MATRIX.filter(({ placement }) => placement === 'thread');
/** What the file names of the programs end in, by the language they are written in. */
const SUFFIXES = { AssemblyScript: '.wasm', C: '-c.wasm' } as const;
type Language = keyof typeof SUFFIXES;
const LANGUAGES = Object.keys(SUFFIXES) as Language[];
/** What differs from row to row is the host's; a second language is to be seen with either backend and with either placement. */
const inEachLanguage = <Row extends object>(rows: readonly Row[]) =>
  rows.flatMap((row) =>
    LANGUAGES.filter(
      (language) => language === 'AssemblyScript' || DIAGONAL.some((each) => each === row),
    ).map((language) => ({ ...row, language })),
  );
const RESTORES = ['in-place', 'fresh'] as const;
const HELLO = 'Hello world!\nHello again! I have been restarted.\n';
const MESSAGE = [
  '=========== Message ===========',
  ' STEP 1  STEP 2  STEP 3  STEP 4 ',
  '======== End of message========',
  '',
].join('\n');

/** Ends the scenario: the program ended cleanly and its group left nothing behind. */
async function expectGone(fixture: SiteUnderTest, process: Process): Promise<void> {
  expect(await inTime(`the end of ${process.name}`, process.exited)).toEqual({ kind: 'exit', status: 0 });
  await until('the group is gone', () => fixture.site.report().groups.length === 0);
  const { processes, blocks } = fixture.site.report();
  expect({ processes, blocks }).toEqual({ processes: [], blocks: [] });
  expect(fixture.log.mishaps).toEqual([]);
}

describe.each(inEachLanguage(MATRIX))(
  '$backend, $placement, $language',
  ({ backend, placement, language }) => {
    // How an instance is put back does not depend on what made the program.
    const restores = language === 'C' ? (['in-place'] as const) : RESTORES;
    describe.each(restores)('restored %s', (restore) => {
      it('hello-restart greets twice', async () => {
        await using fixture = await SiteUnderTest.open({ backend });
        const process = await fixture.site.arun(`hello-restart${SUFFIXES[language]}`, {
          group: 3,
          placement,
          restore,
        });
        await expectGone(fixture, process);
        expect(fixture.output).toBe(HELLO);
        expect(fixture.log.faults).toMatchObject([
          {
            name: process.name,
            fault: { kind: 'trap', message: 'memory access out of bounds', generation: 0 },
          },
        ]);
        expect(fixture.log.restarts).toHaveLength(1);
      });

      // Each crash takes two threads down and up again: more of them where nothing else is the same already.
      const counts = language === 'AssemblyScript' && restore === 'in-place' ? [0, 1, 8] : [3];
      it.each(counts)('restart-spawn prints its message once after %i crashes', async (crashes) => {
        await using fixture = await SiteUnderTest.open({ backend });
        const process = await startParent(fixture, { language, crashes, placement, restore });
        await expectGone(fixture, process);
        expect(fixture.output).toBe(MESSAGE);
        expect(fixture.log.faults.map(({ name, fault }) => [name, fault.message])).toEqual(
          Array.from({ length: crashes }, () => [process.name, 'unreachable']),
        );
        expect(fixture.log.ends.map(({ name, end }) => [name, end])).toContainEqual([
          'HR_child',
          { kind: 'exit', status: 0 },
        ]);
      });
    });
  },
);

describe.each(inEachLanguage(THREADS))('$backend, thread, $language', (row) => {
  const { backend, placement, language } = row;

  it('the child goes on at its checkpoint, not at its beginning', async () => {
    await using fixture = await SiteUnderTest.open({ backend });
    const seen: number[] = [];
    fixture.site.on('restarted', () => seen.push(childCheckpoint(fixture)));
    const process = await startParent(fixture, {
      language,
      crashes: 6,
      placement,
      patienceMs: 5_000,
      stepMs: 20,
    });
    await expectGone(fixture, process);
    // The parent crashes whenever the child has gone at least one step further, until only the last step is left.
    expect(seen).toHaveLength(6);
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen).toEqual([...seen].sort());
    expect(seen.at(-1)).toBe(3);
    expect(fixture.output).toBe(MESSAGE);
  });

  // Inline, a command is never found running: there is nothing to kill.
  it('kills at any moment change nothing about the message', async () => {
    const kill = fc.record({ victim: fc.constantFrom('parent', 'child'), afterPolls: fc.nat({ max: 30 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(kill, { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 3 }),
        async (kills, crashes) => {
          await using fixture = await SiteUnderTest.open({ backend });
          const process = await startParent(fixture, { language, crashes, placement, patienceMs: 500 });
          for (const { victim, afterPolls } of kills) {
            let polls = 0;
            await until('the next kill', () => polls++ >= afterPolls);
            await killUnlessPrinting(fixture, process, victim);
          }
          await expectGone(fixture, process);
          expect(fixture.output).toBe(MESSAGE);
        },
      ),
      { numRuns: 6, seed: 20_260_101 },
    );
  });
});

interface ParentOptions {
  readonly language: Language;
  readonly crashes: number;
  readonly placement: PlacementName;
  readonly restore?: 'in-place' | 'fresh';
  /** Inline, both waits of the parent only run out: they are kept short there. */
  readonly patienceMs?: number;
  readonly stepMs?: number;
}

async function startParent({ site }: SiteUnderTest, options: ParentOptions): Promise<Process> {
  const { language, crashes, placement, restore = 'in-place', stepMs = 2 } = options;
  const patienceMs = options.patienceMs ?? (placement === 'inline' ? 1 : 200);
  const args = [crashes, patienceMs, stepMs].map(String);
  return site.arun(`restart-parent${SUFFIXES[language]}`, { group: 9, placement, restore, args });
}

function childCheckpoint({ site }: SiteUnderTest): number {
  const block = site.pmm.read('CHILD_PM');
  return block === null ? 0 : new DataView(block.buffer, block.byteOffset).getInt32(4, true);
}

/**
 * Kills unless the message may be on its way to the console: no program can take back what it has printed, and between the write
 * and the mark that it is done a restart prints it again (guests/restart-child.ts). A parent that is calm may have ended.
 */
async function killUnlessPrinting(
  { site }: SiteUnderTest,
  parent: Process,
  victim: 'parent' | 'child',
): Promise<void> {
  const block = site.pmm.read('PARENT_PM');
  const calm = block !== null && new DataView(block.buffer, block.byteOffset).getInt32(8, true) === 1;
  const process = victim === 'parent' ? parent : site.process('HR_child');
  if (calm || process === null || process.state !== 'running') return;
  await site.akill(process.pid);
}
