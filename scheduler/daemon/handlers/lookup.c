#include "scheduler/daemon/handlers/lookup.h"

#include <string.h>

#include "base/err.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/history.h"

static void problem(struct lookup *l, int status, const char *title, const char *detail) {
  l->status = status;
  l->title = title;
  l->detail = detail;
}

/* True if the key was answered before, or can't be looked up. */
static bool look_for_answer(struct lookup *l, struct history *history) {
  struct request_row row;
  if (!l->idempotency_key) return false;
  int err = history_request(history, l->idempotency_key, l->body_sha256, clock_now(), &l->arena, &row);
  if (err == ERR_NOT_FOUND) return false;
  if (err == ERR_CONFLICT) {
    problem(l, 422, "Key used before", "this Idempotency-Key was used for another request: use a new key");
  } else if (err) {
    problem(l, 503, "Not readable", arena_fmt(&l->arena, "the rows can't be read: %s; repeat it", err_text(err)));
  } else {
    l->status = row.status;
    l->response = row.response;
    l->response_len = row.response_len;
  }
  return true;
}

static void run_problem(struct lookup *l, int err, const struct buf *why) {
  if (err == ERR_NOT_FOUND || err == ERR_CONFLICT) {
    problem(l, err == ERR_CONFLICT ? 409 : 404, err == ERR_CONFLICT ? "Ambiguous run" : "No such run",
            arena_fmt(&l->arena, "%s", why->len ? why->bytes : "there is no such run; `rota runs` lists them"));
  } else {
    problem(l, 503, "Not readable", arena_fmt(&l->arena, "the rows can't be read: %s; repeat it", err_text(err)));
  }
}

static void find_run(struct lookup *l, struct history *history) {
  struct buf why = {0};
  struct history_run found;
  int err = history_find(history, l->run_ref, &l->arena, &found, &why);
  if (!err) {
    l->rows.run = found.run;
    l->rows.pipeline_name = found.pipeline;
    if (l->depth == LOOKUP_RUN_ROWS) {
      err = history_run_rows(history, found.run.id.text, &l->arena, &l->rows, &why);
      l->rows.pipeline_name = found.pipeline;
    }
  }
  if (err) run_problem(l, err, &why);
  buf_release(&why);
}

static void look_for_instant(struct lookup *l, struct history *history) {
  struct history_run run;
  int err = history_run_of(history, l->pipeline, l->instant, &l->arena, &run);
  if (!err) {
    problem(l, 409, "There already",
            arena_fmt(&l->arena, "%s#%lld (%s) is for this instant already: rerun it, or make another one by force",
                      run.pipeline, (long long)run.run.number, run_state_word(run.run.state)));
  } else if (err != ERR_NOT_FOUND) {
    problem(l, 503, "Not readable", arena_fmt(&l->arena, "the rows can't be read: %s; repeat it", err_text(err)));
  }
}

void lookup_run(struct lookup *l, struct history *history) {
  if (look_for_answer(l, history)) return;
  if (l->pipeline && l->instant != INSTANT_NONE) look_for_instant(l, history);
  if (!l->status && l->depth != LOOKUP_NO_RUN) find_run(l, history);
}

void lookup_release(struct lookup *l) {
  pipeline_release(l->rows.pipeline);
  arena_release(&l->arena);
}
