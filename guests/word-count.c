// Counts the words of its input, and knows nothing of hot restart. It prints each word once with its count, in the order in which they came,
// and adds the sum to the file that its argument names. It must need no more than C's own library.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 1000, MAX_WORD_BYTES = 64 };

static struct {
  char text[MAX_WORD_BYTES];
  int count;
} words[MAX_WORDS];
static int word_count;

static int count(const char *text) {
  for (int index = 0; index < word_count; index += 1) {
    if (strcmp(words[index].text, text) == 0) return ++words[index].count;
  }
  if (word_count == MAX_WORDS) return -1;
  strcpy(words[word_count].text, text);
  return words[word_count++].count = 1;
}

int main(int argc, char **argv) {
  char text[MAX_WORD_BYTES];
  int sum = 0;
  while (scanf("%63s", text) == 1) {
    if (count(text) < 0) return fputs("too many words\n", stderr), EXIT_FAILURE;
    sum += 1;
  }
  for (int index = 0; index < word_count; index += 1) printf("%s %d\n", words[index].text, words[index].count);
  if (argc < 2) return EXIT_SUCCESS;
  FILE *log = fopen(argv[1], "a");
  if (log == NULL) return perror(argv[1]), EXIT_FAILURE;
  fprintf(log, "%d words\n", sum);
  return fclose(log) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
