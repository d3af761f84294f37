// A host that is killed, to the answers of its processes in the next one: on the bank it has left, and beside that begun anew from stable
// storage. Every successor is the next to be killed, so that each sample begins alike.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSite } from '#runtime/index.js';
import { BankPlace } from '../bank-place.ts';
import type { Case } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { SiteHost } from '../site-host.ts';
import type { HostTask } from '../site-host-main.ts';

const GUEST = 'counter.wasm';
const INCREMENTS_BEFORE_CHECKPOINT = 3;
const US_PER_MS = 1000;

interface Setting {
  readonly stableStorage: string;
  readonly place: BankPlace;
  readonly placement: 'inline' | 'thread';
  readonly processCount: number;
}

/** The host that lives now and the one that follows it, on one bank. */
class Succession implements AsyncDisposable {
  readonly #heir: HostTask;
  #host: SiteHost;

  /** `heir`: what every host but the first is started with. */
  constructor(first: HostTask, heir: HostTask) {
    this.#heir = heir;
    this.#host = new SiteHost(first);
  }

  /** Resolves when the host can be killed. */
  async ready(): Promise<void> {
    await this.#host.answers();
  }

  /** Resolves with the times of the parts: to the first answer, and from `openSite` to the first and to all. */
  async succeed(): Promise<readonly number[]> {
    const killedMs = performance.now();
    await this.#host.kill();
    this.#host = new SiteHost(this.#heir);
    const { firstMs, firstSinceOpenUs, allSinceOpenUs } = await this.#host.answers();
    return [(firstMs - killedMs) * US_PER_MS, firstSinceOpenUs, allSinceOpenUs];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.kill();
  }
}

/** On the bank that was left behind: every process goes on from its checkpoint. */
function hotSuccession({ place, ...common }: Setting): Succession {
  const bank = place.pathOf(`hot-${common.placement}`);
  const first: HostTask = {
    ...common,
    bank,
    start: 'cold',
    incrementsBeforeCheckpoint: INCREMENTS_BEFORE_CHECKPOINT,
    answer: INCREMENTS_BEFORE_CHECKPOINT + 1,
  };
  return new Succession(first, { ...first, start: 'hot', incrementsBeforeCheckpoint: 0 });
}

function coldSuccession({ place, ...common }: Setting): Succession {
  const bank = place.pathOf(`cold-${common.placement}`);
  const task: HostTask = { ...common, bank, start: 'cold', incrementsBeforeCheckpoint: 0, answer: 1 };
  return new Succession(task, task);
}

function deathCase(
  succession: Succession,
  { processCount, placement }: Setting,
  role: 'measured' | 'cold',
): Omit<Case, 'backend'> {
  const prefix = role === 'cold' ? 'cold' : 'death';
  return {
    name: `${prefix}.all`,
    parts: [`${prefix}.first`, `${prefix}.open.first`, `${prefix}.open.all`],
    subject: `host death, ${processCount} ${placement}`,
    guest: `${processCount} x counter, ${placement}`,
    role,
    prepare: () => succession.ready(),
    run: () => succession.succeed(),
  };
}

/** What no successor can do without: a program of Node that says a word. */
function nodeStart(processCount: number, placement: string): Case {
  return {
    name: 'floor.node',
    subject: `host death, ${processCount} ${placement}`,
    guest: `${processCount} x counter, ${placement}`,
    backend: null,
    role: 'floor',
    run: async () => {
      const child = spawn(process.execPath, ['-p', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
    },
  };
}

export function hostDeath(processCount: number, placement: 'inline' | 'thread', share: number): Scenario {
  return {
    name: `host-death.${processCount}-${placement}`,
    share,
    run: async ({ modules, measure }) => {
      modules.addSample(GUEST);
      using place = new BankPlace();
      const setting = { stableStorage: modules.path, place, placement, processCount };
      await using site = await openSite({ stableStorage: modules.path });
      const { backend } = site.report();
      await using hot = hotSuccession(setting);
      await using cold = coldSuccession(setting);
      return await measure([
        { ...deathCase(hot, setting, 'measured'), backend },
        { ...deathCase(cold, setting, 'cold'), backend },
        nodeStart(processCount, placement),
      ]);
    },
  };
}
