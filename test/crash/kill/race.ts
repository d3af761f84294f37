// Races for a bank whose owner is killed: eight processes want it at once, one gets it, the others are told who that is. The winner is the
// owner of the next round. Nothing is left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isAlive } from '#test/support/kept-site.js';
import { inTime } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import type { RaceAnswer, RaceTurn } from './race-program.js';
import type { Random } from './random.js';

const PROGRAM = fileURLToPath(new URL('./race-program.js', import.meta.url));
const MEMORY_DIRECTORY = '/dev/shm';
const RACERS = 8;
/** Racers are on their way when the owner is killed, or it is killed before they are. */
const MAX_KILL_DELAY_MS = 5;

export interface RaceResult {
  readonly rounds: number;
  readonly failures: readonly string[];
  /** Refusals in the moment after a new owner had taken the lock and before it had written its name. */
  readonly unnamed: number;
}

export async function runRaces(rounds: number, random: Random): Promise<RaceResult> {
  const stableStorage = TEST_GUESTS;
  const directory = mkdtempSync(
    join(existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir(), 'rekindle-race-'),
  );
  const racers: Racer[] = [];
  const failures: string[] = [];
  let unnamed = 0;
  const start = (): Racer => {
    const racer = new Racer(join(directory, 'bank'), stableStorage);
    racers.push(racer);
    return racer;
  };
  try {
    let waiting = Array.from({ length: RACERS }, start);
    let owner: Racer | null = null;
    for (let round = 1; round <= rounds && failures.length === 0; round += 1) {
      await Promise.all(waiting.map((racer) => racer.ready()));
      const answers: readonly Answered[] = await raceOnce(waiting, owner, random);
      unnamed += answers.reduce((sum, { answer }) => sum + answer.unnamed, 0);
      failures.push(...wrongIn(answers, round).map((wrong) => `round ${round}: ${wrong}`));
      owner = answers.find(({ answer }) => answer.outcome === 'owned')?.racer ?? null;
      const winner = owner;
      waiting = [...waiting.filter((racer) => racer !== winner), start()];
    }
  } finally {
    await Promise.all(racers.map((racer) => racer.kill()));
    if (failures.length === 0) rmSync(directory, { recursive: true });
  }
  const left = racers.map(({ pid }) => pid).filter(isAlive);
  if (left.length > 0) failures.push(`processes are left: ${left.join()}`);
  if (failures.length > 0) failures.push(`the bank is kept: ${directory}`);
  return { rounds, failures, unnamed };
}

interface Answered {
  readonly racer: Racer;
  readonly answer: RaceAnswer;
}

async function raceOnce(racers: readonly Racer[], owner: Racer | null, random: Random): Promise<Answered[]> {
  const turn: RaceTurn = { formerPid: owner?.pid ?? null };
  const racing = racers.map(async (racer) => ({ racer, answer: await racer.race(turn) }));
  const delayMs = random.fraction() * MAX_KILL_DELAY_MS;
  const killing = new Promise((resolve) => setTimeout(resolve, delayMs)).then(() => owner?.kill());
  const [answers] = await Promise.all([Promise.all(racing), killing]);
  return answers;
}

function wrongIn(answers: readonly Answered[], round: number): readonly string[] {
  const owners = answers.filter(({ answer }) => answer.outcome === 'owned');
  const [owner] = owners;
  if (owners.length !== 1 || owner === undefined) return [`${owners.length} own the bank: ${told(answers)}`];
  const wrong: string[] = [];
  if (owner.answer.total !== round) wrong.push(`the bank has been owned ${owner.answer.total} times`);
  for (const { racer, answer } of answers) {
    if (racer === owner.racer) continue;
    if (answer.outcome !== 'BANK_OWNED' || answer.ownerPid !== owner.racer.pid)
      wrong.push(`${racer.pid} was told ${JSON.stringify(answer)}, ${owner.racer.pid} has it`);
  }
  return wrong;
}

function told(answers: readonly Answered[]): string {
  return answers.map(({ racer, answer }) => `${racer.pid} ${JSON.stringify(answer)}`).join(', ');
}

class Racer {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #isReady = false;

  constructor(bank: string, stableStorage: string) {
    const child = spawn(process.execPath, [PROGRAM, bank, stableStorage], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (child.pid === undefined) throw new Error('a process could not be started');
    this.pid = child.pid;
    this.#child = child;
    this.#closed = once(child, 'close');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    // It may be killed at any time.
    child.stdin.on('error', () => undefined);
  }

  /** Resolves when the program has been loaded. */
  async ready(): Promise<void> {
    if (this.#isReady) return;
    await this.#line();
    this.#isReady = true;
  }

  async race(turn: RaceTurn): Promise<RaceAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(turn)}\n`);
    return JSON.parse(await this.#line()) as RaceAnswer;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await inTime(`the end of process ${this.pid}`, this.#closed);
  }

  async #line(): Promise<string> {
    const { done, value } = await inTime(`a line of process ${this.pid}`, this.#lines.next());
    if (done === true) throw new Error(`process ${this.pid} has ended`);
    return value;
  }
}
