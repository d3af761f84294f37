// A program nobody wrote for a particular host: works with files by the C library alone, and says what came of each step. It must print
// nothing that differs from one machine to another: no times of the day, no inodes, no order of a directory.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void told(const char *what, long result) {
  if (result < 0) printf("%s: %ld (%s)\n", what, result, strerror(errno));
  else printf("%s: %ld\n", what, result);
}

static void content(const char *path) {
  char text[256];
  int file = open(path, O_RDONLY);
  if (file < 0) {
    told(path, file);
    return;
  }
  ssize_t size = read(file, text, sizeof text);
  printf("%s: %zd '%.*s'\n", path, size, (int)(size < 0 ? 0 : size), text);
  close(file);
}

static void described(const char *path, int flags) {
  struct stat found;
  int result = fstatat(AT_FDCWD, path, &found, flags);
  if (result < 0) {
    told(path, result);
    return;
  }
  const char *type = S_ISREG(found.st_mode) ? "file" : S_ISDIR(found.st_mode) ? "directory" : S_ISLNK(found.st_mode) ? "link" : "other";
  printf("%s: %s", path, type);
  // What a directory counts is the file system's own affair.
  if (!S_ISDIR(found.st_mode)) printf(", %lld bytes, %lu links", (long long)found.st_size, (unsigned long)found.st_nlink);
  printf("\n");
}

static int by_name(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

static void listed(const char *path) {
  char *names[64];
  int count = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) {
    told(path, -1);
    return;
  }
  for (struct dirent *entry = readdir(directory); entry != NULL && count < 64; entry = readdir(directory)) {
    // Whether a directory lists itself is left to the host.
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names[count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(names, (size_t)count, sizeof names[0], by_name);
  printf("%s holds", path);
  for (int index = 0; index < count; index += 1) {
    printf(" %s", names[index]);
    free(names[index]);
  }
  printf("\n");
}

static void reading_and_writing(void) {
  int file = open("/files/letter", O_RDWR | O_CREAT | O_EXCL, 0644);
  printf("made: %d\n", file >= 0);
  told("write", write(file, "Dear reader", 11));
  told("tell", (long)lseek(file, 0, SEEK_CUR));
  told("seek", (long)lseek(file, -6, SEEK_END));
  char text[16] = {0};
  told("read", read(file, text, sizeof text));
  printf("'%s'\n", text);
  told("pwrite", pwrite(file, "Near", 4, 0));
  struct iovec pieces[3] = {{", how", 5}, {"", 0}, {" are you", 8}};
  told("writev", writev(file, pieces, 3));
  told("pread beyond the end", pread(file, text, 8, 5000));
  told("beyond the end", pwrite(file, "!", 1, 40));
  told("truncate", ftruncate(file, 26));
  told("sync", fsync(file));
  told("datasync", fdatasync(file));
  told("seek before the start", (long)lseek(file, -1, SEEK_SET));
  told("close", close(file));
  told("write to what is closed", write(file, "x", 1));
  content("/files/letter");
  told("exclusively again", open("/files/letter", O_WRONLY | O_CREAT | O_EXCL, 0644));
  file = open("/files/letter", O_WRONLY | O_APPEND);
  told("append", write(file, "?", 1));
  told("read of what is only written", read(file, text, 1));
  close(file);
  file = open("/files/letter", O_RDONLY);
  told("write of what is only read", write(file, "x", 1));
  close(file);
  content("/files/letter");
  file = open("/files/letter", O_WRONLY | O_TRUNC);
  close(file);
  described("/files/letter", 0);
}

static void names(void) {
  told("mkdir", mkdir("/files/box", 0755));
  told("mkdir again", mkdir("/files/box", 0755));
  told("mkdir below nothing", mkdir("/files/none/box", 0755));
  told("mkdir below a file", mkdir("/files/letter/box", 0755));
  told("rename into it", rename("/files/letter", "/files/box/letter"));
  told("rename of nothing", rename("/files/letter", "/files/box/other"));
  told("rmdir while full", rmdir("/files/box"));
  told("unlink of a directory", unlink("/files/box"));
  told("rmdir of a file", rmdir("/files/box/letter"));
  told("link", link("/files/box/letter", "/files/copy"));
  told("symlink", symlink("box/letter", "/files/way"));
  told("symlink to nothing", symlink("nowhere", "/files/lost"));
  described("/files/copy", 0);
  described("/files/way", AT_SYMLINK_NOFOLLOW);
  described("/files/way", 0);
  described("/files/lost", 0);
  described("/files/box", 0);
  described("/files/none", 0);
  char text[64];
  ssize_t size = readlink("/files/way", text, sizeof text);
  printf("way says '%.*s'\n", (int)size, text);
  told("readlink of a file", readlink("/files/copy", text, sizeof text));
  listed("/files");
  listed("/files/box");
  listed("/files/none");
  told("opendir of a file", opendir("/files/copy") == NULL ? -1 : 0);
  told("open of a directory for writing", open("/files/box", O_WRONLY));
  told("unlink", unlink("/files/copy"));
  told("unlink again", unlink("/files/copy"));
  told("unlink of a link", unlink("/files/way"));
  told("unlink of a lost link", unlink("/files/lost"));
  described("/files/box/letter", 0);
  told("unlink below", unlink("/files/box/letter"));
  told("rmdir", rmdir("/files/box"));
  listed("/files");
}

static void times(void) {
  int file = open("/files/clock", O_RDWR | O_CREAT, 0644);
  struct timespec set[2] = {{1000000000, 123456789}, {1200000000, 987654321}};
  told("futimens", futimens(file, set));
  struct stat found;
  fstat(file, &found);
  // Not every host keeps more of a time than its seconds.
  printf("%lld %lld\n", (long long)found.st_atim.tv_sec, (long long)found.st_mtim.tv_sec);
  set[0].tv_nsec = UTIME_OMIT;
  set[1].tv_sec = 1300000000;
  told("utimensat", utimensat(AT_FDCWD, "/files/clock", set, 0));
  stat("/files/clock", &found);
  printf("%lld %lld\n", (long long)found.st_atim.tv_sec, (long long)found.st_mtim.tv_sec);
  close(file);
  unlink("/files/clock");
}

static void buffered(void) {
  FILE *file = fopen("/files/lines", "w+");
  for (int index = 0; index < 1000; index += 1) fprintf(file, "line %d\n", index);
  told("ftell", ftell(file));
  rewind(file);
  char line[32];
  int count = 0;
  while (fgets(line, sizeof line, file) != NULL) count += 1;
  printf("%d lines, the last is %s", count, line);
  told("fclose", fclose(file));
  file = fopen("/files/lines", "a");
  fputs("the end\n", file);
  fclose(file);
  described("/files/lines", 0);
  told("remove", remove("/files/lines"));
  told("fopen of nothing", fopen("/files/lines", "r") == NULL ? -1 : 0);
}

int main(void) {
  reading_and_writing();
  names();
  times();
  buffered();
  return 7;
}
