// The load of one group: steps chosen at random, each told before it is begun and again when it is done. It keeps no books of what it has
// promised: what it needs to know it asks the site. It must never have two steps of the group under way at a time.
import { HR_GROUP_KEY } from '#abi/pmm.js';
import type { Process, Site } from '#runtime/index.js';
import { type BlockFacts, type Line, type Role, readBlockName, type Step, totalBlockName } from './facts.js';
import type { Random } from './random.js';

export const MEMBER_MODULE = 'kill-member.wasm';

const BANK_PAGE_BYTES = 4096;
const MAX_BLOCK_PAGES = 4;
/** Blocks of a group beside its totals, at most. */
const MAX_BLOCKS = 6;
const MAX_SEED = 255;
/** Generous: threads may take seconds to start on a busy machine. */
const READY_LIMIT_MS = 20_000;
const K_OK = 0;

/** Pages of a member's memory at first and at most. One in three is too large to be copied whole, 256 KiB. */
const SMALL = [3, 9];
const LARGE = [96, 104];

export class GroupLoad {
  readonly #site: Site;
  readonly #id: number;
  readonly #placement: 'thread' | 'inline';
  readonly #random: Random;
  readonly #tell: (line: Line) => void;
  readonly #members = new Map<Role, Process>();

  constructor(
    site: Site,
    { id, placement }: { readonly id: number; readonly placement: 'thread' | 'inline' },
    random: Random,
    tell: (line: Line) => void,
  ) {
    this.#site = site;
    this.#id = id;
    this.#placement = placement;
    this.#random = random;
    this.#tell = tell;
  }

  /** Takes over what is there. */
  async adopt(): Promise<void> {
    for (const { name, group, state } of this.#site.aps()) {
      const process = this.#site.process(name);
      if (group !== this.#id || process === null || state === 'ended') continue;
      const role = await process.call('roleName', [], { returns: 'string' });
      this.#members.set(role as Role, process);
    }
  }

  /** One step, from its intention to its end. Rejects when it does not come to the end it has to come to. */
  async step(): Promise<void> {
    const step = this.#choose();
    this.#tell({ kind: 'intended', group: this.#id, step });
    const name = await this.#take(step);
    this.#tell({ kind: 'done', group: this.#id, name });
  }

  /** Waits until all members are back from a restart, and makes sure of what they have come back to. */
  async verify(): Promise<void> {
    // The owner first: it brings the child back.
    for (const [role, member] of [...this.#members].sort()) {
      await member.ready({ limitMs: READY_LIMIT_MS });
      this.#require(`the memory of ${role}`, await this.#call(role, 'verify'), member.generation);
    }
  }

  #choose(): Step {
    const random = this.#random;
    const owner = this.#members.has('A');
    if (!owner) return { kind: 'register', role: 'A' };
    const running = [...this.#members.keys()];
    const role = random.pick(running);
    const blocks = this.#blockNames();
    const free = [...Array(MAX_BLOCKS).keys()]
      .map((index) => `B${this.#id}_${index}`)
      .filter((name) => !blocks.includes(name));
    const any = <T>(choices: readonly T[], weight: number) => (choices.length === 0 ? 0 : weight);
    const generation = (this.#members.get(role)?.generation ?? 0) + 1;
    const isAlone = running.length === 1 && !this.#hasChild();
    const seed = random.integer(1, MAX_SEED);
    return random.weighted<() => Step>([
      [50, () => ({ kind: 'count', role })],
      [40, () => ({ kind: 'checkpoint', role, generation })],
      [any(free, 12), () => ({ kind: 'allocate', name: random.pick(free), block: this.#newBlock(seed) })],
      [any(blocks, 12), () => ({ kind: 'refill', name: random.pick(blocks), seed })],
      [any(blocks, 8), () => ({ kind: 'free', name: random.pick(blocks) })],
      [any(this.#ownKeyBlocks(), 2), () => ({ kind: 'free-all' })],
      [5, () => ({ kind: 'crash', role })],
      [this.#mayHaveSecond() ? 5 : 0, () => ({ kind: 'register', role: 'B' })],
      [this.#id % 2 === 1 && !this.#hasChild() ? 8 : 0, () => ({ kind: 'spawn' })],
      [this.#members.has('B') ? 1 : 0, () => ({ kind: 'end', role: 'B' })],
      [isAlone ? 1 : 0, () => ({ kind: 'end', role: 'A' })],
      [1, () => ({ kind: 'kill-group' })],
    ])();
  }

  /** The name of the process it has registered, or null. */
  async #take(step: Step): Promise<string | null> {
    switch (step.kind) {
      case 'register':
        return this.#register(step.role);
      case 'spawn':
        return this.#spawn();
      case 'count': {
        const before = Number(await this.#call(step.role, 'countSoFar'));
        this.#require('the total', Number(await this.#call(step.role, 'count')), before + 1);
        return null;
      }
      case 'checkpoint':
        return this.#checkpoint(step.role, step.generation);
      case 'allocate': {
        const { sizeBytes, withGroupKey, seed } = step.block;
        const args = [step.name, sizeBytes, withGroupKey ? 1 : 0, seed];
        this.#require('allocate', await this.#call('A', 'allocate', args), K_OK);
        return null;
      }
      case 'refill': {
        const row = this.#site.pmstat().find(({ name }) => name === step.name);
        const args = [step.name, row?.sizeBytes ?? 0, row?.key === HR_GROUP_KEY ? 1 : 0, step.seed];
        this.#require('refill', await this.#call('A', 'refill', args), K_OK);
        return null;
      }
      case 'free':
        this.#require('free', await this.#call('A', 'free', [step.name]), K_OK);
        return null;
      case 'free-all':
        this.#require('free all', await this.#call('A', 'freeAll'), K_OK);
        return null;
      case 'crash':
        return this.#crash(step.role);
      case 'end':
        return this.#end(step.role);
      case 'kill-group':
        await this.#site.killGroup(this.#id);
        this.#members.clear();
        return null;
    }
  }

  async #register(role: 'A' | 'B'): Promise<string> {
    const isLarge = this.#id % 3 === 0 && role === 'A';
    const sizes = (isLarge ? LARGE : SMALL).map(String);
    const process = await this.#site.arun(MEMBER_MODULE, {
      group: this.#id,
      placement: this.#placement,
      args: [String(this.#id), role, ...sizes, `CHILD${this.#id}`],
    });
    await process.ready({ limitMs: READY_LIMIT_MS });
    this.#members.set(role, process);
    return process.name;
  }

  async #spawn(): Promise<null> {
    const pid = Number(await this.#call('A', 'spawn'));
    if (pid <= 0) throw new Error(`group ${this.#id}: spawn: ${pid}`);
    const child = this.#site.process(`CHILD${this.#id}`);
    if (child === null) throw new Error(`group ${this.#id}: the child is not registered`);
    await child.ready({ limitMs: READY_LIMIT_MS });
    this.#members.set('C', child);
    return null;
  }

  async #checkpoint(role: Role, generation: number): Promise<null> {
    await this.#call(role, 'stamp', [generation]);
    const made = this.#random.chance(0.5)
      ? await this.#member(role).checkpoint()
      : await this.#call(role, 'checkpoint');
    this.#require('checkpoint', made, generation);
    return null;
  }

  /** What was done since the checkpoints is undone. */
  async #crash(role: Role): Promise<null> {
    const process = this.#member(role);
    if (this.#random.chance(0.5)) await this.#call(role, 'stamp', [process.generation + 1]);
    // A run that has answered no call is held against its generation when it fails.
    else await this.#call(role, 'verify');
    if (this.#random.chance(0.3)) await this.#site.akill(process.pid);
    else {
      const failure = await process.call('crash').catch((error: unknown) => error);
      if (!String(failure).includes('GUEST_FAULT')) throw new Error(`crash: ${String(failure)}`);
    }
    await this.verify();
    return null;
  }

  async #end(role: Role): Promise<null> {
    const process = this.#member(role);
    const ended = new Promise<void>((resolve) => {
      const listener = ({ process: other }: { readonly process: Process }): void => {
        if (other !== process) return;
        this.#site.off('exited', listener);
        resolve();
      };
      this.#site.on('exited', listener);
    });
    await process.call('end').catch((error: unknown) => {
      if (!String(error).includes('PROCESS_ENDED')) throw error;
    });
    await ended;
    this.#members.delete(role);
    return null;
  }

  #newBlock(seed: number): BlockFacts {
    const sizeBytes = this.#random.integer(1, MAX_BLOCK_PAGES) * BANK_PAGE_BYTES;
    return { sizeBytes, withGroupKey: this.#random.chance(0.6), seed };
  }

  #blockNames(): readonly string[] {
    return this.#rows().map(({ name }) => name);
  }

  #ownKeyBlocks(): readonly unknown[] {
    return this.#rows().filter(({ key }) => key !== HR_GROUP_KEY);
  }

  #rows() {
    return this.#site.pmstat().filter(({ name, system }) => {
      const read = system ? null : readBlockName(name);
      return read !== null && read.role === null && read.group === this.#id;
    });
  }

  /** It ends only with the group. */
  #hasChild(): boolean {
    return this.#members.has('C');
  }

  /** Running or ended, a group has one in its life; none in a thread, since starting threads is most of what opening a bank takes. */
  #mayHaveSecond(): boolean {
    return this.#placement === 'inline' && this.#site.pmm.read(totalBlockName(this.#id, 'B')) === null;
  }

  #member(role: Role): Process {
    const process = this.#members.get(role);
    if (process === undefined) throw new Error(`group ${this.#id}: there is no member ${role}`);
    return process;
  }

  #call(role: Role, name: string, args: readonly (string | number)[] = []): Promise<unknown> {
    return this.#member(role).call(name, args);
  }

  #require(what: string, actual: unknown, expected: unknown): void {
    if (actual === expected) return;
    throw new Error(`group ${this.#id}: ${what}: ${String(actual)} instead of ${String(expected)}`);
  }
}
