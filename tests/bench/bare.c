/* What the machine itself can do, to measure rota against in the same run:
 *   bare spawn N K        posix_spawn and wait of /bin/true, N times with K in flight: "spawns_per_second X"
 *   bare sync DIR N       append 4 KiB and fdatasync, N times: "sync_us_median X"
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int start_one(void) {
  static char program[] = "/bin/true";
  char *argv[] = {program, NULL};
  char *env[] = {NULL};
  pid_t pid;
  return posix_spawn(&pid, program, NULL, NULL, argv, env);
}

static int spawn(int count, int in_flight) {
  double begun = now_us();
  int started = 0, running = 0;
  while (started < count || running > 0) {
    if (started < count && running < in_flight) {
      if (start_one()) return 1;
      started++;
      running++;
    } else {
      if (wait(NULL) < 0) return 1;
      running--;
    }
  }
  printf("spawns_per_second %.1f\n", count / ((now_us() - begun) / 1e6));
  return 0;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int sync_median(const char *dir, int count) {
  char path[4096];
  static const char block[4096];
  snprintf(path, sizeof path, "%s/bare-sync", dir);
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  double *taken = calloc((size_t)count, sizeof *taken);
  if (fd < 0 || !taken) return 1;
  for (int i = 0; i < count; i++) {
    double begun = now_us();
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd)) return 1;
    taken[i] = now_us() - begun;
  }
  qsort(taken, (size_t)count, sizeof *taken, by_size);
  printf("sync_us_median %.1f\n", taken[count / 2]);
  free(taken);
  close(fd);
  return unlink(path);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "spawn") == 0)
    return spawn((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
  if (argc == 4 && strcmp(argv[1], "sync") == 0) return sync_median(argv[2], (int)strtol(argv[3], NULL, 10));
  fprintf(stderr, "usage: bare spawn N K | bare sync DIR N\n");
  return 2;
}
