// Real processes that work on a volume, ended by SIGKILL, life after life on one bank. A twin of the bank does the same steps in this
// process as far as the dead one had told, and one more: what is found must be the state before that step or after it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../enumeration/random.js';
import { bookFaults, VOLUME, VolumeSite } from './site.js';
import { chooseStep, VolumeSession } from './steps.js';
import { type Survey, surveyOf, wrongWith } from './survey.js';

export interface VolumeKillOptions {
  readonly seed: number;
  /** Lives; null: as many as the crash test has. */
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

const PROGRAM = fileURLToPath(new URL('./kill-program.js', import.meta.url));
const LIVES = 300;
const MAX_LIFE_MS = 60;
/** Lives on one bank, of both backends in turn. */
const LIVES_OF_BANK = 20;
const LINES_EVERY = 50;

export async function runVolumeKills({ seed, cases, progress }: VolumeKillOptions): Promise<{
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  readonly details: readonly string[];
}> {
  const random = new Random(seed);
  const lives = cases ?? LIVES;
  const failures: string[] = [];
  let steps = 0;
  for (let life = 0; life < lives; ) {
    const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-volume-kill-'));
    try {
      for (let here = 0; here < LIVES_OF_BANK && life < lives; here += 1, life += 1) {
        const result = await live(root, random.below(1_000_000), random.below(MAX_LIFE_MS), life);
        steps += result.steps;
        for (const problem of result.problems) failures.push(`seed ${seed}, life ${life}: ${problem}`);
        if (life % LINES_EVERY === LINES_EVERY - 1) progress(`${life + 1} lives, ${failures.length} failed`);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  return { title: 'volume-kill', cases: lives, failures, details: [`${steps} steps done`] };
}

async function live(
  root: string,
  seed: number,
  lifeMs: number,
  life: number,
): Promise<{ readonly steps: number; readonly problems: readonly string[] }> {
  const [bank, twin] = [join(root, 'bank'), join(root, 'twin')];
  const backend = life % 2 === 0 ? 'mapped' : 'copied';
  rmSync(twin, { recursive: true, force: true });
  if (existsSync(bank)) cpSync(bank, twin, { recursive: true });
  const told = await runAndKill([bank, backend, String(seed)], lifeMs);
  const promised = replay(twin, seed, told);
  using site = new VolumeSite({ path: bank, backend, sync: 'none' });
  const found = surveyOf(site.volumes, VOLUME);
  const allowed = (inode: number) => {
    const versions = promised.flatMap((survey) =>
      [...survey.values()].flatMap((node) =>
        node.inode === inode && node.bytes !== null ? [node.bytes] : [],
      ),
    );
    return { lengths: versions, bytes: versions, orZero: false };
  };
  return { steps: told, problems: [...bookFaults(site), ...wrongWith(found, promised, allowed)] };
}

/** How many steps it had told of. */
async function runAndKill(args: readonly string[], lifeMs: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  let begun: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    begun = resolve;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    lines += chunk.length;
    begun();
  });
  const closed = once(child, 'close');
  await Promise.race([ready, closed]);
  await sleep(lifeMs);
  child.kill('SIGKILL');
  const [, signal] = await closed;
  if (signal !== 'SIGKILL') throw new Error('the program ended by itself');
  return lines - 1;
}

/** The states after so many steps, and after one more. */
function replay(path: string, seed: number, steps: number): readonly Survey[] {
  using site = new VolumeSite({ path, backend: 'copied', sync: 'none' });
  const session = new VolumeSession(site.mount(1));
  const random = new Random(seed);
  for (let step = 0; step < steps; step += 1) session.take(chooseStep(random, step));
  const before = surveyOf(site.volumes, VOLUME);
  session.take(chooseStep(random, steps));
  return [before, surveyOf(site.volumes, VOLUME)];
}
