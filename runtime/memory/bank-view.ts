// A thread's access to the bank's content: plain bytes in both backends, and the maker of guest memories. Threads of one process
// share descriptor and addresses, so a handle is all it takes. It must never decide which extent belongs to whom.

import { writeAll } from '../bank/write-all.ts';
import { invariant } from '../invariant.ts';
import { type Libc, loadLibc } from '../system/libc.ts';
import { BankContent, type ContentWriter, MappedContent } from './bank-content.ts';
import { CopiedMemory } from './copied-memory.ts';
import { type DirtyPageMethod, DirtyPageScanner } from './dirty-pages.ts';
import type { GuestMemory } from './guest-memory.ts';
import { MappedMemory } from './mapped-memory.ts';
import { OwnPages } from './own-pages.ts';
import { PageFaultCounter } from './page-faults.ts';

/** What another thread needs to see the bank; can be posted to it. Good for as long as the bank is not disposed. */
export interface BankHandle {
  readonly backend: 'mapped' | 'copied';
  /** The bank's content, shared. */
  readonly memory: WebAssembly.Memory;
  /** The file behind it; null when memory is all there is, as in the copied backend without a directory. */
  readonly fd: number | null;
}

/** What only the mapped backend has. */
interface Mapping {
  readonly content: MappedContent;
  readonly libc: Libc;
  readonly scanner: DirtyPageScanner;
  readonly faults: PageFaultCounter;
}

/** One per thread; it owns that thread's dirty-page scanner, but not the bank. */
export class BankView implements Disposable {
  readonly backend: 'mapped' | 'copied';
  readonly #content: BankContent;
  readonly #mapping: Mapping | null;

  /**
   * `dirtyPageMethod`: how the mapped backend finds changed pages; the best one that works here when left out.
   * `writer`: what is done about the host's own stores; what the backend needs when left out.
   *
   * @throws RekindleError BACKEND_UNAVAILABLE when the handle is a mapped bank's and koffi does not load in this thread.
   */
  constructor(
    handle: BankHandle,
    options: { readonly dirtyPageMethod?: DirtyPageMethod; readonly writer?: ContentWriter } = {},
  ) {
    const { backend, memory, fd } = handle;
    this.backend = backend;
    if (backend === 'mapped') {
      invariant(fd !== null, 'a mapped bank has a file');
      const { writer = null, dirtyPageMethod = null } = options;
      this.#mapping = openMapping(memory, writer, fd, dirtyPageMethod);
      this.#content = this.#mapping.content;
    } else {
      this.#mapping = null;
      const toFile: ContentWriter | null =
        fd === null ? null : (bytes, offset) => writeAll(fd, bytes, offset);
      this.#content = new BankContent(memory, options.writer ?? toFile);
    }
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes;
  }

  /** `sizeBytes` bytes of the bank from `offset`: a live view, shared with every thread. They must lie in an allocated extent. */
  bytes(offset: number, sizeBytes: number): Uint8Array {
    return this.#content.bytes(offset, sizeBytes);
  }

  /** Stores bytes that are to stay in the bank. They must lie in an allocated extent. */
  write(bytes: Uint8Array, offset: number): void {
    this.#content.write(bytes, offset);
  }

  /** To be said of bytes that are to stay and were stored by other means than `write`. */
  written(offset: number, sizeBytes: number): void {
    this.#content.written(offset, sizeBytes);
  }

  /** Sets bytes of the bank to zero, in memory. */
  zero(offset: number, sizeBytes: number): void {
    this.#content.zero(offset, sizeBytes);
  }

  /** The owner of what the backend does to one linear memory, which must not be shared. Not yet restored: it has no base image. */
  guestMemory(memory: WebAssembly.Memory): GuestMemory {
    if (this.#mapping === null) return new CopiedMemory(this.#content, memory);
    const { content, libc, scanner, faults } = this.#mapping;
    return new MappedMemory(content, libc, new OwnPages(scanner, faults), memory);
  }

  [Symbol.dispose](): void {
    this.#mapping?.scanner[Symbol.dispose]();
  }
}

function openMapping(
  memory: WebAssembly.Memory,
  writer: ContentWriter | null,
  fd: number,
  method: DirtyPageMethod | null,
): Mapping {
  const libc = loadLibc();
  const address = libc.addressOf(new Uint8Array(memory.buffer));
  return {
    content: new MappedContent(memory, writer, fd, address),
    libc,
    scanner: new DirtyPageScanner(libc, method),
    faults: new PageFaultCounter(libc),
  };
}
