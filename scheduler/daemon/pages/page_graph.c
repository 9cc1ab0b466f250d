/* The tasks of a pipeline and what they need: of a version, or of a run with how far each has come. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/history.h"

/* What the instances of one task have come to. */
struct node {
  int64_t instances;
  int64_t states[TASK_STATES];
  instant started_at, ended_at; /* the first start; the last end, once all have ended */
  bool open;
};

struct graph {
  const struct pipeline *spec;
  const char *version;
  struct node *nodes; /* by task; NULL without a run */
  bool planned;       /* the run came as far as having tasks */
  const struct stat_row *stats;
  size_t stats_len;
};

/* How many instances a matrix makes as it is written; -1 if an expression decides it. */
static int64_t instances_written(const struct task_spec *task) {
  int64_t count = 1;
  for (size_t i = 0; i < task->matrix_len; i++) {
    if (task->matrix[i].whole) return -1;
    count *= (int64_t)task->matrix[i].items_len;
  }
  return count;
}

static int64_t usual_of(const struct graph *g, const char *task) {
  for (size_t i = 0; i < g->stats_len; i++)
    if (strcmp(g->stats[i].task, task) == 0) return stat_median_ms(&g->stats[i]);
  return -1;
}

static void write_progress(struct json *j, const struct graph *g, const struct node *node) {
  bool empty = node->instances == 0 && g->planned;
  jsonw_key(j, "states");
  jsonw_object(j);
  for (int s = 0; s < TASK_STATES; s++)
    if (node->states[s]) jsonw_member_int(j, task_state_word((enum task_state)s), node->states[s]);
  if (empty) jsonw_member_int(j, task_state_word(TASK_SKIPPED), 1);
  jsonw_object_end(j);
  jsonw_member_string(j, "reason", empty ? PAGE_EMPTY_MATRIX : NULL);
  jsonw_member_instant(j, "started_at", node->started_at);
  jsonw_member_instant(j, "ended_at", node->open ? INSTANT_NONE : node->ended_at);
}

static void write_node(struct json *j, const struct graph *g, const struct task_spec *task) {
  const struct node *node = g->nodes ? &g->nodes[task->index] : NULL;
  jsonw_object(j);
  jsonw_member_string(j, "task", task->name);
  jsonw_key(j, "needs");
  jsonw_array(j);
  for (size_t n = 0; n < task->needs_len; n++) jsonw_string(j, g->spec->tasks[task->needs[n].task].name);
  jsonw_array_end(j);
  present_known(j, "instances", node ? node->instances : instances_written(task));
  jsonw_member_bool(j, "finally", task->finally);
  jsonw_member_bool(j, "matrix", task->matrix_len > 0);
  jsonw_member_string(j, "doc", task->doc);
  jsonw_member_string(j, "host", task->on ? task->on->source : NULL);
  present_known(j, "usual_ms", usual_of(g, task->name));
  if (node) write_progress(j, g, node);
  jsonw_object_end(j);
}

static void write_graph(struct json *j, const struct graph *g) {
  jsonw_object(j);
  jsonw_member_string(j, "version", g->version);
  jsonw_key(j, "nodes");
  jsonw_array(j);
  for (size_t i = 0; g->spec && i < g->spec->tasks_len; i++) write_node(j, g, &g->spec->tasks[i]);
  jsonw_array_end(j);
  jsonw_object_end(j);
}

/* ---- of a version ---- */

/* The newest version whose sha256 begins with `sha`. */
static bool version_named(struct page *p, const struct history_pipeline *pipeline, const char *sha,
                          struct version_row *out) {
  int err = history_version_named(p->history, pipeline->row.key, sha, &p->arena, out);
  if (err == ERR_NOT_FOUND) {
    page_problem(p, 404, "Not found", "%s has no version '%s'; the pipeline's versions list them", pipeline->row.name,
                 sha);
  } else if (err) {
    page_unreadable(p, err);
  }
  return err == 0;
}

void page_graph_read(struct page *p) {
  struct history_pipeline pipeline;
  struct version_row version = {0};
  struct stat_row *stats;
  struct graph g = {0};
  const char *sha = api_query(&p->request, "version");
  if (p->status >= 400 || !page_find_pipeline(p, &pipeline)) return;
  if (sha) {
    if (!version_named(p, &pipeline, sha, &version)) return;
  } else if (pipeline.row.version && history_version(p->history, pipeline.row.version, &p->arena, &version)) {
    page_unreadable(p, ERR_IO);
    return;
  }
  struct pipeline *spec = history_spec(p->history, version.key);
  g.spec = spec;
  g.version = version.key ? version.sha256 : NULL;
  int err = history_stats(p->history, pipeline.row.key, &p->arena, &stats, &g.stats_len);
  g.stats = stats;
  if (err) page_unreadable(p, err);
  if (!err) write_graph(&p->json, &g);
  pipeline_release(spec);
}

/* ---- of a run ---- */

static void add_span(struct node *node, const struct history_span *span) {
  if (node->instances++ == 0) node->started_at = node->ended_at = INSTANT_NONE;
  node->states[span->state]++;
  if (span->started_at != INSTANT_NONE && (node->started_at == INSTANT_NONE || span->started_at < node->started_at))
    node->started_at = span->started_at;
  if (span->ended_at > node->ended_at) node->ended_at = span->ended_at;
  if (!task_state_ended(span->state)) node->open = true;
}

static struct node *nodes_of(struct arena *a, const struct pipeline *spec, const struct history_span *spans,
                             size_t len) {
  struct node *nodes = arena_new_array(a, spec->tasks_len + 1, struct node);
  memset(nodes, 0, (spec->tasks_len + 1) * sizeof *nodes);
  for (size_t i = 0; i < spec->tasks_len; i++) nodes[i].started_at = nodes[i].ended_at = INSTANT_NONE;
  int task = -1;
  for (size_t i = 0; i < len; i++) {
    if (i == 0 || spans[i].name != spans[i - 1].name) task = pipeline_task(spec, spans[i].name);
    if (task >= 0) add_span(&nodes[task], &spans[i]);
  }
  return nodes;
}

void page_run_graph_read(struct page *p) {
  struct history_run run;
  struct history_span *spans;
  struct stat_row *stats;
  size_t len;
  struct graph g = {0};
  if (p->status >= 400 || !page_find_run(p, &run)) return;
  int err = history_spans(p->history, run.run.key, &p->arena, &spans, &len);
  if (!err) err = history_stats(p->history, run.run.pipeline, &p->arena, &stats, &g.stats_len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  struct pipeline *spec = history_spec(p->history, run.run.version);
  g.spec = spec;
  g.version = run.version_sha256;
  g.stats = stats;
  g.planned = len > 0;
  if (spec) g.nodes = nodes_of(&p->arena, spec, spans, len);
  write_graph(&p->json, &g);
  pipeline_release(spec);
}
