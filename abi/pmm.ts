// The Persistent Memory Manager's half of the contract between host and guest: import names, structure layouts, lengths.
// Compiled by tsc and by asc alike, so it holds plain constants and nothing else. It must never change a layout in place.

/** Import module of the three calls below. */
export const PMM_MODULE = 'pmm';

// pmmAllocate(addr: *i32 out, blockName: *PmmName, memSize: i32, delKey: *u8, delKeySize: i32) -> KnError
// pmmFree(blockName: *PmmName) -> KnError
// pmmFreeAll(delKey: *u8, delKeySize: i32) -> KnError
// (reference, sections 2.2 to 2.4)

//  PmmName, 80 bytes, alignment 1. Both members are NUL-terminated strings held inline (reference, section 2.1).
//
//   0                16                                                              80
//  +----------------+---------------------------------------------------------------+
//  | medium         | name                                                          |
//  +----------------+---------------------------------------------------------------+
export const PMM_MEDIUM_OFFSET = 0;
/** Bytes, terminating NUL included (reference, section 12 row 5). */
export const PMM_MEDIUM_SIZE = 16;
export const PMM_NAME_OFFSET = 16;
/** Bytes, terminating NUL included (reference, section 12 row 5). */
export const PMM_NAME_SIZE = 64;
export const PMM_NAME_STRUCT_SIZE = 80;
/** Longest deletion key, in bytes, terminating NUL included where there is one. */
export const PMM_DEL_KEY_SIZE = 64;

/** The only medium there is. */
export const PMM_MEDIUM_RAM = 'RAM';
/** Names and keys beginning with this belong to the system. */
export const SYSTEM_PREFIX = '__SYS';
/** The key that ties a block's life to the caller's restart group (reference, section 2.5). */
export const HR_GROUP_KEY = '__SYS_HR_GROUP';
/** Bytes of HR_GROUP_KEY with its terminating NUL. */
export const HR_GROUP_KEYSIZE = 15;
/** Blocks begin and end on this boundary, in bytes, in the bank and in linear memory. */
export const PMM_PAGE_SIZE = 4096;
