#include <stdlib.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/oracle.h"

#define ON_TIME USEC_PER_MIN

struct schedule_book {
  int64_t key;
  const struct row_schedule *row; /* NULL before its first commit is over */
  instant back_since;             /* of this commit; INSTANT_NONE */
  instant from;                   /* every firing up to it is decided, by its rows */
  bool touched, exact;
  const struct schedule_spec *spec, *spec_before;
  int64_t runs;        /* made in this commit */
  instant last_missed; /* of this commit, if nothing came after it */
  struct {
    const struct schedule_spec *spec;
    const char *rules;
    instant after, at;
  } next; /* what the oracle said last, and to which question */
};

static struct schedule_book *book(struct checker *c, int64_t key) {
  struct schedule_book *b = map_get_n(&c->schedules, (const char *)&key, sizeof key);
  if (!b) {
    b = arena_new(&c->arena, struct schedule_book);
    b->key = key;
    b->from = INSTANT_NONE;
    map_put_n(&c->schedules, (const char *)&key, sizeof key, b);
  }
  if (!b->touched) {
    b->touched = true;
    b->runs = 0;
    b->last_missed = b->back_since = INSTANT_NONE;
    vec_push(&c->due, b);
  }
  return b;
}

void check_schedule_row(struct checker *c, const struct schedule_row *now) {
  struct schedule_book *b = book(c, now->key);
  const struct row_schedule *old = b->row;
  if (!old) {
    b->from = now->decided;
    return;
  }
  if (now->decided < old->row.decided) world_fail(c->w, "schedule %s is decided less far than before", now->identity);
  /* It went and came back, within one step perhaps: what fell due in between was never its to fire. */
  if (now->since != old->row.since) {
    PROBE(c->w, SCHEDULE_CAME_BACK);
    b->back_since = now->since;
  }
}

void check_firing_row(struct checker *c, const struct firing_row *now) {
  struct rows *rows = &c->w->ledger->rows;
  struct schedule_book *b = book(c, now->schedule);
  const struct firing_row *old = (size_t)now->key < rows->by_key.len ? rows->by_key.items[now->key] : NULL;
  struct firing_row *part = arena_new(&c->arena, struct firing_row);
  *part = *now;
  if (old) {
    if (old->outcome != now->outcome || old->scheduled_for != now->scheduled_for || now->count < old->count)
      world_fail(c->w, "a firing that was decided changes");
    part->count -= old->count;
    part->scheduled_for = INSTANT_NONE; /* it goes on from the old one's end */
  }
  if ((now->outcome == FIRING_RUN) != (now->run != 0)) world_fail(c->w, "a firing's outcome and its run disagree");
  if (now->outcome != FIRING_RUN && !now->reason) world_fail(c->w, "a firing came to nothing for no reason");
  (void)b;
  vec_push(&c->firings, part);
}

/* ---- once all rows of a commit are there ---- */

static const struct schedule_spec *spec_in(struct checker *c, const struct schedule_book *b, int64_t version) {
  const struct pipeline *spec = rows_spec(&c->w->ledger->rows, version);
  for (size_t i = 0; spec && i < spec->schedules_len; i++)
    if (strcmp(spec->schedules[i].identity, b->row->row.identity) == 0) return &spec->schedules[i];
  return NULL;
}

static const struct schedule_spec *spec_of(struct checker *c, const struct schedule_book *b) {
  const struct pipeline_row *p = rows_pipeline(&c->w->ledger->rows, b->row->row.pipeline);
  return p ? spec_in(c, b, p->version) : NULL;
}

/* Of what needs no zone, any rules will do. */
static const char *rules_of(const struct zone_view *v, const struct schedule_spec *s) {
  return s->cron ? zone_view_rules(v, s->zone) : "UTC";
}

static bool fits_by(struct checker *c, const struct zone_view *v, const struct schedule_spec *s, instant from,
                    const struct firing_row *f) {
  instant first, last;
  const char *rules = rules_of(v, s);
  if (!rules) return false; /* nothing is due by the rules of no zone */
  int64_t count = oracle_count(c->w->oracle, s, rules, from, f->until, &first, &last);
  if (oracle_change_near(c->w->oracle, s, rules, f->until)) PROBE(c->w, DST);
  return count == f->count && last == f->until && (f->scheduled_for == INSTANT_NONE || first == f->scheduled_for);
}

static bool fits(struct checker *c, const struct schedule_spec *s, instant from, const struct firing_row *f) {
  return !s || !oracle_knows(from, f->until) || fits_by(c, &c->zones, s, from, f) ||
         fits_by(c, &c->zones_before, s, from, f);
}

/* The text by which it was decided: the one in force, the one before it, or, where a pause ended between two texts of
 * one step, one that was in force for that moment. NULL: by none. */
static const struct schedule_spec *spec_that_fits(struct checker *c, const struct schedule_book *b,
                                                  const struct firing_row *f) {
  const struct rows *rows = &c->w->ledger->rows;
  if (fits(c, b->spec, b->from, f)) return b->spec;
  if (fits(c, b->spec_before, b->from, f)) return b->spec_before;
  for (size_t i = rows->versions.len; i-- > 0;) {
    if (rows->versions.items[i]->pipeline != b->row->row.pipeline) continue;
    const struct schedule_spec *s = spec_in(c, b, rows->versions.items[i]->key);
    if (s && fits(c, s, b->from, f)) return s;
  }
  return NULL;
}

static void check_lateness(struct checker *c, struct schedule_book *b, const struct schedule_spec *s,
                           const struct firing_row *f) {
  duration late = f->decided_at - f->until;
  bool on_time = s && late <= ON_TIME + s->jitter;
  if (late < 0) world_fail(c->w, "a firing of %s is decided before its time", b->row->row.identity);
  if (f->outcome == FIRING_RUN) {
    b->runs++;
    if (s && !on_time && s->catchup == CATCHUP_NONE)
      world_fail(c->w, "%s catches up and was told not to", b->row->row.identity);
    if (!on_time) PROBE(c->w, CAUGHT_UP);
    if (s && b->runs > 1 && s->catchup != CATCHUP_ALL)
      world_fail(c->w, "%s catches up with more than one", b->row->row.identity);
    if (b->runs > 1) PROBE(c->w, CATCHUP_MANY);
  }
  b->last_missed = f->outcome == FIRING_MISSED && on_time ? f->until : INSTANT_NONE;
  if (f->outcome == FIRING_MISSED) PROBE(c->w, MISSED);
  if (f->outcome == FIRING_SKIPPED && strncmp(f->reason, "paused", 6) == 0) PROBE(c->w, PAUSE_SKIPPED);
  if (f->outcome == FIRING_SKIPPED && strncmp(f->reason, "overlap", 7) == 0) {
    PROBE(c->w, OVERLAP_SKIPPED);
    if (s && (s->overlap == OVERLAP_ALLOW || s->overlap == OVERLAP_CANCEL_RUNNING))
      world_fail(c->w, "%s is skipped for an overlap that it allows", b->row->row.identity);
  }
}

static void check_run_of(struct checker *c, const struct firing_row *f) {
  if (f->outcome != FIRING_RUN) return;
  const struct row_run *run = rows_run_key(&c->w->ledger->rows, f->run);
  if (!run || run->row.schedule != f->schedule || run->row.scheduled_for != f->scheduled_for)
    world_fail(c->w, "a firing has no run of its own");
}

/* From here on it is decided anew; what a pause that ended in the same step decided lies before. */
static void come_back(struct schedule_book *b) {
  if (b->back_since != INSTANT_NONE && b->back_since > b->from) b->from = b->back_since;
  b->back_since = INSTANT_NONE;
}

void check_firings(struct checker *c) {
  struct rows *rows = &c->w->ledger->rows;
  for (size_t i = 0; i < c->due.len; i++) {
    struct schedule_book *b = c->due.items[i];
    b->row = rows->by_key.items[b->key];
    b->spec_before = b->spec;
    b->spec = spec_of(c, b);
    if (!b->spec) b->spec = b->spec_before;
    if (!b->spec_before) b->spec_before = b->spec;
  }
  for (size_t i = 0; i < c->firings.len; i++) {
    const struct firing_row *f = c->firings.items[i];
    struct schedule_book *b = book(c, f->schedule);
    if (f->until > b->back_since) come_back(b);
    if (f->until <= b->from)
      world_fail(c->w, "%s decides a firing twice: up to %lld after %lld", b->row->row.identity,
                 (long long)(f->until / USEC_PER_SEC), (long long)(b->from / USEC_PER_SEC));
    const struct schedule_spec *s = spec_that_fits(c, b, f);
    if (!s && b->spec)
      world_fail(c->w, "%s decides %lld firings up to %lld after %lld, and that isn't what fell due",
                 b->row->row.identity, (long long)f->count, (long long)(f->until / USEC_PER_SEC),
                 (long long)(b->from / USEC_PER_SEC));
    check_run_of(c, f);
    check_lateness(c, b, s, f);
    b->from = f->until;
  }
  for (size_t i = 0; i < c->due.len; i++) {
    struct schedule_book *b = c->due.items[i];
    come_back(b);
    if (b->row->row.decided != b->from && b->row->row.active)
      world_fail(c->w, "%s is decided up to %lld and its firings up to %lld", b->row->row.identity,
                 (long long)b->row->row.decided, (long long)b->from);
    if (b->last_missed != INSTANT_NONE) world_fail(c->w, "%s misses a firing that was on time", b->row->row.identity);
    b->touched = false;
  }
  c->due.len = c->firings.len = 0;
}

static instant next_of(struct checker *c, struct schedule_book *b, const char *rules) {
  if (b->next.spec != b->spec || b->next.rules != rules || b->next.after != b->from) {
    b->next.rules = rules;
    b->next.spec = b->spec;
    b->next.after = b->from;
    b->next.at = oracle_next(c->w->oracle, b->spec, rules, b->from);
  }
  return b->next.at;
}

/* Nothing that is due stays undecided, and the engine wants to be woken for what comes next. */
void check_due(struct checker *c) {
  for (size_t i = 0; i < c->schedules.len; i++) {
    struct schedule_book *b = c->schedules.entries[i].value;
    if (!b->row || !b->row->row.active || !b->spec) continue;
    const struct pipeline_row *p = rows_pipeline(&c->w->ledger->rows, b->row->row.pipeline);
    if (!p->present || spec_of(c, b) != b->spec) continue;
    instant now = c->stepped_at.wall;
    if (!oracle_knows(b->from, now) || !oracle_knows(now, now)) continue;
    const char *rules = rules_of(&c->zones, b->spec);
    if (!rules) {
      PROBE(c->w, ZONE_GONE);
      continue;
    }
    instant next = next_of(c, b, rules);
    if (next == INSTANT_NONE) continue;
    instant due = next + b->spec->jitter;
    if (due < now && b->spec->jitter == 0)
      world_fail(c->w, "%s was due %lld s ago and isn't decided", b->row->row.identity,
                 (long long)((now - due) / USEC_PER_SEC));
    if (due < now && now - due > ON_TIME) world_fail(c->w, "%s was due and isn't decided", b->row->row.identity);
    if (c->wake_wall == INSTANT_NONE || c->wake_wall > due)
      world_fail(c->w, "%s is next due at %lld and nobody wakes then", b->row->row.identity,
                 (long long)(due / USEC_PER_SEC));
  }
}
