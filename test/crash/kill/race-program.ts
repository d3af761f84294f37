// One that wants to own a bank: it waits for its turn, tries until it has the bank or another new owner is named, says in one line what came
// of it, and keeps what it got until it is killed. It must never count an answer that names the owner before as an end of the race.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSite, RekindleError, type Site } from '#runtime/index.js';

/** In one line on standard input, for every turn. */
export interface RaceTurn {
  /** Owns the bank when the turn begins, and is killed; null in the first turn. */
  readonly formerPid: number | null;
}

/** In one line on standard output, after every turn. */
export interface RaceAnswer {
  /** `owned`, or the code of the last refusal. */
  readonly outcome: string;
  /** How often the bank has been owned, this time included; null for one that does not own it. */
  readonly total: number | null;
  /** Who has it, by the last refusal; null for one that owns it, or when nobody was named. */
  readonly ownerPid: number | null;
  /** Answers that named nobody, or the owner before when that was dead already: the new one had yet to write its name. */
  readonly unnamed: number;
}

const MODULE = 'kill-member.wasm';
const BANK_SIZE_BYTES = 2 ** 20;
/** Until the race is over, at the latest. */
const TURN_LIMIT_MS = 15_000;

const [bank = '', stableStorage = ''] = process.argv.slice(2);

async function open(): Promise<Site> {
  return openSite({
    stableStorage,
    bank,
    limits: { bankSizeBytes: BANK_SIZE_BYTES },
    warmWorkers: 0,
    sysadm: 'ignore',
  });
}

/** Counts in the bank: the total after it. */
async function count(site: Site): Promise<number> {
  const [row] = site.aps();
  const args = ['0', 'A', '2', '2', '-'];
  const member =
    row === undefined ? await site.arun(MODULE, { placement: 'inline', args }) : site.process(row.name);
  if (member === null) throw new Error('what is listed is there');
  await member.ready();
  return Number(await member.call('count'));
}

async function race({ formerPid }: RaceTurn): Promise<RaceAnswer> {
  const untilMs = performance.now() + TURN_LIMIT_MS;
  for (let unnamed = 0; ; ) {
    try {
      return { outcome: 'owned', total: await count(await open()), ownerPid: null, unnamed };
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      const ownerPid = namedOwner(error);
      const isOver = error.code !== 'BANK_OWNED' || (ownerPid !== null && ownerPid !== formerPid);
      if (isOver || performance.now() > untilMs)
        return { outcome: error.code, total: null, ownerPid, unnamed };
      if (ownerPid === null || !isAlive(ownerPid)) unnamed += 1;
    }
    await sleep(0);
  }
}

function namedOwner({ message }: RekindleError): number | null {
  const [, pid] = /owned by process (\d+) /.exec(message) ?? [];
  return pid === undefined ? null : Number(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await race(JSON.parse(line) as RaceTurn);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
