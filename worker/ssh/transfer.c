#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/transfer_inside.h"

#define CHECK_BYTES (32u << 20)  /* of local files that are summed in one job */
#define ASK_BYTES   (100u << 10) /* of paths in one request */

static void ask_host(struct transfer *t);
static void check(struct transfer *t);
static void move(struct transfer *t);

/* ---- memory and ends ---- */

void mover_reset(struct mover *m) {
  assert(!m->working);
  if (m->open && m->t->o.direction == TRANSFER_SEND) file_source_close(&m->source);
  if (m->open && m->t->o.direction == TRANSFER_FETCH) file_sink_close(&m->sink);
  buf_reset(&m->piece);
  buf_reset(&m->waiting);
  m->len = m->at = 0;
  m->open = m->flows = m->ended = m->finished = m->paused = m->eof = m->full = false;
  m->err = 0;
}

static bool working(const struct transfer *t) {
  bool any = t->working;
  for (int i = 0; i < TRANSFER_MOVERS; i++) any |= t->movers[i].working;
  return any;
}

/* The link has nothing of it any more. */
static void let_go(struct transfer *t) {
  bulk_free(t->bulk);
  t->bulk = NULL;
  for (int i = 0; i < TRANSFER_MOVERS; i++) {
    struct mover *m = &t->movers[i];
    bulk_free(m->bulk);
    m->bulk = NULL;
    link_forget(t->o.link, m);
  }
}

/* Once it was freed and no job has it any more. */
static void settle(struct transfer *t) {
  if (!t->dead || working(t)) return;
  for (int i = 0; i < TRANSFER_MOVERS; i++) {
    mover_reset(&t->movers[i]);
    buf_release(&t->movers[i].piece);
    buf_release(&t->movers[i].waiting);
  }
  file_plan_release(&t->plan);
  arena_release(&t->arena);
  free(t);
}

void transfer_free(struct transfer *t) {
  if (!t) return;
  assert(!t->dead);
  if (!t->over) let_go(t);
  t->dead = true;
  settle(t);
}

static void end(struct transfer *t, int err, const char *text) {
  assert(!t->over && !t->dead);
  let_go(t);
  t->over = true;
  t->o.done(t->o.ctx, err, text);
}

void transfer_fail(struct transfer *t, int err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = arena_vfmt(&t->arena, format, args);
  va_end(args);
  end(t, err, text);
}

static const char *going(const struct transfer *t) {
  return t->o.direction == TRANSFER_SEND ? "sent" : "fetched";
}

static bool tells_full(const char *text) {
  return text && (strstr(text, "No space left") || strstr(text, "uota exceeded"));
}

void transfer_fail_host(struct transfer *t, const struct file_entry *e, const struct ops_error *error) {
  const char *path = e ? e->path : "a file";
  if (tells_full(error->text))
    transfer_fail(t, ERR_FULL, "%s can't be sent: the disk of the host is full", path);
  else if (strcmp(error->stage, "path") == 0)
    transfer_fail(t, ERR_INVALID, "%s can't be %s: %s", path, going(t), error->text);
  else
    transfer_fail(t, ERR_IO, "%s can't be %s: %s", path, going(t), error->text);
}

void transfer_fail_bulk(struct transfer *t, const struct file_entry *e, const struct bulk_end *how) {
  const char *path = e ? e->path : "a file";
  if (how->how == BULK_ERROR) {
    struct ops_error error;
    ops_read_error(how->answer->sections[0].body, how->answer->sections[0].len, &error);
    transfer_fail_host(t, e, &error);
  } else if (tells_full(how->text)) {
    transfer_fail(t, ERR_FULL, "%s can't be sent: the disk of the host is full", path);
  } else if (e) {
    transfer_fail(t, ERR_UNREACHABLE, "%s can't be %s now: %s", e->path, going(t),
                  how->text ? how->text : "it ended");
  } else {
    transfer_fail(t, ERR_UNREACHABLE, "it can't be seen now what the host has of the files to be %s: %s", going(t),
                  how->text);
  }
}

/* ---- jobs ---- */

static struct transfer *of_job(struct job *j) {
  return (struct transfer *)((char *)j - offsetof(struct transfer, job));
}

/* True: go on with what the job gave. */
static bool job_back(struct transfer *t, bool dropped) {
  t->working = false;
  if (!t->dead && !t->over && !dropped) return true;
  settle(t);
  return false;
}

static void submit(struct transfer *t, void (*run)(struct job *), void (*done)(struct job *, bool)) {
  t->working = true;
  t->job = (struct job){.run = run, .done = done};
  crew_submit(t->o.crew, t->o.lane, &t->job, false);
}

static void plan_failed(struct transfer *t, int err) {
  if (t->plan.text)
    transfer_fail(t, err, "%s", t->plan.text);
  else
    transfer_fail(t, err == ERR_INVALID ? ERR_IO : err, "the files to be %s: %s", going(t), err_text(err));
}

static void mover_back(struct job *j, bool dropped) {
  struct mover *m = (struct mover *)j;
  struct transfer *t = m->t;
  m->working = false;
  if (t->dead || t->over || dropped)
    settle(t);
  else
    m->then(m);
}

void mover_submit(struct mover *m, void (*run)(struct job *), void (*then)(struct mover *)) {
  assert(!m->working);
  m->working = true;
  m->then = then;
  m->job = (struct job){.run = run, .done = mover_back};
  crew_submit(m->t->o.crew, m->t->o.lane, &m->job, false);
}

/* ---- listing ---- */

static void list_run(struct job *j) {
  struct transfer *t = of_job(j);
  t->job_err = 0;
  if (t->o.direction == TRANSFER_SEND)
    t->job_err = file_plan_list(&t->plan, t->work, t->o.source_dir, t->o.files, t->o.len);
}

static void list_done(struct job *j, bool dropped) {
  struct transfer *t = of_job(j);
  if (!job_back(t, dropped)) return;
  t->asked = 0;
  if (t->job_err)
    plan_failed(t, t->job_err);
  else if (t->o.direction == TRANSFER_SEND && t->plan.entries.len == 0)
    check(t);
  else
    ask_host(t);
}

static void list(struct transfer *t) {
  file_plan_release(&t->plan);
  t->next = 0;
  t->again = false;
  submit(t, list_run, list_done);
}

/* ---- asking ---- */

static void on_paths(void *ctx, const struct bulk_end *how) {
  struct transfer *t = ctx;
  if (how->how != BULK_DONE) {
    transfer_fail_bulk(t, NULL, how);
    return;
  }
  const struct answer *a = how->answer;
  int err = ERR_CORRUPT;
  for (size_t i = 0; i < a->len; i++) {
    const struct section *s = &a->sections[i];
    if (strcmp(s->words, "paths") != 0) continue;
    err = 0;
    if (t->o.direction == TRANSFER_SEND)
      file_plan_compare(&t->plan, s->body, s->len);
    else
      err = file_plan_take(&t->plan, t->o.files, t->o.len, s->body, s->len);
    break;
  }
  bulk_free(t->bulk);
  t->bulk = NULL;
  if (err)
    plan_failed(t, err);
  else
    ask_host(t);
}

static const struct bulk_events paths_events = {.end = on_paths};

/* Some of the launch's files in each request. */
static void ask_host(struct transfer *t) {
  if (t->asked == t->o.len) {
    file_plan_sort(&t->plan);
    check(t);
    return;
  }
  struct buf text = {0};
  char nonce[FRAME_NONCE_LEN + 1];
  const size_t from = t->asked;
  const char **paths = alloc_zeroed(t->o.len - from, sizeof *paths);
  for (size_t bytes = 0; t->asked < t->o.len && bytes < ASK_BYTES; t->asked++) {
    paths[t->asked - from] = t->o.files[t->asked].path;
    bytes += strlen(t->o.files[t->asked].path);
  }
  frame_nonce(nonce);
  ops_stat(&text, nonce, t->o.run_id, paths, t->asked - from, true);
  free(paths);
  t->bulk = link_bulk(t->o.link, &(struct bulk_options){.kind = BULK_ASK,
                                                        .nonce = nonce,
                                                        .text = &text,
                                                        .limit_ms = TRANSFER_LONG,
                                                        .events = &paths_events,
                                                        .ctx = t});
}

/* ---- checking ---- */

static void check_run(struct job *j) {
  struct transfer *t = of_job(j);
  t->job_err = file_plan_check(&t->plan, t->o.direction == TRANSFER_SEND ? NULL : t->work, CHECK_BYTES);
}

static void check_done(struct job *j, bool dropped) {
  struct transfer *t = of_job(j);
  if (!job_back(t, dropped)) return;
  if (t->job_err < 0)
    plan_failed(t, t->job_err);
  else if (t->job_err > 0)
    check(t);
  else
    move(t);
}

static void check(struct transfer *t) {
  submit(t, check_run, check_done);
}

/* ---- noting ---- */

static void note_run(struct job *j) {
  struct transfer *t = of_job(j);
  const char *direction = t->o.direction == TRANSFER_SEND ? "send" : "fetch";
  t->job_err = t->o.len ? file_note_write(t->attempt_dir, direction, &t->plan) : 0;
}

static void note_done(struct job *j, bool dropped) {
  struct transfer *t = of_job(j);
  if (!job_back(t, dropped)) return;
  if (t->job_err)
    transfer_fail(t, t->job_err == ERR_INVALID ? ERR_IO : t->job_err, "files.json can't be written to %s: %s",
                  t->attempt_dir, err_text(t->job_err));
  else
    end(t, 0, NULL);
}

/* ---- moving ---- */

static void moved(struct transfer *t) {
  if (!t->again) {
    submit(t, note_run, note_done);
  } else if (++t->rounds < TRANSFER_ROUNDS) {
    list(t);
  } else if (t->same) {
    transfer_fail(t, ERR_IO, "%s didn't arrive whole", t->changed);
  } else if (t->o.direction == TRANSFER_SEND) {
    transfer_fail(t, ERR_INVALID, "%s was changed each time while it was being sent", t->changed);
  } else {
    transfer_fail(t, ERR_INVALID, "%s was changed on the host each time while it was being fetched", t->changed);
  }
}

/* The next that is to be moved; NULL if there is none. */
static struct file_entry *peek(struct transfer *t) {
  while (t->next < t->plan.entries.len && t->plan.entries.items[t->next].in_place) t->next++;
  return t->next < t->plan.entries.len ? &t->plan.entries.items[t->next] : NULL;
}

static void load(struct transfer *t, struct mover *m) {
  uint64_t bytes = 0;
  struct file_entry *e;
  while (m->len < (t->single ? 1 : TRANSFER_BATCH) && (e = peek(t)) != NULL) {
    if (m->len && (e->size > TRANSFER_SMALL || bytes + e->size > TRANSFER_LOAD)) break;
    m->batch[m->len++] = e;
    bytes += e->size;
    t->next++;
    if (e->size > TRANSFER_SMALL) break;
  }
}

static void move(struct transfer *t) {
  bool idle = true;
  if (!link_hello(t->o.link) && peek(t)) {
    transfer_fail(t, ERR_UNREACHABLE, "nothing can be %s: the host isn't connected", going(t));
    return;
  }
  for (int i = 0; i < TRANSFER_MOVERS; i++) {
    struct mover *m = &t->movers[i];
    if (!m->len && peek(t)) {
      load(t, m);
      if (t->o.direction == TRANSFER_SEND)
        mover_send(m);
      else
        mover_fetch(m);
    }
    idle &= !m->len;
  }
  if (idle) moved(t);
}

struct file_entry *mover_entry(const struct mover *m) {
  return m->batch[m->at < m->len ? m->at : m->len - 1];
}

void mover_done(struct mover *m) {
  for (size_t i = 0; i < m->len; i++) m->batch[i]->in_place = true;
  mover_reset(m);
  move(m->t);
}

void mover_changed(struct mover *m) {
  struct transfer *t = m->t;
  const struct file_entry *e = mover_entry(m);
  t->again = true;
  /* Damaged on its way rather than changed, if the host says the same of it as the last time. */
  t->same = t->o.direction == TRANSFER_FETCH && t->changed && strcmp(t->changed, e->path) == 0 &&
            strcmp(t->changed_sum, e->claim) == 0;
  t->changed = arena_strdup(&t->arena, e->path);
  memcpy(t->changed_sum, e->claim, sizeof t->changed_sum);
  bulk_free(m->bulk);
  m->bulk = NULL;
  mover_reset(m);
  move(t);
}

/* ---- making one ---- */

static void files_copy(struct transfer *t, const struct launch_file *files, size_t len) {
  struct launch_file *copy = arena_new_array(&t->arena, len ? len : 1, struct launch_file);
  for (size_t i = 0; i < len; i++)
    copy[i] = (struct launch_file){arena_strdup(&t->arena, files[i].path), files[i].optional};
  t->o.files = copy;
}

struct transfer *transfer_new(const struct transfer_options *options) {
  struct transfer *t = alloc_new(struct transfer);
  struct arena *a = &t->arena;
  t->o = *options;
  t->o.state_dir = arena_strdup(a, options->state_dir);
  t->o.run_id = arena_strdup(a, options->run_id);
  t->o.attempt_id = arena_strdup(a, options->attempt_id);
  if (options->source_dir) t->o.source_dir = arena_strdup(a, options->source_dir);
  files_copy(t, options->files, options->len);
  t->work = arena_fmt(a, "%s/work/%s", options->state_dir, options->run_id);
  t->attempt_dir = arena_fmt(a, "%s/runs/%s/%s", options->state_dir, options->run_id, options->attempt_id);
  for (int i = 0; i < TRANSFER_MOVERS; i++) {
    t->movers[i].t = t;
    t->movers[i].index = i;
  }
  list(t);
  return t;
}
