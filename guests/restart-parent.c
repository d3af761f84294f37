// A command that spawns a child and then crashes on purpose, several times over (reference, section 6.2). Arguments: [crashes = 8]
// [patience in ms = 50] [length of a child's step in ms = 5]. It must spawn the child in every run: after a restart of the group an
// indirect process comes back only when its parent asks for it again. How the two interleave is said in restart-parent.ts.
#include "restart-blocks.h"

#define MAX_LOOPS 8
#define CHILD_PATH "restart-child-c.wasm"

// Until the child has gone a step further or has only the last one before it.
static void waitForStep(const ChildBlock *child, int stepsBefore, int patienceMs) {
  const uint64_t deadline = deadlineUs(patienceMs);
  while (monotonicUs() < deadline) {
    const int steps = child->checkpoint;
    if (steps != stepsBefore || steps == STEP_COUNT - 1) return;
  }
}

static void waitForEnd(const ChildBlock *child, int patienceMs) {
  const uint64_t deadline = deadlineUs(patienceMs);
  while (monotonicUs() < deadline && child->done == 0) {
  }
}

int main(int argc, char *argv[]) {
  const int crashes = numberArgument(argc, argv, 1, MAX_LOOPS);
  const int patienceMs = numberArgument(argc, argv, 2, 50);
  const int stepMs = numberArgument(argc, argv, 3, 5);

  ParentBlock *parent = groupBlock("PARENT_PM", sizeof(ParentBlock));
  const ChildBlock *child = groupBlock("CHILD_PM", sizeof(ChildBlock));
  const int stepsBefore = child->checkpoint;
  PmmName childName = {PMM_MEDIUM_RAM, "HR_child"};
  char stepArgument[12];
  parent->restarted = 1;

  snprintf(stepArgument, sizeof(stepArgument), "%d", stepMs);
  if (hrfexecl(&childName, CHILD_PATH, NULL, NULL, CHILD_PATH, stepArgument, NULL) < 0) {
    fail("spawn " CHILD_PATH, "errno", errno);
  }

  if (parent->counter < crashes) {
    waitForStep(child, stepsBefore, patienceMs);
    parent->counter += 1;
    abort();
  }

  parent->calm = 1;
  waitForEnd(child, patienceMs);
  HR_EXIT_HDL();
  exit(0);
}
