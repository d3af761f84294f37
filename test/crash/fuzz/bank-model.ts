// What has to be there when a bank is opened, reckoned from what its ledger holds and from what of its content is damaged: the same
// records, but for what the losses name. Written from the promises alone; it shares no code with what it judges.
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import type { LedgerState } from './ledger-model.js';

/** Bytes of the content. */
export interface Range {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface ImageExtent extends Range {
  readonly headBytes: number;
}

/** Tells what is damaged. */
export interface Damage {
  image(record: { readonly path: string; readonly text: Range; readonly generation0: ImageExtent }): boolean;
  generation(processName: string, record: ImageExtent & { readonly generation: number }): boolean;
}

export interface Expected {
  readonly ledger: LedgerState;
  /** `kind name` of those that concern processes and images, sorted. */
  readonly losses: readonly string[];
  /** Of all extents in use. */
  readonly usedBytes: number;
}

const PREFIXES = {
  block: 'block/',
  group: 'group/',
  process: 'process/',
  generations: 'generations/',
  image: 'image/',
};

export function expectedOf(state: LedgerState, damage: Damage): Expected {
  const losses: string[] = [];
  const ledger = new Map(state);
  const under = <Value>(prefix: string): [name: string, value: Value][] =>
    [...state]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value as Value]);
  const groups = under<GroupRecord>(PREFIXES.group);
  const serials = new Set(groups.map(([, { serial }]) => serial));
  for (const [id, { hasGroupKey, group }] of under<BlockRecord>(PREFIXES.block)) {
    if (hasGroupKey && group !== null && !serials.has(group.serial)) ledger.delete(`${PREFIXES.block}${id}`);
  }
  const damagedImages = new Set<string>();
  for (const [digest, value] of under<ImageRecord>(PREFIXES.image)) {
    const { path, text, generation0, headBytes } = value;
    if (!damage.image({ path, text, generation0: { ...generation0, headBytes } })) continue;
    damagedImages.add(digest);
    losses.push(`process-image ${path}`);
  }
  const processes = new Map(under<ProcessRecord>(PREFIXES.process));
  const present = new Set<string>();
  let unwrittenBytes = 0;
  for (const [id, group] of groups) {
    const members = group.members.filter(({ name }) => {
      const isLost = damagedImages.has(processes.get(name)?.image ?? '');
      if (isLost) losses.push(`process ${name}`);
      else present.add(name);
      return !isLost;
    });
    ledger.set(`${PREFIXES.group}${id}`, groupWith(group, members) as never as JsonValue);
  }
  for (const name of processes.keys()) if (!present.has(name)) ledger.delete(`${PREFIXES.process}${name}`);
  for (const [name, value] of under<GenerationsRecord>(PREFIXES.generations)) {
    const key = `${PREFIXES.generations}${name}`;
    const kept = value.kept.filter((record) => {
      const isLost = present.has(name) && damage.generation(name, record);
      if (isLost) losses.push(`generation ${name}, generation ${record.generation}`);
      return !isLost;
    });
    if (present.has(name) && kept.length > 0) ledger.set(key, { ...value, kept } as never as JsonValue);
    else ledger.delete(key);
    // A spare place is taken over, though nothing is written down of it as long as there is no generation.
    if (present.has(name) && kept.length === 0) unwrittenBytes += value.spare?.sizeBytes ?? 0;
  }
  const used = new Set([...present].map((name) => processes.get(name)?.image));
  for (const [digest] of under<ImageRecord>(PREFIXES.image)) {
    if (!used.has(digest)) ledger.delete(`${PREFIXES.image}${digest}`);
  }
  const usedBytes = extentsOf(ledger).reduce((sum, each) => sum + each, unwrittenBytes);
  return { ledger, losses: losses.sort(), usedBytes };
}

interface GenerationsRecord {
  readonly kept: readonly (ImageExtent & { readonly generation: number })[];
  readonly spare: Range | null;
}

interface ImageRecord {
  readonly path: string;
  readonly text: Range;
  readonly generation0: Range;
  readonly headBytes: number;
}

interface GroupRecord {
  readonly serial: number;
  readonly reason: string | null;
  readonly members: readonly { readonly name: string }[];
}

interface BlockRecord {
  readonly hasGroupKey: boolean;
  readonly group: { readonly serial: number } | null;
}

interface ProcessRecord {
  readonly image: string;
}

function groupWith(group: GroupRecord, members: GroupRecord['members']): GroupRecord {
  if (members.length > 0) return { ...group, members };
  if (group.members.length === 0) return group;
  const quarantine = { quarantined: true, reason: group.reason ?? 'all its processes are lost' };
  return { ...group, ...quarantine, members };
}

function extentsOf(ledger: LedgerState): number[] {
  return [...ledger].flatMap(([key, value]) => {
    if (key.startsWith(PREFIXES.block)) return [(value as never as Range).sizeBytes];
    if (key.startsWith(PREFIXES.generations)) {
      const { kept, spare } = value as never as GenerationsRecord;
      return [...kept, ...(spare === null ? [] : [spare])].map(({ sizeBytes }) => sizeBytes);
    }
    if (!key.startsWith(PREFIXES.image)) return [];
    const { text, generation0 } = value as never as ImageRecord;
    return [text.sizeBytes, generation0.sizeBytes];
  });
}
