/* A pipeline's tasks by its runs, a byte for each cell. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/history.h"

#define GRID_RUNS 25

/* How many tasks stand one after the other before each: the indent of its row. The caller frees it. */
static uint32_t *depths_of(const struct pipeline *spec) {
  uint32_t *depths = alloc_zeroed(spec->tasks_len + 1, sizeof *depths);
  for (size_t o = 0; o < spec->tasks_len; o++) {
    const struct task_spec *task = &spec->tasks[spec->order[o]];
    uint32_t *mine = &depths[task->index];
    for (size_t n = 0; n < task->needs_len; n++) {
      uint32_t below = depths[task->needs[n].task] + 1;
      if (below > *mine) *mine = below;
    }
  }
  return depths;
}

static void write_task(struct json *j, const char *name, const char *label, int64_t depth) {
  jsonw_object(j);
  jsonw_member_string(j, "name", name);
  jsonw_member_string(j, "label", label);
  jsonw_member_int(j, "depth", depth);
  jsonw_object_end(j);
}

/* A pipeline that never ran shows its tasks all the same. */
static void write_tasks(struct json *j, const struct history_grid *grid, const struct pipeline *spec) {
  uint32_t *depths = spec ? depths_of(spec) : NULL;
  jsonw_key(j, "tasks");
  jsonw_array(j);
  for (size_t i = 0; i < grid->tasks_len; i++) {
    const struct history_grid_task *task = &grid->tasks[i];
    int index = spec ? pipeline_task(spec, task->name) : -1;
    write_task(j, task->name, task->label, index < 0 ? 0 : depths[index]);
  }
  for (size_t i = 0; spec && grid->runs_len == 0 && i < spec->tasks_len; i++)
    write_task(j, spec->tasks[i].name, spec->tasks[i].name, depths[i]);
  jsonw_array_end(j);
  free(depths);
}

static void write_run(struct json *j, const struct history_grid_run *run, instant now) {
  jsonw_object(j);
  jsonw_member_string(j, "id", run->id.text);
  jsonw_member_int(j, "number", run->number);
  jsonw_member_string(j, "state", run_state_word(run->state));
  jsonw_member_string(j, "trigger", trigger_word(run->trigger));
  jsonw_member_instant(j, "scheduled_for", run->scheduled_for);
  jsonw_member_instant(j, "created_at", run->created_at);
  jsonw_member_instant(j, "started_at", run->started_at);
  jsonw_member_instant(j, "ended_at", run->ended_at);
  present_span(j, run->started_at, run->ended_at, now);
  jsonw_member_string(j, "version", run->version_sha256);
  jsonw_member_string(j, "cells", run->cells);
  jsonw_object_end(j);
}

void page_grid_read(struct page *p) {
  struct history_pipeline pipeline;
  struct history_grid grid;
  size_t limit = (size_t)page_number(p, "runs", GRID_RUNS, 1, HISTORY_GRID_RUNS);
  int64_t before = page_number(p, "before", 0, 0, INT64_MAX);
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  int err = history_grid(p->history, pipeline.row.key, before, limit, &p->arena, &grid);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  struct pipeline *spec = history_spec(p->history, pipeline.row.version);
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_member_string(j, "pipeline", pipeline.row.name);
  write_tasks(j, &grid, spec);
  pipeline_release(spec);
  jsonw_key(j, "runs");
  jsonw_array(j);
  for (size_t i = 0; i < grid.runs_len; i++) write_run(j, &grid.runs[i], p->now);
  jsonw_array_end(j);
  present_known(j, "next", grid.runs_len == limit && limit ? grid.runs[limit - 1].number : -1);
  jsonw_object_end(j);
}
