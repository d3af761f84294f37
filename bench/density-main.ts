// A process that fills itself with guests and says what they cost: of ours, or plain instances. It begins clean, so that what it weighs
// afterwards is theirs; the last thing it does is to print its figures.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Process } from '#runtime/index.js';
import { DIRTY_PAGES } from './dense-guest.ts';
import { expectAnswer, expectFaultSync } from './ground.ts';
import { openTirelessSite } from './marking-site.ts';
import { compileFile, PlainGuest } from './plain-guest.ts';

/** What it is asked for, as its one argument. */
export interface DensityTask {
  readonly kind: 'ours' | 'plain';
  /** Directory and file of the module. */
  readonly directory: string;
  readonly file: string;
  readonly count: number;
  /** Restarts of all that are timed. */
  readonly restarts: number;
}

/** What it prints. */
export interface DensityFigures {
  /** Resident memory that came with the guests, by the number of guests. */
  readonly bytesEach: number;
  /** From a trap to the return of the call that trapped, by the number of guests: all run again then. Empty for plain instances. */
  readonly restartUs: readonly number[];
}

const GROUP = 1;
const BANK_BYTES = 2 ** 30;
const US_PER_MS = 1000;
const BYTES_PER_KIB = 1024;

function residentBytes(): number {
  globalThis.gc?.();
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (kib === undefined) throw new Error('this system does not say how much is resident');
  return Number(kib) * BYTES_PER_KIB;
}

function plainBytes({ directory, file, count }: DensityTask): number {
  const module = compileFile(join(directory, file));
  const guests = [new PlainGuest(module)];
  const before = residentBytes();
  while (guests.length <= count) guests.push(new PlainGuest(module));
  const bytesEach = (residentBytes() - before) / count;
  for (const guest of guests) expectAnswer(guest.function('pages')(), DIRTY_PAGES);
  return bytesEach;
}

function restartUs(processes: readonly Process[]): number {
  const [failing] = processes;
  if (failing === undefined) throw new Error('there are guests');
  const startMs = performance.now();
  expectFaultSync(failing, 'crash');
  const elapsedUs = (performance.now() - startMs) * US_PER_MS;
  for (const { state } of processes) expectAnswer(state, 'ready');
  return elapsedUs / processes.length;
}

async function ours({ directory, file, count, restarts }: DensityTask): Promise<DensityFigures> {
  await using site = await openTirelessSite(
    { path: directory },
    { warmWorkers: 0, limits: { maxProcesses: count + 1, bankSizeBytes: BANK_BYTES } },
  );
  const start = (): Promise<Process> => site.arun(file, { group: GROUP, placement: 'inline' });
  const processes = [await start()];
  const before = residentBytes();
  while (processes.length <= count) processes.push(await start());
  const bytesEach = (residentBytes() - before) / count;
  const restartsUs = Array.from({ length: restarts }, () => restartUs(processes));
  for (const process of processes) expectAnswer(process.callSync('pages'), DIRTY_PAGES);
  return { bytesEach, restartUs: restartsUs };
}

const task = JSON.parse(process.argv[2] ?? '') as DensityTask;
const figures: DensityFigures =
  task.kind === 'ours' ? await ours(task) : { bytesEach: plainBytes(task), restartUs: [] };
process.stdout.write(JSON.stringify(figures));
