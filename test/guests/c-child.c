// A command that prints what it was started with and ends cleanly. It must print all of it in one write: others print too.
#include <hr/hr.h>
#include <stdio.h>

extern char **environ;

int main(int argc, char *argv[]) {
  int index;
  char **variable;
  for (index = 0; index < argc; index += 1) printf("[%s]", argv[index]);
  for (variable = environ; variable != NULL && *variable != NULL; variable += 1) printf("{%s}", *variable);
  printf("\n");
  HR_EXIT_HDL();
  return 0;
}
