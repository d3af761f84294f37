// A host that is killed, to the answers of its processes in the next one: on the bank it has left, and beside that begun anew from stable
// storage. Every successor is the next to be killed, so that each sample begins alike.
import { BankPlace } from '../bank-place.ts';
import { nodeStart } from '../floor/worker-floor.ts';
import type { SelfTimed, Timed } from '../measure.ts';
import type { MeasuredPoint, Point, Row } from '../row.ts';
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

/** Of one death: from the kill, and from the opening of the next site. */
interface Succeeded {
  readonly firstUs: number;
  readonly allUs: number;
  readonly firstSinceOpenUs: number;
  readonly allSinceOpenUs: number;
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

  /** The host is killed and the next one started; resolves with the times to its answers, in microseconds. */
  async succeed(): Promise<Succeeded> {
    const killedMs = performance.now();
    await this.#host.kill();
    this.#host = new SiteHost(this.#heir);
    const { firstMs, allMs, firstSinceOpenUs, allSinceOpenUs } = await this.#host.answers();
    return {
      firstUs: (firstMs - killedMs) * US_PER_MS,
      allUs: (allMs - killedMs) * US_PER_MS,
      firstSinceOpenUs,
      allSinceOpenUs,
    };
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

const MOMENTS = [
  ['to the first answer', 'firstUs'],
  ['to the last', 'allUs'],
  ['from opening to the first', 'firstSinceOpenUs'],
  ['from opening to the last', 'allSinceOpenUs'],
] as const satisfies readonly (readonly [string, keyof Succeeded])[];

/** One case for each moment. A death has a figure for all of them, so it is kept for those whose turn comes later. */
function casesOf(succession: Succession, name: string): readonly SelfTimed[] {
  const untold = MOMENTS.map((): number[] => []);
  const die = async (): Promise<void> => {
    await succession.ready();
    const succeeded = await succession.succeed();
    for (const [position, [, moment]] of MOMENTS.entries()) untold[position]?.push(succeeded[moment]);
  };
  return untold.map((own) => ({
    name,
    slice: async () => {
      if (own.length === 0) await die();
      return own.splice(0);
    },
  }));
}

/** `floors`: what even the best successor waits for, from the kill on. */
function pointsOf(
  setting: Setting,
  hot: Succession,
  cold: Succession,
  floors: readonly Timed[],
): readonly Point[] {
  const ours = casesOf(hot, 'on the bank left behind');
  const others = casesOf(cold, 'the bank begun anew');
  return MOMENTS.flatMap(([what, moment], position) => {
    const [mine, other] = [ours[position], others[position]];
    if (mine === undefined || other === undefined) return [];
    return {
      name: `${setting.processCount} ${setting.placement}, ${what}`,
      ours: mine,
      floors: moment === 'firstUs' || moment === 'allUs' ? floors : [],
      peers: [other],
      targets: [],
    };
  });
}

/** How many processes, and where they run. */
type Population = readonly [processCount: number, placement: 'inline' | 'thread'];

export const hostDeath: Row = makeHostDeath([
  [1, 'inline'],
  [10, 'inline'],
  [100, 'inline'],
  [10, 'thread'],
]);

export function makeHostDeath(populations: readonly Population[]): Row {
  return {
    id: 'host.death',
    title:
      'from SIGKILL to a host with a site, or from openSite in the next one, to the first and the last answer of its processes',
    share: 16,
    run: async ({ modules, measure }) => {
      modules.addSample(GUEST);
      const measured: MeasuredPoint[] = [];
      for (const [processCount, placement] of populations) {
        using place = new BankPlace();
        const setting = { stableStorage: modules.path, place, placement, processCount };
        await using hot = hotSuccession(setting);
        await using cold = coldSuccession(setting);
        const points = pointsOf(setting, hot, cold, [nodeStart()]);
        measured.push(...(await measure(points, 1 / populations.length)));
      }
      return measured;
    },
  };
}
