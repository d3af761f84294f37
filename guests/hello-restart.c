// The first thing to read in C: a command that fails on purpose, is restarted, and knows it because of one number in persistent memory
// (reference, section 6.1). It must call HR_EXIT_HDL before every wanted exit, or it would be restarted for ever.
#include <hr/hr.h>
#include <pmm/chPmm.h>
#include <stdio.h>
#include <stdlib.h>

#define HELLO_GROUP "HELLO_GROUP"

// No linear memory of less than 4 GiB reaches this far: a guaranteed bad pointer.
#define BAD_POINTER ((volatile int *)0xfffffffc)

int main(void) {
  PmmName name = {PMM_MEDIUM_RAM, "PM1"};
  int *counter;
  KnError result = pmmAllocate((VmAddr *)&counter, &name, sizeof(int), HELLO_GROUP, sizeof(HELLO_GROUP));
  if (result != K_OK) {
    printf("Cannot allocate the block: error %d.\n", result);
    HR_EXIT_HDL();
    exit(1);
  }

  // A fresh block reads as zero, so zero says that this is the first run.
  if (*counter == 0) {
    puts("Hello world!");
    // What is still in the buffer when the failure comes is never printed.
    fflush(stdout);
    *counter = 1;
    *BAD_POINTER = 1;
  }

  puts("Hello again! I have been restarted.");
  pmmFree(&name);
  HR_EXIT_HDL();
  exit(0);
}
