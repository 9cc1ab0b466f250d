/* `sim [--seeds N] [--first N] [--seed N] [--disk arrays|sqlite]`: the simulation. With --seed one seed is run and
 * all that happens in it is told; else a batch, which ends at the first seed that breaks an invariant. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/pipelines.h"
#include "tests/sim/seed.h"

struct options {
  uint64_t first, seeds;
  bool one;
  enum ledger_kind disk;
};

struct shared { /* by the process that runs the seeds and the one that waits for it */
  struct probes probes;
  struct seed_result result;
  uint64_t seed;
};

static bool number(const char *text, uint64_t *out) {
  char *end;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0';
}

static bool options_read(int argc, char **argv, struct options *o) {
  *o = (struct options){.seeds = 100};
  for (int i = 1; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!value) return false;
    if (strcmp(argv[i], "--seeds") == 0) {
      if (!number(value, &o->seeds)) return false;
    } else if (strcmp(argv[i], "--first") == 0) {
      if (!number(value, &o->first)) return false;
    } else if (strcmp(argv[i], "--seed") == 0) {
      if (!number(value, &o->first)) return false;
      o->one = true;
      o->seeds = 1;
    } else if (strcmp(argv[i], "--disk") == 0) {
      o->disk = strcmp(value, "sqlite") == 0 ? LEDGER_SQLITE : LEDGER_ARRAYS;
    } else {
      return false;
    }
  }
  return true;
}

static void run_all(const struct options *o, struct shared *s) {
  struct zones zones = {0};
  for (uint64_t seed = o->first; seed < o->first + o->seeds; seed++) {
    struct plan plan;
    s->seed = seed;
    plan_make(&plan, seed);
    const struct seed_run run = {seed, o->disk, &plan, o->one, &s->probes, &zones};
    seed_live(&run, &s->result);
    plan_release(&plan);
  }
  zones_release(&zones);
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  struct options o;
  if (!options_read(argc, argv, &o)) {
    fprintf(stderr, "usage: sim [--seeds N] [--first N] [--seed N] [--disk arrays|sqlite]\n");
    return 2;
  }
  struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED) return 1;
  fflush(stdout);
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    run_all(&o, s);
    printf("%" PRIu64 " seeds, %" PRIu64 " attempts, %" PRIu64 " steps, %" PRIu64
           " commits, %.1f s of CPU, %.0f attempts/s\n",
           o.seeds, s->result.attempts, s->result.steps, s->result.commits, cpu_seconds(),
           (double)s->result.attempts / cpu_seconds());
    fflush(stdout);
    _Exit(0);
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  if (!o.one) printf("seed %" PRIu64 " failed: make sim SEED=%" PRIu64 "\n", s->seed, s->seed);
  return 1;
}
