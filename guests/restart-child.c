// The child of restart-parent.c: four steps, each adding its text to a message in persistent memory (reference, section 6.2). Argument:
// [length of a step in ms = 5]. It must store its checkpoint last, so that an interrupted step is simply repeated; why it prints as it
// does is said in restart-child.ts.
#include "restart-blocks.h"

// Bytes of the block CHILD_MESSAGE.
#define MESSAGE_SIZE 100
// Bytes of every step's text.
#define STEP_TEXT_SIZE 8
// The parent of a whole group is restarted within this time, or is not coming back.
#define CALM_TIMEOUT_MS 10000

// What a step takes its time for.
static void work(int stepMs) {
  const uint64_t deadline = deadlineUs(stepMs);
  while (monotonicUs() < deadline) {
  }
}

// Writes the text of step `checkpoint` + 1 to its place in the message.
static void append(char *message, int checkpoint) {
  char text[STEP_TEXT_SIZE + 1];
  snprintf(text, sizeof(text), " STEP %d ", (checkpoint + 1) % 10);
  memcpy(message + checkpoint * STEP_TEXT_SIZE, text, STEP_TEXT_SIZE);
}

static void waitForCalm(const ParentBlock *parent) {
  const uint64_t deadline = deadlineUs(CALM_TIMEOUT_MS);
  while (monotonicUs() < deadline && parent->calm == 0) {
  }
}

static void printMessage(const char *message) {
  printf("=========== Message ===========\n%.*s\n======== End of message========\n",
         STEP_COUNT * STEP_TEXT_SIZE, message);
  fflush(stdout);
}

int main(int argc, char *argv[]) {
  const int stepMs = numberArgument(argc, argv, 1, 5);
  ChildBlock *child = groupBlock("CHILD_PM", sizeof(ChildBlock));
  const ParentBlock *parent = groupBlock("PARENT_PM", sizeof(ParentBlock));
  char *message = groupBlock("CHILD_MESSAGE", MESSAGE_SIZE);
  // One write, whole: a line at a time could be cut off between two.
  setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
  child->restarted = 1;

  while (child->done == 0) {
    const int checkpoint = child->checkpoint;
    work(stepMs);
    append(message, checkpoint);
    if (checkpoint == STEP_COUNT - 1) {
      waitForCalm(parent);
      printMessage(message);
      child->done = 1;
    }
    child->checkpoint = (checkpoint + 1) % STEP_COUNT;
  }
  HR_EXIT_HDL();
  exit(0);
}
