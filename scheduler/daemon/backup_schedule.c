#include "scheduler/daemon/backup_schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/time/zone.h"
#include "scheduler/store/shelf.h"

#define RETRY_AFTER (10 * USEC_PER_MIN)
#define SLEEP_MAX   (10 * USEC_PER_SEC) /* the clock may be set meanwhile */
#define BUSY_SLEEP  USEC_PER_SEC

enum stage { STAGE_IDLE, STAGE_LOOK, STAGE_COPY, STAGE_TIDY };

struct backup_schedule {
  struct backup_schedule_options o;
  uv_timer_t timer;
  enum stage stage;
  bool closing, closed;

  /* As the configuration has it. */
  char *dir, *zone;
  struct cron at;
  int64_t keep;
  bool another; /* it changed while something was under way */

  instant retry_at; /* INSTANT_NONE: nothing failed */
  instant asked_at; /* when the try under way began */
  char *why;        /* standing->why */

  char name[SHELF_NAME_SIZE]; /* of the one that is made */
};

/* A visit of the folder, with copies of all that it needs: it may hang. */
struct visit {
  struct errand errand;
  struct backup_schedule *schedule; /* the loop's; NULL once nobody waits for it */
  void (*done)(struct backup_schedule *s, const struct visit *v);
  char *dir, *state_id, name[SHELF_NAME_SIZE];
  int64_t keep;
  int result;
  instant found;
  struct buf said;
};

duration backup_age(const struct backup_standing *s, instant now) {
  if (!s->dir || s->last == INSTANT_NONE) return -1;
  return now > s->last ? now - s->last : 0;
}

void backup_standing_json(const struct backup_standing *s, struct json *j) {
  jsonw_key(j, "backup");
  if (!s->dir) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_string(j, "dir", s->dir);
  jsonw_member_instant(j, "last", s->last);
  jsonw_member_instant(j, "next", s->next);
  jsonw_key(j, "failing");
  if (s->failing == INSTANT_NONE) {
    jsonw_null(j);
  } else {
    jsonw_object(j);
    jsonw_member_instant(j, "since", s->failing);
    jsonw_member_string(j, "reason", s->why);
    jsonw_object_end(j);
  }
  jsonw_object_end(j);
}

/* ---- the alarm ---- */

static void alarm_clear(struct backup_schedule *s) {
  bool was = s->o.standing->failing != INSTANT_NONE;
  s->o.standing->failing = s->retry_at = INSTANT_NONE;
  s->o.standing->why = NULL;
  free(s->why);
  s->why = NULL;
  if (was) s->o.changed(s->o.ctx);
}

static void alarm_set(struct backup_schedule *s, const char *why) {
  struct backup_standing *standing = s->o.standing;
  instant now = clock_now();
  bool same = s->why && strcmp(s->why, why) == 0;
  char *copy = alloc_strdup(why);
  free(s->why);
  standing->why = s->why = copy;
  if (standing->failing == INSTANT_NONE) standing->failing = now;
  s->retry_at = standing->next = now + RETRY_AFTER;
  LOG(LOG_WARNING, "the scheduled backup failed", {"dir", s->dir}, {"reason", s->why});
  if (!same) s->o.changed(s->o.ctx);
}

static void alarm_overdue(struct backup_schedule *s) {
  char *why = alloc_fmt("the backup folder %s doesn't answer", s->dir);
  alarm_set(s, why);
  free(why);
}

/* No errand can be made; of one that hangs the alarm may be on, and says which folder it is. */
static void alarm_no_errand(struct backup_schedule *s) {
  const char *why = errands_hang(s->o.errands) ? "the folder of the backup before doesn't answer yet"
                                               : "no thread is free for it";
  alarm_set(s, s->why ? s->why : why);
}

/* ---- when ---- */

/* When the next one is to begin, after the last that was made. False, with the alarm, if that can't be told. */
static bool plan(struct backup_schedule *s) {
  struct backup_standing *standing = s->o.standing;
  const struct zone *zone = zones_get(&s->o.assembly->zones, s->zone);
  if (s->retry_at != INSTANT_NONE) {
    /* A clock that was set back mustn't hold it up. */
    instant latest = clock_now() + RETRY_AFTER;
    if (s->retry_at > latest) s->retry_at = latest;
    standing->next = s->retry_at;
  } else if (!zone) {
    alarm_set(s, "its time zone can't be read");
    return false;
  } else {
    standing->next = standing->last == INSTANT_NONE ? clock_now() : cron_next(&s->at, zone, standing->last);
  }
  return true;
}

static void on_timer(uv_timer_t *timer);

static void sleep_for(struct backup_schedule *s, duration d) {
  if (d < 0) d = 0;
  if (d > SLEEP_MAX) d = SLEEP_MAX;
  if (!s->closing) uv_timer_start(&s->timer, on_timer, (uint64_t)((d + USEC_PER_MS - 1) / USEC_PER_MS), 0);
}

static void sleep_until_due(struct backup_schedule *s) {
  plan(s);
  instant next = s->o.standing->next;
  sleep_for(s, next == INSTANT_NONE ? SLEEP_MAX : next - clock_now());
}

/* ---- what is under way ---- */

static void schedule_release(struct backup_schedule *s) {
  if (!s->closed || s->stage != STAGE_IDLE) return;
  free(s->dir);
  free(s->zone);
  free(s->why);
  free(s);
}

static void take_configuration(struct backup_schedule *s);

/* The end of a try, good or not. */
static void rest(struct backup_schedule *s) {
  s->stage = STAGE_IDLE;
  if (s->closing) {
    schedule_release(s);
  } else if (s->another) {
    take_configuration(s);
  } else {
    sleep_until_due(s);
  }
}

static void visit_free(struct visit *v) {
  buf_release(&v->said);
  free(v->dir);
  free(v->state_id);
  free(v);
}

static void on_visit(struct errand *e, enum errand_end end) {
  struct visit *v = (struct visit *)e;
  struct backup_schedule *s = v->schedule;
  v->schedule = NULL;
  if (s && end == ERRAND_DONE) {
    v->done(s, v);
  } else if (s) {
    if (!s->closing && !s->another) (end == ERRAND_OVERDUE ? alarm_overdue : alarm_no_errand)(s);
    rest(s);
  }
  if (end != ERRAND_OVERDUE) visit_free(v);
}

static void visit(struct backup_schedule *s, enum stage stage, void (*run)(struct errand *e),
                  void (*done)(struct backup_schedule *s, const struct visit *v)) {
  struct visit *v = alloc_new(struct visit);
  v->errand.run = run;
  v->errand.end = on_visit;
  v->schedule = s;
  v->done = done;
  v->dir = alloc_strdup(s->dir);
  v->state_id = alloc_strdup(store_state_id(s->o.assembly->store));
  memcpy(v->name, s->name, sizeof v->name);
  v->keep = s->keep;
  s->stage = stage;
  if (errands_submit(s->o.errands, &v->errand)) return;
  visit_free(v);
  alarm_no_errand(s);
  rest(s);
}

static const char *said(const struct visit *v) {
  return v->said.len ? v->said.bytes : err_text(v->result);
}

static void run_tidy(struct errand *e) {
  struct visit *v = (struct visit *)e;
  v->result = shelf_tidy(v->dir, v->state_id, v->keep, v->name, &v->said);
}

static void tidied(struct backup_schedule *s, const struct visit *v) {
  if (v->result && !s->another && !s->closing) {
    alarm_set(s, said(v));
  } else {
    alarm_clear(s);
  }
  rest(s);
}

static void copied(void *ctx, int status, const char *text) {
  struct backup_schedule *s = ctx;
  if (s->closing || s->another) {
    rest(s);
  } else if (status != 200) {
    alarm_set(s, text);
    rest(s);
  } else {
    s->o.standing->last = s->asked_at;
    plan(s); /* what is shown while older ones are removed is the next one's time already */
    s->o.changed(s->o.ctx);
    visit(s, STAGE_TIDY, run_tidy, tidied);
  }
}

static void copy(struct backup_schedule *s) {
  s->stage = STAGE_COPY;
  s->asked_at = clock_now();
  shelf_name(store_state_id(s->o.assembly->store), s->asked_at, s->name);
  char *file = path_join(s->dir, s->name);
  backup_jobs_start(s->o.jobs, file, copied, s);
  free(file);
}

static void run_look(struct errand *e) {
  struct visit *v = (struct visit *)e;
  v->result = shelf_look(v->dir, v->state_id, clock_now(), &v->found, &v->said);
}

/* What failed before was the look, or that an old one couldn't be removed. */
static void not_due(struct backup_schedule *s) {
  s->name[0] = '\0';
  if (s->o.standing->failing == INSTANT_NONE)
    rest(s);
  else
    visit(s, STAGE_TIDY, run_tidy, tidied);
}

/* The folder is the truth: what somebody put there or took away since the last look counts. */
static void looked(struct backup_schedule *s, const struct visit *v) {
  if (s->another || s->closing) {
    rest(s);
    return;
  }
  bool other = s->o.standing->last != v->found;
  s->o.standing->last = v->found;
  s->retry_at = INSTANT_NONE;
  if (other) s->o.changed(s->o.ctx);
  if (v->result) {
    alarm_set(s, said(v));
    rest(s);
  } else if (!plan(s)) {
    rest(s);
  } else if (s->o.standing->next == INSTANT_NONE || s->o.standing->next > clock_now()) {
    not_due(s);
  } else if (backup_jobs_busy(s->o.jobs)) { /* somebody asked for one by hand meanwhile: look again after it */
    s->stage = STAGE_IDLE;
    sleep_for(s, BUSY_SLEEP);
  } else {
    copy(s);
  }
}

static void on_timer(uv_timer_t *timer) {
  struct backup_schedule *s = timer->data;
  if (!s->dir || s->stage != STAGE_IDLE) return;
  const struct backup_standing *standing = s->o.standing;
  instant now = clock_now();
  if (standing->next > now && standing->last <= now) {
    sleep_until_due(s);
  } else if (backup_jobs_busy(s->o.jobs)) {
    sleep_for(s, BUSY_SLEEP);
  } else {
    visit(s, STAGE_LOOK, run_look, looked);
  }
}

/* ---- the whole ---- */

static void take_configuration(struct backup_schedule *s) {
  const struct config *config = s->o.assembly->config;
  struct backup_standing *standing = s->o.standing;
  s->another = false;
  free(s->dir);
  free(s->zone);
  s->dir = config->backup.dir ? alloc_strdup(config->backup.dir) : NULL;
  s->zone = alloc_strdup(config->timezone);
  s->at = config->backup.at;
  s->keep = config->backup.keep;
  standing->dir = s->dir;
  standing->last = standing->next = INSTANT_NONE;
  alarm_clear(s);
  uv_timer_stop(&s->timer);
  if (s->dir) sleep_for(s, 0);
}

void backup_schedule_configure(struct backup_schedule *s) {
  if (s->stage == STAGE_IDLE)
    take_configuration(s);
  else
    s->another = true;
}

struct backup_schedule *backup_schedule_new(const struct backup_schedule_options *options) {
  struct backup_schedule *s = alloc_new(struct backup_schedule);
  s->o = *options;
  s->retry_at = INSTANT_NONE;
  s->o.standing->failing = INSTANT_NONE;
  uv_timer_init(&options->assembly->loop, &s->timer);
  s->timer.data = s;
  take_configuration(s);
  return s;
}

static void on_closed(uv_handle_t *handle) {
  struct backup_schedule *s = handle->data;
  s->closed = true;
  schedule_release(s);
}

void backup_schedule_free(struct backup_schedule *s) {
  if (!s) return;
  s->closing = true;
  s->o.standing->dir = NULL;
  uv_close((uv_handle_t *)&s->timer, on_closed);
}
