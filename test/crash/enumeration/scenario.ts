// What happens to the recorded site: operations chosen by a seed, each possible in the state it is chosen in. It must come past
// everything a bank carries: checkpoints that rotate, growth, blocks, children, clean ends, faults up the ladder, reopening.
import type { Process } from '#runtime/index.js';
import { Random } from './random.js';
import { RecordedSite, type Recording, type RecordingOptions } from './recorded-site.js';
import { MEMBER_MODULE, OTHER_MODULE, settled } from './site-state.js';

const GROUPS = 3;
const MAX_MEMBERS = 3;
const BLOCKS = 6;
const CHILDREN = 4;
const VOLUMES = 2;
const FILES = 3;
const MAX_FILE_BYTES = 20_000;
const KEYS = 3;
const MAX_PADDING = 60_000;
/** With the policy of the recorded site; some are left over. */
const MAX_FAILURES_TO_QUARANTINE = 6;
/** Wasm pages that make a guest one whose image is mapped. */
const BIG_PAGES = 5;

type Attempt = (player: Player) => Promise<boolean>;

/** Weight and what is tried; false when it is not possible now. */
const ATTEMPTS: readonly (readonly [weight: number, attempt: Attempt])[] = [
  [6, (player) => player.arun()],
  [30, (player) => player.checkpoint()],
  [10, (player) => player.allocate()],
  [10, (player) => player.fill()],
  [4, (player) => player.free()],
  [2, (player) => player.freeAll()],
  [6, (player) => player.spawn()],
  [3, (player) => player.quit()],
  [12, (player) => player.fault()],
  [3, (player) => player.poison()],
  [3, (player) => player.killGroup()],
  [4, (player) => player.release()],
  [2, (player) => player.restartSite()],
  [3, (player) => player.reopen()],
  [6, (player) => player.writeFile()],
  [1, (player) => player.removeVolume()],
];

/** Records a run of about so many operations. Throws when the site does what it should not even without a crash. */
export async function record(options: RecordingOptions): Promise<Recording> {
  const recorded = new RecordedSite(options);
  const player = new Player(recorded, new Random(options.seed));
  await recorded.operation('open', () => recorded.open(), { needsStorage: true });
  await player.arun(true);
  while (recorded.operations.length < options.operations / 2) await player.play();
  await player.climb();
  while (recorded.operations.length < options.operations) await player.play();
  await recorded.operation('close', () => recorded.close());
  const { recorder, operations } = recorded;
  return { options, recorder, operations };
}

class Player {
  readonly #recorded: RecordedSite;
  readonly #random: Random;
  /** Processes with more memory than is copied whole. */
  readonly #isBig = new Set<string>();
  readonly #keys = new Map<string, { readonly key: number; readonly pages: number }>();
  #seed = 1;

  constructor(recorded: RecordedSite, random: Random) {
    this.#recorded = recorded;
    this.#random = random;
  }

  async play(): Promise<void> {
    const total = ATTEMPTS.reduce((sum, [weight]) => sum + weight, 0);
    let chosen = this.#random.below(total);
    for (const [weight, attempt] of ATTEMPTS) {
      chosen -= weight;
      if (chosen < 0) {
        await attempt(this);
        return;
      }
    }
  }

  async arun(big = this.#random.chance(0.15)): Promise<boolean> {
    const recorded = this.#recorded;
    const group = this.#random.below(GROUPS);
    const present = recorded.site.report().groups.find((each) => each.group === group);
    if (present !== undefined && (present.phase !== 'live' || present.members.length >= MAX_MEMBERS))
      return false;
    const hasBig = recorded.site.report().processes.some(({ name }) => this.#isBig.has(name));
    const path = this.#random.chance(0.3) ? OTHER_MODULE : MEMBER_MODULE;
    // Records as long as these fill the ledger, so that it is written anew.
    const env = this.#random.chance(0.3) ? { PADDING: 'x'.repeat(this.#random.below(MAX_PADDING)) } : {};
    let started: Process | null = null;
    await recorded.operation(`arun ${path} in group ${group}`, async () => {
      started = await recorded.site.arun(path, { group, placement: 'inline', env });
      await recorded.began(started);
    });
    if (big && !hasBig && started !== null) {
      const { name } = started as Process;
      this.#isBig.add(name);
      await (started as Process).call('grow', [BIG_PAGES]);
    }
    return true;
  }

  async checkpoint(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    if (process === null) return false;
    const inside = this.#random.chance(0.3);
    await process.call('stamp', [this.#seed++, 1 + this.#random.below(12)]);
    if (this.#random.chance(0.05)) await process.call('grow', [1]);
    if (this.#random.chance(0.1)) await process.call('wipe', [1 + this.#random.below(6)]);
    const title = `checkpoint ${process.name}${inside ? ', from inside' : ''}`;
    // A place that the next one does not fit into is given back first.
    const isVague = (key: string): boolean => key === `system __SYS:generation:${process.name}`;
    await recorded.operation(title, () => recorded.checkpoint(process, inside), { isVague });
    return true;
  }

  async allocate(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    if (process === null) return false;
    const block = this.#random.below(BLOCKS);
    const name = blockName(block);
    if (recorded.site.pmstat().some((row) => row.name === name)) return false;
    const pages = 1 + this.#random.below(4);
    const key = this.#random.below(KEYS);
    await recorded.operation(`${process.name} allocates ${name}`, async () => {
      requireOk(await process.call('allocate', [block, pages, key]), name);
      recorded.setValue(name, 0);
    });
    this.#keys.set(name, { key, pages });
    return true;
  }

  async fill(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    const row = this.#random.pick(recorded.site.pmstat().filter(({ system }) => !system));
    const { key, pages } = this.#keys.get(row?.name ?? '') ?? { key: 0, pages: 0 };
    if (process === null || row === null) return false;
    // The key of the group is another one in every group.
    if (key === 0 && row.group !== process.group) return false;
    const value = this.#seed++;
    await recorded.operation(
      `${process.name} fills ${row.name} with ${value}`,
      async () => {
        requireOk(await process.call('fill', [Number(row.name.slice(1)), pages, key, value]), row.name);
        recorded.setValue(row.name, value);
      },
      { stores: true },
    );
    return true;
  }

  async free(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    const row = this.#random.pick(recorded.site.pmstat().filter(({ system }) => !system));
    if (process === null || row === null) return false;
    await recorded.operation(`${process.name} frees ${row.name}`, async () => {
      requireOk(await process.call('free', [Number(row.name.slice(1))]), row.name);
    });
    return true;
  }

  async writeFile(): Promise<boolean> {
    const { site } = this.#recorded;
    const volume = `v${this.#random.below(VOLUMES)}`;
    const path = this.#random.chance(0.5)
      ? `f${this.#random.below(FILES)}`
      : `d/f${this.#random.below(FILES)}`;
    const bytes = new Uint8Array(this.#random.below(MAX_FILE_BYTES)).fill(1 + (this.#seed++ % 255));
    // The volume and the directory come to be on the way, each by itself.
    const isVague = (key: string): boolean => key === `file ${volume}/d`;
    await this.#recorded.operation(
      `the host writes ${bytes.length} bytes to ${volume}/${path}`,
      () => site.volumes.write(volume, path, bytes),
      { isVague },
    );
    return true;
  }

  async removeVolume(): Promise<boolean> {
    const { site } = this.#recorded;
    const row = this.#random.pick(site.volumes.list());
    if (row === null) return false;
    await this.#recorded.operation(`the host removes ${row.name}`, () => {
      site.volumes.remove(row.name);
    });
    return true;
  }

  async freeAll(): Promise<boolean> {
    const process = this.#anyReady();
    if (process === null) return false;
    const key = 1 + this.#random.below(KEYS - 1);
    await this.#recorded.operation(`${process.name} frees all of key ${key}`, async () => {
      await process.call('freeAll', [key]);
    });
    return true;
  }

  async spawn(): Promise<boolean> {
    const recorded = this.#recorded;
    const parent = this.#anyReady();
    if (parent === null || parent.kind !== 'direct') return false;
    const name = `C0${this.#random.below(CHILDREN)}`;
    const child = recorded.site.process(name);
    if (child !== null && (child.group !== parent.group || !['stopped', 'ended'].includes(child.state)))
      return false;
    await recorded.operation(`${parent.name} spawns ${name}`, () => recorded.spawn(parent, name));
    return true;
  }

  async quit(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    if (process === null) return false;
    await recorded.operation(`${process.name} ends cleanly`, () => recorded.endRun(process, 'quitCleanly'));
    return true;
  }

  /** Restart of the group, of the site, cold start, or quarantine: as its badness has it. */
  async fault(): Promise<boolean> {
    const process = this.#anyReady();
    if (process === null) return false;
    await this.#fails(process);
    return true;
  }

  async #fails(process: Process): Promise<void> {
    const recorded = this.#recorded;
    const { name } = process;
    let climbed = 'group';
    const note = ({ rung }: { readonly rung: string }): void => {
      climbed = rung;
    };
    recorded.site.on('escalated', note);
    await recorded.operation(
      `${name} traps`,
      async () => {
        // A run that has done nothing useful is rolled back in the end.
        await process.call('digest');
        await recorded.endRun(process, 'trap');
        if (climbed === 'cold') await this.#beganAnew(process.group);
      },
      { needsStorage: true },
    );
    recorded.site.off('escalated', note);
  }

  /** One group up the whole ladder to quarantine, and back. */
  async climb(): Promise<void> {
    const { site } = this.#recorded;
    if (this.#anyReady() === null) await this.arun();
    const group = this.#anyReady()?.group;
    for (let failures = 0; failures < MAX_FAILURES_TO_QUARANTINE; failures += 1) {
      const member = site.report().processes.find((each) => each.group === group && each.state === 'ready');
      const process = member === undefined ? null : site.process(member.name);
      if (process !== null) await this.#fails(process);
    }
    await this.release();
  }

  /** A generation of which every restart fails: made, failed from, and given up again. */
  async poison(): Promise<boolean> {
    const recorded = this.#recorded;
    const process = this.#anyReady();
    if (process === null || process.kind !== 'direct') return false;
    const group = recorded.site.report().groups.find(({ group: id }) => id === process.group);
    if (group?.badness !== 0) return false;
    const { name } = process;
    await recorded.operation(
      `${name} is poisoned and rolled back`,
      async () => {
        await process.call('poison');
        await recorded.checkpoint(process, false);
        await recorded.endRun(process, 'trap');
        recorded.rolledBack(process);
      },
      { isVague: (key) => key === `group ${process.group}` || key === `system __SYS:generation:${name}` },
    );
    return true;
  }

  async killGroup(): Promise<boolean> {
    const { site } = this.#recorded;
    const row = this.#random.pick(site.report().groups);
    if (row === null) return false;
    await this.#recorded.operation(`group ${row.group} is killed`, () => site.killGroup(row.group));
    return true;
  }

  async release(): Promise<boolean> {
    const { site } = this.#recorded;
    const row = this.#random.pick(site.report().groups.filter(({ phase }) => phase === 'quarantined'));
    if (row === null) return false;
    await this.#recorded.operation(`group ${row.group} is released`, () => site.releaseGroup(row.group));
    return true;
  }

  async restartSite(): Promise<boolean> {
    await this.#recorded.operation('the site restarts', () => this.#recorded.site.restart());
    return true;
  }

  async reopen(): Promise<boolean> {
    await this.#recorded.operation('the site closes', () => this.#recorded.close());
    await this.#recorded.operation('the site opens', () => this.#recorded.open());
    return true;
  }

  /** After a cold start the direct members of the group are what they were at first. */
  async #beganAnew(group: number | null): Promise<void> {
    const { site } = this.#recorded;
    await settled(site);
    const members = site.report().processes.filter((each) => each.group === group && each.state === 'ready');
    for (const { name } of members) {
      const process = site.process(name);
      if (process !== null) await this.#recorded.began(process);
    }
  }

  #anyReady(): Process | null {
    const { site } = this.#recorded;
    const row = this.#random.pick(site.report().processes.filter(({ state }) => state === 'ready'));
    return row === null ? null : site.process(row.name);
  }
}

function blockName(block: number): string {
  return `B0${block}`;
}

function requireOk(status: unknown, culprit: string): void {
  if (status !== 0) throw new Error(`${culprit}: status ${String(status)}`);
}
