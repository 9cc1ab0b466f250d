/* Tasks by runs, and how long things take: reads of few columns of many rows. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "scheduler/store/db.h"
#include "scheduler/store/reader.h"
#include "scheduler/store/table.h"

static instant instant_at(sqlite3_stmt *q, int column) {
  return sqlite3_column_type(q, column) == SQLITE_NULL ? INSTANT_NONE : sqlite3_column_int64(q, column);
}

static const char *text_at(sqlite3_stmt *q, int column) {
  const char *text = (const char *)sqlite3_column_text(q, column);
  return text ? text : "";
}

char history_cell(enum task_state state, int64_t attempts) {
  static const char letters[TASK_STATES + 1] = "wtrpusfolckb";
  char letter = letters[state];
  return attempts > 1 ? (char)toupper((unsigned char)letter) : letter;
}

/* ---- the order of the tasks ---- */

/* A task of the grid. Those of a run that newer ones don't have come behind the task that they followed there. */
struct line {
  struct history_grid_task task;
  struct line *next;
  size_t place; /* once all are known */
};
struct lines {
  struct arena *arena;
  struct line head; /* of the list; no task */
  struct map by_label;
  size_t len;
};

/* The line of a label that is read after the one of `before`. Runs mostly have the same tasks in the same order, so
 * the next line is nearly always the right one. */
static struct line *line_after(struct lines *l, struct line *before, const char *name, const char *label) {
  struct line *line = before->next;
  if (line && strcmp(line->task.label, label) == 0) return line;
  line = map_get(&l->by_label, label);
  if (line) return line;
  line = arena_new(l->arena, struct line);
  line->task = (struct history_grid_task){arena_strdup(l->arena, name), arena_strdup(l->arena, label)};
  line->next = before->next;
  before->next = line;
  map_put(&l->by_label, label, line);
  l->len++;
  return line;
}

/* ---- the cells ---- */

struct cell {
  struct line *line;
  char letter;
};
struct cells { /* of one run */
  struct cell *items;
  size_t len;
};

static int read_cells(struct reader *r, int64_t run, struct lines *lines, struct arena *a, struct cells *out) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_GRID_CELLS);
  VEC(struct cell) cells = {0};
  struct line *before = &lines->head;
  int step, rc = 0;
  sqlite3_bind_int64(q, 1, run);
  while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
    enum task_state state = TASK_WAITING;
    rc = table_task_state(text_at(q, 2), &state);
    before = line_after(lines, before, text_at(q, 0), text_at(q, 1));
    vec_push(&cells, ((struct cell){before, history_cell(state, sqlite3_column_int64(q, 3))}));
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  out->len = cells.len;
  out->items = arena_new_array(a, cells.len + 1, struct cell);
  if (cells.len) memcpy(out->items, cells.items, cells.len * sizeof *cells.items);
  vec_release(&cells);
  return rc;
}

static int read_runs(struct reader *r, int64_t pipeline, int64_t before, size_t limit, struct history_grid *out) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_GRID_RUNS);
  int step, rc = 0;
  sqlite3_bind_int64(q, 1, pipeline);
  sqlite3_bind_int64(q, 2, before > 0 ? before : INT64_MAX);
  sqlite3_bind_int64(q, 3, (int64_t)limit);
  while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
    struct history_grid_run *run = &out->runs[out->runs_len++];
    *run = (struct history_grid_run){.key = sqlite3_column_int64(q, 0),
                                     .number = sqlite3_column_int64(q, 2),
                                     .scheduled_for = instant_at(q, 5),
                                     .created_at = instant_at(q, 6),
                                     .started_at = instant_at(q, 7),
                                     .ended_at = instant_at(q, 8),
                                     .version = sqlite3_column_int64(q, 10)};
    snprintf(run->id.text, sizeof run->id.text, "%s", text_at(q, 1));
    snprintf(run->version_sha256, sizeof run->version_sha256, "%s", text_at(q, 9));
    rc = table_run_state(text_at(q, 3), &run->state);
    int trigger = trigger_from_word(text_at(q, 4));
    run->trigger = trigger < 0 ? TRIGGER_MANUAL : (enum trigger)trigger;
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  return rc;
}

static void lay_out(struct lines *lines, const struct cells *cells, struct arena *a, struct history_grid *out) {
  out->tasks = arena_new_array(a, lines->len + 1, struct history_grid_task);
  for (struct line *line = lines->head.next; line; line = line->next) {
    line->place = out->tasks_len;
    out->tasks[out->tasks_len++] = line->task;
  }
  for (size_t r = 0; r < out->runs_len; r++) {
    char *letters = arena_alloc(a, lines->len + 1);
    memset(letters, '.', lines->len);
    letters[lines->len] = '\0';
    for (size_t i = 0; i < cells[r].len; i++) letters[cells[r].items[i].line->place] = cells[r].items[i].letter;
    out->runs[r].cells = letters;
  }
}

int history_grid(struct history *h, int64_t pipeline, int64_t before, size_t limit, struct arena *a,
                 struct history_grid *out) {
  struct reader *r;
  if (limit > HISTORY_GRID_RUNS) limit = HISTORY_GRID_RUNS;
  *out = (struct history_grid){.runs = arena_new_array(a, limit + 1, struct history_grid_run)};
  int rc = reader_take_snapshot(h, &r);
  if (rc) return rc;
  struct lines lines = {.arena = a};
  struct cells *cells = arena_new_array(a, limit + 1, struct cells);
  rc = read_runs(r, pipeline, before, limit, out);
  for (size_t i = 0; !rc && i < out->runs_len; i++) rc = read_cells(r, out->runs[i].key, &lines, a, &cells[i]);
  reader_give_snapshot(h, r);
  if (!rc) lay_out(&lines, cells, a, out);
  map_release(&lines.by_label);
  return rc;
}

/* ---- instances ---- */

int history_spans(struct history *h, int64_t run, struct arena *a, struct history_span **out, size_t *len) {
  struct reader *r;
  VEC(struct history_span) spans = {0};
  *len = 0;
  int rc = reader_take(h, &r), step = SQLITE_DONE;
  if (rc) return rc;
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_TASK_SPANS);
  sqlite3_bind_int64(q, 1, run);
  while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
    const char *name = text_at(q, 0);
    const char *last = spans.len ? spans.items[spans.len - 1].name : NULL;
    struct history_span span = {.name = last && strcmp(last, name) == 0 ? last : arena_strdup(a, name),
                                .started_at = instant_at(q, 2),
                                .ended_at = instant_at(q, 3)};
    rc = table_task_state(text_at(q, 1), &span.state);
    vec_push(&spans, span);
  }
  if (!rc) rc = db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  *len = spans.len;
  *out = arena_new_array(a, spans.len + 1, struct history_span);
  if (spans.len) memcpy(*out, spans.items, spans.len * sizeof *spans.items);
  vec_release(&spans);
  return rc;
}

/* ---- usual durations ---- */

static int by_size(const void *a, const void *b) {
  duration x = *(const duration *)a, y = *(const duration *)b;
  return (x > y) - (x < y);
}

int history_usual(struct history *h, int64_t pipeline, duration *out) {
  struct reader *r;
  duration took[HISTORY_USUAL_RUNS];
  size_t len = 0;
  *out = -1;
  int rc = reader_take(h, &r), step;
  if (rc) return rc;
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_USUAL);
  sqlite3_bind_int64(q, 1, pipeline);
  sqlite3_bind_int64(q, 2, HISTORY_USUAL_RUNS);
  while ((step = sqlite3_step(q)) == SQLITE_ROW) {
    instant from = instant_at(q, 0), to = instant_at(q, 1);
    if (from != INSTANT_NONE && to != INSTANT_NONE) took[len++] = to - from;
  }
  rc = db_code(r->db, step);
  sqlite3_reset(q);
  reader_give(h, r);
  if (rc || len == 0) return rc;
  qsort(took, len, sizeof took[0], by_size);
  *out = took[len / 2];
  return 0;
}

int history_ends(struct history *h, int64_t pipeline, struct history_ends *out) {
  static const enum run_state ended[] = {RUN_SUCCEEDED, RUN_FAILED, RUN_CANCELLED};
  struct reader *r;
  *out = (struct history_ends){.succeeded_at = INSTANT_NONE, .ended_at = INSTANT_NONE};
  int rc = reader_take(h, &r);
  if (rc) return rc;
  for (size_t i = 0; !rc && i < sizeof ended / sizeof ended[0]; i++) {
    sqlite3_stmt *q = statement(&r->statements, STATEMENT_ENDED_LAST);
    sqlite3_bind_int64(q, 1, pipeline);
    sqlite3_bind_text(q, 2, run_state_word(ended[i]), -1, SQLITE_STATIC);
    int step = sqlite3_step(q);
    instant at = step == SQLITE_ROW ? instant_at(q, 0) : INSTANT_NONE;
    rc = db_code(r->db, step);
    sqlite3_reset(q);
    if (at == INSTANT_NONE) continue;
    if (ended[i] == RUN_SUCCEEDED) out->succeeded_at = at;
    if (out->ended_at != INSTANT_NONE && out->ended_at >= at) continue;
    out->ended_at = at;
    out->state = ended[i];
  }
  reader_give(h, r);
  return rc;
}
