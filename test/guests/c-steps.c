// A command that makes a checkpoint in the middle of main, fails, and goes on in hr_restarted, where it fails again until it has been
// restarted three times. It must never come through main twice: its own C library would trap there.
#include <hr/hr.h>
#include <stdint.h>
#include <stdio.h>

static int mains;
static char *kept;

int main(int argc, char *argv[]) {
  mains += 1;
  kept = malloc(32);
  snprintf(kept, 32, "%d arguments, %s", argc, argv[argc - 1]);
  printf("main %d: generation %d\n", mains, hrCheckpoint());
  fflush(stdout);
  abort();
}

void hr_restarted(int cause) {
  PmmName name = {PMM_MEDIUM_RAM, "STEPS"};
  volatile int *restarts;
  volatile int here = 0;
  if (pmmAllocate((VmAddr *)&restarts, &name, 2 * sizeof(int), HR_GROUP_KEY, HR_GROUP_KEYSIZE) != K_OK) abort();
  if (restarts[0] == 0) restarts[1] = (int)(uintptr_t)&here;
  restarts[0] += 1;
  printf("restart %d: cause %d, main %d, %s, stack moved by %d\n", restarts[0], cause, mains, kept,
         restarts[1] - (int)(uintptr_t)&here);
  fflush(stdout);
  if (restarts[0] < 3) abort();
  HR_EXIT_HDL();
  exit(0);
}
