#include <stdlib.h>

#include "base/alloc.h"
#include "worker/local_report.h"
#include "worker/ssh/host_logs.h"

static struct report report_of(const struct host_attempt *a, enum report_kind kind) {
  return (struct report){.kind = kind,
                         .run_id = a->run_id,
                         .attempt_id = a->id,
                         .pid = -1,
                         .started_at = INSTANT_NONE,
                         .ended_at = INSTANT_NONE,
                         .cpu_us = -1,
                         .max_rss_kb = -1,
                         .log_bytes = -1};
}

static void report(struct host *h, const struct report *r) {
  if (!h->closing) h->base.report(h->base.ctx, r);
}

/* The id is forgotten before the report, after which the same one may come again. */
static void report_last(struct host *h, struct host_attempt *a, const struct report *r) {
  host_attempt_use(a);
  host_log_release(h, a);
  host_attempts_forget(&h->attempts, a);
  report(h, r);
  host_attempt_unuse(h, a);
}

void host_report_started(struct host *h, struct host_attempt *a, int64_t pid, instant at) {
  if (a->started) return;
  a->started = true;
  a->started_at = clock_monotonic();
  struct report r = report_of(a, REPORT_STARTED);
  r.pid = pid;
  r.started_at = at;
  report(h, &r);
}

void host_report_unreachable(struct host *h, struct host_attempt *a, const char *text) {
  a->unreachable = true;
  struct report r = report_of(a, REPORT_UNREACHABLE);
  r.text = text;
  report(h, &r);
}

void host_report_reachable(struct host *h, struct host_attempt *a) {
  if (!a->unreachable) return;
  a->unreachable = false;
  struct report r = report_of(a, REPORT_REACHABLE);
  if (a->started) report(h, &r);
}

void host_report_last(struct host *h, struct host_attempt *a, enum report_kind kind, int err, const char *text) {
  struct report r = report_of(a, kind);
  r.err = err;
  r.text = text;
  report_last(h, a, &r);
}

void host_report_not_started(struct host *h, struct host_attempt *a, int err, const char *text) {
  struct report r = report_of(a, REPORT_NOT_STARTED);
  bool before = a->state == HOST_ATTEMPT_ASKED ? a->sent_before : a->sent;
  r.err = err;
  r.text = text;
  r.doubtful = before || a->adopting || a->doubtful;
  if (r.doubtful) map_put(&h->doubtful, a->id, NULL);
  report_last(h, a, &r);
}

/* A STARTED that nobody had heard of is made up for. */
void host_report_ended(struct host *h, struct host_attempt *a) {
  const struct findings *f = &a->record.findings;
  if (f->reason != RUNDIR_LAUNCH_FAILED) host_report_started(h, a, f->pid, f->started_at);
  struct buf text = {0};
  struct report r = report_ended(f, &text);
  r.run_id = a->run_id;
  r.attempt_id = a->id;
  if (a->record.text) r.text = a->record.text;
  r.fault = a->record.fault;
  report_last(h, a, &r);
  buf_release(&text);
}

void host_report_cleared(struct host *h, const char *run_id, const char *attempt_id) {
  struct report r = report_of(&(struct host_attempt){0}, REPORT_CLEARED);
  r.run_id = run_id;
  r.attempt_id = attempt_id;
  report(h, &r);
}
