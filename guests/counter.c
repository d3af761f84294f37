// A reactor in C that counts, as counter.ts does in AssemblyScript: its state is in static variables and on the heap and goes back with
// every restore; a total in a block of persistent memory stays. Argument: [initial value = 0]. It must not hide a lost state: nothing is
// recomputed on start.
#include <hr/hr.h>
#include <pmm/chPmm.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <wasi/api.h>

#define EXPORT(name) __attribute__((export_name(#name)))

// How often two functions were called. It lies on the heap, so that the heap is part of the state.
typedef struct {
  int increments;
  int additions;
} History;

static int current;
static int cause = -1;
static History *history;
static int64_t *totalBlock;

static void demand(int holds) {
  if (!holds) abort();
}

// A restored generator would go on as it did the time before.
static void reseedRandom(void) {
  unsigned seed;
  demand(getentropy(&seed, sizeof(seed)) == 0);
  srand(seed);
}

// The argument at `position` as a whole number, or `otherwise` when there is none. A reactor has no main to be handed it.
static int numberArgument(size_t position, int otherwise) {
  size_t count, sizeBytes;
  char **arguments;
  char *bytes;
  int value;
  demand(__wasi_args_sizes_get(&count, &sizeBytes) == __WASI_ERRNO_SUCCESS);
  if (position >= count) return otherwise;
  arguments = malloc(count * sizeof(char *));
  bytes = malloc(sizeBytes);
  demand(arguments != NULL && bytes != NULL);
  demand(__wasi_args_get((uint8_t **)arguments, (uint8_t *)bytes) == __WASI_ERRNO_SUCCESS);
  value = atoi(arguments[position]);
  free(arguments);
  free(bytes);
  return value;
}

// Runs when the host initialises the reactor, and again when it is restarted without a checkpoint.
__attribute__((constructor)) static void start(void) {
  PmmName name = {PMM_MEDIUM_RAM, "COUNTER_TOTAL"};
  current = numberArgument(1, 0);
  history = calloc(1, sizeof(History));
  demand(history != NULL);
  reseedRandom();
  demand(pmmAllocate((VmAddr *)&totalBlock, &name, sizeof(*totalBlock), HR_GROUP_KEY, HR_GROUP_KEYSIZE) == K_OK);
}

static int advance(int amount) {
  current += amount;
  *totalBlock += amount;
  return current;
}

// Adds one; the new value.
EXPORT(increment) int increment(void) {
  history->increments += 1;
  return advance(1);
}

// Adds `amount`; the new value.
EXPORT(add) int add(int amount) {
  history->additions += 1;
  return advance(amount);
}

EXPORT(value) int value(void) {
  return current;
}

// The sum of all that was ever added while the group lives, whatever was rewound in between.
EXPORT(total) int64_t total(void) {
  return *totalBlock;
}

// How often increment was called, from the heap.
EXPORT(increments) int increments(void) {
  return history->increments;
}

// How often add was called, from the heap.
EXPORT(additions) int additions(void) {
  return history->additions;
}

// A random number from 0 to 1.
EXPORT(seed) double seed(void) {
  return rand() / (RAND_MAX + 1.0);
}

// Makes a new generation from within a call: its number, or -1.
EXPORT(checkpoint) int checkpoint(void) {
  return hrCheckpoint();
}

// Fails on purpose.
EXPORT(crash) void crash(void) {
  abort();
}

// The cause of the last restore from a checkpoint, one of the CAUSE_ values; -1 when there was none.
EXPORT(lastCause) int lastCause(void) {
  return cause;
}

// Called by the host after a restore from a checkpoint: random numbers must not come a second time.
void hr_restarted(int restartCause) {
  cause = restartCause;
  reseedRandom();
}
