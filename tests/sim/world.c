#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PPM 1000000

/* ---- the queue ---- */

static bool before(const struct happening *a, const struct happening *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void sift_up(struct world *w, size_t at) {
  struct happening moved = w->queue.items[at];
  while (at > 0 && before(&moved, &w->queue.items[(at - 1) / 2])) {
    w->queue.items[at] = w->queue.items[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  w->queue.items[at] = moved;
}

static void sift_down(struct world *w) {
  struct happening moved = w->queue.items[0];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= w->queue.len) break;
    if (child + 1 < w->queue.len && before(&w->queue.items[child + 1], &w->queue.items[child])) child++;
    if (!before(&w->queue.items[child], &moved)) break;
    w->queue.items[at] = w->queue.items[child];
    at = child;
  }
  w->queue.items[at] = moved;
}

static void queue_add(struct world *w, struct happening h) {
  h.order = w->order++;
  vec_push(&w->queue, h);
  sift_up(w, w->queue.len - 1);
}

static struct happening queue_take(struct world *w) {
  struct happening first = w->queue.items[0];
  w->queue.items[0] = w->queue.items[--w->queue.len];
  if (w->queue.len) sift_down(w);
  return first;
}

void world_at(struct world *w, int64_t at, enum whose whose, happening_fn *fn, void *arg, int64_t number) {
  queue_add(
      w,
      (struct happening){
          .at = at < w->now ? w->now : at, .whose = whose, .life = w->life, .fn = fn, .arg = arg, .number = number});
}

/* Until when whoever it belongs to sleeps. */
static int64_t asleep_until(const struct world *w, enum whose whose) {
  if (whose == OF_WORLD) return 0;
  if (whose == OF_DAEMON && w->daemon_asleep > w->machine_asleep) return w->daemon_asleep;
  return w->machine_asleep;
}

bool world_run(struct world *w, int64_t until) {
  while (w->queue.len && !w->over) {
    if (w->queue.items[0].at >= until) {
      w->now = until;
      return true;
    }
    struct happening h = queue_take(w);
    w->now = h.at;
    if (h.whose == OF_DAEMON && h.life != w->life) continue;
    int64_t asleep = asleep_until(w, h.whose);
    if (asleep > w->now) {
      h.at = asleep;
      queue_add(w, h);
      continue;
    }
    h.fn(w, h.arg, h.number);
  }
  w->now = until;
  return false;
}

void world_release(struct world *w) {
  vec_release(&w->queue);
  arena_release(&w->arena);
}

/* ---- clocks ---- */

struct moment world_moment(const struct world *w) {
  int64_t passed = w->now - w->clocks.since;
  return (struct moment){.wall = w->clocks.wall + passed + passed / PPM * w->clocks.ppm +
                                 passed % PPM * w->clocks.ppm / PPM,
                         .mono = w->clocks.mono + passed};
}

int64_t world_when_mono(const struct world *w, int64_t mono) {
  return w->clocks.since + (mono - w->clocks.mono);
}

int64_t world_when_wall(const struct world *w, instant t) {
  int64_t shown = t - world_moment(w).wall;
  /* A drifting clock shows it a little sooner or later than that; whoever is woken too early sets it again. */
  return w->now + shown - shown / PPM * w->clocks.ppm;
}

static void settle(struct world *w) {
  struct moment now = world_moment(w);
  w->clocks.since = w->now;
  w->clocks.mono = now.mono;
  w->clocks.wall = now.wall;
}

void world_clock_set(struct world *w, duration by) {
  settle(w);
  w->clocks.wall += by;
}

void world_clock_drift(struct world *w, int64_t ppm) {
  settle(w);
  w->clocks.ppm = ppm;
}

void world_boot(struct world *w) {
  settle(w);
  w->clocks.mono = USEC_PER_SEC;
}

/* ---- telling ---- */

void world_trace(const struct world *w, const char *format, ...) {
  char at[32];
  struct civil c = civil_from_instant(world_moment(w).wall, 0);
  snprintf(at, sizeof at, "%02d-%02d %02d:%02d:%02d.%06d", c.month, c.day, c.hour, c.minute, c.second,
           (int)(((world_moment(w).wall % USEC_PER_SEC) + USEC_PER_SEC) % USEC_PER_SEC));
  printf("%12.6f  %s  ", (double)w->now / 1e6, at);
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
}

void world_fail(const struct world *w, const char *format, ...) {
  char what[8192];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  fflush(stdout);
  fprintf(stderr, "seed %llu, at %.6f s: %s\n", (unsigned long long)w->seed, (double)w->now / 1e6, what);
  fflush(stderr);
  _Exit(1);
}
