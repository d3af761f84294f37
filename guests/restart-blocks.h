// The two blocks that restart-parent.c and restart-child.c share, as structures, and how to get at them. They are those of
// restart-blocks.ts, where they are drawn. Each block has one writer, the process it is named after, and is only read by the other.
#ifndef RESTART_BLOCKS_H
#define RESTART_BLOCKS_H

#include <hr/hr.h>
#include <pmm/chPmm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// `restarted` is 0 in the very first run of its process only. Volatile: another process stores to what is read here.
typedef volatile struct {
  int restarted;
  // Crashes so far.
  int counter;
  // 1 when there will be no more of them.
  int calm;
} ParentBlock;

typedef volatile struct {
  int restarted;
  // Steps completed, 0 to 3.
  int checkpoint;
  // 1 when the message is on the console.
  int done;
} ChildBlock;

#define STEP_COUNT 4

// Says why and ends the process cleanly: a restart would meet the same obstacle.
static inline _Noreturn void fail(const char *what, const char *kind, int code) {
  printf("cannot %s: %s %d\n", what, kind, code);
  HR_EXIT_HDL();
  exit(1);
}

// The group's block `name`, which goes when the group ends. Ends the process cleanly, with status 1, when there is none to be had.
static inline void *groupBlock(const char *name, size_t sizeBytes) {
  PmmName blockName = {PMM_MEDIUM_RAM, ""};
  VmAddr address;
  KnError result;
  strncpy(blockName.name, name, sizeof(blockName.name) - 1);
  result = pmmAllocate(&address, &blockName, sizeBytes, HR_GROUP_KEY, HR_GROUP_KEYSIZE);
  if (result != K_OK) fail("allocate a block", "error", result);
  return (void *)address;
}

// The whole number at `position` of the arguments, or `otherwise` when there is none.
static inline int numberArgument(int argc, char *argv[], int position, int otherwise) {
  return position < argc ? atoi(argv[position]) : otherwise;
}

static inline uint64_t monotonicUs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// The instant `durationMs` from now, on the clock of monotonicUs.
static inline uint64_t deadlineUs(int durationMs) {
  return monotonicUs() + (uint64_t)durationMs * 1000;
}

#endif
