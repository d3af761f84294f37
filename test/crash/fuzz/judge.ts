// Whether what came of opening a damaged bank is right: refused only where no whole copy was left, and otherwise exactly what the
// untouched bank holds but for what is named as lost. Damage to blocks and to empty space may go unseen; nothing else may.
import { decodeHeader, laterFrames } from '#runtime/bank/ledger-frames.js';
import type { BankImage } from '#test/support/memory-files.js';
import { type Damage, expectedOf, type ImageExtent, type Range } from './bank-model.js';
import { type FrameRange, HEADER_BYTES, LedgerModel, type LedgerState, NOTE } from './ledger-model.js';
import type { Files } from './mutations.js';
import type { CheckContent, Opened, Outcome } from './opening.js';

export interface Verdict {
  /** The kind of outcome, to be counted. */
  readonly label: string;
  /** What is wrong; null when all is well. */
  readonly problem: string | null;
}

const SUPERBLOCK_COPY_BYTES = 4096;
const PAGE_BYTES = 4096;
const TEXT_HEAD_BYTES = 20;
const LAYOUT_BYTES_AT = 12;
const MODULE_BYTES_AT = 16;
const MEMORY_COUNT_AT = 28;
const MEMORIES_AT = 52;
const MEMORY_ENTRY_BYTES = 16;
const CORE_LOSSES: readonly string[] = ['process-image', 'process', 'generation'];

export class Judge {
  readonly #superblock: Buffer;
  readonly #ledgerFile: Buffer;
  readonly #content: Buffer;
  readonly #ledger: LedgerModel;
  readonly #older: readonly LedgerModel[];

  /** `image`: as it was before; `older`: earlier copies of the same bank. */
  constructor(image: BankImage, older: readonly BankImage[]) {
    const fileOf = (name: string): Buffer => Buffer.from(image.get(name) ?? new Uint8Array());
    this.#superblock = fileOf('superblock');
    this.#ledgerFile = fileOf('ledger');
    this.#content = fileOf('content');
    this.#ledger = new LedgerModel(this.#ledgerFile);
    this.#older = older.map((each) => new LedgerModel(each.get('ledger') ?? new Uint8Array()));
  }

  /** `files`: as they were before they were opened. */
  judge(files: Files, outcome: Outcome): Verdict {
    if (outcome.kind === 'refused') {
      const problem = this.#hasWholeCopies(files) ? `refused although it is whole: ${outcome.message}` : null;
      return { label: `refused: ${outcome.code}`, problem };
    }
    if (outcome.start === 'cold') return { label: 'begun anew', problem: 'begun anew without a word' };
    return this.#judgeOpened(files, outcome);
  }

  /** Of use as long as the ledger is the newest: blocks are as the files have them, and images as they were before. */
  contentCheck(files: Files): CheckContent {
    const damaged = this.#paddedContent(files);
    return (ledger, content) => {
      for (const [key, value] of ledger) {
        const isBlock = key.startsWith('block/');
        const ranges = isBlock ? [value as never as Range] : this.#imagesOf(key, value as never);
        const source = isBlock ? damaged : this.#content;
        for (const { offset, sizeBytes } of ranges) {
          const end = offset + sizeBytes;
          if (source.compare(content, offset, end, offset, end) !== 0) return `the content of ${key} differs`;
        }
      }
      return null;
    };
  }

  #judgeOpened(files: Files, opened: Opened): Verdict {
    const core = coreLosses(opened);
    const other = opened.losses.filter(({ kind }) => !CORE_LOSSES.includes(kind));
    const content = this.#paddedContent(files);
    const named = [...new Set(opened.losses.map(({ kind }) => kind))].sort().join(', ');
    const label = named === '' ? 'opened, nothing lost' : `opened, lost: ${named}`;
    const expected = expectedOf(this.#ledger.stateWithout(0), this.#damageIn(content));
    const difference =
      differenceOf(expected.ledger, opened.ledger) ?? textDifference('losses', expected.losses, core);
    const problem =
      difference ??
      this.#copyProblem(files, other) ??
      booksProblem(opened, expected.usedBytes) ??
      opened.contentProblem;
    const older = problem === null ? null : this.#olderState(files, opened);
    return older === null ? { label, problem } : { label: older, problem: null };
  }

  /** Which older state it is, and why that is all right: it is named, or could not be told; null when it could. */
  #olderState(files: Files, opened: Opened): string | null {
    const damage = damageAsNamed(opened);
    const matches = (state: LedgerState): boolean =>
      differenceOf(expectedOf(state, damage).ledger, opened.ledger) === null;
    // A note in either copy tells that something is missing.
    if (!this.#areHitInBoth(files, [NOTE])) return null;
    const { frames } = this.#ledger;
    const isEndNamed = opened.losses.some(({ name }) => name === 'acknowledgement');
    for (let missing = 1; isEndNamed && missing < frames.length; missing += 1) {
      if (matches(this.#ledger.stateWithout(missing)) && this.#areHitInBoth(files, frames.slice(-missing)))
        return 'opened, older for want of its end, which is named';
    }
    const isPutBack = this.#older.some(
      (older) => matches(older.stateWithout(0)) && isWholeIn(files.get('ledger') ?? Buffer.alloc(0), older),
    );
    return isPutBack ? 'opened, an older ledger put back whole' : null;
  }

  #areHitInBoth(files: Files, frames: readonly Pick<FrameRange, 'start' | 'end'>[]): boolean {
    const file = files.get('ledger') ?? Buffer.alloc(0);
    const { capacityBytes } = this.#ledger;
    return frames.every(({ start, end }) =>
      [0, capacityBytes].every(
        (copy) =>
          !file
            .subarray(copy + start, copy + end)
            .equals(this.#ledgerFile.subarray(copy + start, copy + end)),
      ),
    );
  }

  #copyProblem(files: Files, losses: Opened['losses']): string | null {
    const superblock = files.get('superblock') ?? Buffer.alloc(0);
    const differs = [0, 1].some((copy) => !copyOf(superblock, copy).equals(copyOf(this.#superblock, copy)));
    const kinds = losses.map(({ kind }) => kind);
    if (differs !== kinds.includes('superblock-copy'))
      return `superblock differs: ${differs}, named: ${!differs}`;
    const isShort = (files.get('content')?.length ?? 0) < this.#content.length;
    if (isShort !== kinds.includes('content')) return `content is short: ${isShort}, named: ${!isShort}`;
    for (const [index, name] of ['first copy', 'second copy'].entries()) {
      const isNamed = losses.some((loss) => loss.kind === 'ledger-copy' && loss.name === name);
      if (isNamed && this.#isLedgerCopyWhole(files, index))
        return `the ${name} of the ledger is whole, and named`;
      if (!isNamed && this.#isLedgerCopyDamaged(files, index))
        return `the ${name} of the ledger is damaged, and not named`;
    }
    const areNotesLost = [0, 1].every((copy) => this.#ledger.noteIn(this.#ledgerCopy(files, copy)) === null);
    const isLossNamed = losses.some(({ name }) => name === 'acknowledgement');
    if (areNotesLost === isLossNamed) return null;
    return `both notes of the last transaction are lost: ${areNotesLost}, named: ${isLossNamed}`;
  }

  /** What the checksums cover, as far as the ledger is the one it was. */
  #imagesOf(key: string, value: never): readonly Range[] {
    if (key.startsWith('generations/')) {
      const { kept } = value as { kept: readonly ImageExtent[] };
      return kept.flatMap((each) => this.#imageRanges(each));
    }
    if (!key.startsWith('image/')) return [];
    const { text, generation0, headBytes } = value as { text: Range; generation0: Range; headBytes: number };
    return [this.#textRange(text), ...this.#imageRanges({ ...generation0, headBytes })];
  }

  #textRange({ offset }: Range): Range {
    const layoutBytes = this.#content.readUInt32LE(offset + LAYOUT_BYTES_AT);
    const moduleBytes = this.#content.readUInt32LE(offset + MODULE_BYTES_AT);
    return { offset, sizeBytes: TEXT_HEAD_BYTES + layoutBytes + moduleBytes };
  }

  #imageRanges({ offset, headBytes }: ImageExtent): readonly Range[] {
    const memoryCount = this.#content.readUInt32LE(offset + MEMORY_COUNT_AT);
    let storedBytes = 0;
    for (let index = 0; index < memoryCount; index += 1) {
      const storedAt = offset + MEMORIES_AT + index * MEMORY_ENTRY_BYTES + 8;
      storedBytes += Number(this.#content.readBigUInt64LE(storedAt));
    }
    const memoryAt = offset + Math.ceil(headBytes / PAGE_BYTES) * PAGE_BYTES;
    return [
      { offset, sizeBytes: headBytes },
      { offset: memoryAt, sizeBytes: storedBytes },
    ];
  }

  #damageIn(content: Buffer): Damage {
    const isDamaged = (ranges: readonly Range[]): boolean =>
      ranges.some(({ offset, sizeBytes }) => {
        const end = offset + sizeBytes;
        return !content.subarray(offset, end).equals(this.#content.subarray(offset, end));
      });
    return {
      image: ({ text, generation0 }) => isDamaged([this.#textRange(text), ...this.#imageRanges(generation0)]),
      generation: (_, record) => isDamaged(this.#imageRanges(record)),
    };
  }

  #paddedContent(files: Files): Buffer {
    const content = files.get('content') ?? Buffer.alloc(0);
    if (content.length >= this.#content.length) return content;
    return Buffer.concat([content, Buffer.alloc(this.#content.length - content.length)]);
  }

  /** One whole copy of everything there are two of, and nothing beside it that says otherwise: then it has to open. */
  #hasWholeCopies(files: Files): boolean {
    const superblock = files.get('superblock');
    const ledger = files.get('ledger');
    const content = files.get('content');
    if (superblock === undefined || ledger === undefined || content === undefined) return false;
    if (content.length > this.#content.length) return false;
    const areWhole = [0, 1].map((copy) => copyOf(superblock, copy).equals(copyOf(this.#superblock, copy)));
    if (!areWhole.includes(true)) return false;
    // The other one may be a sound copy of something else, which is a contradiction.
    const bankIds = [0, 1].map((copy) => copyOf(superblock, copy).toString('latin1', 16, 32));
    if (bankIds[0] !== bankIds[1]) return false;
    return [0, 1].some((copy) => this.#isLedgerCopyWhole(files, copy) && this.#isHarmless(ledger, 1 - copy));
  }

  #isLedgerCopyWhole(files: Files, copy: number): boolean {
    const start = copy * this.#ledger.capacityBytes;
    const original = this.#ledgerFile.subarray(start, start + this.#ledger.capacityBytes);
    return this.#ledgerCopy(files, copy).equals(original);
  }

  #ledgerCopy(files: Files, copy: number): Buffer {
    const { capacityBytes } = this.#ledger;
    const file = files.get('ledger') ?? Buffer.alloc(0);
    return file.subarray(copy * capacityBytes, (copy + 1) * capacityBytes);
  }

  /** Where that can be told: a last frame may be what a crash has left, unless it is the first. */
  #isLedgerCopyDamaged(files: Files, copy: number): boolean {
    const file = files.get('ledger') ?? Buffer.alloc(0);
    const base = copy * this.#ledger.capacityBytes;
    // One that is older and sound is what a crash may leave, too.
    if (this.#ledger.noteIn(this.#ledgerCopy(files, copy)) === null) return true;
    const [snapshot, ...others] = this.#ledger.frames;
    const checked = [
      { start: 0, payloadEnd: HEADER_BYTES },
      ...(snapshot === undefined ? [] : [snapshot]),
      ...others.slice(0, -1),
    ];
    return checked.some(({ start, payloadEnd }) => {
      const original = this.#ledgerFile.subarray(base + start, base + payloadEnd);
      return !file.subarray(base + start, base + payloadEnd).equals(original);
    });
  }

  #isHarmless(file: Buffer, copy: number): boolean {
    const { capacityBytes, end, sequence } = this.#ledger;
    const bytes = file.subarray(copy * capacityBytes, (copy + 1) * capacityBytes);
    const header = decodeHeader(bytes);
    if (
      header.kind === 'sound' &&
      !Buffer.from(header.bytes).equals(this.#ledgerFile.subarray(0, header.bytes.length))
    )
      return false;
    if ((this.#ledger.noteIn(bytes) ?? 0) > sequence) return false;
    return !laterFrames(bytes, end, sequence);
  }
}

/** Every part of it, in one copy or the other. */
function isWholeIn(file: Buffer, ledger: LedgerModel): boolean {
  const { capacityBytes, frames, image } = ledger;
  return [{ start: 0, end: HEADER_BYTES }, NOTE, ...frames].every(({ start, end }) =>
    [0, capacityBytes].some((copy) =>
      file.subarray(copy + start, copy + end).equals(image.subarray(start, end)),
    ),
  );
}

function copyOf(superblock: Buffer, copy: number): Buffer {
  return superblock.subarray(copy * SUPERBLOCK_COPY_BYTES, (copy + 1) * SUPERBLOCK_COPY_BYTES);
}

function coreLosses({ losses }: Opened): readonly string[] {
  return losses
    .filter(({ kind }) => CORE_LOSSES.includes(kind))
    .map(({ kind, name }) => `${kind} ${name}`)
    .sort();
}

/** For a ledger that is not the newest: what it says of the content may be true no longer, as long as that is named. */
function damageAsNamed(opened: Opened): Damage {
  const named = new Set(coreLosses(opened));
  return {
    image: ({ path }) => named.has(`process-image ${path}`),
    generation: (name, { generation }) => named.has(`generation ${name}, generation ${generation}`),
  };
}

function differenceOf(expected: LedgerState, found: LedgerState): string | null {
  for (const [key, value] of expected) {
    const [wanted, got] = [JSON.stringify(value), JSON.stringify(found.get(key))];
    if (wanted !== got) return `${key} is ${got}, not ${wanted}`;
  }
  for (const key of found.keys()) if (!expected.has(key)) return `there is ${key}, which was not`;
  return null;
}

function textDifference(what: string, expected: readonly string[], found: readonly string[]): string | null {
  const [wanted, got] = [expected.join('; '), found.join('; ')];
  return wanted === got ? null : `${what}: ${got}, not ${wanted}`;
}

/** Whether the managers tell the same as the ledger. */
function booksProblem(opened: Opened, usedBytes: number): string | null {
  const under = (prefix: string) => [...opened.ledger].filter(([key]) => key.startsWith(prefix));
  const groups = under('group/').map(([, value]) => value as { readonly quarantined: boolean });
  const quarantined = groups.filter((group) => group.quarantined).length;
  const names = under('process/').map(([key]) => key.slice('process/'.length));
  const blocks = under('block/').map(([, value]) => {
    const { name, sizeBytes, group, owner } = value as never as BlockRecord;
    return `${name} ${sizeBytes} ${group?.id ?? null} ${owner}`;
  });
  return (
    textDifference('groups', [`${quarantined}/${groups.length}`], [opened.groups]) ??
    textDifference('processes', names.sort(), opened.processes) ??
    textDifference('blocks', [...blocks].sort(), [...opened.blocks].sort()) ??
    textDifference('bytes in use', [String(usedBytes)], [String(opened.usedBytes)])
  );
}

interface BlockRecord {
  readonly name: string;
  readonly sizeBytes: number;
  readonly group: { readonly id: number } | null;
  readonly owner: string;
}
