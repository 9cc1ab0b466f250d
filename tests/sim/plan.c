#include "tests/sim/plan.h"

#include <stdlib.h>

#include "base/instant.h"
#include "tests/sim/dice.h"

#define ACTS_MOST 240

static const struct {
  const char *word;
  int weight;
} kinds[ACTS] = {
#define X(name, word, weight) {word, weight},
    ACT_LIST(X)
#undef X
};

const char *act_word(enum act_kind kind) {
  return kinds[kind].word;
}

const char *size_word(enum world_size size) {
#define X(name, word) word,
  static const char *const words[] = {SIZE_LIST(X)};
#undef X
  return words[size];
}

/* 2026: the days before New York, Oslo and Lord Howe change their clocks, forth and back. */
static const int64_t starts[] = {1772841600, 1774656000, 1775260800, 1790985600, 1792800000, 1793404800};

static void draw_limits(struct limits *l, struct dice *d) {
  *l = (struct limits){
      .start = starts[dice_roll(d, 6)] * USEC_PER_SEC + dice_roll(d, 62) * 30 * USEC_PER_MIN,
      .horizon = USEC_PER_HOUR + dice_spread(d, 36 * USEC_PER_HOUR),
      .commit_most = dice_spread(d, 5 * USEC_PER_SEC),
      .message_most = dice_spread(d, 10 * USEC_PER_SEC),
      .task_most = dice_chance(d, 50) ? USEC_PER_SEC + dice_spread(d, 2 * USEC_PER_HOUR)
                                      : dice_between(d, 1, 30) * USEC_PER_MIN,
      .units = dice_spread(d, 8),
      .pipelines = dice_between(d, 1, 4),
      .tasks = dice_spread(d, 12),
      .failing = dice_chance(d, 20) ? 0 : dice_spread(d, 60),
      .lost_replies = dice_chance(d, 50) ? 0 : dice_spread(d, 60),
      .doubles = dice_chance(d, 50) ? 0 : dice_spread(d, 40),
      .down_most = dice_spread(d, 6 * USEC_PER_HOUR),
      .turn_most = dice_spread(d, USEC_PER_SEC),
  };
}

/* Between two acts lies the work of an hour or so, as it does where rota is in use. */
static void draw_busy(struct limits *l, struct dice *d) {
  l->horizon = dice_between(d, 24, 48) * USEC_PER_HOUR;
  l->task_most = USEC_PER_MIN + dice_spread(d, 10 * USEC_PER_MIN);
  l->units = dice_between(d, 4, 12);
  l->pipelines = dice_between(d, 4, 8);
  l->tasks = dice_between(d, 8, 15);
  l->down_most = dice_spread(d, USEC_PER_HOUR);
}

static enum act_kind draw_kind(const struct plan *p, struct dice *d) {
  int64_t all = 0;
  for (int k = 0; k < ACTS; k++) all += p->chosen[k] ? kinds[k].weight : 0;
  int64_t at = dice_roll(d, all);
  for (int k = 0; k < ACTS; k++) {
    if (!p->chosen[k]) continue;
    if (at < kinds[k].weight) return (enum act_kind)k;
    at -= kinds[k].weight;
  }
  return ACT_REQUEST;
}

void plan_make(struct plan *p, enum world_size size, uint64_t seed) {
  struct dice d;
  dice_init(&d, seed, 1);
  *p = (struct plan){0};
  draw_limits(&p->limits, &d);
  if (size == SIZE_BUSY) draw_busy(&p->limits, &d);
  /* A seed with few kinds goes deep where one with all of them goes wide. */
  int64_t share = dice_between(&d, 15, 100);
  for (int k = 0; k < ACTS; k++) p->chosen[k] = dice_chance(&d, share);
  p->chosen[ACT_REQUEST] = true;
  p->limits.clocks = p->chosen[ACT_CLOCK] || p->chosen[ACT_DRIFT];
  int64_t len = dice_chance(&d, 20) ? dice_spread(&d, ACTS_MOST) : dice_between(&d, ACTS_MOST / 4, ACTS_MOST);
  for (int64_t i = 0; i < len; i++) {
    struct act act = {.at = dice_roll(&d, p->limits.horizon), .kind = draw_kind(p, &d)};
    act.dice = dice_mix(seed ^ dice_mix((uint64_t)i));
    vec_push(&p->acts, act);
  }
}

void plan_release(struct plan *p) {
  vec_release(&p->acts);
}
