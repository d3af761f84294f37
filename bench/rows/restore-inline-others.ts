// What an inline restore is compared with, on the same guest and with the same work: the floors of its memory, and what one would do without a
// restore. Nothing of the runtime takes part in it.
import type { FloorRequest } from '../floor/floor.ts';
import type { RowFloor } from '../floor/row-floor.ts';
import { expectAnswer } from '../ground.ts';
import type { Clocked, SelfTimed, Timed } from '../measure.ts';
import { expectTrap, PlainGuest } from '../plain-guest.ts';
import { residentModule, touchArguments, touchedSum } from '../resident-guest.ts';

const US_PER_MS = 1000;
const PAGE_BYTES = 4096;
const TRAPS = 10;

/** The floors of memories of many sizes and states; what is the same for several of them is one case. */
export class MemoryFloors {
  readonly #floor: RowFloor;
  readonly #cases = new Map<string, Timed>();

  constructor(floor: RowFloor) {
    this.#floor = floor;
  }

  /** The three ways back; a whole copy does not care what was resident. */
  of(memory: Omit<FloorRequest, 'kind'>): readonly Timed[] {
    return [
      this.#case('drop the pages', { ...memory, kind: 'drop' }),
      this.#case('copy all', { ...memory, kind: 'copy-all', isResident: false }),
      this.#case('copy the known dirty pages', { ...memory, kind: 'copy-dirty' }),
    ];
  }

  #case(name: string, request: FloorRequest): Timed {
    const key = JSON.stringify(request);
    const timed = this.#cases.get(key) ?? this.#floor.timed(name, request);
    this.#cases.set(key, timed);
    return timed;
  }
}

/** Plain guests of one size: the memory of one is kept and copied back, others are made anew. */
export class PlainPeers {
  readonly #sizeBytes: number;
  readonly #module: WebAssembly.Module;
  #kept: PlainGuest | null = null;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#module = new WebAssembly.Module(residentModule(sizeBytes));
  }

  /** Linear memory set from a copy, whole, then the call. */
  wholeCopy(dirtyPages: number): Clocked {
    const kept = this.#keptGuest();
    const call = this.#touch(kept, dirtyPages);
    return {
      name: 'whole-memory copy in JavaScript',
      run: () => {
        kept.putBack();
        call();
      },
    };
  }

  /** A new instance of the module that was kept, initialised, then the call. */
  newInstance(dirtyPages: number): Clocked {
    return {
      name: 'plain Node: new instance, initialised',
      run: () => this.#touch(new PlainGuest(this.#module), dirtyPages)(),
    };
  }

  /** The pages that are known to be dirty copied back one by one where the trap is caught, then the call. No floor: it shows what JavaScript takes. */
  byHand(dirtyPages: number): SelfTimed {
    const kept = this.#keptGuest();
    const crash = kept.function('crash');
    const call = this.#touch(kept, dirtyPages);
    const [, stride] = touchArguments(this.#sizeBytes, dirtyPages);
    const offsets = Array.from({ length: dirtyPages }, (_, page) => page * stride);
    return {
      name: 'same by hand in JavaScript',
      slice: async (sliceMs) => {
        kept.putBack();
        const samples: number[] = [];
        const endMs = performance.now() + sliceMs;
        do {
          expectTrap(crash);
          const startMs = performance.now();
          for (const offset of offsets) kept.putBackRange(offset, PAGE_BYTES);
          call();
          samples.push((performance.now() - startMs) * US_PER_MS);
        } while (performance.now() < endMs);
        return samples;
      },
    };
  }

  /** A trap caught in plain JavaScript, and nothing done about it. */
  bareTrap(): Clocked {
    const crash = this.#keptGuest().function('crash');
    return {
      name: 'bare trap caught in JavaScript',
      operations: TRAPS,
      run: () => {
        for (let trap = 0; trap < TRAPS; trap += 1) expectTrap(crash);
      },
    };
  }

  #keptGuest(): PlainGuest {
    if (this.#kept === null) {
      this.#kept = new PlainGuest(this.#module);
      this.#kept.keepCopy();
    }
    return this.#kept;
  }

  #touch(guest: PlainGuest, dirtyPages: number): () => void {
    const touch = guest.function('touch');
    const [pages, stride, sum] = touchArguments(this.#sizeBytes, dirtyPages);
    const answer = touchedSum(dirtyPages);
    return () => expectAnswer(touch(pages, stride, sum), answer);
  }
}
