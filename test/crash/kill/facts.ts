// What the program under load tells the one that kills it, one line of JSON each: what it is about to do, that it is done, and what it
// has found in the bank. Data and their encoding only; nothing here decides what is right.

/** Restart groups of a site under load: 0 to GROUP_COUNT - 1. */
export const GROUP_COUNT = 10;
/** A block's content where it is still zero. */
export const ZERO_SEED = 0;
/** A block's content where it is neither zero nor any pattern. */
export const TORN_SEED = -1;

/** A and B are direct processes, C is spawned by A, which also makes the blocks. */
export type Role = 'A' | 'B' | 'C';

export interface BlockFacts {
  readonly sizeBytes: number;
  readonly withGroupKey: boolean;
  /** What it is filled with, 1 to 255. */
  readonly seed: number;
}

/** One step of a group, which has taken place or not, and nothing between, whenever the host dies. */
export type Step =
  | { readonly kind: 'register'; readonly role: 'A' | 'B' }
  | { readonly kind: 'spawn' }
  | { readonly kind: 'count'; readonly role: Role }
  /** `generation` is the one that is made. */
  | { readonly kind: 'checkpoint'; readonly role: Role; readonly generation: number }
  | { readonly kind: 'allocate'; readonly name: string; readonly block: BlockFacts }
  | { readonly kind: 'refill'; readonly name: string; readonly seed: number }
  | { readonly kind: 'free'; readonly name: string }
  /** All blocks of the group's own key. */
  | { readonly kind: 'free-all' }
  /** The group restarts. */
  | { readonly kind: 'crash'; readonly role: Role }
  /** A clean end. */
  | { readonly kind: 'end'; readonly role: 'A' | 'B' }
  | { readonly kind: 'kill-group' };

export interface FoundMember {
  readonly name: string;
  /** As the process itself says; null when it does not run. */
  readonly role: Role | null;
  readonly kind: string;
  readonly state: string;
  readonly generation: number;
  /** The generation its memory is of; negative when it is of none; null when it does not run. */
  readonly stamp: number | null;
  /** As the process itself says; null when it does not run. */
  readonly total: number | null;
}

export interface FoundGroup {
  readonly group: number;
  readonly phase: string;
  readonly badness: number;
  readonly blocked: boolean;
  readonly members: readonly FoundMember[];
}

export interface FoundBlock {
  readonly name: string;
  readonly key: string;
  readonly group: number | null;
  readonly sizeBytes: number;
  /** Seeds of its content, each once, in the order they are met. */
  readonly seeds: readonly number[];
  /** The number in its first eight bytes. */
  readonly total: number;
}

/** A site as it is after opening, when all that comes back has come back. */
export interface Found {
  readonly start: 'cold' | 'hot';
  readonly losses: readonly string[];
  readonly groups: readonly FoundGroup[];
  readonly blocks: readonly FoundBlock[];
  readonly systemBlocks: readonly string[];
  readonly usedBytes: number;
  /** The sizes of all blocks together. */
  readonly blockBytes: number;
}

export type Line =
  /** The bank is about to be opened. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'intended'; readonly group: number; readonly step: Step }
  /** The step of the group that was intended last; with the name of the process that it has registered. */
  | { readonly kind: 'done'; readonly group: number; readonly name: string | null }
  /** Something was not as it has to be, without any crash. The program ends. */
  | { readonly kind: 'wrong'; readonly what: string }
  /** All was ended and freed in order. */
  | { readonly kind: 'emptied'; readonly usedBytes: number; readonly contentBytesOnMedium: number };

/** What the program is told on its standard input, in one line, once it has started. */
export interface Orders {
  /** `load`: until killed. `empty`: after it has told what it found, everything is ended and freed. */
  readonly work: 'load' | 'empty';
  readonly bank: string;
  readonly stableStorage: string;
  readonly backend: 'mapped' | 'copied';
  readonly sync: 'auto' | 'commit';
  /** So many groups, from 0 on, have their processes in threads; the others are inline. */
  readonly threadGroups: number;
  readonly seed: number;
}

/** The number of the descriptor the lines are written to. */
export const LINES_DESCRIPTOR = 3;

export function encodeLine(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** Lines come from this project's own program, whole. */
export function decodeLine(text: string): Line {
  return JSON.parse(text) as Line;
}

export function totalBlockName(group: number, role: Role): string {
  return `T${group}${role}`;
}

/** Which group a block is of, and for a total whose; null for a name that no guest here gives. */
export function readBlockName(name: string): { readonly group: number; readonly role: Role | null } | null {
  const [, kind, group, rest] = /^([TB])(\d)([ABC]|_\d)$/.exec(name) ?? [];
  if (kind === undefined || rest === undefined) return null;
  const isTotal = kind === 'T';
  if (isTotal === rest.startsWith('_')) return null;
  return { group: Number(group), role: isTotal ? (rest as Role) : null };
}
