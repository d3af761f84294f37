/* The floors of the benchmark: the least that bringing a memory back to its image could take, with nothing around it. It is asked on
 * standard input, answers on standard output, and ends when there is nothing more to read. It must not do what the runtime need not do.
 *
 *   request:  KIND MEMORY_BYTES DIRTY_PAGES IS_RESIDENT SLICE_US       one line, KIND as in `kinds` below
 *   answer:   COUNT MICROSECONDS ...                                   one line; at least one sample, at most MAX_SAMPLES
 *
 * A memory is a private mapping of an image in a memory file, as the runtime's are:
 *
 *   image, a memory file  +--------------------+  <- `source`: mapped shared, what is copied from
 *                         | every byte 1       |
 *                         +--------------------+  <- `memory`: mapped private, what is touched
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, MAX_SAMPLES = 20000, MAX_IMAGES = 16, TURNS = 4 };

struct image {
  size_t bytes;
  int fd;
  unsigned char *source;
  unsigned char *memory;
};

struct request {
  struct image *image;
  size_t dirty_pages;
  size_t stride;
  int is_resident;
  size_t turn;
};

typedef void restore_function(struct request *);

static struct image images[MAX_IMAGES];
static size_t image_count;
static double samples_us[MAX_SAMPLES];

static void fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* An image is made once and kept: filling it takes longer than a slice. */
static struct image *image_of(size_t bytes) {
  for (size_t index = 0; index < image_count; index += 1)
    if (images[index].bytes == bytes) return &images[index];
  if (image_count == MAX_IMAGES) {
    errno = ENOSPC;
    fail("images");
  }
  struct image *image = &images[image_count];
  image->bytes = bytes;
  image->fd = memfd_create("floor", MFD_CLOEXEC);
  if (image->fd == -1) fail("memfd_create");
  if (ftruncate(image->fd, (off_t)bytes) == -1) fail("ftruncate");
  image->source = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
  image->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, image->fd, 0);
  if (image->source == MAP_FAILED || image->memory == MAP_FAILED) fail("mmap");
  memset(image->source, 1, bytes);
  image_count += 1;
  return image;
}

/* What the guest does in its call: one byte of every page of the working set. */
static void touch(const struct request *request, unsigned expected) {
  volatile unsigned char *bytes = request->image->memory;
  unsigned sum = 0;
  for (size_t page = request->dirty_pages; page > 0; page -= 1) {
    size_t offset = (page - 1) * request->stride;
    bytes[offset] = (unsigned char)(bytes[offset] + 1);
    sum += bytes[offset];
  }
  if (sum == expected) return;
  errno = EILSEQ;
  fail("the memory is not as it was");
}

static void read_all(const struct request *request) {
  volatile unsigned char *bytes = request->image->memory;
  for (size_t offset = 0; offset < request->image->bytes; offset += PAGE_BYTES) (void)bytes[offset];
}

static void drop(struct request *request) {
  if (madvise(request->image->memory, request->image->bytes, MADV_DONTNEED) == -1) fail("madvise");
}

static void copy_all(struct request *request) {
  memcpy(request->image->memory, request->image->source, request->image->bytes);
}

static void copy_dirty(struct request *request) {
  for (size_t page = 0; page < request->dirty_pages; page += 1) {
    size_t offset = page * request->stride;
    memcpy(request->image->memory + offset, request->image->source + offset, PAGE_BYTES);
  }
}

/* Pages of a file in memory, others than the last time. */
static void write_pages(struct request *request) {
  static unsigned char page_bytes[PAGE_BYTES];
  memset(page_bytes, 1, PAGE_BYTES);
  request->turn = (request->turn + 1) % TURNS;
  for (size_t page = 0; page < request->dirty_pages; page += 1) {
    off_t offset = (off_t)((page * request->stride + request->turn * PAGE_BYTES) % request->image->bytes);
    if (pwrite(request->image->fd, page_bytes, PAGE_BYTES, offset) != PAGE_BYTES) fail("pwrite");
  }
}

static const struct {
  const char *name;
  restore_function *run;
  int touches;
} kinds[] = {
  {"drop", drop, 1},
  {"copy-all", copy_all, 1},
  {"copy-dirty", copy_dirty, 1},
  {"write-pages", write_pages, 0},
};

static double sample(struct request *request, size_t kind) {
  if (request->is_resident) read_all(request);
  double start_us = now_us();
  kinds[kind].run(request);
  if (kinds[kind].touches) touch(request, 2 * (unsigned)request->dirty_pages);
  return now_us() - start_us;
}

static void answer(struct request *request, size_t kind, double slice_us) {
  size_t count = 0;
  double end_us = now_us() + slice_us;
  /* The first one begins with what the slice before has left behind, and is not told. */
  drop(request);
  if (kinds[kind].touches) touch(request, 2 * (unsigned)request->dirty_pages);
  sample(request, kind);
  do {
    samples_us[count] = sample(request, kind);
    count += 1;
  } while (count < MAX_SAMPLES && now_us() < end_us);
  /* What was copied is not kept: it can be as much as the image itself. */
  drop(request);
  printf("%zu", count);
  for (size_t index = 0; index < count; index += 1) printf(" %.3f", samples_us[index]);
  printf("\n");
  fflush(stdout);
}

int main(void) {
  char name[32];
  size_t bytes, dirty_pages;
  int is_resident;
  double slice_us;
  while (scanf("%31s %zu %zu %d %lf", name, &bytes, &dirty_pages, &is_resident, &slice_us) == 5) {
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof kinds[0] && strcmp(kinds[kind].name, name) != 0) kind += 1;
    if (kind == sizeof kinds / sizeof kinds[0] || bytes % PAGE_BYTES != 0 || dirty_pages == 0 ||
        dirty_pages > bytes / PAGE_BYTES) {
      errno = EINVAL;
      fail(name);
    }
    struct request request = {image_of(bytes), dirty_pages, bytes / dirty_pages, is_resident, 0};
    answer(&request, kind, slice_us);
  }
  return 0;
}
