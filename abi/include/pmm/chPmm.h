// The Persistent Memory Manager for guests in C and C++: named blocks of persistent memory, and the types that name them. It is the
// twin of abi/pmm.ts and abi/errors.ts, where numbers and layouts are drawn, and must never differ from them: a test compares the two.
#ifndef REKINDLE_PMM_CHPMM_H
#define REKINDLE_PMM_CHPMM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define REKINDLE_STATIC_ASSERT static_assert
#else
#define REKINDLE_STATIC_ASSERT _Static_assert
#endif

#define REKINDLE_IMPORT(module, name) __attribute__((__import_module__(module), __import_name__(name)))

// KnError: what the calls below return. Zero or negative.

typedef int KnError;

#define K_OK 0
// An argument is not acceptable: medium, name, key, size.
#define K_EINVAL (-1)
// A pointer leads outside the caller's linear memory.
#define K_EFAULT (-2)
// No space in the bank, no free block entry, or no room in the caller's linear memory.
#define K_ENOMEM (-3)
// The key or name is the system's, or the caller may not do this.
#define K_EPRIV (-4)
// No such block, or no block carries this key.
#define K_EUNKNOWN (-5)
// The system failed for a reason of its own.
#define K_EFAIL (-6)

// An address in the caller's linear memory, as a number.
typedef unsigned long VmAddr;

REKINDLE_STATIC_ASSERT(sizeof(VmAddr) == 4 && sizeof(size_t) == 4, "the ABI is that of wasm32");

// Names. Both members are NUL-terminated strings held inline; sizes in bytes, terminating NUL included.

#define PMM_MEDIUM_SIZE 16
#define PMM_NAME_SIZE 64
#define PMM_DEL_KEY_SIZE 64
// The only medium there is.
#define PMM_MEDIUM_RAM "RAM"

typedef char PmmMedium[PMM_MEDIUM_SIZE];
typedef char PmmMemName[PMM_NAME_SIZE];
// Bytes, compared one by one; no NUL is needed at their end.
typedef char PmmDelKey[PMM_DEL_KEY_SIZE];

typedef struct {
  PmmMedium medium;
  PmmMemName name;
} PmmName;

REKINDLE_STATIC_ASSERT(sizeof(PmmName) == PMM_MEDIUM_SIZE + PMM_NAME_SIZE, "PmmName is drawn in abi/pmm.ts");
REKINDLE_STATIC_ASSERT(offsetof(PmmName, name) == PMM_MEDIUM_SIZE, "PmmName is drawn in abi/pmm.ts");

// The key that ties a block's life to the caller's restart group, and its size: pass both.
#define HR_GROUP_KEY "__SYS_HR_GROUP"
#define HR_GROUP_KEYSIZE sizeof(HR_GROUP_KEY)
// As the original's manual spells it.
#define HR_GROUP_KEY_SIZE HR_GROUP_KEYSIZE
// Blocks begin and end on this boundary, in bytes.
#define PMM_PAGE_SIZE 4096

// Makes the block of this name, or finds it, and stores its address, a multiple of PMM_PAGE_SIZE, at `addr`. A fresh block reads as
// zero. For a block that exists `memSize` may be anything up to its size, or 0; the key must be the same. K_OK, or a KnError.
REKINDLE_IMPORT("pmm", "pmmAllocate")
KnError pmmAllocate(VmAddr *addr, const PmmName *blockName, size_t memSize, const PmmDelKey delKey, size_t delKeySize);

// Frees the block and its name at once and for good: K_OK, or a KnError.
REKINDLE_IMPORT("pmm", "pmmFree")
int pmmFree(const PmmName *blockName);

// Frees every block made with this key that the caller may reach: K_OK, or a KnError. HR_GROUP_KEY is refused: K_EPRIV.
REKINDLE_IMPORT("pmm", "pmmFreeAll")
int pmmFreeAll(const PmmDelKey delKey, size_t delKeySize);

#ifdef __cplusplus
}
#endif

#endif
