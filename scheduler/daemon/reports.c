#include "scheduler/daemon/reports.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "scheduler/spec/outputs.h"
#include "worker/attempt_dir.h"
#include "worker/local.h"
#include "worker/rundir.h"

/* The two lists say the same in the words of two rooms that don't know each other. */
static const enum engine_report_kind kinds[] = {
    [REPORT_ACCEPTED] = ENGINE_REPORT_ACCEPTED,
    [REPORT_STARTED] = ENGINE_REPORT_STARTED,
    [REPORT_ENDED] = ENGINE_REPORT_ENDED,
    [REPORT_LOST] = ENGINE_REPORT_LOST,
    [REPORT_NOT_STARTED] = ENGINE_REPORT_NOT_STARTED,
    [REPORT_FENCED] = ENGINE_REPORT_FENCED,
    [REPORT_UNREACHABLE] = ENGINE_REPORT_UNREACHABLE,
    [REPORT_REACHABLE] = ENGINE_REPORT_REACHABLE,
    [REPORT_CLEARED] = ENGINE_REPORT_CLEARED,
};

static const enum engine_end ends[] = {
    [ENDED_EXITED] = ENGINE_END_EXITED,
    [ENDED_TIMED_OUT] = ENGINE_END_TIMED_OUT,
    [ENDED_STOPPED] = ENGINE_END_STOPPED,
    [ENDED_LAUNCH_FAILED] = ENGINE_END_LAUNCH_FAILED,
};

static int read_output(struct arena *a, const char *state_dir, const char *run_id, struct engine_report *out) {
  char *dir = local_attempt_dir(state_dir, run_id, out->attempt_id);
  struct buf text = {0};
  int err = attempt_file_read(dir, RUNDIR_OUTPUT, OUTPUT_FILE_MAX, &text);
  if (err == ERR_TOO_LARGE) {
    out->output_error = "its outputs are over 1 MiB together: write large data to a file and hand on its path";
  } else if (err && err != ERR_NOT_FOUND && err != ERR_AGAIN) {
    out->output_error = arena_fmt(a, "its outputs can't be read: %s", err_text(err));
  } else if (!err) {
    out->output = arena_strndup(a, buf_cstr(&text), text.len);
    out->output_len = text.len;
  }
  buf_release(&text);
  free(dir);
  return err == ERR_AGAIN ? err : 0;
}

static void prepared_event(struct inbox *inbox, const struct report *r) {
  struct arena *a = inbox_arena(inbox);
  struct engine_prepared *e = &inbox_add(inbox, ENGINE_PREPARED)->prepared;
  e->run_id = arena_strdup(a, r->run_id);
  if (r->err) e->error = arena_strdup(a, r->text ? r->text : err_text(r->err));
}

int report_event(struct inbox *inbox, const char *state_dir, const struct report *r) {
  if (r->kind == REPORT_PREPARED) {
    prepared_event(inbox, r);
    return 0;
  }
  struct arena *a = inbox_arena(inbox);
  struct engine_report e = {
      .kind = kinds[r->kind],
      .attempt_id = arena_strdup(a, r->attempt_id),
      .text = r->text ? arena_strdup(a, r->text) : NULL,
      .again = r->kind == REPORT_NOT_STARTED,
      .doubtful = r->doubtful,
      .status = r->status,
      .pid = r->pid,
      .started_at = r->started_at,
      .ended_at = r->ended_at,
      .cpu_us = r->cpu_us,
      .max_rss_kb = r->max_rss_kb,
      .log_bytes = r->log_bytes,
      .fault = r->fault ? arena_strdup(a, r->fault) : NULL,
  };
  if (r->kind == REPORT_ENDED) {
    e.end = ends[r->how];
    int err = read_output(a, state_dir, r->run_id, &e);
    if (err) return err;
  }
  inbox_add(inbox, ENGINE_REPORT)->report = e;
  return 0;
}
