// The enumeration of crash points for volumes: the steps of a bank are recorded while a guest works on a volume, and the bank is opened
// on what a crash at each of them would have left. What fails is told with its seed, the step, and what differed.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CrashPoint, deaths, powerLosses } from '../enumeration/crash-points.js';
import { Random } from '../enumeration/random.js';
import { Recorder } from '../enumeration/recorder.js';
import { bookFaults, VOLUME, VolumeSite } from './site.js';
import { chooseStep, VolumeSession } from './steps.js';
import { type AllowedContent, type Survey, surveyOf, wrongWith } from './survey.js';

export interface VolumeEnumerationOptions {
  readonly seed: number;
  /** Crash points to try, about; null: all. */
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

interface Operation {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly before: Survey;
  readonly after: Survey;
}

interface Variant {
  readonly backend: 'mapped' | 'copied';
  readonly sync: 'commit' | 'none';
}

const VARIANTS: readonly Variant[] = [
  { backend: 'mapped', sync: 'none' },
  { backend: 'copied', sync: 'none' },
  { backend: 'mapped', sync: 'commit' },
  { backend: 'copied', sync: 'commit' },
];
const OPERATIONS = 250;
const GUEST = 1;
const REOPEN_SHARE = 0.04;
const HOST_SHARE = 0.08;
const MAX_FAILURES = 20;
const LINES_EVERY = 5000;

export async function runVolumeEnumeration({ seed, cases, progress }: VolumeEnumerationOptions): Promise<{
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  readonly details: readonly string[];
}> {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-volume-crash-'));
  const failures: string[] = [];
  const details: string[] = [];
  let tried = 0;
  try {
    for (const [index, variant] of VARIANTS.entries()) {
      const recorder = new Recorder();
      const operations = record(recorder, variant, join(root, 'recorded'), seed + index);
      rmSync(join(root, 'recorded'), { recursive: true });
      const points = variant.sync === 'commit' ? powerLosses : deaths;
      const enumerate = (): Generator<CrashPoint> => points(recorder.steps, seed + index);
      const every =
        cases === null ? 1 : Math.max(1, Math.floor(count(enumerate()) / (cases / VARIANTS.length)));
      let [position, triedHere] = [seed % every, 0];
      for (const point of enumerate()) {
        position += 1;
        if (position % every !== 0) continue;
        triedHere += 1;
        const problems = check(operations, point, { ...variant, path: join(root, 'bank') });
        if (problems.length > 0)
          failures.push(
            [`seed ${seed}, ${JSON.stringify(variant)}, ${titleAt(operations, point)}`, ...problems].join(
              '\n  ',
            ),
          );
        if (failures.length >= MAX_FAILURES) break;
        if (triedHere % LINES_EVERY === 0) progress(`${triedHere} crash points, ${failures.length} failed`);
      }
      tried += triedHere;
      const manner = variant.sync === 'commit' ? 'loss of power' : 'death';
      details.push(
        `${variant.backend}, ${manner}: ${operations.length} operations, ${recorder.steps.length} steps, ${triedHere} crash points`,
      );
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { title: 'volumes', cases: tried, failures, details };
}

function record(recorder: Recorder, variant: Variant, path: string, seed: number): readonly Operation[] {
  const random = new Random(seed);
  const operations: Operation[] = [];
  const open = (): VolumeSite => new VolumeSite({ ...variant, path, openBankFiles: recorder.openBankFiles });
  let state: Survey = new Map();
  let site = open();
  const opened = recorder.steps.length;
  const operation = (title: string, body: () => void): void => {
    const before = state;
    const from = recorder.steps.length;
    body();
    state = surveyOf(site.volumes, VOLUME);
    operations.push({ title, from, to: recorder.steps.length, before, after: state });
  };
  // A bank that is being made holds nothing yet.
  operations.push({ title: 'the bank is made', from: 0, to: opened, before: state, after: state });
  let session: VolumeSession | null = null;
  operation('mounted', () => {
    session = new VolumeSession(site.mount(GUEST));
  });
  for (let index = 0; operations.length < OPERATIONS; index += 1) {
    if (random.chance(REOPEN_SHARE)) {
      operation('the run is over', () => site.volumes.release(GUEST));
      operation('opened again', () => {
        site[Symbol.dispose]();
        site = open();
        session = new VolumeSession(site.mount(GUEST));
      });
    } else if (random.chance(HOST_SHARE)) {
      const bytes = new Uint8Array(random.below(9000)).fill(1 + (index % 255));
      operation(`the host writes ${bytes.length}`, () => site.write(`h${random.below(3)}`, bytes));
    } else {
      const step = chooseStep(random, index);
      operation(JSON.stringify(step), () => session?.take(step));
    }
  }
  site[Symbol.dispose]();
  return operations;
}

function check(
  operations: readonly Operation[],
  point: CrashPoint,
  options: Variant & { readonly path: string },
): readonly string[] {
  try {
    point.left().materialise(options.path);
    const first = checkFirst(operations, point, options);
    return first.problems.length > 0 ? first.problems : checkSecond(first.survey, options);
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    rmSync(options.path, { recursive: true, force: true });
  }
}

function checkFirst(
  operations: readonly Operation[],
  point: CrashPoint,
  options: Variant & { readonly path: string },
): { readonly problems: readonly string[]; readonly survey: Survey } {
  using site = new VolumeSite(options);
  const promised = promisedAt(operations, point);
  const allowed = options.sync === 'commit' ? afterLossOfPower(operations, point) : afterDeath(promised);
  const found = surveyOf(site.volumes, VOLUME);
  const problems = [...bookFaults(site), ...wrongWith(found, promised, allowed)];
  // It must go on as if nothing had been.
  site.write('after', Uint8Array.of(1, 2, 3));
  return { problems, survey: surveyOf(site.volumes, VOLUME) };
}

/** The other backend finds the same. */
function checkSecond(survey: Survey, options: Variant & { readonly path: string }): readonly string[] {
  using site = new VolumeSite({ ...options, backend: options.backend === 'mapped' ? 'copied' : 'mapped' });
  const versions = new Map([...survey.values()].map(({ inode, bytes }) => [inode, bytes]));
  const same = (inode: number): AllowedContent => {
    const bytes = versions.get(inode) ?? new Uint8Array();
    return { lengths: [bytes], bytes: [bytes], orZero: false };
  };
  const problems = [...bookFaults(site), ...wrongWith(surveyOf(site.volumes, VOLUME), [survey], same)];
  return problems.map((problem) => `opened once more: ${problem}`);
}

/** The states of which one is found, contents left aside. */
function promisedAt(operations: readonly Operation[], { done, isInside }: CrashPoint): readonly Survey[] {
  const underWay = operations.find(({ from, to }) => (isInside ? from <= done : from < done) && done < to);
  if (underWay !== undefined) return [underWay.before, underWay.after];
  const last = operations.filter(({ to }) => to <= done).at(-1);
  return last === undefined ? [new Map()] : [last.after];
}

/** Before or after what was under way, byte by byte. */
function afterDeath(promised: readonly Survey[]): (inode: number) => AllowedContent {
  return (inode) => {
    const versions = promised.flatMap((survey) => contentIn(survey, inode));
    return { lengths: versions, bytes: versions, orZero: false };
  };
}

/** Of what was not synced some is there: lengths since the last sync, and whatever the file has ever held at its place. */
function afterLossOfPower(
  operations: readonly Operation[],
  { done, contentSyncedAt }: CrashPoint,
): (inode: number) => AllowedContent {
  const begun = operations.filter(({ from }) => from <= done);
  const unsynced = begun.filter(({ to }) => to > contentSyncedAt);
  const window = unsynced.length > 0 ? unsynced : begun.slice(-1);
  return (inode) => ({
    lengths: window.flatMap(({ before, after }) => [...contentIn(before, inode), ...contentIn(after, inode)]),
    bytes: begun.flatMap(({ after }) => contentIn(after, inode)),
    orZero: true,
  });
}

function contentIn(survey: Survey, inode: number): readonly Uint8Array[] {
  const found = [...survey.values()].find((node) => node.inode === inode);
  return found === undefined || found.bytes === null ? [] : [found.bytes];
}

function count(points: Iterable<CrashPoint>): number {
  let sum = 0;
  for (const _ of points) sum += 1;
  return sum;
}

function titleAt(operations: readonly Operation[], { done, manner, isInside }: CrashPoint): string {
  const at = isInside ? done : done - 1;
  const title = operations.find(({ from, to }) => from <= at && at < to)?.title ?? 'the end';
  return `step ${at} of '${title}', ${manner}`;
}
