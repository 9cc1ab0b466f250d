/* The first page: what needs attention, what runs and waits, what comes next, how the last day went. */
#include <string.h>

#include "scheduler/daemon/pages/attention.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/daemon/pages/standing.h"
#include "scheduler/store/history.h"
#include "scheduler/store/quarantine.h"

#define OVERVIEW_RUNS 50
#define BUSY_SHOWN    5
#define STRIP_HOURS   24
#define LOOK_BACK     (7 * USEC_PER_DAY)

/* What the pool read; the loop adds what the engine knows and writes it all. */
struct overview {
  struct history_page running, queued;
  duration usual[OVERVIEW_RUNS]; /* of the pipelines of `running`; -1 unknown */
  struct history_failure *failures;
  struct history_missed *missed;
  struct hourly_row *hours;
  size_t failures_len, missed_len, hours_len;
};

static int read_usual(struct page *p, struct overview *o) {
  const struct history_page *runs = &o->running;
  int err = 0;
  for (size_t i = 0; !err && i < runs->len; i++) {
    size_t same = 0;
    while (runs->items[same].run.pipeline != runs->items[i].run.pipeline) same++;
    if (same < i)
      o->usual[i] = o->usual[same];
    else
      err = history_usual(p->history, runs->items[i].run.pipeline, &o->usual[i]);
  }
  return err;
}

void page_overview_read(struct page *p) {
  struct overview *o = arena_new(&p->arena, struct overview);
  int64_t hour = p->now / USEC_PER_HOUR;
  memset(o, 0, sizeof *o);
  p->found = o;
  if (!page_runs_by(p, "state:running,cancelling", OVERVIEW_RUNS, &o->running)) return;
  if (!page_runs_by(p, "state:queued", OVERVIEW_RUNS, &o->queued)) return;
  int err = read_usual(p, o);
  if (!err) err = history_failures(p->history, p->now - LOOK_BACK, &p->arena, &o->failures, &o->failures_len);
  if (!err) err = history_missed(p->history, p->now - LOOK_BACK, &p->arena, &o->missed, &o->missed_len);
  if (!err) err = history_hourly(p->history, hour - STRIP_HOURS + 1, hour, &p->arena, &o->hours, &o->hours_len);
  if (err) page_unreadable(p, err);
}

static void write_attention(struct page *p, const struct overview *o, const struct queries_options *q) {
  struct attention t = {.arena = &p->arena};
  struct moment now = {.wall = p->now, .mono = clock_monotonic()};
  struct engine_concern *concerns;
  size_t concerns_len = engine_concerns(core_engine(q->assembly->core), now, &p->arena, &concerns);
  attention_failures(&t, o->failures, o->failures_len);
  attention_missed(&t, o->missed, o->missed_len);
  attention_concerns(&t, concerns, concerns_len);
  if (loader_broken(q->loader)) {
    struct buf text = {0};
    struct json j;
    jsonw_init(&j, &text);
    jsonw_array(&j);
    loader_broken_json(q->loader, &j);
    jsonw_array_end(&j);
    attention_broken(&t, text.bytes, text.len);
    buf_release(&text);
  }
  struct buf aside = {0};
  quarantine_list(q->assembly->quarantine, &aside);
  attention_aside(&t, buf_cstr(&aside));
  buf_release(&aside);
  jsonw_key(&p->json, "attention");
  attention_write(&t, &p->json);
}

static void write_busy(struct page *p, const char *run_id, const struct queries_options *q) {
  struct engine_busy busy[BUSY_SHOWN];
  size_t len = engine_busy(core_engine(q->assembly->core), run_id, busy, BUSY_SHOWN);
  jsonw_key(&p->json, "live");
  jsonw_array(&p->json);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    jsonw_member_string(&p->json, "label", busy[i].label);
    jsonw_member_string(&p->json, "state", task_state_word(busy[i].state));
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

static void write_runs(struct page *p, const struct overview *o, const struct queries_options *q) {
  jsonw_key(&p->json, "running");
  jsonw_array(&p->json);
  for (size_t i = 0; i < o->running.len; i++) {
    const struct history_run *run = &o->running.items[i];
    page_run_begin(p, run, NULL);
    present_known(&p->json, "usual_ms", o->usual[i] < 0 ? -1 : o->usual[i] / USEC_PER_MS);
    write_busy(p, run->run.id.text, q);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
  jsonw_key(&p->json, "queued");
  jsonw_array(&p->json);
  for (size_t i = 0; i < o->queued.len; i++) {
    page_run_begin(p, &o->queued.items[i], NULL);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

static void write_strip(struct page *p, const struct overview *o) {
  int64_t last = p->now / USEC_PER_HOUR;
  size_t at = 0;
  jsonw_key(&p->json, "strip");
  jsonw_array(&p->json);
  for (int64_t hour = last - STRIP_HOURS + 1; hour <= last; hour++) {
    int64_t ended[RUN_STATES] = {0};
    for (; at < o->hours_len && o->hours[at].hour == hour; at++) ended[o->hours[at].state] += o->hours[at].count;
    jsonw_object(&p->json);
    jsonw_member_instant(&p->json, "hour", hour * USEC_PER_HOUR);
    jsonw_member_int(&p->json, "succeeded", ended[RUN_SUCCEEDED]);
    jsonw_member_int(&p->json, "failed", ended[RUN_FAILED]);
    jsonw_member_int(&p->json, "cancelled", ended[RUN_CANCELLED]);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

void page_overview_finish(struct page *p, const struct queries_options *q) {
  const struct overview *o = p->found;
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_member_instant(j, "now", p->now);
  write_attention(p, o, q);
  write_runs(p, o, q);
  write_strip(p, o);
  standing_json(p, q);
  jsonw_member_int(j, "pipelines", (int64_t)q->assembly->names.present);
  jsonw_member_string(j, "version", ROTA_VERSION);
  jsonw_member_instant(j, "started_at", q->assembly->started_at);
  jsonw_object_end(j);
}
