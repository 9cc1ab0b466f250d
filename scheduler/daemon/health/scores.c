#include "scheduler/daemon/health/scores.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "scheduler/daemon/health/exposition.h"
#include "scheduler/store/history.h"

#define MISSED_LOOK HISTORY_LIMIT_MAX /* of the newest firings that came to nothing */

static void *by_key(const struct map *m, int64_t key) {
  return map_get_n(m, (const char *)&key, sizeof key);
}

static void put_key(struct map *m, int64_t key, void *value) {
  map_put_n(m, (const char *)&key, sizeof key, value);
}

static struct score *score_new(struct scores *s, const struct pipeline_row *row) {
  struct score *score = alloc_new(struct score);
  struct buf label = {0};
  score->key = row->key;
  score->name = alloc_strdup(row->name);
  exposition_label_text(&label, "pipeline", row->name);
  score->label = buf_steal(&label, NULL);
  score->succeeded_at = score->ended_at = score->missed_at = score->missed_known = INSTANT_NONE;
  vec_push(&s->items, score);
  put_key(&s->by_key, row->key, score);
  return score;
}

static void take_pipeline(struct scores *s, const struct pipeline_row *row) {
  struct score *score = by_key(&s->by_key, row->key);
  if (!score) score = score_new(s, row);
  score->present = row->present;
  score->broken = row->error != NULL;
  score->paused = row->paused_at != INSTANT_NONE;
  score->added_at = row->seen_at;
}

static void take_run(struct scores *s, const struct run_row *row) {
  struct score *score = by_key(&s->by_key, row->pipeline);
  if (!score || !run_state_ended(row->state) || row->ended_at == INSTANT_NONE) return;
  if (score->ended_at == INSTANT_NONE || row->ended_at >= score->ended_at) {
    score->ended_at = row->ended_at;
    score->state = row->state;
  }
  if (row->state == RUN_SUCCEEDED && (score->succeeded_at == INSTANT_NONE || row->ended_at > score->succeeded_at))
    score->succeeded_at = row->ended_at;
}

static void remember_firing(struct scores *s, const struct firing_row *row) {
  struct score_firing *known = by_key(&s->firings, row->schedule);
  if (!known) put_key(&s->firings, row->schedule, known = alloc_new(struct score_firing));
  *known = (struct score_firing){.key = row->key, .count = row->count};
}

static void take_missed(struct score *score, const struct firing_row *row) {
  if (score->missed_at == INSTANT_NONE || row->until > score->missed_at) score->missed_at = row->until;
  if (score->missed_known == INSTANT_NONE || row->decided_at > score->missed_known)
    score->missed_known = row->decided_at;
}

/* A row that was there already counts for what was added to it. */
static void take_firing(struct scores *s, const struct firing_row *row) {
  struct score *score = by_key(&s->by_key, row->pipeline);
  const struct score_firing *known = by_key(&s->firings, row->schedule);
  int64_t more = row->count - (known && known->key == row->key ? known->count : 0);
  remember_firing(s, row);
  if (!score || row->outcome != FIRING_MISSED || more <= 0) return;
  score->missed += more;
  take_missed(score, row);
}

void scores_committed(struct scores *s, const struct change *changes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    switch (changes[i].kind) {
    case CHANGE_PIPELINE: take_pipeline(s, &changes[i].pipeline); break;
    case CHANGE_RUN: take_run(s, &changes[i].run); break;
    case CHANGE_FIRING: take_firing(s, &changes[i].firing); break;
    default: break;
    }
  }
}

static void load_missed(struct scores *s, struct history *history) {
  struct arena a = {0};
  struct history_unrun *missed;
  size_t len;
  const char *next;
  if (history_unrun(history, true, false, NULL, MISSED_LOOK, &a, &missed, &len, &next)) len = 0;
  for (size_t i = 0; i < len; i++) {
    struct score *score = by_key(&s->by_key, missed[i].row.pipeline);
    if (score) take_missed(score, &missed[i].row);
  }
  arena_release(&a);
}

void scores_load(struct scores *s, const struct engine_state *state, struct history *history) {
  for (size_t i = 0; i < state->pipelines_len; i++) {
    struct history_ends ends;
    take_pipeline(s, &state->pipelines[i]);
    if (history_ends(history, state->pipelines[i].key, &ends)) continue;
    struct score *score = by_key(&s->by_key, state->pipelines[i].key);
    score->succeeded_at = ends.succeeded_at;
    score->ended_at = ends.ended_at;
    score->state = ends.state;
  }
  for (size_t i = 0; i < state->schedules_len; i++)
    if (state->last_firings[i].key) remember_firing(s, &state->last_firings[i]);
  load_missed(s, history);
}

void scores_release(struct scores *s) {
  for (size_t i = 0; i < s->items.len; i++) {
    free(s->items.items[i]->name);
    free(s->items.items[i]->label);
    free(s->items.items[i]);
  }
  for (size_t i = 0; i < s->firings.len; i++) free(s->firings.entries[i].value);
  vec_release(&s->items);
  map_release(&s->by_key);
  map_release(&s->firings);
}
