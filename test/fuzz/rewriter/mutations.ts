// What is done to a module: bits flipped, bytes put in and taken out, numbers written wider, sections doubled, moved, emptied, cut and exchanged
// with those of other modules. It reads sections by itself, so that it shares no mistake with what is fuzzed.
import type { SeededRandom } from '#test/support/seeded-random.js';
import { PREAMBLE, u32 } from '#test/support/wasm-assembler.js';

interface Section {
  readonly id: number;
  readonly payload: Uint8Array;
  /** Bytes the size takes beyond those it needs. */
  readonly widenedBy: number;
}

const MAX_BITS = 16;
const MAX_RUN_BYTES = 64;
const LAST_SECTION_ID = 13;
const TELLING = [0, 1, 2, 3, 0x0b, 0x40, 0x60, 0x6f, 0x70, 0x7f, 0x80, 0xfc, 0xff];

const BYTE_KINDS = { flip: 5, set: 5, insert: 3, remove: 3, widen: 4, run: 1, splice: 2, cut: 1 } as const;
const SECTION_KINDS = {
  inside: 12,
  double: 1,
  drop: 1,
  move: 1,
  exchange: 3,
  widen: 1,
  empty: 1,
  rename: 1,
} as const;

/** `donors` give sections and bytes. */
export function mutate(bytes: Uint8Array, donors: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  let mutated = bytes;
  const count = random.oneOf([1, 1, 1, 2, 2, 3, 5]);
  for (let round = 0; round < count; round += 1) {
    const sections = random.below(4) > 0 ? sectionsOf(mutated) : null;
    mutated =
      sections === null || sections.length === 0
        ? mutateBytes(mutated, donors, random)
        : moduleOf(mutateSections(sections, donors, random));
  }
  return mutated;
}

/** Null when it is not made of sections. */
function sectionsOf(bytes: Uint8Array): Section[] | null {
  const sections: Section[] = [];
  for (let at = PREAMBLE.length; at < bytes.length; ) {
    const id = bytes[at] ?? 0;
    const size = numberAt(bytes, at + 1);
    if (size === null || size.next + size.value > bytes.length) return null;
    const widenedBy = size.next - at - 1 - u32(size.value).length;
    sections.push({ id, payload: bytes.subarray(size.next, size.next + size.value), widenedBy });
    at = size.next + size.value;
  }
  return sections;
}

/** An unsigned LEB128 of at most five bytes. */
function numberAt(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly next: number } | null {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: start + index + 1 };
  }
  return null;
}

function moduleOf(sections: readonly Section[]): Uint8Array {
  const parts = sections.flatMap(({ id, payload, widenedBy }) => [
    Uint8Array.from([id, ...widened(u32(payload.length), widenedBy)]),
    payload,
  ]);
  return Buffer.concat([Uint8Array.from(PREAMBLE), ...parts]);
}

/** The same number in more bytes. */
function widened(leb: readonly number[], by: number): number[] {
  if (by <= 0) return [...leb];
  const last = leb.at(-1) ?? 0;
  return [...leb.slice(0, -1), last | 0x80, ...Array<number>(by - 1).fill(0x80), 0];
}

function mutateSections(
  sections: readonly Section[],
  donors: readonly Uint8Array[],
  random: SeededRandom,
): Section[] {
  const changed = [...sections];
  const at = random.below(sections.length);
  const section = random.oneOf(sections);
  const put = (index: number, replacement: Partial<Section>): void => {
    changed[index] = { ...(sections[index] as Section), ...replacement };
  };
  switch (random.weighted(SECTION_KINDS)) {
    case 'inside': {
      const { payload } = sections[at] as Section;
      put(at, { payload: mutateBytes(payload, donors, random) });
      return changed;
    }
    case 'double':
      changed.splice(random.below(sections.length + 1), 0, section);
      return changed;
    case 'drop':
      changed.splice(at, 1);
      return changed;
    case 'move': {
      const [moved] = changed.splice(at, 1);
      if (moved !== undefined) changed.splice(random.below(sections.length), 0, moved);
      return changed;
    }
    case 'exchange': {
      const others = sectionsOf(random.oneOf(donors)) ?? [];
      const alike = others.filter(({ id }) => id === sections[at]?.id);
      const pool = alike.length > 0 ? alike : others;
      if (pool.length > 0) put(at, { payload: random.oneOf(pool).payload });
      return changed;
    }
    case 'widen':
      put(at, { widenedBy: random.below(6) });
      return changed;
    case 'empty':
      put(at, { payload: random.below(2) === 0 ? new Uint8Array(0) : Uint8Array.of(0) });
      return changed;
    case 'rename':
      put(at, { id: random.below(LAST_SECTION_ID + 2) });
      return changed;
  }
}

function mutateBytes(bytes: Uint8Array, donors: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length + 1);
  const replace = (removed: number, inserted: Uint8Array): Uint8Array =>
    Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
  switch (random.weighted(BYTE_KINDS)) {
    case 'flip': {
      const flipped = bytes.slice();
      const bits = random.skewed(1, MAX_BITS);
      for (let round = 0; round < bits && bytes.length > 0; round += 1) {
        const index = random.below(bytes.length);
        flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
      }
      return flipped;
    }
    case 'set':
      return replace(1, Uint8Array.of(random.below(2) === 0 ? random.oneOf(TELLING) : random.below(256)));
    case 'insert':
      return replace(0, Uint8Array.of(random.below(2) === 0 ? random.oneOf(TELLING) : random.below(256)));
    case 'remove':
      return replace(random.skewed(1, 8), new Uint8Array(0));
    case 'widen':
      return replace(1, Uint8Array.from(widened([(bytes[at] ?? 0) & 0x7f], random.below(11))));
    case 'run':
      return replace(0, random.bytes(random.skewed(1, MAX_RUN_BYTES)));
    case 'splice': {
      const donor = random.oneOf(donors);
      const start = random.below(donor.length);
      const taken = donor.subarray(start, start + random.skewed(1, MAX_RUN_BYTES));
      return replace(random.below(2) * taken.length, taken);
    }
    case 'cut':
      return bytes.subarray(0, at);
  }
}
