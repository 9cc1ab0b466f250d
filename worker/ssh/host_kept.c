/* What is still on the host of attempts and runs that are over: the host lists it some time after each contact and
 * once a day, and what is written down here decides what goes. So nothing stays for ever because the daemon was
 * restarted between an end and the removal, or the host was away when retention took the run.
 *
 * An attempt goes when its executor doesn't know it (any more), it doesn't live there, and
 *   - its end is written down here, or
 *   - it left no result, this daemon had started it, and a day has passed, or
 *   - its run was removed here, and a day has passed, or
 *   - it's a month old: nobody here knows of it (the database was restored from a backup).
 * ROTA_WORK and ROTA_STATE of a run go when it was removed here, or after a month if there never was anything of it.
 *
 * A run counts as removed here if it has no directory below runs/ and is younger than `runs/.hosts`, which is made
 * once and holds an id of that moment: had it been started before, its directory could be one that a restore left
 * behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/id.h"
#include "worker/ssh/host.h"

#define SINCE          ".hosts"
#define DAY            (24 * 3600 * USEC_PER_SEC)
#define MONTH_DAYS     30
#define ATTEMPTS_MAX   1000  /* in one answer: a second of the control shell under bash */
#define RUNS_MAX       10000 /* lines in one answer */
#define SWEEPS_AT_ONCE 200

struct kept_list {
  struct host_job base;
  bool runs;  /* else attempts */
  bool whole; /* the host had no more */
  char *dir;  /* STATE/runs */
  struct ops_kept *items;
  bool *away; /* for each: it may go */
  size_t len;
};

/* ---- what is written down here; on the lane's thread ---- */

static struct id id_at(instant at) {
  static const uint8_t zeros[10] = {0};
  return id_make(at, zeros);
}

/* An id of the moment from which on every run that was started has had its directory here; "~" if it can't be told,
 * which no id is younger than. */
static void since_read(const char *dir, char out[ID_LEN + 1]) {
  char *path = path_join(dir, SINCE);
  struct buf text = {0};
  snprintf(out, ID_LEN + 1, "~");
  if (file_read(path, 256, &text) == 0) {
    if (text.len >= ID_LEN) snprintf(out, ID_LEN + 1, "%.*s", ID_LEN, buf_cstr(&text));
  } else if (access(path, F_OK) != 0 && errno == ENOENT) {
    struct id now = id_at(clock_now());
    file_write(path, now.text, ID_LEN, 0600, false);
  }
  if (!id_valid(out)) snprintf(out, ID_LEN + 1, "~");
  buf_release(&text);
  free(path);
}

static bool run_missing(const char *dir, const char *run) {
  struct stat st;
  char *path = path_join(dir, run);
  bool missing = lstat(path, &st) != 0 && errno == ENOENT;
  free(path);
  return missing;
}

/* By both clocks: one of them may be wrong. */
static bool month_old(const struct ops_kept *k, const char *month_ago) {
  return k->days >= MONTH_DAYS && strcmp(k->id, month_ago) < 0;
}

static bool attempt_over(const char *dir, const struct ops_kept *k, const char *since, const char *month_ago) {
  bool dead = k->state == OPS_DEAD || k->state == OPS_FENCED;
  if (!dead && k->state != OPS_ENDED && k->state != OPS_UNCLAIMED) return false;
  if (month_old(k, month_ago)) return true;
  if (!k->run[0]) return false;
  char *path = alloc_fmt("%s/%s/%s", dir, k->run, k->id);
  struct record record;
  int err = record_read(path, &record);
  bool over = !err && (record.ended || (dead && k->days >= 1));
  if (!over && k->days >= 1 && k->state != OPS_UNCLAIMED) over = strcmp(k->id, since) > 0 && run_missing(dir, k->run);
  record_release(&record);
  free(path);
  return over;
}

static bool run_over(const char *dir, const struct ops_kept *k, const char *since, const char *month_ago) {
  return run_missing(dir, k->id) && (strcmp(k->id, since) > 0 || month_old(k, month_ago));
}

static void kept_work(struct host_job *j) {
  struct kept_list *l = (struct kept_list *)j;
  char since[ID_LEN + 1];
  since_read(l->dir, since);
  struct id month_ago = id_at(clock_now() - MONTH_DAYS * DAY);
  for (size_t i = 0; i < l->len; i++) {
    l->away[i] = l->runs ? run_over(l->dir, &l->items[i], since, month_ago.text)
                         : attempt_over(l->dir, &l->items[i], since, month_ago.text);
  }
}

static void kept_free(struct host_job *j) {
  struct kept_list *l = (struct kept_list *)j;
  free(l->dir);
  free(l->items);
  free(l->away);
  free(l);
}

/* ---- what goes; on the loop's ---- */

static bool run_known(const struct host *h, const char *run) {
  for (const struct host_attempt *a = h->attempts.all; a; a = a->next) {
    if (!a->over && strcmp(a->run_id, run) == 0) return true;
  }
  for (size_t i = 0; i < h->remnants.len; i++) {
    const struct host_remnant *r = h->remnants.entries[i].value;
    if (strcmp(r->run_id, run) == 0) return true;
  }
  return false;
}

static void runs_ask(struct host *h);

static void attempts_done(struct host_job *j) {
  struct kept_list *l = (struct kept_list *)j;
  struct host *h = j->host;
  size_t gone = 0;
  for (size_t i = 0; i < l->len; i++) {
    const char *id = l->items[i].id;
    if (!l->away[i] || host_attempts_find(&h->attempts, id) || map_has(&h->remnants, id)) continue;
    host_clean_later(h, id);
    gone++;
  }
  if (gone > 0 && !l->whole) host_due(h, HOST_DUE_KEPT, clock_monotonic() + 3 * h->clean_after);
  if (host_is_up(h)) runs_ask(h);
}

/* A run may have two lines, one for each of its folders. */
static void runs_done(struct host_job *j) {
  struct kept_list *l = (struct kept_list *)j;
  struct host *h = j->host;
  size_t gone = 0;
  for (size_t i = 0; i < l->len && host_is_up(h); i++) {
    const char *run = l->items[i].id;
    bool again = i + 1 < l->len && strcmp(run, l->items[i + 1].id) == 0;
    if (again) l->away[i + 1] = l->away[i + 1] && l->away[i];
    if (again || !l->away[i] || run_known(h, run)) continue;
    if (gone == SWEEPS_AT_ONCE) {
      l->whole = false;
      break;
    }
    host_sweep_send(h, run);
    gone++;
  }
  if (gone > 0 && !l->whole) host_due(h, HOST_DUE_KEPT, clock_monotonic() + h->clean_after);
}

/* ---- the lists ---- */

static void list_take(struct kept_list *l, const struct section *s, size_t max) {
  struct ops_kept k;
  size_t lines = 0;
  for (size_t at = 0; at < s->len; lines++) {
    if (ops_read_kept(s->body, s->len, &at, &k) != 1 || !id_valid(k.id) || (k.run[0] && !id_valid(k.run))) continue;
    l->items = alloc_grown(l->items, l->len + 1, sizeof *l->items);
    l->items[l->len++] = k;
  }
  l->whole = lines < max;
}

static void list_answered(struct host_ask *q, const struct answer *answer, bool runs) {
  struct host *h = q->host;
  struct ops_error error;
  if (!host_answer_good(answer, &error) || answer->len < 2) return; /* on the next contact, or the next day */
  struct kept_list *l = alloc_new(struct kept_list);
  l->base = (struct host_job){.lane = HOST_LANE_FILES,
                              .host = h,
                              .work = kept_work,
                              .done = runs ? runs_done : attempts_done,
                              .release = kept_free};
  l->runs = runs;
  l->dir = path_join(h->shared->state_dir, "runs");
  list_take(l, &answer->sections[1], runs ? RUNS_MAX : ATTEMPTS_MAX);
  l->away = alloc_zeroed(l->len + 1, sizeof *l->away);
  host_job_submit(&l->base);
}

static void attempts_answered(struct host_ask *q, const struct answer *answer) {
  list_answered(q, answer, false);
}

static void runs_answered(struct host_ask *q, const struct answer *answer) {
  list_answered(q, answer, true);
}

static void runs_ask(struct host *h) {
  struct host_ask *q = host_ask_new(h, runs_answered);
  ops_kept_runs(&q->text, q->nonce, RUNS_MAX);
  host_ask_send(q, ASK_POLL, OPS_CLEAN_DEADLINE_MS, NULL);
}

void host_kept(struct host *h) {
  if (!host_is_up(h)) return; /* due again when it is */
  struct host_ask *q = host_ask_new(h, attempts_answered);
  ops_kept_attempts(&q->text, q->nonce, ATTEMPTS_MAX);
  host_ask_send(q, ASK_POLL, OPS_CLEAN_DEADLINE_MS, NULL);
  host_due(h, HOST_DUE_KEPT, clock_monotonic() + DAY);
}
