/* A folder of a target's own, emptied for each input, in memory where the system has /dev/shm. */
#ifndef ROTA_TESTS_FUZZ_FOLDER_H
#define ROTA_TESTS_FUZZ_FOLDER_H

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char folder_path[PATH_MAX];

static void folder_remove(void) {
  char command[PATH_MAX + 16];
  snprintf(command, sizeof command, "rm -rf %.*s", (int)(strrchr(folder_path, '/') - folder_path), folder_path);
  if (system(command)) perror(command);
}

/* .../runs/RUN/ATTEMPT, made once. */
static const char *folder(void) {
  if (folder_path[0]) return folder_path;
  snprintf(folder_path, sizeof folder_path, "%s/rota-fuzz-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (!mkdtemp(folder_path)) abort();
  strcat(folder_path, "/attempt");
  if (mkdir(folder_path, 0700)) abort();
  atexit(folder_remove);
  return folder_path;
}

static inline void folder_put(const char *name, const void *bytes, size_t len) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/%s", folder(), name);
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd)) abort();
}

static inline void folder_drop(const char *name) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/%s", folder(), name);
  unlink(path);
}

/* The next part of the input: as long as its first byte says, or what there is. */
static inline size_t part_next(const uint8_t **data, size_t *size, const uint8_t **part) {
  if (*size == 0) return 0;
  size_t len = (*data)[0] < *size - 1 ? (*data)[0] : *size - 1;
  *part = *data + 1;
  *data += 1 + len;
  *size -= 1 + len;
  return len;
}

#endif
