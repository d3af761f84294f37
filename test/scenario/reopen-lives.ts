// Lives of sites, by name: what is registered, counted, stored and freed before the end comes. What each returns is what the site that
// comes back is held against.
import type { Site } from '#runtime/index.js';
import { type PlacementName, rejection, until } from '#test/support/scenario.js';
import { type Json, type Life, lasting, MEMBER, named, number } from './reopen-kit.js';

const MiB = 1024 * 1024;

/** Names as the site gives them: the file's and a number. */
const nameOf = (count: number): string => `survivor#${count}`;

/** Three groups, a plain process, members of every kind and in every state, and blocks of every kind. */
async function populate(site: Site, argument: Json): Promise<Json> {
  const placement = argument as PlacementName;
  const first = await site.arun(MEMBER, {
    group: 3,
    placement,
    args: ['greet', 'a b', ''],
    env: { NAME: 'first', EMPTY: '' },
    credentials: { uid: 7, gid: 8, groups: [9, 10] },
    memoryQuotaBytes: 4 * MiB,
    restore: 'fresh',
  });
  const second = await site.arun(MEMBER, { group: 3, placement, args: ['second'] });
  const third = await site.arun(MEMBER, { group: 3, placement, args: ['third'], cleanExit: 'zero' });
  const parent = await site.arun(MEMBER, { group: 4, placement, args: ['spawn:CHILD'] });
  const doomed = await site.arun(MEMBER, { group: 5, placement, credentials: { trusted: true } });
  const plain = await site.arun(MEMBER, { restartable: false, placement });
  for (const process of [first, second, third, parent, doomed, plain]) await process.ready();

  // Three generations of one, of which the last two are kept; one of another; none of the third, which ends.
  for (let generation = 1; generation <= 3; generation += 1) {
    await number(first, 'count');
    await first.checkpoint();
  }
  await number(first, 'count');
  await number(second, 'checkpoint');
  await number(second, 'count');
  await third.call('leave', [0]).catch(() => undefined);

  await number(first, 'allocate', 'KEPT', 5000, 'of first');
  await first.call('put', ['KEPT', 41]);
  await number(first, 'allocate', 'TIED', 8, 'group');
  await first.call('put', ['TIED', 42]);
  await number(plain, 'allocate', 'OF_PLAIN', 8, 'of plain');
  await plain.call('put', ['OF_PLAIN', 43]);
  await number(doomed, 'allocate', 'GONE_WITH_GROUP', 8, 'group');
  await number(doomed, 'allocate', 'OUTLIVES_GROUP', 8, 'of doomed');
  await number(second, 'allocate', 'FREED', 8, 'freed');
  await second.call('put', ['FREED', 44]);
  site.pmm.free('FREED');

  const child = named(site, 'CHILD');
  await until('the child is ready', () => child.state === 'ready');
  await number(child, 'count');
  await child.checkpoint();
  await site.killGroup(5);
  return lasting(site);
}

/** A group that has been restarted so often, on account of its only member, and one beside it. */
async function fail(site: Site, argument: Json): Promise<Json> {
  const { placement, times } = argument as { readonly placement: PlacementName; readonly times: number };
  const failing = site.process(nameOf(1)) ?? (await site.arun(MEMBER, { group: 1, placement }));
  const other = site.process(nameOf(2)) ?? (await site.arun(MEMBER, { group: 2, placement }));
  for (const process of [failing, other]) await process.ready();
  for (let time = 0; time < times; time += 1) {
    const { pid } = failing;
    await rejection(failing.call('trap'));
    await until('it is back, or in quarantine', () => {
      return failing.state === 'stopped' || (failing.state === 'ready' && failing.pid !== pid);
    });
  }
  return lasting(site);
}

/** Commands whose host dies while they are under way: the second one ends this life. */
async function command(site: Site, argument: Json): Promise<Json> {
  const { placement, path } = argument as { readonly placement: PlacementName; readonly path: string };
  await site.arun(path, { group: 1, placement });
  await until('it has died', () => false);
  return null;
}

/** A parent and its child, which has made two generations; the parent does not ask for it again by itself. */
async function raise(site: Site, argument: Json): Promise<Json> {
  const { placement } = argument as { readonly placement: PlacementName };
  const parent = await site.arun(MEMBER, { group: 6, placement });
  await parent.ready();
  await number(parent, 'spawn', 'CHILD');
  const child = named(site, 'CHILD');
  await child.ready();
  for (let generation = 1; generation <= 2; generation += 1) {
    await number(child, 'count');
    await child.checkpoint();
  }
  return lasting(site);
}

/** The same, and the parent has ended. */
async function orphan(site: Site, argument: Json): Promise<Json> {
  await raise(site, argument);
  await rejection(named(site, nameOf(1)).call('quit'));
  return lasting(site);
}

/** A generation that maps two blocks, of which one is freed while its process has it mapped; and a process beside it. */
async function free(site: Site): Promise<Json> {
  const holder = await site.arun(MEMBER, { group: 1, placement: 'inline' });
  const other = await site.arun(MEMBER, { group: 1, placement: 'inline' });
  for (const process of [holder, other]) await process.ready();
  const blockBytes = 4096;
  for (const name of ['MAPPED', 'STAYS']) await number(holder, 'allocate', name, blockBytes, 'k');
  await holder.call('put', ['MAPPED', 70]);
  await holder.call('put', ['STAYS', 71]);
  await holder.checkpoint();
  site.pmm.free('MAPPED');
  return { usedBytes: site.pmm.usage().usedBytes, blockBytes };
}

/** A group that ends of itself, and one that goes on. */
async function end(site: Site): Promise<Json> {
  const ending = await site.arun(MEMBER, { group: 1, placement: 'inline', credentials: { uid: 4 } });
  const other = await site.arun(MEMBER, { group: 2, placement: 'inline' });
  for (const process of [ending, other]) await process.ready();
  await number(ending, 'allocate', 'TIED', 8, 'group');
  await ending.call('put', ['TIED', 1]);
  await number(ending, 'allocate', 'LEFT_BY_GROUP', 8, 'k');
  await number(other, 'allocate', 'OF_OTHER', 8, 'group');
  await rejection(ending.call('quit'));
  await until('the group is over', () => site.report().groups.length === 1);
  return lasting(site);
}

/** A guest with an import module of its own. */
async function importing(site: Site, argument: Json): Promise<Json> {
  const { placement, importsUrl } = argument as {
    readonly placement: PlacementName;
    readonly importsUrl: string;
  };
  const caller = await site.arun('probe-caller.wasm', { group: 1, placement, importsUrl });
  await caller.ready();
  return number(caller, 'ask', 1);
}

const CALLED = { populate, fail, raise, orphan, free, end } satisfies Record<string, Life>;
export const LIVES: Readonly<Record<string, Life>> = { ...CALLED, command, import: importing };

/** For `lived`. */
export function lifeCalled(name: keyof typeof CALLED): readonly [name: string, body: Life] {
  return [name, CALLED[name]];
}
