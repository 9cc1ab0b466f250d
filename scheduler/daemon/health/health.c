#include "scheduler/daemon/health/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/events/event_hub.h"
#include "scheduler/daemon/service.h"
#include "scheduler/store/history.h"
#include "scheduler/store/quarantine.h"
#include "scheduler/store/store.h"

#define ACTION_BACKUP "backup"

struct health {
  struct health_options o;
  struct pulse *pulse;
  struct scores scores;
  struct degraded degraded;
  bool held, held_long; /* who holds the database is known; and the log has said so */
  bool behind;          /* the log has said so */
  char *status;         /* what the service manager was told last */
  instant backup_at;
  char *backup_file;
  struct event_hub *stream;
};

static const struct {
  const char *word;
  int err;
} troubles[] = {
#define X(name, word, err) {word, err},
    TROUBLE_LIST(X)
#undef X
};

enum trouble trouble_of(int err) {
  int i = 0;
  while (i < TROUBLE_OTHER && troubles[i].err != err) i++;
  return (enum trouble)i;
}

const char *trouble_word(enum trouble trouble) {
  return troubles[trouble].word;
}

/* ---- at each beat ---- */

static void say_lag(struct health *h) {
  struct pulse_view view;
  char lag[DURATION_TEXT_SIZE];
  pulse_view(h->pulse, &view);
  if (view.behind == h->behind) return;
  h->behind = view.behind;
  duration_format(view.lag_us / USEC_PER_MS * USEC_PER_MS, lag);
  if (view.behind)
    LOG(LOG_WARNING, "the loop is behind: what is due is done late", {"lag", lag});
  else
    LOG(LOG_INFO, "the loop keeps up again", {NULL, NULL});
}

/* A writer that gives no answer at all degrades the daemon, as one that says no does. */
static void look_at_writer(struct health *h) {
  struct committer_view view;
  committer_view(core_committer(h->o.core), &view);
  core_stalled(h->o.core, view.silent_us > HEALTH_STALL);
}

/* Who holds the database is told as soon as it is known; after a while it is an alarm. */
static void look_at_holder(struct health *h) {
  bool busy = h->degraded.err == ERR_BUSY, late = busy && clock_now() - h->degraded.since > HEALTH_BUSY;
  struct buf why = {0};
  if (!busy) h->held = h->held_long = false;
  if ((!busy || h->held) && (!late || h->held_long)) return;
  buf_str(&why, "another program holds the database: ");
  h->held = store_holder(h->o.state_dir, &why);
  if (!h->held) buf_str(&why, "it can't be told which");
  health_degrade(h, ERR_BUSY, buf_cstr(&why));
  event_hub_health(h->stream);
  if (late) {
    h->held_long = true;
    LOG(LOG_ERROR, "the database has been held for half a minute: nothing is recorded", {"reason", buf_cstr(&why)});
  }
  buf_release(&why);
}

/* One line for `systemctl status`, when it changes. */
static void say_status(struct health *h) {
  struct buf line = {0};
  struct engine_load load = engine_load(core_engine(h->o.core));
  if (h->degraded.err)
    buf_fmt(&line, "STATUS=degraded: %s", h->degraded.why);
  else
    buf_fmt(&line, "STATUS=%zu runs, %zu tasks running, %zu waiting", load.runs, load.attempts, load.waiting);
  if (!h->status || strcmp(h->status, buf_cstr(&line)) != 0) {
    free(h->status);
    h->status = buf_steal(&line, NULL);
    service_notify(h->status);
  }
  buf_release(&line);
}

static void on_beat(void *ctx) {
  struct health *h = ctx;
  say_lag(h);
  look_at_writer(h);
  look_at_holder(h);
  if (service_managed()) say_status(h);
}

/* ---- what is learnt ---- */

static void take_backup(struct health *h, instant at, const char *file) {
  if (h->backup_at != INSTANT_NONE && at < h->backup_at) return;
  h->backup_at = at;
  free(h->backup_file);
  h->backup_file = file ? alloc_strdup(file) : NULL;
}

/* The audit has a row for each backup that was verified. */
static void load_backup(struct health *h) {
  const struct history_audit_filter filter = {.action = ACTION_BACKUP};
  struct arena a = {0};
  struct history_audit *rows;
  size_t len;
  int64_t next = 0;
  if (!history_audit(h->o.history, &filter, 0, 1, &a, &rows, &len, &next) && len)
    take_backup(h, rows[0].row.at, rows[0].row.object);
  arena_release(&a);
}

void health_committed(struct health *h, const struct change *changes, size_t len) {
  if (!h) return;
  scores_committed(&h->scores, changes, len);
  for (size_t i = 0; i < len; i++) {
    const struct audit_row *row = &changes[i].audit;
    if (changes[i].kind == CHANGE_AUDIT && row->action && strcmp(row->action, ACTION_BACKUP) == 0)
      take_backup(h, row->at, row->object);
  }
}

#define DAMAGED "the database is damaged: "

/* What a person must do about damage, with the backup that it is done with; then what was found. */
static char *way_back(const struct health *h, const char *what) {
  struct health_view view;
  char at[INSTANT_TEXT_SIZE];
  health_view(h, &view);
  if (strncmp(what, DAMAGED, strlen(DAMAGED)) == 0) what += strlen(DAMAGED);
  if (view.backup_at == INSTANT_NONE)
    return alloc_fmt(DAMAGED "stop the daemon and keep the files; no backup is known (found: %s)", what);
  instant_format_utc(view.backup_at, at);
  return alloc_fmt(DAMAGED
                   "stop the daemon, keep the files, and `rota restore` the newest verified backup, of %s: %s "
                   "(found: %s)",
                   at, view.backup_file ? view.backup_file : "its file isn't known", what);
}

void health_degrade(struct health *h, int err, const char *why) {
  struct degraded *d = &h->degraded;
  if (!d->err) d->since = clock_now();
  d->err = err;
  free(d->why);
  d->why = !err ? NULL : err == ERR_CORRUPT ? way_back(h, why) : alloc_strdup(why);
}

struct health *health_new(const struct health_options *options) {
  struct health *h = alloc_new(struct health);
  h->o = *options;
  h->backup_at = INSTANT_NONE;
  h->pulse = pulse_new(options->loop, on_beat, h);
  scores_load(&h->scores, options->state, options->history);
  load_backup(h);
  h->o.state = NULL;
  return h;
}

void health_free(struct health *h) {
  if (!h) return;
  pulse_free(h->pulse);
  scores_release(&h->scores);
  free(h->degraded.why);
  free(h->backup_file);
  free(h->status);
  free(h);
}

/* ---- what is asked ---- */

void health_view(const struct health *h, struct health_view *out) {
  const struct backup_standing *scheduled = h->o.backup;
  *out = (struct health_view){.degraded = h->degraded, .backup_at = h->backup_at, .backup_file = h->backup_file};
  out->left_aside = quarantine_len(h->o.quarantine);
  out->backup_overdue = scheduled->overdue;
  out->backup_failing = scheduled->failing != INSTANT_NONE;
  if (scheduled->dir && scheduled->last != INSTANT_NONE &&
      (out->backup_at == INSTANT_NONE || scheduled->last > out->backup_at)) {
    out->backup_at = scheduled->last;
    out->backup_file = scheduled->dir;
  }
  pulse_view(h->pulse, &out->pulse);
  committer_view(core_committer(h->o.core), &out->commits);
}

const struct degraded *health_degraded(const struct health *h) {
  return &h->degraded;
}

void health_set_stream(struct health *h, struct event_hub *hub) {
  h->stream = hub;
}

void health_stream(const struct health *h, struct event_hub_view *out) {
  event_hub_view(h->stream, out);
}

const struct scores *health_scores(const struct health *h) {
  return &h->scores;
}

static void member_backup(const struct health_view *view, struct json *j) {
  jsonw_key(j, "last_backup");
  if (view->backup_at == INSTANT_NONE) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_instant(j, "at", view->backup_at);
  jsonw_member_string(j, "file", view->backup_file);
  jsonw_object_end(j);
}

void degraded_member(const struct degraded *d, struct json *j) {
  jsonw_key(j, "degraded");
  if (!d->err) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_string(j, "kind", trouble_word(trouble_of(d->err)));
  jsonw_member_string(j, "reason", d->why);
  jsonw_member_instant(j, "since", d->since);
  jsonw_object_end(j);
}

static void member_aside(const struct health *h, struct json *j) {
  struct buf list = {0};
  quarantine_list(h->o.quarantine, &list);
  jsonw_key(j, "left_aside");
  jsonw_array(j);
  for (char *rest = NULL, *what = list.len ? strtok_r(list.bytes, "\n", &rest) : NULL; what;
       what = strtok_r(NULL, "\n", &rest))
    jsonw_string(j, what);
  jsonw_array_end(j);
  buf_release(&list);
}

void health_json(const struct health *h, struct json *j) {
  struct health_view view;
  health_view(h, &view);
  jsonw_member_bool(j, "ok", !view.degraded.err);
  degraded_member(&view.degraded, j);
  jsonw_member_int(j, "lag_ms", view.pulse.recent_us / USEC_PER_MS);
  jsonw_member_bool(j, "behind", view.pulse.behind);
  jsonw_member_instant(j, "last_commit_at", view.commits.committed_at);
  member_backup(&view, j);
  member_aside(h, j);
}
