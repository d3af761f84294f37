// Process images: a module prepared once, its text and its generation 0 in the bank, shared by all processes that run it with the
// same quota. After `acquire` nothing ever goes back to stable storage. It must never run guest code: start functions are left out.
import type { BankLoss } from '../bank/bank-loss.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { Bank } from '../memory/bank.ts';
import type { Extent } from '../memory/extents.ts';
import { storedBytesOf } from '../memory/memory-places.ts';
import { runsBetween } from '../memory/page-runs.ts';
import type { PersistentMemoryManager, SystemBlock } from '../memory/persistent-memory-manager.ts';
import { compilePrepared } from './compile-prepared.ts';
import { firstContent } from './first-state.ts';
import { checksumOfHead, encodeImageHead, imageHeadBytes, imageMemoryOffset } from './image-codec.ts';
import { digestOfGlobals, type GivenGlobals } from './imported-globals.ts';
import type { ModuleLayout } from './layout.ts';
import { checksumOfPages } from './memory-checksum.ts';
import { type PreparedModule, prepareModule } from './prepare.ts';
import {
  changeOfImage,
  IMAGE_PREFIX,
  IMAGE_RECORD_BYTES,
  type ImageRecord,
  imageFromRecord,
  removalOfImage,
} from './process-image-record.ts';
import { readSoundImage } from './sound-image.ts';
import { checksumOfText, decodeText, encodeTextFront } from './text-codec.ts';

/** At generation 0 a guest has what it is given at every start. */
const NO_WASI = new Uint8Array(0);

/** Immutable. `generation0` is the executing image of an instance that is ready and has run nothing. */
export interface ProcessImage {
  readonly digest: string;
  readonly module: WebAssembly.Module;
  readonly layout: ModuleLayout;
  /** Where the text lies in the bank. */
  readonly text: Extent;
  readonly generation0: { readonly offset: number; readonly headBytes: number };
  /** Value of the shadow stack pointer in generation 0; null where it could not be told. */
  readonly firstStackPointer: number | null;
  /** Why no further image of an instance would be whole; null when it would. */
  readonly uncapturable: string | null;
}

/** What of a process its image depends on. */
export interface ImageDemand {
  readonly memoryQuotaBytes: number;
  /** Of the embedder, whether the module imports them or not. */
  readonly globals: GivenGlobals;
  /** Not a plain process: its image must be one that can be followed by others. */
  readonly restartable: boolean;
}

/** Where modules are read from. Digests are SHA-256, in hexadecimal. */
export interface ModuleSource {
  /** What `read` would give as the digest, where that can be told without reading; else null. */
  knownDigest(path: string): string | null;
  read(path: string): { readonly bytes: Uint8Array; readonly digest: string };
}

interface Holding {
  readonly image: ProcessImage;
  readonly record: ImageRecord;
  readonly blocks: readonly SystemBlock[];
  users: number;
}

export class ProcessImages {
  readonly #bank: Bank;
  readonly #pmm: PersistentMemoryManager;
  readonly #holdings = new Map<string, Holding>();

  constructor(bank: Bank, pmm: PersistentMemoryManager) {
    this.#bank = bank;
    this.#pmm = pmm;
  }

  /**
   * The image of a module, made at its first use; to be released once per acquisition.
   * Throws what `source` throws, MODULE_* as prepareModule does, BANK_FULL or BLOCK_LIMIT; nothing is kept then.
   */
  acquire(modulePath: string, source: ModuleSource, demand: ImageDemand): ProcessImage {
    const holding =
      this.#present(source.knownDigest(modulePath), demand) ?? this.#read(modulePath, source, demand);
    refuseUnlessSuited(holding.image.uncapturable, modulePath, demand);
    holding.users += 1;
    return holding.image;
  }

  #present(digest: string | null, demand: ImageDemand): Holding | undefined {
    return digest === null ? undefined : this.#holdings.get(keyOf(digest, demand));
  }

  #read(modulePath: string, source: ModuleSource, demand: ImageDemand): Holding {
    const { bytes, digest } = source.read(modulePath);
    return this.#present(digest, demand) ?? this.#make(keyOf(digest, demand), modulePath, bytes, demand);
  }

  release(image: ProcessImage): void {
    const holding = this.#holdingOf(image);
    holding.users -= 1;
    if (holding.users > 0) return;
    this.#drop(image.digest, holding);
  }

  /**
   * Takes over what an earlier site has written down, before anything is acquired. Damaged images are left out: what is returned says
   * so, and writes it down. Throws BANK_DAMAGED, BANK_FULL, or MODULE_UNSUPPORTED when this engine does not take a module.
   */
  adopt(): { readonly losses: readonly BankLoss[]; readonly changes: readonly LedgerChange[] } {
    const losses: BankLoss[] = [];
    const changes: LedgerChange[] = [];
    for (const [key, value] of this.#bank.ledger.entries(IMAGE_PREFIX)) {
      const digest = key.slice(IMAGE_PREFIX.length);
      const record = imageFromRecord(key, value);
      const blocks: SystemBlock[] = [];
      try {
        const image = this.#readBack(digest, record, blocks);
        this.#holdings.set(digest, { image, record, blocks, users: 0 });
      } catch (error) {
        if (!(error instanceof RekindleError) || error.code !== 'IMAGE_DAMAGED') throw error;
        for (const block of blocks) this.#pmm.freeSystem(block);
        changes.push(removalOfImage(digest));
        losses.push({ kind: 'process-image', name: record.path, reason: error.message });
      }
    }
    return { losses, changes };
  }

  /** An image that has been adopted, to be released once; null when there is none, or it was damaged. */
  reacquire(digest: string): ProcessImage | null {
    const holding = this.#holdings.get(digest);
    if (holding === undefined) return null;
    holding.users += 1;
    return holding.image;
  }

  /** Drops what was adopted and nobody has reacquired. */
  dropUnused(): void {
    for (const [digest, holding] of [...this.#holdings]) if (holding.users === 0) this.#drop(digest, holding);
  }

  #readBack(digest: string, record: ImageRecord, blocks: SystemBlock[]): ProcessImage {
    const { path } = record;
    const [textName, imageName] = [`__SYS:text:${path}`, `__SYS:image:${path}`];
    for (const [name, extent] of [
      [textName, record.text],
      [imageName, record.generation0],
    ] as const) {
      const block = this.#pmm.adoptSystem(name, extent);
      if (block === null)
        throw new RekindleError(
          'BANK_DAMAGED',
          `${IMAGE_PREFIX}${digest}`,
          'it is in the way of something else',
        );
      blocks.push(block);
    }
    const { view } = this.#bank;
    const textBytes = view.bytes(record.text.offset, record.text.sizeBytes);
    const { module: moduleBytes, layout } = decodeText(textBytes, path);
    if (checksumOfText(textBytes) !== record.textChecksum)
      throw new RekindleError('IMAGE_DAMAGED', path, 'its text is not the one that was written down');
    const { offset } = record.generation0;
    const head = readSoundImage(view, { extent: record.generation0, ...record }, layout, path);
    const generation0 = { offset, headBytes: record.headBytes };
    // Only restartable processes come back, and none of them has such a module.
    const module = compilePrepared(moduleBytes, path);
    const parts = { digest, module, layout, text: record.text, generation0, uncapturable: null };
    return makeImage(parts, head.state.globals);
  }

  #drop(digest: string, holding: Holding): void {
    this.#bank.ledger.commit([removalOfImage(digest)]);
    this.#holdings.delete(digest);
    for (const block of holding.blocks) this.#pmm.freeSystem(block);
  }

  /** Makes the counts agree with the images in use, after a change that was cut off in the middle; returns the blocks still held. */
  reconcile(inUse: readonly ProcessImage[]): readonly number[] {
    for (const [key, holding] of this.#holdings) {
      holding.users = inUse.filter((image) => image === holding.image).length;
      if (holding.users === 0) this.#holdings.delete(key);
    }
    this.#writeAllDown();
    return [...this.#holdings.values()].flatMap(({ blocks }) => blocks.map(({ blockId }) => blockId));
  }

  /** Makes the ledger say what is held. */
  #writeAllDown(): void {
    const gone = this.#bank.ledger
      .entries(IMAGE_PREFIX)
      .filter(([key]) => !this.#holdings.has(key.slice(IMAGE_PREFIX.length)));
    const held = [...this.#holdings].map(([digest, { record }]) => changeOfImage(digest, record));
    this.#bank.commit([...gone.map(([key]) => ({ key, value: null })), ...held]);
  }

  #holdingOf(image: ProcessImage): Holding {
    const holding = this.#holdings.get(image.digest);
    invariant(holding?.image === image, 'a process image in use is held');
    return holding;
  }

  #make(key: string, modulePath: string, bytes: Uint8Array, demand: ImageDemand): Holding {
    const prepared = prepareModule(bytes, modulePath, demand);
    refuseUnlessSuited(prepared.uncapturable, modulePath, demand);
    const blocks: SystemBlock[] = [];
    try {
      if (!this.#bank.ledger.hasRoom(IMAGE_RECORD_BYTES)) throw noRoom('bank-full', modulePath);
      const record = {
        path: modulePath,
        ...this.#writeText(prepared, blocks, modulePath),
        ...this.#writeGeneration0(prepared, blocks, modulePath),
      };
      const { offset } = record.generation0;
      const generation0 = { offset, headBytes: record.headBytes };
      const { module, layout, uncapturable, first } = prepared;
      const parts = { digest: key, module, layout, text: record.text, generation0, uncapturable };
      const image = makeImage(parts, first.state.globals);
      this.#bank.commit([changeOfImage(key, record)]);
      const holding = { image, record, blocks, users: 0 };
      this.#holdings.set(key, holding);
      return holding;
    } catch (error) {
      for (const block of blocks) this.#pmm.freeSystem(block);
      throw error;
    }
  }

  #writeText({ bytes, layout }: PreparedModule, blocks: SystemBlock[], modulePath: string) {
    const front = encodeTextFront({ module: bytes, layout });
    const sizeBytes = front.byteLength + bytes.byteLength;
    const { extent } = this.#allocate(blocks, `__SYS:text:${modulePath}`, sizeBytes, modulePath);
    this.#bank.view.write(front, extent.offset);
    this.#bank.view.write(bytes, extent.offset + front.byteLength);
    return { text: extent, textChecksum: checksumOfText(front) };
  }

  #writeGeneration0({ first }: PreparedModule, blocks: SystemBlock[], modulePath: string) {
    const { state, memories } = first;
    const headBytes = imageHeadBytes({ memories, state, blocks: [], wasi: NO_WASI });
    const memoryOffset = imageMemoryOffset(headBytes);
    const storedBytes = storedBytesOf(memories);
    const sizeBytes = memoryOffset + storedBytes;
    const { extent } = this.#allocate(blocks, `__SYS:image:${modulePath}`, sizeBytes, modulePath);
    const content = firstContent(first, modulePath);
    const memoryChecksum = checksumOfPages(content, runsBetween(0, storedBytes));
    const head = encodeImageHead({
      generation: 0,
      memories,
      memoryChecksum,
      state,
      blocks: [],
      wasi: NO_WASI,
    });
    this.#bank.view.write(head, extent.offset);
    this.#bank.view.write(content, extent.offset + memoryOffset);
    return { generation0: extent, headBytes, headChecksum: checksumOfHead(head) };
  }

  #allocate(owned: SystemBlock[], name: string, sizeBytes: number, culprit: string): SystemBlock {
    const result = this.#pmm.allocateSystem(name, sizeBytes);
    if (result.kind === 'refused') throw noRoom(result.reason, culprit);
    owned.push(result.block);
    return result.block;
  }
}

function keyOf(digest: string, { memoryQuotaBytes, globals }: ImageDemand): string {
  const key = `${digest}:${memoryQuotaBytes}`;
  const given = digestOfGlobals(globals);
  return given === null ? key : `${key}:${given}`;
}

function refuseUnlessSuited(
  uncapturable: string | null,
  modulePath: string,
  { restartable }: ImageDemand,
): void {
  if (uncapturable === null || !restartable) return;
  const detail = `${uncapturable}, which no image can keep: only a process that is not restartable can run it`;
  throw new RekindleError('MODULE_UNSUPPORTED', modulePath, detail);
}

function noRoom(reason: 'bank-full' | 'block-limit', culprit: string): RekindleError {
  const code = reason === 'bank-full' ? 'BANK_FULL' : 'BLOCK_LIMIT';
  return new RekindleError(code, culprit, 'no room for its process image');
}

function makeImage(
  parts: Omit<ProcessImage, 'firstStackPointer'>,
  globals: readonly unknown[],
): ProcessImage {
  return Object.freeze({ ...parts, firstStackPointer: stackPointerIn(parts.layout, globals) });
}

function stackPointerIn(layout: ModuleLayout, globals: readonly unknown[]): number | null {
  const value = layout.stackPointer === null ? null : globals[layout.stackPointer];
  return typeof value === 'number' ? value : null;
}
