// A program nobody wrote for a particular host: its arguments, its environment, its standard streams and its clocks, by the C library alone.
// It must print nothing that differs from one machine to another.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(clockid_t id) {
  struct timespec now;
  if (clock_gettime(id, &now) != 0) return -1;
  return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv) {
  // From the first argument on: how a program is called is the host's to say.
  for (int index = 1; index < argc; index += 1) printf("argument %d: '%s'\n", index, argv[index]);
  printf("NAME: '%s'\n", getenv("NAME"));
  printf("EMPTY: '%s'\n", getenv("EMPTY"));
  printf("HOME: %s\n", getenv("HOME") == NULL ? "none" : "some");

  struct pollfd input = {.fd = 0, .events = POLLIN};
  printf("poll: %d\n", poll(&input, 1, 10000));
  char line[64];
  int count = 0;
  while (fgets(line, sizeof line, stdin) != NULL) printf("line %d: %s", ++count, line);
  printf("at the end: %d\n", feof(stdin) != 0);
  fprintf(stderr, "to the error stream\n");

  long long before = nanoseconds(CLOCK_MONOTONIC);
  struct timespec nap = {0, 20000000};
  printf("nanosleep: %d\n", nanosleep(&nap, NULL));
  long long slept = nanoseconds(CLOCK_MONOTONIC) - before;
  // Some hosts wake up a little early.
  printf("slept: %d\n", slept >= 10000000);
  printf("after 2020: %d\n", nanoseconds(CLOCK_REALTIME) > 1577836800000000000LL);
  struct timespec resolution;
  printf("resolution: %d\n", clock_getres(CLOCK_MONOTONIC, &resolution));

  unsigned char random[64] = {0};
  int different = 0;
  printf("random: %d\n", getentropy(random, sizeof random));
  for (int index = 1; index < 64; index += 1) different |= random[index] != random[0];
  printf("random bytes differ: %d\n", different);
  printf("seek: %lld (%s)\n", (long long)lseek(1, 0, SEEK_CUR), strerror(errno));
  printf("close: %d, again: %d\n", close(0), close(0));
  fflush(stdout);
  _exit(3);
}
