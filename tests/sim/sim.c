/* `sim [--seeds N] [--first N] [--seed N] [--disk arrays|sqlite] [--size small|busy]`: the simulation. With --seed
 * one seed is run and all that happens in it is told; else a batch, which ends at the first seed that breaks an
 * invariant: that one is made smaller and told. Without arguments it is the test: many seeds on arrays, some on
 * SQLite, and every probe reached.
 *
 * Seeds run in processes of their own, since an assertion of the engine, a crash or an endless loop is a find too. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/oracle.h"
#include "tests/sim/pipelines.h"
#include "tests/sim/seed.h"
#include "tests/sim/shrink.h"
#include "tests/sim/vfs.h"
#include "tests/sim/zones.h"

#define PROBED_FROM  1900 /* seeds on arrays, and some on SQLite, must have been everywhere */
#define SQLITE_SEEDS 120
#define BUSY_SEEDS   20 /* each as long as forty small ones */
#define BUSY_SQLITE  4
#define REPEATED     10
#define SEED_SECONDS 30 /* of CPU: more is an endless loop */
#define SHRINK_TRIES 400
#define TOLD_LINES   250

struct options {
  uint64_t first, seeds;
  bool one, all;
  enum ledger_kind disk;
  enum world_size size;
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
  *o = (struct options){.seeds = PROBED_FROM, .all = argc == 1};
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
      if (o->disk == LEDGER_ARRAYS && strcmp(value, "arrays") != 0) return false;
    } else if (strcmp(argv[i], "--size") == 0) {
      o->size = strcmp(value, size_word(SIZE_BUSY)) == 0 ? SIZE_BUSY : SIZE_SMALL;
      if (strcmp(value, size_word(o->size)) != 0) return false;
    } else {
      return false;
    }
  }
  return true;
}

/* ---- in the process that runs seeds ---- */

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void time_limit(void) {
  const struct itimerval limit = {.it_value = {SEED_SECONDS, 0}};
  setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

static void run_batch(const struct options *o, struct shared *s) {
  struct zones zones = {0};
  struct oracle oracle = {0};
  for (uint64_t seed = o->first; seed < o->first + o->seeds; seed++) {
    struct plan plan;
    s->seed = seed;
    plan_make(&plan, o->size, seed);
    time_limit();
    const struct seed_run run = {seed, o->disk, &plan, o->one, &s->probes, &zones, &oracle};
    seed_live(&run, &s->result);
    plan_release(&plan);
  }
  zones_release(&zones);
  oracle_release(&oracle);
  printf("%s%s: %" PRIu64 " seeds, %" PRIu64 " attempts, %" PRIu64 " steps, %" PRIu64
         " commits, %.1f s of CPU, %.0f attempts/s\n",
         o->size == SIZE_BUSY ? "busy, " : "", o->disk == LEDGER_SQLITE ? "sqlite" : "arrays", o->seeds,
         s->result.attempts, s->result.steps, s->result.commits, cpu_seconds(),
         (double)s->result.attempts / cpu_seconds());
}

static void run_plan(const struct options *o, uint64_t seed, const struct plan *plan, bool traced) {
  struct zones zones = {0};
  struct oracle oracle = {0};
  struct probes probes = {0};
  struct seed_result result = {0};
  time_limit();
  const struct seed_run run = {seed, o->disk, plan, traced, &probes, &zones, &oracle};
  seed_live(&run, &result);
}

/* ---- in the one that waits ---- */

static bool child_ended_well(pid_t child) {
  int status = 1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status)) fprintf(stderr, "it was ended by signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct failing {
  const struct options *options;
  uint64_t seed;
};

static bool fails(void *ctx, const struct plan *plan) {
  const struct failing *f = ctx;
  pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    run_plan(f->options, f->seed, plan, false);
    _Exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status != 0;
}

/* The end of what a traced run tells, with the sentence of its failure. */
static void tell(const struct failing *f, const struct plan *plan) {
  FILE *told = tmpfile();
  if (!told) return;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(fileno(told), STDOUT_FILENO);
    dup2(fileno(told), STDERR_FILENO);
    run_plan(f->options, f->seed, plan, true);
    _Exit(0);
  }
  int status;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  char line[4096];
  size_t lines = 0;
  rewind(told);
  while (fgets(line, sizeof line, told)) lines++;
  rewind(told);
  for (size_t n = 0; fgets(line, sizeof line, told); n++)
    if (n + TOLD_LINES >= lines) fputs(line, stdout);
  fclose(told);
}

static void tell_smaller(const struct options *o, uint64_t seed) {
  struct plan plan;
  struct failing f = {o, seed};
  const char *disk = o->disk == LEDGER_SQLITE ? "sqlite" : "arrays";
  printf("seed %" PRIu64 " breaks an invariant; all of it: make sim SEED=%" PRIu64 " DISK=%s SIZE=%s\n", seed, seed,
         disk, size_word(o->size));
  fflush(stdout);
  plan_make(&plan, o->size, seed);
  if (!fails(&f, &plan)) {
    printf("alone it doesn't fail: something is carried over from seed to seed\n");
  } else {
    size_t acts = plan.acts.len, left = shrink(&plan, SHRINK_TRIES, fails, &f);
    printf("made smaller, with %zu of its %zu acts:\n", left, acts);
    tell(&f, &plan);
  }
  plan_release(&plan);
}

/* So many seeds must have been everywhere. */
static bool all_reached(const struct probes *p) {
  bool all = true;
  for (int i = 0; i < PROBES; i++) {
    if (p->hits[i]) continue;
    printf("never reached: %s\n", probe_text((enum probe)i));
    all = false;
  }
  return all;
}

static bool batch(const struct options *o, struct shared *s) {
  memset(&s->result, 0, sizeof s->result);
  fflush(stdout);
  pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    run_batch(o, s);
    fflush(stdout);
    _Exit(0);
  }
  if (child_ended_well(child)) return true;
  if (!o->one) tell_smaller(o, s->seed);
  return false;
}

/* The same seeds are the same each time: else a failing one couldn't be told. */
static bool repeats(struct options o, struct shared *s) {
  o.seeds = REPEATED;
  if (!batch(&o, s)) return false;
  uint64_t digest = s->result.digest;
  if (!batch(&o, s)) return false;
  if (s->result.digest == digest) return true;
  printf("the same seeds went another way\n");
  return false;
}

int main(int argc, char **argv) {
  struct options o;
  if (!options_read(argc, argv, &o)) {
    fprintf(stderr, "usage: sim [--seeds N] [--first N] [--seed N] [--disk arrays|sqlite] [--size small|busy]\n");
    return 2;
  }
  vfs_single_thread();
  struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED || !batch(&o, s)) return 1;
  if (!o.all) return 0;
  if (!repeats(o, s)) return 1;
  o.disk = LEDGER_SQLITE;
  o.seeds = SQLITE_SEEDS;
  if (!batch(&o, s) || !repeats(o, s) || !all_reached(&s->probes)) return 1;
  o.size = SIZE_BUSY;
  o.seeds = BUSY_SQLITE;
  if (!batch(&o, s)) return 1;
  o.disk = LEDGER_ARRAYS;
  o.seeds = BUSY_SEEDS;
  return batch(&o, s) ? 0 : 1;
}
