/* One run as JSON, as the API and `rota run --json` show it. */
#ifndef ROTA_DAEMON_PAGE_RUN_H
#define ROTA_DAEMON_PAGE_RUN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/store/history.h"

/* The run that the path names; false after a problem was set. */
bool page_find_run(struct page *p, struct history_run *out);
/* The run of a reference as people write it. */
bool page_find_reference(struct page *p, const char *reference, struct history_run *out);
bool page_find_pipeline(struct page *p, struct history_pipeline *out);
/* The instance that a person means: "train" (its first), "train[0.1]", or "train:1", the second. NULL if none. */
const struct task_row *page_task_named(const struct task_row *tasks, size_t len, const char *name);
/* Why a task that a run doesn't have is shown as skipped. */
#define PAGE_EMPTY_MATRIX "its matrix was empty, so there was nothing to run"

/* Whether the run may succeed though this task fails; `spec` may be NULL. */
bool page_task_allowed(const struct pipeline *spec, const struct task_row *task);
/* The newest runs by a filter line of ours; false after a problem was set. */
bool page_runs_by(struct page *p, const char *line, size_t limit, struct history_page *out);
/* Opens the object of a run and writes its members; `attention` may be NULL. */
void page_run_begin(struct page *p, const struct history_run *run, const char *attention);

/* The whole run, with `tasks`, `attempts`, `rounds` and `notes`. 0, or a code of the history. */
int run_json(struct history *h, const struct history_run *run, const char *state_dir, instant now, struct arena *a,
             struct json *j);

#endif
