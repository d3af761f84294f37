// Reads the executing images a site makes, as they lie in its bank: the way tests look at memory, globals and tables in either
// placement. It watches two methods of the runtime from outside and must never change what they do.
import { isDeepStrictEqual } from 'node:util';
import { vi } from 'vitest';
import { Generations } from '#runtime/image/generations.js';
import { decodeImageHead, imageMemoryOffset } from '#runtime/image/image-codec.js';
import type { InstanceState } from '#runtime/image/instance-state.js';
import type { Process, SiteOptions } from '#runtime/index.js';
import { Bank } from '#runtime/memory/bank.js';
import { storedBytesOf } from '#runtime/memory/memory-places.js';
import { SiteUnderTest } from './scenario.js';

/** An executing image without what two equal instances may differ in: generation, place in the bank, ids of blocks. */
export interface SeenImage {
  readonly state: InstanceState;
  readonly memoryBytes: number;
  /** Up to the last byte that is not zero. Under blocks an image holds zeros. */
  readonly memory: Buffer;
  /** Where the blocks and the free ranges between them lie: `address+size`. */
  readonly ranges: readonly string[];
}

/** A site and its bank. Disposed, it takes the site with it and watches nothing any longer. */
export class ObservedSite implements AsyncDisposable {
  readonly fixture: SiteUnderTest;
  readonly #bank: Bank;
  readonly #commits = vi.spyOn(Generations.prototype, 'commit');

  static async open(options: Partial<SiteOptions>): Promise<ObservedSite> {
    const creations = vi.spyOn(Bank, 'create');
    try {
      const fixture = await SiteUnderTest.open(options);
      const [creation] = creations.mock.results;
      if (creation?.type !== 'return') throw new Error('a site creates a bank when it is opened');
      return new ObservedSite(fixture, creation.value);
    } finally {
      creations.mockRestore();
    }
  }

  private constructor(fixture: SiteUnderTest, bank: Bank) {
    this.fixture = fixture;
    this.#bank = bank;
  }

  /** Makes a generation of `process` and reads it. No other process may make one meanwhile. */
  async checkpoint(process: Process): Promise<SeenImage> {
    const generation = await process.checkpoint();
    const generations: unknown = this.#commits.mock.contexts.at(-1);
    if (!(generations instanceof Generations) || generations.current.generation !== generation)
      throw new Error('a checkpoint commits its generation');
    const { offset, headBytes } = generations.current;
    const head = decodeImageHead(this.#bank.view.bytes(offset, headBytes));
    const stored = this.#bank.view.bytes(offset + imageMemoryOffset(headBytes), storedBytesOf(head.memories));
    return {
      state: head.state,
      memoryBytes: head.memories.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      memory: withoutTrailingZeros(stored),
      ranges: head.blocks.map(({ address, sizeBytes }) => `${address}+${sizeBytes}`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commits.mockRestore();
    await this.fixture[Symbol.asyncDispose]();
  }
}

/** So many differing words of memory are named; that there are more is then said. */
const MAX_NAMED_WORDS = 64;
const WORD_BYTES = 8;

/** Says in which respects two images differ: globals by position, memory by the address of each word that is not the same. */
export function imageDifferences(actual: SeenImage, expected: SeenImage): readonly string[] {
  const { globals, tables, dropped } = expected.state;
  const parts: readonly (readonly [what: string, one: unknown, other: unknown])[] = [
    ['memory size', actual.memoryBytes, expected.memoryBytes],
    ['block ranges', actual.ranges, expected.ranges],
    ['number of globals', actual.state.globals.length, globals.length],
    ...globals.map(
      (value, position) => [`global ${position}`, actual.state.globals[position], value] as const,
    ),
    ['tables', actual.state.tables, tables],
    ['dropped segments', actual.state.dropped, dropped],
  ];
  return [
    ...parts.filter(([, one, other]) => !isDeepStrictEqual(one, other)).map(([what]) => what),
    ...differingWords(actual.memory, expected.memory),
  ];
}

function differingWords(one: Buffer, other: Buffer): readonly string[] {
  const named: string[] = [];
  if (one.equals(other)) return named;
  for (let address = 0; address < Math.max(one.length, other.length); address += WORD_BYTES) {
    const [a, b] = [one, other].map((memory) =>
      memory.subarray(address, address + WORD_BYTES).toString('hex'),
    );
    if (a?.padEnd(2 * WORD_BYTES, '0') === b?.padEnd(2 * WORD_BYTES, '0')) continue;
    if (named.length === MAX_NAMED_WORDS) return [...named, 'more words of memory'];
    named.push(`memory word at ${address}`);
  }
  return named;
}

function withoutTrailingZeros(bytes: Uint8Array): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return Buffer.from(bytes.slice(0, end));
}
