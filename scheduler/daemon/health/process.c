#include "scheduler/daemon/health/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/instant.h"

static int64_t open_files(void) {
  DIR *dir = opendir("/proc/self/fd");
  if (!dir) return -1;
  int64_t count = -3; /* `.`, `..`, and the directory itself */
  while (readdir(dir)) count++;
  closedir(dir);
  return count;
}

/* The second number of the line counts pages. */
static int64_t resident(void) {
  char line[128], *end;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return -1;
  bool read = fgets(line, sizeof line, f) != NULL;
  fclose(f);
  if (!read) return -1;
  strtoll(line, &end, 10);
  long long pages = strtoll(end, NULL, 10);
  return pages > 0 ? pages * sysconf(_SC_PAGESIZE) : -1;
}

static int64_t size_of(const char *dir, const char *name) {
  struct stat st;
  char *path = path_join(dir, name);
  int64_t size = stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
  free(path);
  return size;
}

static int64_t used_us(const struct timeval *t) {
  return (int64_t)t->tv_sec * USEC_PER_SEC + t->tv_usec;
}

void process_look(const char *state_dir, struct process_facts *out) {
  struct rlimit files;
  struct rusage usage;
  struct statvfs fs;
  *out = (struct process_facts){.open_fds = open_files(),
                                .max_fds = -1,
                                .resident_bytes = resident(),
                                .cpu_us = -1,
                                .disk_free_bytes = -1,
                                .disk_size_bytes = -1,
                                .disk_free_files = -1,
                                .database_bytes = size_of(state_dir, "rota.db"),
                                .wal_bytes = size_of(state_dir, "rota.db-wal")};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) out->max_fds = (int64_t)files.rlim_cur;
  if (getrusage(RUSAGE_SELF, &usage) == 0) out->cpu_us = used_us(&usage.ru_utime) + used_us(&usage.ru_stime);
  if (statvfs(state_dir, &fs)) return;
  out->disk_free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
  out->disk_size_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
  if (fs.f_files) out->disk_free_files = (int64_t)fs.f_favail;
}
