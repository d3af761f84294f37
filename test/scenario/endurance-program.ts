// The endurance scenario as a program of its own, so that nothing of a test runner is in its figures: a group of three direct and two
// indirect processes is restarted again and again with stable storage gone. It ends with an error at the first thing that is not as
// it should be; else it prints what the host held at four moments. Arguments: backend, placement, restarts, stable storage.
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import type { Process, SiteReport } from '#runtime/index.js';
import { type HostResources, hostResources } from '#test/support/host-resources.js';
import { type Backend, faultOf, type PlacementName, SiteUnderTest, until } from '#test/support/scenario.js';

export interface EnduranceFigures {
  readonly beforeOpening: HostResources;
  /** After a fifth of the restarts: the caches of the engine and of the allocator are warm. */
  readonly warm: HostResources;
  readonly afterAll: HostResources;
  readonly afterShutdown: HostResources;
}

const GROUP = 8;
const MODULE = 'endurance-member.wasm';
const WARM_SHARE = 0.2;
/** One is kept warm by default, and one more that was given back. */
const KEPT_WORKERS = 2;
/** By name of their blocks. The parent spawns the children in every run. */
const DIRECT = [['PARENT', 'CHILD_A', 'CHILD_B'], ['SECOND'], ['THIRD']] as const;
const CHILDREN = ['CHILD_A', 'CHILD_B'] as const;
const MEMBERS = ['PARENT', 'SECOND', 'THIRD', ...CHILDREN] as const;

async function endure(
  backend: Backend,
  placement: PlacementName,
  restarts: number,
  stableStorage: string,
): Promise<EnduranceFigures> {
  const beforeOpening = await hostResources();
  const fixture = await SiteUnderTest.open({ backend, stableStorage });
  const { site, log } = fixture;
  const group = await Group.start(fixture, placement);
  rmSync(stableStorage, { recursive: true });
  assert.ok(!existsSync(stableStorage));
  await group.expectRight(1);
  const reportBefore = leakable(site.report());
  const workersAtMost = placement === 'inline' ? KEPT_WORKERS : site.report().processes.length + KEPT_WORKERS;
  let warm = beforeOpening;

  for (let restart = 1; restart <= restarts; restart++) {
    // Every member is the culprit in turn.
    await group.crash(MEMBERS[restart % MEMBERS.length] ?? 'PARENT');
    await group.expectRight(restart + 1);
    if (restart === restarts * WARM_SHARE) warm = await hostResources();
  }

  assert.equal(log.restarts.length, restarts);
  assert.equal(log.faults.length, restarts);
  assert.deepEqual(log.mishaps, []);
  await until('no more workers than are used or kept', () => site.report().workers <= workersAtMost);
  assert.deepEqual(leakable(site.report()), reportBefore);
  const afterAll = await hostResources();
  await site.shutdown();
  return { beforeOpening, warm, afterAll, afterShutdown: await hostResources() };
}

/** The group as the test knows it: what must stay the same, and the pids that must not. */
class Group {
  readonly #fixture: SiteUnderTest;
  readonly #direct: readonly Process[];
  readonly #children: readonly Process[];
  #pids: readonly number[] = [];

  private constructor(fixture: SiteUnderTest, direct: readonly Process[], children: readonly Process[]) {
    this.#fixture = fixture;
    this.#direct = direct;
    this.#children = children;
  }

  static async start(fixture: SiteUnderTest, placement: PlacementName): Promise<Group> {
    const { site } = fixture;
    const direct: Process[] = [];
    for (const args of DIRECT) direct.push(await site.arun(MODULE, { group: GROUP, placement, args }));
    await until('the children have been spawned', () =>
      CHILDREN.every((name) => site.process(name) !== null),
    );
    const children = CHILDREN.flatMap((name) => site.process(name) ?? []);
    return new Group(fixture, direct, children);
  }

  get #members(): readonly Process[] {
    return [...this.#direct, ...this.#children];
  }

  async crash(name: (typeof MEMBERS)[number]): Promise<void> {
    const victim = this.#members[MEMBERS.indexOf(name)];
    if (victim === undefined) throw new Error(`there is no member ${name}`);
    const fault = await faultOf(victim.call('crash'));
    assert.equal(`${fault.kind}: ${fault.message}`, 'trap: unreachable');
  }

  /** Waits until all are back, each as another run, and checks that each is what it was and has been started `starts` times. */
  async expectRight(starts: number): Promise<void> {
    const before = this.#pids;
    await until('all members are back', () =>
      this.#members.every((member, at) => member.state === 'ready' && member.pid !== before[at]),
    );
    this.#pids = this.#members.map(({ pid }) => pid);
    assert.equal(new Set(this.#pids).size, MEMBERS.length);
    assert.ok(Math.max(...before, 0) < Math.min(...this.#pids), 'every pid is new');
    const children = this.#children.map(({ name, kind }) => [name, kind]);
    assert.deepEqual(
      children,
      CHILDREN.map((name) => [name, 'indirect']),
    );

    const answers = await Promise.all(
      this.#members.map(async (member) => ({
        starts: await member.call('starts'),
        touched: await member.call('touch'),
        commandLine: await member.call('commandLine', [], { returns: 'string' }),
      })),
    );
    const commandLines = [...DIRECT.map((args) => args.join(' ')), ...CHILDREN];
    const expected = commandLines.map((args) => ({ starts, touched: 1, commandLine: `${MODULE} ${args}` }));
    assert.deepEqual(answers, expected);
    const inBlocks = MEMBERS.map((name) => this.#startsInBlock(name));
    assert.deepEqual(
      inBlocks,
      MEMBERS.map(() => starts),
    );
  }

  /** The same number as the host sees it in persistent memory. */
  #startsInBlock(name: string): number | null {
    const block = this.#fixture.site.pmm.read(name);
    return block === null ? null : new DataView(block.buffer, block.byteOffset).getInt32(0, true);
  }
}

/** What a leak would show in. */
function leakable({ blocks, bank, groups, processes }: SiteReport) {
  return {
    blocks: blocks.map(({ name, sizeBytes, mappings, system }) => ({ name, sizeBytes, mappings, system })),
    bank,
    members: groups.map(({ members }) => members),
    processes: processes.map(({ name, state, generation }) => ({ name, state, generation })),
  };
}

const [backend, placement, restarts = '', stableStorage = ''] = process.argv.slice(2);
assert.ok(backend === 'mapped' || backend === 'copied');
assert.ok(placement === 'inline' || placement === 'thread');
console.log(JSON.stringify(await endure(backend, placement, Number(restarts), stableStorage)));
