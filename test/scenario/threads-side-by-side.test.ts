// Threads are restored side by side, and a single one is launched ahead of its answer: nobody may run too early for that, what fails
// together is one failure, and a group that ends in the middle leaves nothing. Loads are slow and fail on the test's word.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Process, RekindleError, SiteOptions } from '#runtime/index.js';
import { faultOf, inTime, rejection, SiteUnderTest, until } from '#test/support/scenario.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';

const GROUP = 1;
const SLOW_LOAD_MS = 300;
const how = { group: GROUP, placement: 'thread' } as const;

/** A reactor that says when it is entered, and then loops or traps. */
const GUEST = assemble({
  types: [[[], []]],
  imports: [{ module: 'host', name: 'entered', kind: 'function', type: 0 }],
  functions: [
    { type: 0, code: ins.call(0) },
    { type: 0, code: [0x03, 0x40, 0x0c, 0, 0x0b] },
    { type: 0, code: [0x00] },
    { type: 0, code: [] },
  ],
  memories: [{ initial: 1 }],
  exports: {
    memory: ['memory', 0],
    _initialize: ['function', 1],
    loopForEver: ['function', 2],
    trap: ['function', 3],
    ping: ['function', 4],
  },
});

/** The same with a host function of its own, `hold`. */
const HOLDER = assemble({
  types: [[[], []]],
  imports: [{ module: 'embedder', name: 'hold', kind: 'function', type: 0 }],
  functions: [
    { type: 0, code: ins.call(0) },
    { type: 0, code: [0x03, 0x40, 0x0c, 0, 0x0b] },
    { type: 0, code: [] },
  ],
  memories: [{ initial: 1 }],
  exports: {
    memory: ['memory', 0],
    _initialize: ['function', 3],
    hold: ['function', 1],
    loopForEver: ['function', 2],
    ping: ['function', 3],
  },
});

let directory = '';
/** Lies there while a new thread takes its time to load, or fails to. */
const slow = () => join(directory, 'slow');
const failing = () => join(directory, 'failing');
/** Lies there while somebody holds what there is one of. */
const held = () => join(directory, 'held');
/** Lies there since a new thread has loaded. */
const loaded = () => join(directory, 'loaded');

/** Loaded by each new thread once, before it makes its guest. */
function importsUrl(): string {
  const source = `
    import { existsSync, writeFileSync } from 'node:fs';
    if (existsSync(${JSON.stringify(slow())})) await new Promise((resolve) => setTimeout(resolve, ${SLOW_LOAD_MS}));
    writeFileSync(${JSON.stringify(loaded())}, '');
    export default () => {
      if (existsSync(${JSON.stringify(failing())})) throw new Error('told to fail');
      return {};
    };`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** Cannot be evaluated while the one thing is held; `hold` holds it until a process of its own gives it up, and cannot be cut off before. */
function holderUrl(): string {
  const child = `setTimeout(() => require('node:fs').rmSync(${JSON.stringify(held())}), ${SLOW_LOAD_MS})`;
  const source = `
    import { spawnSync } from 'node:child_process';
    import { existsSync, writeFileSync } from 'node:fs';
    if (existsSync(${JSON.stringify(held())})) throw new Error('it is held');
    const hold = () => {
      writeFileSync(${JSON.stringify(held())}, '');
      spawnSync(process.execPath, ['-e', ${JSON.stringify(child)}]);
    };
    export default () => ({ embedder: { hold } });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-side-by-side-'));
  writeFileSync(join(directory, 'guest.wasm'), GUEST);
  writeFileSync(join(directory, 'holder.wasm'), HOLDER);
});

beforeEach(() => {
  for (const path of [slow(), failing(), held(), loaded()]) rmSync(path, { force: true });
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A site, and what it knew of new threads whenever a guest was entered. */
async function open(options: Partial<SiteOptions> = {}) {
  const entries: { readonly newThreadLoaded: boolean }[] = [];
  const own = await SiteUnderTest.open({
    stableStorage: directory,
    warmWorkers: 1,
    imports: { host: { entered: () => void entries.push({ newThreadLoaded: existsSync(loaded()) }) } },
    ...options,
  });
  return { own, site: own.site, entries };
}

async function start(
  own: SiteUnderTest,
  { path = 'guest.wasm', ...options }: { path?: string; importsUrl?: string; entryLimitMs?: number } = {},
): Promise<Process> {
  const process = await own.site.arun(path, { ...how, ...options });
  await process.ready();
  return process;
}

/** From now on it is busy: its thread has to be given up when it is stopped. */
function loop(process: Process): void {
  process.call('loopForEver').catch(() => undefined);
}

describe('a group in threads', () => {
  it('enters nobody before all are loaded', async () => {
    const { own, entries } = await open();
    await using _ = own;
    const members = [await start(own), await start(own, { importsUrl: importsUrl() }), await start(own)];
    const [first, slowOne] = members;
    for (const trigger of ['a trap of another', 'its own end'] as const) {
      loop(slowOne as Process);
      rmSync(loaded(), { force: true });
      writeFileSync(slow(), '');
      entries.length = 0;
      const pids = members.map(({ pid }) => pid);
      if (trigger === 'its own end') await own.site.akill((slowOne as Process).pid);
      else expect(await faultOf((first as Process).call('trap'))).toMatchObject({ kind: 'trap' });
      for (const [position, member] of members.entries())
        await own.backSince(member, pids[position] as number);
      expect(entries).toEqual(members.map(() => ({ newThreadLoaded: true })));
    }
    expect(own.log.restarts.map(({ restarted }) => restarted)).toEqual(
      Array.from({ length: 2 }, () => members.map(({ name }) => name)),
    );
  });

  it('fails once when several fail to load at once', async () => {
    const { own, site } = await open({ policy: { maxBadness: 2 } });
    await using _ = own;
    const members = [
      await start(own, { importsUrl: importsUrl() }),
      await start(own, { importsUrl: importsUrl() }),
      await start(own),
    ];
    for (const member of members) loop(member);
    const quarantined: number[] = [];
    site.on('quarantined', ({ group }) => quarantined.push(group));
    writeFileSync(failing(), '');
    site.akill((members[0] as Process).pid).catch(() => undefined);
    await until('the group is given up', () => quarantined.length > 0);
    expect(own.log.faults.map(({ fault }) => fault.kind)).toEqual(['killed', 'host-error', 'host-error']);
    expect(own.log.restarts).toEqual([]);
    expect((await rejection((members[1] as Process).call('ping'))).code).toBe('GROUP_QUARANTINED');
    rmSync(failing());
    await site.releaseGroup(GROUP);
    for (const member of members) await member.ready();
    expect(own.log.faults).toHaveLength(3);
    for (const member of members) await member.call('ping');
  });

  it.each([0, 1, 2, 3, 5, 8])(
    'is gone when it is killed %i turns after one of it has failed',
    async (turns) => {
      const { own, site, entries } = await open();
      await using _ = own;
      const members = [await start(own, { importsUrl: importsUrl() }), await start(own)];
      loop(members[1] as Process);
      const trapped = rejection((members[0] as Process).call('trap'));
      await until('it has failed', () => own.log.faults.length === 1);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await inTime('the group is killed', site.killGroup(GROUP));
      const entered = entries.length;
      await trapped;
      expect(members.map(({ state }) => state)).toEqual(['ended', 'ended']);
      expect(site.aps()).toEqual([]);
      const next = await start(own);
      await next.call('ping');
      expect(entries).toHaveLength(entered + 1);
      expect(own.log.faults).toHaveLength(1);
    },
  );
});

describe('a warm thread that is made ready while the old one ends', () => {
  it.each([0, 1, 3])('is given back when the group is killed %i turns later', async (turns) => {
    const { own, site, entries } = await open({ warmWorkers: 2 });
    await using _ = own;
    const process = await start(own);
    loop(process);
    const killed = site.akill(process.pid);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    await inTime('the group is killed', site.killGroup(GROUP));
    await inTime('the process is killed', killed);
    expect(process.state).toBe('ended');
    const entered = entries.length;
    const next = await start(own);
    await next.call('ping');
    expect(entries).toHaveLength(entered + 1);
    // Two that are warm, one kept beside them, and the one in use.
    await until('the workers are those there should be', () => site.report().workers <= 4);
  });

  it('has forgotten what it was made ready for when something else is loaded', async () => {
    const { own, site } = await open({ warmWorkers: 2 });
    await using _ = own;
    const process = await start(own);
    for (let round = 0; round < 3; round++) {
      const { pid } = process;
      loop(process);
      await site.akill(pid);
      await own.backSince(process, pid);
      await process.call('ping');
    }
    await site.killGroup(GROUP);
    const others = await Promise.all([1, 2, 3].map(() => start(own)));
    for (const other of others) await other.call('ping');
    expect(own.log.faults.map(({ fault }) => fault.kind)).toEqual(['killed', 'killed', 'killed']);
  });

  it('does not run the import module as long as the old one is there', async () => {
    const { own } = await open();
    await using _ = own;
    const process = await start(own, { path: 'holder.wasm', importsUrl: holderUrl() });
    const { pid } = process;
    expect(await faultOf(process.call('hold', [], { limitMs: 20 }))).toMatchObject({ kind: 'timeout' });
    await own.backSince(process, pid);
    expect(own.log.faults).toHaveLength(1);
  });
});

describe('a thread that could not load', () => {
  it('is not asked again, since a module that failed once fails there for good', async () => {
    const { own, site } = await open({ policy: { maxBadness: 1 } });
    await using _ = own;
    const process = await start(own, { path: 'holder.wasm', importsUrl: holderUrl() });
    const { pid } = process;
    writeFileSync(held(), '');
    const quarantined = new Promise((resolve) => site.on('quarantined', resolve));
    process.call('loopForEver').catch(() => undefined);
    await site.akill(pid).catch(() => undefined);
    await inTime('the group is given up', quarantined);
    rmSync(held());
    await site.releaseGroup(GROUP);
    await own.backSince(process, pid);
    await process.call('ping');
  });
});

describe('a single thread, launched ahead of its load', () => {
  it('comes back from a load that failed, and is reported only then', async () => {
    const { own, site, entries } = await open();
    await using _ = own;
    const process = await start(own, { importsUrl: importsUrl() });
    loop(process);
    site.on('fault', ({ fault }) => {
      if (fault.kind !== 'host-error') return;
      expect(own.log.restarts).toEqual([]);
      rmSync(failing());
    });
    writeFileSync(failing(), '');
    const { pid } = process;
    const killed = site.akill(pid);
    await until('it is put back', () => process.pid !== pid);
    // It may wait behind a launch that does not come to be: it gets an answer all the same.
    const answer = process.call('ping').then(
      () => 'answered',
      (error: RekindleError) => error.code,
    );
    await killed;
    await own.backSince(process, pid);
    expect(['answered', 'PROCESS_RESTARTED', 'PROCESS_RESTARTING']).toContain(
      await inTime('an answer', answer),
    );
    expect(own.log.faults.map(({ fault }) => fault.kind)).toEqual(['killed', 'host-error']);
    expect(own.log.restarts).toHaveLength(1);
    expect(entries).toHaveLength(2);
    await process.call('ping');
  });

  it('has its time limit counted from when it is entered', async () => {
    const { own } = await open();
    await using _ = own;
    const process = await start(own, { importsUrl: importsUrl(), entryLimitMs: SLOW_LOAD_MS / 3 });
    loop(process);
    writeFileSync(slow(), '');
    const { pid } = process;
    await own.site.akill(pid);
    await own.backSince(process, pid);
    expect(own.log.faults.map(({ fault }) => fault.kind)).toEqual(['killed']);
  });

  it('reports the restart before a fault of its entry', async () => {
    const module = assemble({
      types: [[[], []]],
      functions: [{ type: 0, code: [0x00] }],
      exports: { _initialize: ['function', 0] },
    });
    writeFileSync(join(directory, 'stillborn.wasm'), module);
    const { own, site } = await open({ policy: { maxBadness: 3, rungs: { site: false, cold: false } } });
    await using _ = own;
    const said: string[] = [];
    for (const event of ['fault', 'restarted', 'quarantined'] as const)
      site.on(event, () => said.push(event));
    await site.arun('stillborn.wasm', how);
    await until('it is given up', () => said.includes('quarantined'));
    expect(said).toEqual([
      'fault',
      'restarted',
      'fault',
      'restarted',
      'fault',
      'restarted',
      'fault',
      'quarantined',
    ]);
  });
});
