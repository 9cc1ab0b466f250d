#include "scheduler/daemon/logs/failure_cards.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/logs/log_pick.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/spec/pipeline.h"

#define LOOKED_MAX   50
#define LIKENESS_MAX 200
#define WAITING_LONG (10 * USEC_PER_MIN)

static bool waits_long(const struct task_row *t, instant now) {
  return t->state == TASK_WAITING && (t->wait == WAIT_SLOT || t->wait == WAIT_HOST) && t->ready_at != INSTANT_NONE &&
         now - t->ready_at > WAITING_LONG;
}

/* Failures, then the unreachable, then what waits; each by its time. */
static int order(const struct task_row *t) {
  return task_state_failure(t->state) ? 0 : t->state == TASK_UNREACHABLE ? 1 : 2;
}

static int by_order(const void *a, const void *b) {
  const struct task_row *x = *(const struct task_row *const *)a, *y = *(const struct task_row *const *)b;
  if (order(x) != order(y)) return order(x) < order(y) ? -1 : 1;
  if (x->ended_at != y->ended_at) return x->ended_at < y->ended_at ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static const struct task_row **concerned(struct page *p, const struct failure_cards *c, size_t *len) {
  const struct task_row **found = arena_new_array(&p->arena, c->tasks_len + 1, const struct task_row *);
  struct pipeline *spec = history_spec(p->history, c->run.run.version);
  *len = 0;
  for (size_t i = 0; i < c->tasks_len; i++) {
    const struct task_row *t = &c->tasks[i];
    bool failed = task_state_failure(t->state) && !page_task_allowed(spec, t);
    if (failed || t->state == TASK_UNREACHABLE || waits_long(t, p->now)) found[(*len)++] = t;
  }
  pipeline_release(spec);
  qsort(found, *len, sizeof(const struct task_row *), by_order);
  return found;
}

static int by_task(const void *key, const void *row) {
  uint32_t index = *(const uint32_t *)key;
  const struct attempt_row *a = row;
  return index < a->task ? -1 : index > a->task;
}

/* The attempts are sorted by task: one of its is found by halves, the newest stands near. */
static const struct attempt_row *newest_attempt(const struct failure_cards *c, const struct task_row *t) {
  if (!t->attempt || c->attempts_len == 0) return NULL;
  const struct attempt_row *at = bsearch(&t->index, c->attempts, c->attempts_len, sizeof *at, by_task);
  const struct attempt_row *end = c->attempts + c->attempts_len;
  while (at && at > c->attempts && at[-1].task == t->index) at--;
  for (; at && at < end && at->task == t->index; at++) {
    if (at->key == t->attempt) return at;
  }
  return NULL;
}

/* Numbers, which are process ids, times and addresses, don't tell two errors apart. */
static const char *likeness_of(struct arena *a, const struct failure_error *error) {
  char text[LIKENESS_MAX + 1];
  size_t len = 0;
  for (size_t i = 0; i < error->line.len && len < LIKENESS_MAX; i++) {
    char c = error->line.text[i];
    if (isdigit((unsigned char)c)) c = '#';
    if (c == '#' && len > 0 && text[len - 1] == '#') continue;
    text[len++] = c;
  }
  return arena_strndup(a, text, len);
}

/* A log that can't be read says nothing; the card says the rest. */
static void error_read(struct page *p, const struct failure_cards *c, struct failure_card *card) {
  int err;
  if (!card->attempt || !task_state_ended(card->task->state)) return;
  struct logfile *log = log_pick_open(p, c->run.run.id.text, card->attempt, &err);
  if (log && failure_error_find(log, &p->arena, &card->error)) card->error = (struct failure_error){0};
  logfile_close(log);
  card->likeness = likeness_of(&p->arena, &card->error);
}

static bool alike(const struct failure_card *a, const struct failure_card *b) {
  if (a->task->state != b->task->state || !a->attempt != !b->attempt) return false;
  if (a->task->state == TASK_WAITING && a->task->wait != b->task->wait) return false;
  const struct attempt_row *x = a->attempt, *y = b->attempt;
  if (x && y && (x->exit_code != y->exit_code || x->signal != y->signal)) return false;
  if (a->task->state == TASK_UNREACHABLE && x && y) return strcmp(x->host, y->host) == 0;
  return !a->likeness || !b->likeness || strcmp(a->likeness, b->likeness) == 0;
}

static void card_add(struct failure_cards *c, const struct failure_card *new) {
  struct failure_card *card = c->cards;
  while (card < c->cards + c->len && !alike(card, new)) card++;
  if (card == c->cards + FAILURE_CARDS_MAX) return;
  if (card == c->cards + c->len) {
    *card = *new;
    c->len++;
  }
  card->same++;
  if (card->labels_len < FAILURE_LABELS_MAX) card->labels[card->labels_len++] = new->task->label;
}

static int rows_read(struct page *p, struct failure_cards *c) {
  int64_t run = c->run.run.key;
  int err = history_tasks(p->history, run, -1, PIPELINE_TASKS_MAX, &p->arena, &c->tasks, &c->tasks_len);
  if (err) return err;
  return history_attempts(p->history, run, -1, 0, SIZE_MAX / 2, &p->arena, &c->attempts, &c->attempts_len);
}

struct failure_cards *failure_cards_read(struct page *p) {
  struct failure_cards *c = arena_new(&p->arena, struct failure_cards);
  if (p->status >= 400 || !page_find_run(p, &c->run)) return NULL;
  int err = rows_read(p, c);
  if (err) {
    page_unreadable(p, err);
    return NULL;
  }
  size_t len;
  const struct task_row **tasks = concerned(p, c, &len);
  for (size_t i = 0; i < len; i++) {
    struct failure_card card = {.task = tasks[i], .attempt = newest_attempt(c, tasks[i])};
    if (i < LOOKED_MAX) error_read(p, c, &card);
    card_add(c, &card);
  }
  return c;
}
