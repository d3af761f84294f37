// A host as a program of its own: opens a site on a bank, answers one call on every process of it, says when, and stays until it is killed
// or nobody is there to read what it says. It never closes the site: that it dies is what is measured.
import { openSite, type Process, type Site } from '#runtime/index.js';
import { expectAnswer } from './ground.ts';

/** What such a program is started with, as JSON in its first argument. */
export interface HostTask {
  readonly stableStorage: string;
  readonly bank: string;
  /** `cold` begins the bank anew and starts the processes from stable storage, `hot` finds them in it. */
  readonly start: 'cold' | 'hot';
  readonly placement: 'inline' | 'thread';
  readonly processCount: number;
  /** Before anything is said of answers every process is called so often and then checkpointed; 0: not even that. */
  readonly incrementsBeforeCheckpoint: number;
  /** What the call on each process returns. */
  readonly answer: number;
}

/** What it says, a line of JSON each, in this order. Times are counted from just before `openSite`, in microseconds. */
export interface HostMessage {
  /** The first call has been answered; all have. */
  readonly kind: 'first' | 'all';
  readonly sinceOpenUs: number;
}

const GUEST = 'counter.wasm';
const US_PER_MS = 1000;
const NEVER_CLIMBS = {
  maxBadness: Number.POSITIVE_INFINITY,
  maxSiteRestarts: Number.POSITIVE_INFINITY,
} as const;

function say(message: HostMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function processesOf(site: Site, task: HostTask): Promise<readonly Process[]> {
  const { start, placement, processCount, incrementsBeforeCheckpoint } = task;
  if (start === 'hot') return site.aps().flatMap(({ name }) => site.process(name) ?? []);
  const processes: Process[] = [];
  for (let group = 0; group < processCount; group += 1) {
    processes.push(await site.arun(GUEST, { group, placement }));
  }
  if (incrementsBeforeCheckpoint === 0) return processes;
  for (const each of processes) {
    for (let call = 0; call < incrementsBeforeCheckpoint; call += 1) await each.call('increment');
    await each.checkpoint();
  }
  return processes;
}

async function main(task: HostTask): Promise<void> {
  const { stableStorage, bank, start, processCount, answer } = task;
  const openMs = performance.now();
  const site = await openSite({ stableStorage, bank: { path: bank, start }, policy: NEVER_CLIMBS });
  expectAnswer(site.start, start);
  const processes = await processesOf(site, task);
  expectAnswer(processes.length, processCount);
  for (const [position, each] of processes.entries()) {
    expectAnswer(await each.call('increment'), answer);
    if (position === 0) say({ kind: 'first', sinceOpenUs: (performance.now() - openMs) * US_PER_MS });
  }
  say({ kind: 'all', sinceOpenUs: (performance.now() - openMs) * US_PER_MS });
  // Whoever has started this program holds the other end, and lets go of it even when it is killed itself.
  process.stdin.once('end', () => process.exit());
  process.stdin.resume();
}

await main(JSON.parse(process.argv[2] ?? '{}'));
