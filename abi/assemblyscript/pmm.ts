// Persistent memory for guests: named blocks, deletion keys and the three calls (reference, section 2). A block is raw memory
// outside the heap: reach it with load and store only, and never keep a reference to an object of the heap in it.
//
// The host makes room for a block by growing linear memory. The incremental and the minimal runtime take over only memory that
// they grew themselves, so a block is never theirs; the stub runtime takes all that follows its heap and must not be used.
import { K_EINVAL } from '../errors.ts';
import {
  HR_GROUP_KEY as HR_GROUP_KEY_TEXT,
  PMM_MEDIUM_OFFSET,
  PMM_MEDIUM_RAM,
  PMM_MEDIUM_SIZE,
  PMM_NAME_OFFSET,
  PMM_NAME_SIZE,
  PMM_NAME_STRUCT_SIZE,
} from '../pmm.ts';
import { cString, hasNul, putString, Structure } from './c-layout.ts';
import * as host from './imports/pmm.ts';

/** Medium and name of a block or of a process (reference, section 2.1). */
export class PmmName extends Structure {
  /** Whether both texts fit their fields. A name that does not is refused by every call that takes it; it is never cut. */
  readonly fits: bool;

  constructor(name: string, medium: string = PMM_MEDIUM_RAM) {
    super(PMM_NAME_STRUCT_SIZE);
    this.fits = fitsField(medium, PMM_MEDIUM_SIZE) && fitsField(name, PMM_NAME_SIZE);
    if (this.fits) {
      putString(this.address + PMM_MEDIUM_OFFSET, medium);
      putString(this.address + PMM_NAME_OFFSET, name);
    }
  }
}

function fitsField(text: string, sizeBytes: i32): bool {
  return !hasNul(text) && String.UTF8.byteLength(text, true) <= sizeBytes;
}

/** A deletion key made from a text: its bytes and a NUL, which is what a C guest passes with a literal and its sizeof. */
export class DeletionKey {
  private readonly bytes: StaticArray<u8>;

  constructor(text: string) {
    this.bytes = cString(text);
  }

  get address(): usize {
    return changetype<usize>(this.bytes);
  }

  /** Terminating NUL included. */
  get sizeBytes(): usize {
    return <usize>this.bytes.length;
  }
}

/** Ties a block's life to the caller's restart group (reference, section 2.5). */
export const HR_GROUP_KEY = new DeletionKey(HR_GROUP_KEY_TEXT);

/**
 * Where pmmAllocate leaves the address of the block: what `VmAddr *` is in C.
 *
 * Invariant: `address` is the only field, so the object's own address is that of the field.
 */
export class BlockPointer {
  address: usize = 0;
}

/**
 * Allocates the block of this name, or retrieves it when there is one, and stores its address, a multiple of 4096, in
 * `block`. A fresh block reads as zero; `sizeBytes` is rounded up to whole pages. Returns K_OK or a negative KnError
 * (reference, sections 2.2 and 12 row 3).
 *
 * Invariant: the heap is in use before the host grows memory, or the runtime would take the block for free heap on its
 * first allocation. It holds because the name, the key and `block` are objects of that heap.
 */
export function pmmAllocate(block: BlockPointer, name: PmmName, sizeBytes: usize, key: DeletionKey): i32 {
  if (!name.fits) return K_EINVAL;
  return host.pmmAllocate(changetype<usize>(block), name.address, sizeBytes, key.address, key.sizeBytes);
}

/** Frees the block of this name at once and for good: K_OK or a negative KnError (reference, section 2.3). */
export function pmmFree(name: PmmName): i32 {
  if (!name.fits) return K_EINVAL;
  return host.pmmFree(name.address);
}

/** Frees every block made with this key: K_OK or a negative KnError; HR_GROUP_KEY is refused (reference, section 2.4). */
export function pmmFreeAll(key: DeletionKey): i32 {
  return host.pmmFreeAll(key.address, key.sizeBytes);
}
