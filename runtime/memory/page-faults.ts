// Counts the page faults of the calling thread, as the kernel does. No fault since an earlier look means that the thread has stored to
// no page of a private mapping that was not its own already. It must never be relied on where the kernel does not really count.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, WASM_PAGE_SIZE } from '../limits.ts';
import type { Libc } from '../system/libc.ts';

//  struct rusage: sixteen 64-bit words and more room than any kernel fills.
//
//   0 .. 3            4 .. 7     8        9
//  +-----------------+----------+--------+--------+----
//  | times           | sizes    | minor  | major  | ...     faults: minor without, major with waiting for a device
//  +-----------------+----------+--------+--------+----
const USAGE_WORDS = 32;
const MINOR_FAULTS = 8;
const MAJOR_FAULTS = 9;

/** One counter serves one thread. */
export class PageFaultCounter {
  readonly #libc: Libc;
  /** As 32-bit halves: joining two is faster than a bigint. */
  readonly #usage = new Uint32Array(new ArrayBuffer(USAGE_WORDS * 8));
  readonly #usageAddress: number;
  #counts: boolean | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#usageAddress = libc.addressOf(new Uint8Array(this.#usage.buffer));
  }

  /** Whether the kernel counts every fault that matters: sandboxes answer the call with zeros. Found out at the first look. */
  get counts(): boolean {
    this.#counts ??= this.#detect();
    return this.#counts;
  }

  /** Faults of this thread up to now. */
  read(): number {
    this.#libc.threadUsage(this.#usageAddress);
    return this.#word(MINOR_FAULTS) + this.#word(MAJOR_FAULTS);
  }

  #word(index: number): number {
    const [low, high] = [this.#usage[index * 2], this.#usage[index * 2 + 1]];
    invariant(low !== undefined && high !== undefined, 'a counter lies inside the structure');
    return high * 2 ** 32 + low;
  }

  /** Stores to a page that was never touched, and to one that was read before: both must count. */
  #detect(): boolean {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const bytes = new Uint8Array(memory.buffer);
    const address = this.#libc.addressOf(bytes);
    const fd = this.#libc.createMemoryFile('rekindle-check', WASM_PAGE_SIZE);
    const rises = (touch: () => void): boolean => {
      const before = this.read();
      touch();
      return this.read() > before;
    };
    try {
      this.#libc.mapPrivate(address, WASM_PAGE_SIZE, fd, 0);
      const read = bytes[0] ?? 0;
      return (
        rises(() => {
          bytes[0] = read + 1;
        }) &&
        rises(() => {
          bytes[BANK_PAGE_SIZE] = read + 1;
        })
      );
    } finally {
      this.#libc.mapAnonymous(address, WASM_PAGE_SIZE);
      this.#libc.closeMemoryFile(fd);
    }
  }
}
