// The calls of the Persistent Memory Manager as the host provides them: raw addresses in, KnError out. The compiler takes
// the import module from the name of this file, so it must be called like PMM_MODULE and hold nothing else.

/** Allocates or retrieves a block and stores its address at `addr` (reference, section 2.2). */
export declare function pmmAllocate(
  addr: usize,
  blockName: usize,
  memSize: usize,
  delKey: usize,
  delKeySize: usize,
): i32;

/** Frees one block (reference, section 2.3). */
export declare function pmmFree(blockName: usize): i32;

/** Frees every block of a deletion key (reference, section 2.4). */
export declare function pmmFreeAll(delKey: usize, delKeySize: usize): i32;
