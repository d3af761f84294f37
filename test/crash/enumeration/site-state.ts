// What a site promises, as lines of text by key: processes with their generations, groups, blocks. Read from a living site, and from one
// that has come back. Two states are compared as wholes; it must never forgive a difference that it was not told to.
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Process, Site } from '#runtime/index.js';

export const MEMBER_MODULE = 'm.wasm';
export const OTHER_MODULE = 'n.wasm';
const READY_LIMIT_MS = 10_000;

/** `process m#1`, `group 3`, `block B01`, ... and what is said of it. */
export type SiteState = ReadonlyMap<string, string>;

/** What only the one who made the calls knows. */
export interface Known {
  /** By process and generation: the number over its memory. */
  readonly digests: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
  /** Places that are written down for generations, by process: of those kept beside generation 0, and of the next one. */
  readonly places: ReadonlyMap<string, number>;
}

/** Who takes calls, children that wait for their parents left out. */
export async function settled(site: Site): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const waiting = unsettled(site);
    if (waiting.length === 0) return;
    if (performance.now() > deadlineMs) throw new Error(`not settled: ${waiting.join(', ')}`);
    await sleep(0);
  }
}

function unsettled(site: Site): readonly string[] {
  const { groups, processes } = site.report();
  const states = new Map(processes.map(({ name, state }) => [name, state]));
  return groups.flatMap(({ group, phase, members }) => {
    if (phase === 'quarantined') return [];
    if (phase !== 'live') return [`group ${group} is ${phase}`];
    return members
      .filter(({ name, status }) => status === 'running' && states.get(name) !== 'ready')
      .map(({ name }) => `${name} is ${states.get(name)}`);
  });
}

/** The state of a living site, and of a site that would come back on its bank. */
export function stateOf(site: Site, known: Known): SiteState {
  const state = visibleState(site);
  for (const { name, generation } of site.report().processes) {
    const digest = known.digests.get(name)?.get(generation);
    if (digest === undefined) throw new Error(`generation ${generation} of ${name} was made unseen`);
    if (state.has(`process ${name}`)) state.set(`digest ${name}`, String(digest));
  }
  for (const [line, count] of systemBlocks(site, known)) state.set(line, count);
  return state;
}

/**
 * The state of a site that has come back, its memories read from the guests themselves: children are spawned for that by a member of
 * their group. No digest where nobody could be asked.
 */
export async function stateFound(site: Site): Promise<SiteState> {
  const state = visibleState(site);
  for (const name of systemNames(site)) {
    const key = `system ${name}`;
    state.set(key, oneMore(state.get(key)));
  }
  for (const { name, kind, state: now, group } of site.report().processes) {
    const process = site.process(name);
    if (process === null) throw new Error(`${name} is listed and not there`);
    if (kind === 'indirect' && now === 'stopped') await spawnAgain(site, name, group);
    if (process.state === 'ready') state.set(`digest ${name}`, String(await process.call('digest')));
  }
  return state;
}

async function spawnAgain(site: Site, name: string, group: number | null): Promise<void> {
  const row = site
    .report()
    .processes.find((each) => each.group === group && each.kind === 'direct' && each.state === 'ready');
  const parent = row === undefined ? null : site.process(row.name);
  if (parent === null) return;
  const pid = await spawnChild(parent, name);
  if (pid < 0) throw new Error(`${name} cannot be spawned again: ${pid}`);
  await settled(site);
}

/** The pid of C00 to C99, or -errno. */
export async function spawnChild(parent: Process, name: string): Promise<number> {
  return Number(await parent.call('spawn', [Number(name.slice(1))]));
}

function visibleState(site: Site): Map<string, string> {
  const state = new Map<string, string>();
  const { groups, processes, blocks } = site.report();
  const ended = new Set(
    groups.flatMap(({ members }) =>
      members.filter(({ status }) => status === 'ended').map(({ name }) => name),
    ),
  );
  for (const { name, kind, path, group, generation } of processes) {
    // A process that has ended is run from generation 0, if ever.
    const end = ended.has(name) ? 'ended' : `generation ${generation}`;
    state.set(`process ${name}`, `${kind} ${path} in group ${group}, ${end}`);
  }
  for (const { group, phase, badness, reason, members } of groups) {
    const names = members.map(({ name }) => name).join(' ');
    const told = phase === 'quarantined' ? `quarantined (${reason})` : 'live';
    state.set(`group ${group}`, `${told}, badness ${badness}, members ${names}`);
  }
  for (const { name, sizeBytes, key, group, owner, system } of blocks) {
    if (!system) state.set(`block ${name}`, `${sizeBytes} bytes, key ${key}, of ${owner} in group ${group}`);
  }
  for (const { name } of site.volumes.list()) addFiles(state, site, name, '');
  return state;
}

function addFiles(state: Map<string, string>, site: Site, volume: string, path: string): void {
  for (const { name, type, sizeBytes } of site.volumes.entries(volume, path) ?? []) {
    const here = path === '' ? name : `${path}/${name}`;
    const bytes = site.volumes.read(volume, here);
    const sum = bytes === null ? '' : `, sum ${crc32(bytes)}`;
    state.set(`file ${volume}/${here}`, `${type} of ${sizeBytes} bytes${sum}`);
    if (type === 'directory') addFiles(state, site, volume, here);
  }
}

function systemNames(site: Site): readonly string[] {
  return site
    .report()
    .blocks.filter(({ system }) => system)
    .map(({ name }) => name);
}

/** What a site that comes back needs of its own: a place that has just been given up is none of it. */
function systemBlocks(site: Site, known: Known): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  for (const name of systemNames(site)) {
    const owner = name.replace(/^__SYS:generation:/, '');
    if (owner === name) lines.set(`system ${name}`, oneMore(lines.get(`system ${name}`)));
    else if ((known.places.get(owner) ?? 0) > 0) lines.set(`system ${name}`, String(known.places.get(owner)));
  }
  return lines;
}

function oneMore(count: string | undefined): string {
  return String(Number(count ?? '0') + 1);
}

/** What the two do not agree on, as sentences; a digest that nobody could be asked for is no difference. */
export function differences(
  expected: SiteState,
  found: SiteState,
  isForgiven: (key: string) => boolean,
): readonly string[] {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  return [...keys].flatMap((key) => {
    const [should, is] = [expected.get(key), found.get(key)];
    if (should === is || isForgiven(key)) return [];
    if (is === undefined && key.startsWith('digest ') && isSilent(found, key.slice('digest '.length)))
      return [];
    return [`${key}: expected ${should ?? 'nothing'}, found ${is ?? 'nothing'}`];
  });
}

/** Whether nothing of the process runs: it has ended, its group is quarantined, or only its group's children are left. */
function isSilent(found: SiteState, name: string): boolean {
  const told = found.get(`process ${name}`);
  if (told === undefined) return false;
  const group = found.get(`group ${/group (\d+)/.exec(told)?.[1]}`) ?? '';
  if (told.endsWith('ended') || group.startsWith('quarantined')) return true;
  const members = (/members (.*)$/.exec(group)?.[1] ?? '').split(' ');
  return members.every((member) => {
    const other = found.get(`process ${member}`) ?? '';
    return other.startsWith('indirect') || other.endsWith('ended');
  });
}
