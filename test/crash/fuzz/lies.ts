// Damage with checksums that agree: a ledger that something else has written, or an image head. No promise covers it but that it is
// refused, lost by name or believed; it must never end in anything else.
import { crc32 } from 'node:zlib';
import {
  ACKNOWLEDGEMENT_AT,
  encodeAcknowledgement,
  encodeFrame,
  encodeHeader,
} from '#runtime/bank/ledger-frames.js';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { LedgerModel } from './ledger-model.js';
import type { Files } from './mutations.js';

const BANK_ID = { start: 16, end: 32 };
const HEAD_CHECKSUM_AT = 8;
const HEAD_CHECKED_AT = 12;

/** Says what is claimed. */
export function lie(files: Files, random: SeededRandom): string {
  const ledger = files.get('ledger') ?? Buffer.alloc(0);
  const model = new LedgerModel(ledger);
  const entries: [string, JsonValue][] = [...model.stateWithout(0)].map(([key, value]) => [
    key,
    JSON.parse(JSON.stringify(value)),
  ]);
  const what = random.below(3) === 0 ? lieInHead(files, entries, random) : lieInLedger(entries, random);
  const bankId = Uint8Array.from(ledger.subarray(BANK_ID.start, BANK_ID.end));
  const { capacityBytes } = model;
  const head = encodeHeader({ bankId, capacityBytes, firstSequence: 1 });
  const copy = Buffer.alloc(capacityBytes);
  copy.set(head.bytes);
  const frame = encodeFrame(Buffer.from(JSON.stringify(entries)), head.end);
  copy.set(encodeAcknowledgement(frame.end, head.end.checksum), ACKNOWLEDGEMENT_AT);
  copy.set(frame.bytes, head.end.offset);
  files.set('ledger', Buffer.concat([copy, copy]));
  return what;
}

function lieInLedger(entries: [string, JsonValue][], random: SeededRandom): string {
  // A bank without this one was never begun.
  const index = 1 + random.below(entries.length - 1);
  const entry = entries[index];
  if (entry === undefined) return 'nothing';
  const [key] = entry;
  switch (random.weighted({ change: 8, remove: 1, rename: 1, copy: 1 })) {
    case 'remove':
      entries.splice(index, 1);
      return `${key} is not there`;
    case 'rename': {
      entry[0] = `${key.split('/')[0]}/${random.oneOf(['', '0', '-1', '1e9', 'x', '../x', '99999999'])}`;
      return `${key} is called ${entry[0]}`;
    }
    case 'copy': {
      const name = `${key.split('/')[0]}/${random.oneOf(['7', '1000', 'twin'])}`;
      entries.push([name, entry[1]]);
      return `${key} is there once more as ${name}`;
    }
    case 'change': {
      const { value, what } = changed(entry[1], random);
      entry[1] = value;
      return `${key}${what}`;
    }
  }
}

const NUMBERS = [
  0,
  -1,
  1,
  0.5,
  4095,
  4096,
  8192,
  65536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
];
const TEXTS = [
  '',
  'x',
  '\0',
  '__SYS_HR_GROUP',
  'steady#1',
  'quarantined',
  'inline',
  'y'.repeat(70),
  '__proto__',
];

/** A copy in which one value, anywhere, is another. */
function changed(
  value: JsonValue,
  random: SeededRandom,
): { readonly value: JsonValue; readonly what: string } {
  const isContainer = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isContainer || random.below(12) === 0) {
    const next = random.oneOf<JsonValue>([
      random.oneOf(NUMBERS),
      random.oneOf(TEXTS),
      true,
      false,
      [],
      {},
      [[]],
    ]);
    return { value: next, what: ` is ${JSON.stringify(next)}` };
  }
  const name = random.oneOf(Object.keys(value));
  const inner = changed((value as Readonly<Record<string, JsonValue>>)[name] ?? null, random);
  const copy = Array.isArray(value)
    ? value.map((item, index) => (String(index) === name ? inner.value : item))
    : { ...value, [name]: inner.value };
  return { value: copy, what: `.${name}${inner.what}` };
}

interface GenerationRecord {
  readonly offset: number;
  readonly headBytes: number;
  headChecksum: number;
}

/** A byte of a generation's head is another, and both its checksum and the ledger say so. */
function lieInHead(files: Files, entries: readonly [string, JsonValue][], random: SeededRandom): string {
  const content = files.get('content') ?? Buffer.alloc(0);
  const records = entries.flatMap(([key, value]) =>
    key.startsWith('generations/') ? (value as never as { kept: GenerationRecord[] }).kept : [],
  );
  const record = random.oneOf(records);
  const at = HEAD_CHECKED_AT + random.below(record.headBytes - HEAD_CHECKED_AT);
  const { offset, headBytes } = record;
  content.writeUInt8(random.oneOf([0, 1, 0x7f, 0x80, 0xff, random.below(256)]), offset + at);
  const checksum = crc32(content.subarray(offset + HEAD_CHECKED_AT, offset + headBytes));
  content.writeUInt32LE(checksum, offset + HEAD_CHECKSUM_AT);
  record.headChecksum = checksum;
  return `byte ${at} of the head at ${offset} is ${content.readUInt8(offset + at)}`;
}
