/* The machines that tasks run on: the list of them, and all that is known of one. */
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/pages/host_json.h"
#include "scheduler/daemon/pages/present.h"
#include "scheduler/store/history.h"

#define BOOTS_MAX    50
#define FAILURES_MAX 50

void page_hosts_read(struct page *p) {
  struct host_disk *disk = arena_new(&p->arena, struct host_disk);
  host_disk_read(p, disk);
  p->found = disk;
}

void page_hosts_finish(struct page *p, const struct queries_options *o) {
  struct engine_place *places;
  size_t len = engine_hosts(core_engine(o->assembly->core), &p->arena, &places);
  const struct host_common common = host_common(p, o, p->found);
  page_list_begin(p);
  for (size_t i = 0; i < len; i++) {
    host_json_begin(p, o, &places[i], &common);
    jsonw_object_end(&p->json);
  }
  page_list_end(p, 0);
}

/* ---- one ---- */

struct host_found {
  struct host_disk disk;
  struct host_row row;
  struct host_boot_row *boots;
  struct history_host_failure *failures;
  struct remnant_row *remnants;
  size_t boots_len, failures_len, remnants_len;
};

void page_host_read(struct page *p) {
  struct host_found *f = arena_new(&p->arena, struct host_found);
  const char *host = api_path(&p->request, "host");
  struct history *h = p->history;
  struct arena *a = &p->arena;
  memset(f, 0, sizeof *f);
  p->found = f;
  host_disk_read(p, &f->disk);
  int err = history_host(h, host, a, &f->row);
  if (err == ERR_NOT_FOUND) err = 0;
  if (!err) err = history_boots(h, host, a, &f->boots, &f->boots_len);
  if (!err) err = history_host_failures(h, host, FAILURES_MAX, a, &f->failures, &f->failures_len);
  if (!err) err = history_remnants(h, host, a, &f->remnants, &f->remnants_len);
  if (err) page_unreadable(p, err);
}

static void write_boots(struct json *j, const struct host_found *f) {
  jsonw_key(j, "boots");
  jsonw_array(j);
  for (size_t i = 0; i < f->boots_len && i < BOOTS_MAX; i++) {
    const struct host_boot_row *boot = &f->boots[i];
    jsonw_object(j);
    jsonw_member_string(j, "id", boot->boot);
    jsonw_member_string(j, "machine", boot->machine);
    jsonw_member_instant(j, "booted_at", boot->booted_at);
    jsonw_member_instant(j, "seen_at", boot->seen_at);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

/* Opens the object of an attempt there. */
static void begin_attempt(struct page *p, const char *pipeline, int64_t number, const char *run_id, const char *task,
                          int64_t attempt) {
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_member_string(j, "run", host_run_name(p, pipeline, number));
  jsonw_member_string(j, "run_id", run_id);
  jsonw_member_string(j, "task", task);
  jsonw_member_int(j, "attempt", attempt);
}

static void write_running(struct page *p, const struct queries_options *o, const char *host) {
  struct json *j = &p->json;
  struct engine_host_attempt *there;
  size_t len = engine_host_attempts(core_engine(o->assembly->core), host, &p->arena, &there);
  jsonw_key(j, "running_tasks");
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) {
    const struct engine_host_attempt *t = &there[i];
    begin_attempt(p, t->pipeline, t->number, t->run_id, t->task, t->attempt);
    jsonw_member_string(j, "state", task_state_word(t->state));
    jsonw_member_string(j, "reason", t->reason);
    jsonw_member_instant(j, "started_at", t->started_at);
    jsonw_member_instant(j, "ended_at", INSTANT_NONE);
    jsonw_member_instant(j, "unreachable_at", t->unreachable_at);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

static void write_failures(struct page *p, const struct host_found *f) {
  struct json *j = &p->json;
  jsonw_key(j, "failures");
  jsonw_array(j);
  for (size_t i = 0; i < f->failures_len; i++) {
    const struct history_host_failure *x = &f->failures[i];
    const struct attempt_row *row = &x->attempt;
    begin_attempt(p, x->pipeline, x->number, x->run_id.text, row->label, row->number);
    jsonw_member_string(j, "state", task_state_word(row->state));
    jsonw_member_string(j, "reason", row->reason);
    jsonw_member_instant(j, "started_at", row->started_at);
    jsonw_member_instant(j, "ended_at", row->ended_at);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

/* `what` is "nightly#412 train". */
static void write_remnants(struct page *p, const struct host_found *f) {
  struct json *j = &p->json;
  jsonw_key(j, "remnants");
  jsonw_array(j);
  for (size_t i = 0; i < f->remnants_len; i++) {
    const struct remnant_row *r = &f->remnants[i];
    const char *space = strchr(r->what, ' ');
    size_t len = space ? (size_t)(space - r->what) : strlen(r->what);
    jsonw_object(j);
    jsonw_member_string(j, "run", arena_strndup(&p->arena, r->what, len));
    jsonw_member_string(j, "run_id", r->run_id);
    jsonw_member_string(j, "task", space ? space + 1 : "");
    jsonw_member_string(j, "reason", r->reason);
    jsonw_member_instant(j, "since", r->since);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

static void member_json(struct json *j, const char *key, const char *text) {
  jsonw_key(j, key);
  if (text)
    jsonw_raw(j, text, strlen(text));
  else
    jsonw_null(j);
}

void page_host_finish(struct page *p, const struct queries_options *o) {
  const struct host_found *f = p->found;
  const char *host = api_path(&p->request, "host");
  struct engine_place *places;
  size_t i = 0, len = engine_hosts(core_engine(o->assembly->core), &p->arena, &places);
  while (i < len && strcmp(places[i].row->name, host) != 0) i++;
  if (i == len) {
    page_problem(p, 404, "No such host", "the configuration has no host '%s'; `rota hosts` lists them", host);
    return;
  }
  const struct host_common common = host_common(p, o, &f->disk);
  host_json_begin(p, o, &places[i], &common);
  member_json(&p->json, "facts", places[i].row->facts);
  write_boots(&p->json, f);
  write_running(p, o, host);
  write_failures(p, f);
  write_remnants(p, f);
  member_json(&p->json, "doctor", f->row.doctor);
  jsonw_object_end(&p->json);
}
