// What is done to the files of a bank: bits flipped, ranges set, files cut short, made longer, spliced, swapped, emptied, taken away.
// Places that mean something are hit far more often than the empty space between them. Everything follows from the random numbers.
import type { BankImage } from '#test/support/memory-files.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { LedgerModel, NOTE } from './ledger-model.js';

export type Files = Map<string, Buffer>;

/** A range of a file that means something. */
export interface Region {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

const MAX_BITS = 64;
const MAX_RUN_BYTES = 64 * 1024;
const SUPERBLOCK_COPY_BYTES = 4096;
const SUPERBLOCK_USED_BYTES = 52;
const FRAME_HEADER_BYTES = 24;
const LEDGER_HEADER_BYTES = 64;
const TEXT_HEAD_BYTES = 20;

const KINDS = {
  flip: 30,
  'flip-both': 8,
  run: 15,
  'run-both': 6,
  truncate: 7,
  extend: 4,
  'splice-within': 10,
  'splice-between': 6,
  'splice-donor': 12,
  swap: 0.5,
  empty: 0.5,
  remove: 0.5,
} as const;

/** Says what has been done. `donors`: other banks, and older copies of the same one. */
export function mutate(
  files: Files,
  regions: readonly Region[],
  donors: readonly BankImage[],
  random: SeededRandom,
): string {
  const count = random.weighted({ '1': 7, '2': 2, '3': 1 });
  return Array.from({ length: Number(count) }, () => mutateOnce(files, regions, donors, random)).join('; ');
}

function mutateOnce(
  files: Files,
  regions: readonly Region[],
  donors: readonly BankImage[],
  random: SeededRandom,
): string {
  const kind = random.weighted(KINDS);
  const region = pickRegion(regions, random);
  const bytes = files.get(region.file) ?? Buffer.alloc(0);
  const at = region.start + random.below(region.end - region.start);
  const where = `${kind} ${region.file} at ${at}`;
  switch (kind) {
    case 'flip':
    case 'flip-both': {
      const bits = Array.from({ length: random.skewed(1, MAX_BITS) }, () => {
        const offset = region.start + random.below(region.end - region.start);
        return { offset, mask: 1 << random.below(8) };
      });
      for (const { offset, mask } of bits) {
        flip(bytes, offset, mask);
        if (kind === 'flip-both') flip(bytes, twinOf(region.file, bytes, offset), mask);
      }
      return `${kind} ${region.file} bits at ${bits.map(({ offset }) => offset).join(' ')}`;
    }
    case 'run':
    case 'run-both': {
      const length = random.skewed(1, MAX_RUN_BYTES);
      const value = random.oneOf([0, 0, 0xff, null]);
      const run = value === null ? random.bytes(length) : Buffer.alloc(length, value);
      put(bytes, run, at);
      if (kind === 'run-both') put(bytes, run, twinOf(region.file, bytes, at));
      return `${where}: ${length} bytes of ${value ?? 'noise'}`;
    }
    case 'truncate': {
      const length = Math.min(
        bytes.length,
        random.oneOf([at, region.start, region.end, random.below(bytes.length + 1)]),
      );
      files.set(region.file, bytes.subarray(0, length));
      return `${kind} ${region.file} to ${length}`;
    }
    case 'extend': {
      const tail = random.oneOf([
        Buffer.alloc(random.skewed(1, MAX_RUN_BYTES)),
        random.bytes(random.skewed(1, 4096)),
        bytes,
      ]);
      files.set(region.file, Buffer.concat([bytes, tail]));
      return `${kind} ${region.file} by ${tail.length}`;
    }
    case 'splice-within':
    case 'splice-between': {
      const other = kind === 'splice-within' ? region.file : random.oneOf([...files.keys()]);
      const from = pickRegion(
        regions.filter(({ file }) => file === other),
        random,
      );
      const length = random.oneOf([from.end - from.start, random.skewed(1, MAX_RUN_BYTES)]);
      const target = random.oneOf([region.start, at]);
      put(bytes, Buffer.from((files.get(other) ?? bytes).subarray(from.start, from.start + length)), target);
      return `${kind} ${region.file} at ${target}: ${length} bytes from ${other} at ${from.start}`;
    }
    case 'splice-donor': {
      const index = random.below(donors.length);
      const donor = donors[index]?.get(region.file) ?? new Uint8Array();
      if (random.below(10) === 0) {
        files.set(region.file, Buffer.from(donor));
        return `${kind} ${region.file}: all of it from donor ${index}`;
      }
      const length = random.oneOf([region.end - region.start, random.skewed(1, MAX_RUN_BYTES)]);
      const from = random.below(3) === 0 ? random.below(donor.length) : region.start;
      put(bytes, donor.subarray(from, from + length), region.start);
      return `${kind} ${region.file} at ${region.start}: ${length} bytes from donor ${index} at ${from}`;
    }
    case 'swap': {
      const other = random.oneOf([...files.keys()]);
      files.set(region.file, Buffer.from(files.get(other) ?? bytes));
      files.set(other, bytes);
      return `${kind} ${region.file} and ${other}`;
    }
    case 'empty':
      files.set(region.file, Buffer.alloc(0));
      return `${kind} ${region.file}`;
    case 'remove':
      files.delete(region.file);
      return `${kind} ${region.file}`;
  }
}

/** Every file as often as the next would hit little but the superblock. */
function pickRegion(regions: readonly Region[], random: SeededRandom): Region {
  const file = random.weighted({ ledger: 4, content: 5, superblock: 1 });
  const inFile = regions.filter((region) => region.file === file);
  return random.oneOf(inFile.length === 0 ? regions : inFile);
}

function flip(bytes: Buffer, offset: number, mask: number): void {
  if (offset < bytes.length) bytes.writeUInt8(bytes.readUInt8(offset) ^ mask, offset);
}

function put(bytes: Buffer, run: Uint8Array, at: number): void {
  if (at < bytes.length) bytes.set(run.subarray(0, bytes.length - at), at);
}

/** The same place in the other copy, of what there are two of. */
function twinOf(file: string, bytes: Buffer, offset: number): number {
  const copyBytes = file === 'superblock' ? SUPERBLOCK_COPY_BYTES : bytes.length / 2;
  return file === 'content' ? offset : Math.floor((offset + copyBytes) % (2 * copyBytes));
}

/** Where something stands in these files. */
export function regionsOf(image: BankImage): readonly Region[] {
  const ledger = image.get('ledger') ?? new Uint8Array();
  const content = image.get('content') ?? new Uint8Array();
  const model = new LedgerModel(ledger);
  const inLedger = [0, model.capacityBytes].flatMap((copy) => [
    { start: copy, end: copy + LEDGER_HEADER_BYTES },
    { start: copy + NOTE.start, end: copy + NOTE.end },
    { start: copy, end: copy + model.end },
    { start: copy + model.end, end: copy + model.end + 4096 },
    ...model.frames.flatMap(({ start, end }) => [
      { start: copy + start, end: copy + start + FRAME_HEADER_BYTES },
      { start: copy + start, end: copy + end },
    ]),
  ]);
  const inSuperblock = [0, SUPERBLOCK_COPY_BYTES].flatMap((copy) => [
    { start: copy, end: copy + SUPERBLOCK_USED_BYTES },
    { start: copy, end: copy + SUPERBLOCK_COPY_BYTES },
  ]);
  return [
    ...[...inLedger, { start: 0, end: ledger.length }].map((range) => ({ file: 'ledger', ...range })),
    ...inSuperblock.map((range) => ({ file: 'superblock', ...range })),
    ...[...inContent(model), { start: 0, end: content.length }].map((range) => ({
      file: 'content',
      ...range,
    })),
  ];
}

type Extent = { readonly offset: number; readonly sizeBytes: number };

function inContent(model: LedgerModel): readonly { readonly start: number; readonly end: number }[] {
  const whole = ({ offset, sizeBytes }: Extent) => ({ start: offset, end: offset + sizeBytes });
  const head = ({ offset, headBytes }: { offset: number; headBytes: number }) => ({
    start: offset,
    end: offset + headBytes,
  });
  return [...model.stateWithout(0)].flatMap(([key, value]) => {
    const record = value as never;
    if (key.startsWith('block/')) return [whole(record)];
    if (key.startsWith('generations/')) {
      const { kept, spare } = record as { kept: (Extent & { headBytes: number })[]; spare: Extent | null };
      return [
        ...kept.flatMap((each) => [head(each), whole(each)]),
        ...(spare === null ? [] : [whole(spare)]),
      ];
    }
    if (!key.startsWith('image/')) return [];
    const { text, generation0, headBytes } = record as {
      text: Extent;
      generation0: Extent;
      headBytes: number;
    };
    return [
      head({ offset: text.offset, headBytes: TEXT_HEAD_BYTES }),
      whole(text),
      head({ ...generation0, headBytes }),
      whole(generation0),
    ];
  });
}
