// What happens when things happen at once: starting and killing, spawning and killing, shutting down in the middle of everything. What
// is asserted is never who wins, but that everybody gets an answer, that the books balance, and that the site goes on.
import { describe, expect, it } from 'vitest';
import { EEXIST } from '#abi/errors.js';
import { type ArunOptions, type Process, RekindleError, type SiteOptions } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { books, openProbeSite, refusal } from '#test/support/probe-site.js';
import { inTime, PLACEMENTS, until } from '#test/support/scenario.js';

const ROUNDS = 5;
const GROUP = 1;

/** Lets the event loop turn `times` times, so that each round meets its race at another moment. */
async function turns(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Answers that are waited for only later: their failures are not unhandled meanwhile. */
class Answers<T> {
  readonly #asked: Promise<T>[] = [];

  constructor(...asked: readonly Promise<T>[]) {
    this.add(...asked);
  }

  add(...asked: readonly Promise<T>[]): void {
    for (const each of asked) each.catch(() => undefined);
    this.#asked.push(...asked);
  }

  /** The values of what was fulfilled; everything must have been answered, and what was rejected by a RekindleError. */
  async all(): Promise<T[]> {
    const results = await inTime('everybody has an answer', Promise.allSettled(this.#asked));
    const values: T[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') values.push(result.value);
      else expect(result.reason).toBeInstanceOf(RekindleError);
    }
    return values;
  }
}

describe.each(PLACEMENTS)('races: %s', (placement) => {
  const how: ArunOptions = { placement, group: GROUP };

  async function open(options: Partial<SiteOptions> = {}) {
    const opened = await openProbeSite({ warmWorkers: 1, ...options });
    const bystander = await opened.probe({ placement, group: 9 });
    const before = books(opened.site);
    return { opened, site: opened.site, bystander, before };
  }

  it('arun and killGroup at once', async () => {
    const { opened, site, bystander, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const started = new Answers(site.arun('probe.wasm', how), site.arun('probe.wasm', how));
      await turns(round);
      const killed = site.killGroup(GROUP);
      const processes = await started.all();
      await inTime('the group is killed', killed);
      // Whoever was started after the kill is there and sound; nobody is half there.
      for (const process of processes.filter(({ state }) => state !== 'ended')) {
        await opened.ready(process);
        expect(await process.call('bump')).toBe(1);
      }
      await site.killGroup(GROUP);
    }
    expect(books(site)).toEqual(before);
    expect(await bystander.call('bump')).toBe(1);
  });

  it.each([true, false])('akill while a process is being loaded, restartable: %s', async (restartable) => {
    const { opened, site, bystander, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const started = new Answers(site.arun('probe.wasm', restartable ? how : { placement, restartable }));
      await turns(round);
      const loading = site.aps().filter(({ name }) => name !== bystander.name);
      const kills = new Answers(...loading.map(({ pid }) => site.akill(pid)));
      const [process] = await started.all();
      await kills.all();
      if (process !== undefined && (restartable || process.state !== 'ended')) {
        await opened.ready(process);
        expect(await process.call('bump')).toBe(1);
        if (!restartable) await site.akill(process.pid);
      }
      await site.killGroup(GROUP);
    }
    expect(books(site)).toEqual(before);
    expect(await bystander.call('bump')).toBe(1);
  });

  it('shutdown during everything', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const opened = await openProbeSite({ warmWorkers: 1 });
      const { site } = opened;
      const parent = new ProbeCalls(await opened.probe(how));
      const other = await opened.probe({ placement, group: 2 });
      const asked = new Answers<unknown>(
        site.arun('probe.wasm', how),
        site.arun('probe-command.wasm', { ...how, args: ['C', 'exit:1'] }),
        parent.spawn('CHILD', 'probe.wasm'),
        other.call('trap'),
        other.checkpoint(),
        site.restart(),
        site.killGroup(GROUP),
      );
      await turns(round * 2);
      await inTime('the site is shut down', site.shutdown());
      await asked.all();
      expect(site.aps()).toEqual([]);
      expect(site.report().workers).toBe(0);
    }
  });

  it('hrfexec of one name by two parents at once', async () => {
    const { opened, site, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [first, second] = [await opened.probe(how), await opened.probe(how)];
      const spawned = await new Answers(
        new ProbeCalls(first).spawn('CHILD', 'probe.wasm'),
        new ProbeCalls(second).spawn('CHILD', 'probe.wasm'),
      ).all();
      const child = await opened.named('CHILD');
      expect([...spawned].sort((a, b) => a - b)).toEqual([-EEXIST, child.pid]);
      expect(await child.call('bump')).toBe(1);
      await site.killGroup(GROUP);
    }
    expect(books(site)).toEqual(before);
  });

  it('the parent is killed while its hrfexec is in progress', async () => {
    const { opened, site, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const parent = new ProbeCalls(await opened.probe(how));
      const spawning = new Answers(parent.spawn('CHILD', 'probe.wasm'));
      await turns(round * 3);
      const { pid } = parent.process;
      await inTime('akill has answered', site.akill(pid));
      await spawning.all();
      await until('the parent is back', () => parent.process.pid !== pid && parent.process.state === 'ready');
      // Nothing of the child runs on account of a run that is over; the next run gets it, for the first or the second time.
      expect([undefined, 'stopped']).toContain(site.process('CHILD')?.state);
      expect(await parent.spawn('CHILD', 'probe.wasm')).toBe(site.process('CHILD')?.pid);
      expect(await (await opened.named('CHILD')).call('bump')).toBe(1);
      await site.killGroup(GROUP);
    }
    expect(books(site)).toEqual(before);
  });

  it('the group is killed while its hrfexec is in progress', async () => {
    const { opened, site, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const parent = new ProbeCalls(await opened.probe(how));
      const spawning = new Answers(parent.spawn('CHILD', 'probe.wasm'));
      await turns(round * 3);
      await inTime('killGroup has answered', site.killGroup(GROUP));
      await spawning.all();
      await until('the child is gone', () => site.process('CHILD') === null);
    }
    expect(books(site)).toEqual(before);
  });

  it('a guest kills its own group: it does not get on, and nothing of the group is left', async () => {
    const { opened, site, before, bystander } = await open();
    const killer = new ProbeCalls(await opened.probe({ ...how, credentials: { trusted: true } }));
    await killer.spawn('CHILD', 'probe.wasm');
    await opened.named('CHILD');
    const error = await refusal(killer.process.call('killGroupAndGoOn', [GROUP]));
    expect([error.code, error.culprit]).toEqual(['PROCESS_ENDED', killer.process.name]);
    expect(await inTime('the killer has ended', killer.process.exited)).toEqual({ kind: 'killed' });
    await until('the group is gone', () => site.report().groups.length === 1);
    expect(books(site)).toEqual(before);
    expect(await bystander.call('bump')).toBe(1);
  });

  it('two guests kill the group of one another at once', async () => {
    const { opened, site, before } = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const trusted = { placement, credentials: { trusted: true } };
      const [one, two] = [
        await opened.probe({ ...trusted, group: 1 }),
        await opened.probe({ ...trusted, group: 2 }),
      ];
      await new Answers(one.call('killGroupAndGoOn', [2]), two.call('killGroupAndGoOn', [1])).all();
      await Promise.all([site.killGroup(1), site.killGroup(2)]);
      expect([one.state, two.state]).toEqual(['ended', 'ended']);
    }
    expect(books(site)).toEqual(before);
  });

  it('two members of a group fail at once', async () => {
    const { opened } = await open();
    const members: Process[] = [];
    for (let index = 0; index < 3; index += 1) members.push(await opened.probe(how));
    for (let round = 0; round < ROUNDS; round += 1) {
      const pids = members.map(({ pid }) => pid);
      expect(await new Answers(...members.map((member) => member.call('trap'))).all()).toEqual([]);
      for (const [index, member] of members.entries()) {
        await until('it is back', () => member.pid !== pids[index] && member.state === 'ready');
        expect(await member.call('bump')).toBe(1);
      }
    }
  });

  it('kills, restarts and calls from all sides', async () => {
    const { opened, site, before, bystander } = await open();
    const members = [
      await opened.probe(how),
      await opened.probe(how),
      await opened.probe({ placement, group: 2 }),
    ];
    const asked = new Answers<unknown>();
    for (let round = 0; round < ROUNDS * 3; round += 1) {
      const member = members[round % members.length];
      if (member === undefined) continue;
      asked.add(
        member.call('bump'),
        member.checkpoint(),
        member.call(round % 4 === 0 ? 'trap' : 'work', round % 4 === 0 ? [] : [1000]),
      );
      if (round % 5 === 0) asked.add(site.akill(member.pid));
      if (round % 7 === 0) asked.add(site.restart());
      await turns(round % 3);
    }
    await asked.all();
    for (const member of [...members, bystander]) {
      await opened.ready(member);
      expect(await member.call('bump')).toBeGreaterThan(0);
    }
    await Promise.all([site.killGroup(1), site.killGroup(2)]);
    expect(site.aps().map(({ name }) => name)).toEqual([bystander.name]);
    const ids = (report: typeof before) => report.blocks.map(({ name }) => name);
    expect(ids(site.report()).filter((name) => !name.includes(bystander.name))).toEqual(ids(before));
  });
});
