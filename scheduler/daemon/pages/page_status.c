/* What is going on now: the health, the overview, the pipelines, what fires next, why a task waits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/daemon/health/health.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/daemon/pages/standing.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/store/history.h"

#define OVERVIEW_RUNS  50
#define ATTENTION_LOOK 100

/* ---- the overview ---- */

/* A note after the failure says that someone has seen it. */
static bool acknowledged(struct page *p, const struct history_run *failed) {
  struct event_row *notes;
  size_t len;
  if (history_notes(p->history, failed->run.key, &p->arena, &notes, &len) || !len) return false;
  return notes[len - 1].at >= failed->run.ended_at;
}

/* A failure leaves the list when a later run of its pipeline has succeeded. */
static bool mended(struct page *p, const struct history_run *failed) {
  struct history_run good;
  const char *reference = arena_fmt(&p->arena, "%s@succeeded", failed->pipeline);
  if (history_find(p->history, reference, &p->arena, &good, NULL)) return false;
  return good.run.number > failed->run.number ||
         (good.run.ended_at != INSTANT_NONE && good.run.ended_at > failed->run.ended_at);
}

static void member_runs(struct page *p, const char *key, const struct history_page *runs, bool attention) {
  jsonw_key(&p->json, key);
  jsonw_array(&p->json);
  for (size_t i = 0; i < runs->len; i++) {
    const struct history_run *run = &runs->items[i];
    if (attention && (mended(p, run) || acknowledged(p, run))) continue;
    page_run_begin(p, run, attention ? (run->run.reason ? run->run.reason : "it failed") : NULL);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

void page_status_read(struct page *p) {
  struct history_page running, queued, failed;
  if (!page_runs_by(p, "state:running,cancelling", OVERVIEW_RUNS, &running)) return;
  if (!page_runs_by(p, "state:queued", OVERVIEW_RUNS, &queued)) return;
  if (!page_runs_by(p, "state:failed started:>-7d", ATTENTION_LOOK, &failed)) return;
  jsonw_object(&p->json);
  member_runs(p, "running", &running, false);
  member_runs(p, "queued", &queued, false);
  member_runs(p, "attention", &failed, true);
}

void page_status_finish(struct page *p, const struct queries_options *o) {
  struct json *j = &p->json;
  const struct assembly *a = o->assembly;
  standing_json(p, o);
  jsonw_member_string(j, "version", ROTA_VERSION);
  jsonw_member_string(j, "state_id", store_state_id(a->store));
  jsonw_member_int(j, "pid", getpid());
  jsonw_member_instant(j, "started_at", a->started_at);
  jsonw_member_string(j, "state_dir", a->config->state);
  jsonw_member_string(j, "url", api_url(server_api(o->server)));
  jsonw_member_string(j, "dags", a->config->dags);
  jsonw_member_int(j, "pipelines", (int64_t)a->names.present);
  jsonw_key(j, "health");
  jsonw_object(j);
  health_json(o->health, j);
  jsonw_object_end(j);
  jsonw_object_end(j);
}

/* ---- pipelines ---- */

static void member_schedules(struct json *j, const struct pipeline *spec) {
  jsonw_key(j, "schedules");
  jsonw_array(j);
  for (size_t i = 0; spec && i < spec->schedules_len; i++) {
    const struct schedule_spec *s = &spec->schedules[i];
    char every[DURATION_TEXT_SIZE + sizeof "every "];
    if (!s->cron) {
      memcpy(every, "every ", sizeof "every ");
      duration_format(s->every, every + sizeof "every " - 1);
    }
    jsonw_object(j);
    jsonw_member_string(j, "text", s->cron ? s->cron : every);
    jsonw_member_string(j, "zone", s->cron ? s->zone : NULL);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

static void pipeline_begin(struct json *j, const struct history_pipeline *pipeline, duration usual,
                           const struct queries_options *o) {
  const struct pipeline_row *row = &pipeline->row;
  jsonw_object(j);
  jsonw_member_string(j, "name", row->name);
  jsonw_member_bool(j, "present", row->present);
  standing_pause(j, "paused", row->paused_at, row->paused_reason, row->paused_by);
  jsonw_key(j, "error");
  jsonw_raw(j, row->error ? row->error : "null", strlen(row->error ? row->error : "null"));
  jsonw_member_string(j, "description", pipeline->description);
  jsonw_member_string(j, "owner", pipeline->owner);
  jsonw_key(j, "tags");
  jsonw_raw(j, pipeline->tags ? pipeline->tags : "[]", strlen(pipeline->tags ? pipeline->tags : "[]"));
  jsonw_member_string(j, "version", pipeline->version_sha256[0] ? pipeline->version_sha256 : NULL);
  jsonw_member_instant(j, "next", engine_next_firing(core_engine(o->assembly->core), row->name, NULL));
  present_known(j, "usual_ms", usual < 0 ? -1 : usual / USEC_PER_MS);
  member_schedules(j, engine_pipeline(core_engine(o->assembly->core), row->name));
  jsonw_key(j, "last_runs");
  jsonw_array(j);
  for (size_t i = 0; i < pipeline->last_len; i++) {
    const struct history_last *last = &pipeline->last[i];
    jsonw_object(j);
    jsonw_member_string(j, "id", last->id.text);
    jsonw_member_int(j, "number", last->number);
    jsonw_member_string(j, "state", run_state_word(last->state));
    jsonw_key(j, "duration_ms");
    if (last->started_at == INSTANT_NONE || last->ended_at == INSTANT_NONE) {
      jsonw_null(j);
    } else {
      jsonw_duration_ms(j, last->ended_at - last->started_at);
    }
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

struct pipelines_found {
  struct history_pipeline *items;
  duration *usual;
  size_t len;
  bool more;
};

void page_pipelines_read(struct page *p) {
  struct pipelines_found *found = arena_new(&p->arena, struct pipelines_found);
  size_t limit = (size_t)page_number(p, "limit", 50, 1, HISTORY_LIMIT_MAX);
  if (p->status >= 400) return;
  int err = history_pipelines(p->history, api_query(&p->request, "after"), limit, &p->arena, &found->items,
                              &found->len);
  found->usual = arena_new_array(&p->arena, limit + 1, duration);
  for (size_t i = 0; !err && i < found->len; i++)
    err = history_usual(p->history, found->items[i].row.key, &found->usual[i]);
  if (err) page_unreadable(p, err);
  found->more = found->len == limit;
  p->found = found;
}

void page_pipelines_finish(struct page *p, const struct queries_options *o) {
  const struct pipelines_found *found = p->found;
  jsonw_object(&p->json);
  jsonw_key(&p->json, "items");
  jsonw_array(&p->json);
  for (size_t i = 0; i < found->len; i++) {
    pipeline_begin(&p->json, &found->items[i], found->usual[i], o);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
  jsonw_member_string(&p->json, "next", found->more ? found->items[found->len - 1].row.name : NULL);
  jsonw_object_end(&p->json);
}

struct pipeline_found {
  struct history_pipeline pipeline;
  duration usual;
  struct version_row version;
};

void page_pipeline_read(struct page *p) {
  struct pipeline_found *found = arena_new(&p->arena, struct pipeline_found);
  p->found = found;
  found->version = (struct version_row){0};
  if (!page_find_pipeline(p, &found->pipeline)) return;
  int err = history_usual(p->history, found->pipeline.row.key, &found->usual);
  if (!err && found->pipeline.row.version)
    err = history_version(p->history, found->pipeline.row.version, &p->arena, &found->version);
  if (err) page_unreadable(p, err);
}

/* The definition is the version's canonical JSON: schedules, parameters and tasks as the reader understood them. */
void page_pipeline_finish(struct page *p, const struct queries_options *o) {
  const struct pipeline_found *found = p->found;
  pipeline_begin(&p->json, &found->pipeline, found->usual, o);
  jsonw_key(&p->json, "definition");
  if (found->version.json) {
    jsonw_raw(&p->json, found->version.json, found->version.json_len);
  } else {
    jsonw_null(&p->json);
  }
  jsonw_member_string(&p->json, "text", found->version.text);
  jsonw_object_end(&p->json);
}

/* ---- why a task isn't running ---- */

struct why_found {
  struct history_run run;
  struct task_row *task;
};

void page_why_read(struct page *p) {
  struct why_found *found = arena_new(&p->arena, struct why_found);
  p->found = found;
  const char *name = api_query(&p->request, "task");
  if (!name) {
    page_problem(p, 422, "Bad query", "'task' is missing");
    return;
  }
  if (!page_find_run(p, &found->run)) return;
  struct task_row *tasks;
  size_t len;
  int err = history_tasks(p->history, found->run.run.key, -1, PIPELINE_TASKS_MAX, &p->arena, &tasks, &len);
  if (err) {
    page_unreadable(p, err);
    return;
  }
  found->task = (struct task_row *)(uintptr_t)page_task_named(tasks, len, name);
  if (!found->task) page_problem(p, 404, "No such task", "the run has no task '%s'; `rota show` lists them", name);
}

static void why_ended(const struct task_row *task, struct buf *why) {
  buf_str(why, task->reason ? task->reason : task_state_sentence(task->state));
}

void page_why_finish(struct page *p, const struct queries_options *o) {
  const struct why_found *found = p->found;
  struct moment now = {.wall = clock_now(), .mono = clock_monotonic()};
  struct buf why = {0};
  if (engine_why(core_engine(o->assembly->core), now, found->run.run.id.text, found->task->label, &why)) {
    why_ended(found->task, &why);
  }
  jsonw_object(&p->json);
  jsonw_member_string(&p->json, "task", found->task->label);
  jsonw_member_string(&p->json, "state", task_state_word(found->task->state));
  jsonw_member_string(&p->json, "why", buf_cstr(&why));
  jsonw_object_end(&p->json);
  buf_release(&why);
}
