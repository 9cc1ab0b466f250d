#include "scheduler/daemon/foreground/run_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/vec.h"

#define BLOCK_LINES_MAX 12

struct shown {
  char *label;
  enum task_state state;
  enum wait_reason wait;
  instant started_at;
  int64_t attempts;
};

struct run_view {
  enum run_view_kind kind;
  bool colour;
  VEC(struct shown) tasks; /* by index */
  int64_t total, done, failed;
  int block; /* lines of it on the screen */
};

/* Icon and colour of a state: shape and word carry the meaning, colour only repeats it. */
static const struct {
  const char *icon, *colour;
} looks[TASK_STATES] = {
    [TASK_WAITING] = {"·", "90"},   [TASK_STARTING] = {"›", "34"},    [TASK_RUNNING] = {"▶", "34"},
    [TASK_STOPPING] = {"◼", "33"},  [TASK_UNREACHABLE] = {"⚠", "33"}, [TASK_SUCCEEDED] = {"✔", "32"},
    [TASK_FAILED] = {"✖", "31"},    [TASK_TIMED_OUT] = {"✖", "31"},   [TASK_LOST] = {"✖", "31"},
    [TASK_CANCELLED] = {"◼", "90"}, [TASK_SKIPPED] = {"○", "90"},     [TASK_UPSTREAM_FAILED] = {"↑", "90"},
};

struct run_view *run_view_new(enum run_view_kind kind, bool colour) {
  struct run_view *v = alloc_new(struct run_view);
  v->kind = kind;
  v->colour = colour;
  return v;
}

static int screen_width(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void run_view_clear(struct run_view *v) {
  if (v->block > 0) fprintf(stderr, "\033[%dA\033[J", v->block);
  v->block = 0;
}

static void add_state(const struct run_view *v, struct buf *line, enum task_state state) {
  const char *colour = v->colour ? looks[state].colour : NULL;
  if (colour) buf_fmt(line, "\033[%sm", colour);
  buf_fmt(line, "%s %-15s", looks[state].icon, task_state_word(state));
  if (colour) buf_str(line, "\033[0m");
}

static void add_span(struct buf *line, duration d) {
  char text[DURATION_TEXT_SIZE];
  duration_show(d, text);
  buf_str(line, text);
}

/* The part of a line that stays: a task's change, with what there is to say of it. */
static void print_change(struct run_view *v, const struct task_row *row) {
  struct buf line = {0};
  add_state(v, &line, row->state);
  buf_fmt(&line, " %s", row->label);
  if (row->attempts > 1) buf_fmt(&line, " (attempt %lld)", (long long)row->attempts);
  if (task_state_ended(row->state) && row->started_at != INSTANT_NONE && row->ended_at != INSTANT_NONE) {
    buf_str(&line, "  ");
    add_span(&line, row->ended_at - row->started_at);
  }
  if (row->reason) buf_fmt(&line, "  %s", row->reason);
  run_view_clear(v);
  fprintf(stderr, "%s\n", line.bytes);
  buf_release(&line);
}

static struct shown *shown_at(struct run_view *v, const struct task_row *row) {
  while (v->tasks.len <= row->index) vec_push(&v->tasks, (struct shown){0});
  struct shown *s = &v->tasks.items[row->index];
  if (!s->label) s->label = alloc_strdup(row->label);
  return s;
}

static bool worth_a_line(const struct run_view *v, const struct shown *before, const struct task_row *row) {
  if (before->state == row->state && before->attempts == row->attempts && before->wait == row->wait) return false;
  if (task_state_ended(row->state)) return true;
  if (row->state == TASK_WAITING) return row->wait == WAIT_RETRY || row->wait == WAIT_HOST;
  return v->kind == RUN_VIEW_LINES && row->state == TASK_RUNNING;
}

void run_view_task(struct run_view *v, const struct task_row *row) {
  if (v->kind == RUN_VIEW_NONE) return;
  struct shown *s = shown_at(v, row);
  bool line = worth_a_line(v, s, row);
  s->state = row->state;
  s->wait = row->wait;
  s->attempts = row->attempts;
  s->started_at = row->started_at;
  if (line) print_change(v, row);
}

void run_view_output(struct run_view *v, const char *text) {
  if (v->kind == RUN_VIEW_NONE) return;
  run_view_clear(v);
  while (*text) {
    size_t len = strcspn(text, "\n");
    fprintf(stderr, "    %.*s\n", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

void run_view_run(struct run_view *v, const struct run_row *row) {
  v->total = row->tasks;
  v->done = row->tasks_done;
  v->failed = row->tasks_failed;
}

void run_view_tick(struct run_view *v) {
  if (v->kind != RUN_VIEW_LIVE) return;
  run_view_clear(v);
  size_t width = (size_t)screen_width();
  instant now = clock_now();
  int running = 0;
  for (size_t i = 0; i < v->tasks.len; i++) {
    const struct shown *s = &v->tasks.items[i];
    if (!s->label || !task_state_live(s->state) || ++running > BLOCK_LINES_MAX) continue;
    struct buf line = {0};
    add_state(v, &line, s->state);
    buf_fmt(&line, " %.*s  ", (int)(width > 40 ? width - 40 : 8), s->label);
    if (s->started_at != INSTANT_NONE && now > s->started_at) add_span(&line, now - s->started_at);
    fprintf(stderr, "%s\n", line.bytes);
    buf_release(&line);
    v->block++;
  }
  fprintf(stderr, "  %lld of %lld done, %d running, %lld failed\n", (long long)v->done, (long long)v->total, running,
          (long long)v->failed);
  v->block++;
}

void run_view_free(struct run_view *v) {
  if (!v) return;
  for (size_t i = 0; i < v->tasks.len; i++) free(v->tasks.items[i].label);
  vec_release(&v->tasks);
  free(v);
}
