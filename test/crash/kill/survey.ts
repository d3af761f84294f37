// Looks at a site that has been opened: waits until all has come back, lets every process verify its own memory, and reads every block.
// It must change nothing, and judges nothing.
import type { Process, Site } from '#runtime/index.js';
import {
  type Found,
  type FoundBlock,
  type FoundMember,
  type Role,
  readBlockName,
  TORN_SEED,
  ZERO_SEED,
} from './facts.js';

/** A process that is not back after this time is told of as it is. Generous: threads may take seconds to start on a busy machine. */
const BACK_LIMIT_MS = 20_000;
const TOTAL_BYTES = 8;

export async function survey(site: Site): Promise<Found> {
  const byName = new Map<string, FoundMember>();
  // Direct ones first: they ask for the others.
  const rows = [...site.aps()].sort((a, b) => a.kind.localeCompare(b.kind));
  for (const { name } of rows) await lookAt(site, name, byName);
  for (const { name } of site.aps()) if (!byName.has(name)) await lookAt(site, name, byName);

  const { bank, blocks, groups, losses, start } = site.report();
  return {
    start,
    losses: losses.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`),
    groups: groups.map(({ group, phase, badness, blocked, members }) => ({
      group,
      phase,
      badness,
      blocked,
      members: members.flatMap(({ name }) => byName.get(name) ?? []),
    })),
    blocks: blocks
      .filter(({ system }) => !system)
      .map(({ name, key, group, sizeBytes }) => ({ name, key, group, sizeBytes, ...readBlock(site, name) })),
    systemBlocks: blocks.filter(({ system }) => system).map(({ name }) => name),
    usedBytes: bank.usedBytes,
    blockBytes: blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function lookAt(site: Site, name: string, found: Map<string, FoundMember>): Promise<void> {
  const process = site.process(name);
  if (process !== null) found.set(name, await lookAtProcess(process));
}

async function lookAtProcess(process: Process): Promise<FoundMember> {
  const { name, kind } = process;
  if (process.state === 'ended') return { ...UNRUNNING, ...stateOf(process), name, kind };
  try {
    await process.ready({ limitMs: BACK_LIMIT_MS });
    const role = (await process.call('roleName', [], { returns: 'string' })) as Role;
    const stamp = Number(await process.call('verify'));
    const total = Number(await process.call('countSoFar'));
    return { name, kind, role, stamp, total, ...stateOf(process) };
  } catch (error) {
    return { ...UNRUNNING, name, kind, ...stateOf(process), state: `${process.state} (${String(error)})` };
  }
}

const UNRUNNING = { role: null, stamp: null, total: null };

function stateOf({ state, generation }: Process): Pick<FoundMember, 'state' | 'generation'> {
  return { state, generation };
}

function readBlock(site: Site, name: string): Pick<FoundBlock, 'seeds' | 'total'> {
  const bytes = site.pmm.read(name);
  if (bytes === null || bytes.byteLength < TOTAL_BYTES) return { seeds: [TORN_SEED], total: -1 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const total = Number(view.getBigInt64(0, true));
  return { total, seeds: readBlockName(name)?.role === null ? seedsOf(view) : [] };
}

/** The seeds of the patterns in it (kill-member.ts). */
function seedsOf(view: DataView): readonly number[] {
  const seeds = new Set<number>();
  for (let offset = 0; offset < view.byteLength; offset += 4) {
    const word = view.getUint32(offset, true);
    seeds.add(word === 0 ? ZERO_SEED : seedOf(word, offset / 4));
  }
  return [...seeds];
}

function seedOf(word: number, index: number): number {
  const uniform = (word ^ ((Math.imul(index, 2_654_435_761) & 0xffff_0000) | 0x0180)) >>> 0;
  const seed = uniform & 0xff;
  return seed !== 0 && uniform === Math.imul(seed, 0x0101_0101) >>> 0 ? seed : TORN_SEED;
}
