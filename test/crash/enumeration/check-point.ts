// Opens a real site on what a crash has left, and holds it against what had been promised by then: the state before the operation that
// was under way, or the state after it, and nothing in between. Then it must go on as if nothing had been.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Process } from '#runtime/index.js';
import { Site } from '#runtime/site.js';
import { type SiteEnvironment, SYSTEM_ENVIRONMENT } from '#runtime/site-environment.js';
import { checkSiteOptions } from '#runtime/site-options.js';
import type { CrashPoint } from './crash-points.js';
import { type Operation, type Recording, siteOptions, steppingClock } from './recorded-site.js';
import { differences, MEMBER_MODULE, type SiteState, settled, stateFound } from './site-state.js';

const SECTOR_OF_STAT_BYTES = 512;

/** What is wrong, as sentences; empty when nothing is. */
export async function checkPoint(
  recording: Recording,
  point: CrashPoint,
  path: string,
): Promise<readonly string[]> {
  const expected = expectedAt(recording.operations, point);
  try {
    point.left().materialise(path);
    const problems = await checkFirst(recording, expected, path);
    return problems.faults.length > 0
      ? problems.faults
      : await checkSecond(recording, expected, path, problems.state);
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

interface Expected {
  /** The last that was done or begun. */
  readonly operation: Operation;
  /** Either of them may be found. */
  readonly states: readonly SiteState[];
  /** By block: what its words may be. */
  readonly values: ReadonlyMap<string, ReadonlySet<number>>;
}

function expectedAt(
  operations: readonly Operation[],
  { done, isInside, contentSyncedAt }: CrashPoint,
): Expected {
  const underWay = operations.find(({ from, to }) => (isInside ? from <= done : from < done) && done < to);
  const last = operations.filter(({ to }) => to <= done).at(-1);
  const operation = underWay ?? last ?? operations[0];
  if (operation === undefined) throw new Error('nothing was recorded');
  const states =
    underWay === undefined ? [last?.after ?? operation.before] : [underWay.before, underWay.after];
  // Stores of guests are on the medium with the next sync of the content, and one by one before it.
  const open = operations.filter(({ from, to }) => to > contentSyncedAt && from <= done);
  const valid = open.flatMap(({ valuesBefore, valuesAfter }) => [...valuesBefore, ...valuesAfter]);
  const values = new Map<string, Set<number>>();
  for (const [name, value] of open.length > 0 ? valid : operation.valuesAfter) {
    values.set(name, (values.get(name) ?? new Set()).add(value));
  }
  return { operation, states, values };
}

async function openAgain(
  { options }: Recording,
  { operation }: Expected,
  path: string,
  backend = options.backend,
): Promise<Site> {
  const environment: SiteEnvironment = { ...SYSTEM_ENVIRONMENT, ...steppingClock(operation.nowMs) };
  const stableStorage = operation.needsStorage ? options.stableStorage : join(path, 'no-storage');
  return Site.open(checkSiteOptions(siteOptions({ ...options, backend, stableStorage, path })), environment);
}

async function checkFirst(
  recording: Recording,
  expected: Expected,
  path: string,
): Promise<{ readonly faults: readonly string[]; readonly state: SiteState }> {
  const { operation } = expected;
  const site = await openAgain(recording, expected, path);
  try {
    await settled(site);
    const faults = [...bookFaults(site, path), ...valueFaults(site, expected)];
    const found = await stateFound(site);
    const unlike = expected.states.map((state) =>
      differences(state, found, expected.states.length > 1 ? operation.isVague : () => false),
    );
    if (unlike.every((each) => each.length > 0)) {
      faults.push(
        ...unlike.map(
          (each, index) => `${index === 0 ? 'unlike before' : 'unlike after'}: ${each.join('; ')}`,
        ),
      );
    }
    const state = faults.length > 0 ? found : await goOn(site, expected, found);
    return { faults, state };
  } finally {
    await site.shutdown();
  }
}

/** One more call, one more checkpoint: the state that the next opening must find. */
async function goOn(site: Site, { operation }: Expected, found: SiteState): Promise<SiteState> {
  const row = site.report().processes.find(({ state }) => state === 'ready');
  let process: Process | null = row === undefined ? null : site.process(row.name);
  if (process === null) {
    if (!operation.needsStorage) return found;
    const groups = site.report().groups.map(({ group }) => group);
    process = await site.arun(MEMBER_MODULE, { placement: 'inline', group: groups.length === 0 ? 0 : 9 });
    await process.ready();
  }
  const before = process.generation;
  await process.call('stamp', [operation.to, 2]);
  const made = await process.checkpoint();
  if (made !== before + 1) throw new Error(`generation ${made} was made after ${before}`);
  await process.call('allocate', [9, 1, 1]);
  return stateFound(site);
}

async function checkSecond(
  recording: Recording,
  expected: Expected,
  path: string,
  state: SiteState,
): Promise<readonly string[]> {
  // A bank is the same with either backend.
  const backend = recording.options.backend === 'mapped' ? 'copied' : 'mapped';
  const site = await openAgain(recording, expected, path, backend);
  try {
    await settled(site);
    const faults = bookFaults(site, path);
    // Places that were given up between two generations have gone with the site.
    const unlike = differences(state, await stateFound(site), (key) => key.startsWith('system '));
    return [...faults, ...unlike].map((fault) => `opened once more: ${fault}`);
  } finally {
    await site.shutdown();
  }
}

/** A crash is no damage, and what is not in use is free, in the books and in the file. */
function bookFaults(site: Site, path: string): readonly string[] {
  const { losses, blocks, volumes, bank, processes } = site.report();
  const faults = losses.map(({ kind, name, reason }) => `lost ${kind} ${name}: ${reason}`);
  const known = [...blocks, ...volumes].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (known !== bank.usedBytes)
    faults.push(`${bank.usedBytes} bytes are in use, ${known} of them in blocks and volumes`);
  const inFile = statSync(join(path, 'content')).blocks * SECTOR_OF_STAT_BYTES;
  // A new bank has tried its first pages out, and looked at them.
  if (inFile !== known && site.start === 'hot')
    faults.push(`the content has ${inFile} bytes of pages, ${known} are in use`);
  if (processes.some(({ state }) => state === 'loading')) faults.push('somebody is loading still');
  return faults;
}

function valueFaults(site: Site, { values }: Expected): readonly string[] {
  return site.pmstat().flatMap(({ name, system }) => {
    if (system) return [];
    const bytes = site.pmm.read(name);
    if (bytes === null) return [`${name} is listed and cannot be read`];
    const allowed = values.get(name) ?? new Set();
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const wrong = words.findIndex((word) => !allowed.has(word));
    return wrong < 0
      ? []
      : [`${name} holds ${words[wrong]} at word ${wrong}, not ${[...allowed].join(' or ')}`];
  });
}
