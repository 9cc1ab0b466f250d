#include "scheduler/daemon/handlers/visits.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/vec.h"
#include "scheduler/daemon/examination.h"
#include "scheduler/daemon/handlers/body.h"
#include "scheduler/spec/config.h"

/* An examination under way. */
struct visit {
  struct visits *visits;
  const char *host; /* as the post's arena has it */
  struct post *deed;
  struct arena *arena; /* of the post */
  struct doctor *doctor;
};

struct visits {
  struct assembly *assembly;
  VEC(struct visit *) under_way;
};

static void *read_host(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)body;
  return arena_strdup(arena, api_path(request, "host"));
}

/* False: nothing connects to it. */
static bool host_remote(const struct visits *v, const char *host, struct host_options *out, struct arena *a,
                        struct refusal *why) {
  if (fleet_host_options(v->assembly->config, host, out)) return true;
  *why = config_host(v->assembly->config, host) >= 0
             ? (struct refusal){409, "This machine",
                                arena_fmt(a, "%s is the machine that the daemon runs on: `rota doctor` there", host)}
             : (struct refusal){404, "No such host",
                                arena_fmt(a, "the configuration has no host '%s'; `rota hosts` lists them", host)};
  return false;
}

/* ---- connecting now ---- */

/* To try to connect earlier than at the next time changes nothing that must be on record first. */
static bool make_check(void *ctx, void *wish, const struct actor *actor, struct arena *a, struct engine_record *out,
                       struct refusal *why) {
  (void)actor;
  struct visits *v = ctx;
  struct host_options options;
  const char *host = wish;
  if (!host_remote(v, host, &options, a, why)) return false;
  fleet_check(v->assembly->fleet, host);
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_bool(&j, "ok", true);
  jsonw_member_string(&j, "did",
                      arena_fmt(a, "%s is being tried now; `rota hosts show %s` says how it went", host, host));
  jsonw_object_end(&j);
  out->action = "host-check";
  out->object = host;
  out->status = 200;
  out->body = arena_strndup(a, buf_cstr(&body), body.len);
  out->body_len = body.len;
  buf_release(&body);
  return true;
}

/* ---- examinations ---- */

static void visit_forget(struct visit *visit) {
  struct visits *v = visit->visits;
  for (size_t i = 0; i < v->under_way.len; i++) {
    if (v->under_way.items[i] == visit) vec_swap_remove(&v->under_way, i);
  }
  free(visit);
}

static const char *outcome_of(struct arena *a, const struct doctor_check *checks, size_t len) {
  size_t failed = 0, warned = 0;
  for (size_t i = 0; i < len; i++) {
    failed += checks[i].result == DOCTOR_FAIL;
    warned += checks[i].result == DOCTOR_WARN;
  }
  return failed || warned ? arena_fmt(a, "%zu failed, %zu warned", failed, warned) : "all well";
}

static void on_examined(void *ctx, const struct doctor_check *checks, size_t len) {
  struct visit *visit = ctx;
  struct arena *a = visit->arena;
  struct buf body = {0};
  struct change *change = arena_new(a, struct change);
  instant at = clock_now();
  examination_json(visit->host, at, checks, len, &body);
  *change = (struct change){.kind = CHANGE_HOST_DOCTOR,
                            .host_doctor = {visit->host, arena_strndup(a, buf_cstr(&body), body.len), at}};
  const struct engine_record done = {.changes = change,
                                     .changes_len = 1,
                                     .action = "host-doctor",
                                     .object = visit->host,
                                     .detail = outcome_of(a, checks, len),
                                     .status = 200,
                                     .body = change->host_doctor.doctor,
                                     .body_len = body.len};
  struct post *deed = visit->deed;
  buf_release(&body);
  visit_forget(visit);
  requests_deed_end(deed, &done, NULL);
}

static const struct visit *visit_of(const struct visits *v, const char *host) {
  for (size_t i = 0; i < v->under_way.len; i++)
    if (strcmp(v->under_way.items[i]->host, host) == 0) return v->under_way.items[i];
  return NULL;
}

static bool may_examine(void *ctx, void *wish, struct arena *a, struct refusal *why) {
  struct visits *v = ctx;
  const char *host = wish;
  struct host_options options;
  if (!host_remote(v, host, &options, a, why)) return false;
  if (!visit_of(v, host)) return true;
  *why = (struct refusal){
      409, "Under way", arena_fmt(a, "%s is being examined already, for a minute at most: its page shows it", host)};
  return false;
}

static void begin_doctor(void *ctx, void *wish, struct post *deed, struct arena *a) {
  struct visits *v = ctx;
  struct host_options options = {0};
  struct visit *visit = alloc_new(struct visit);
  *visit = (struct visit){.visits = v, .host = wish, .deed = deed, .arena = a};
  fleet_host_options(v->assembly->config, visit->host, &options);
  vec_push(&v->under_way, visit);
  visit->doctor = doctor_run(&v->assembly->loop, &options, v->assembly->state_dir, store_state_id(v->assembly->store),
                             on_examined, visit);
}

static const struct recorder recorders[] = {
    {.route = API_HOST_CHECK, .read = read_host, .make = make_check},
    {.route = API_HOST_DOCTOR, .read = read_host, .may = may_examine, .begin = begin_doctor},
};

struct visits *visits_new(struct assembly *assembly, struct requests *requests) {
  struct visits *v = alloc_new(struct visits);
  v->assembly = assembly;
  requests_record(requests, recorders, sizeof recorders / sizeof recorders[0], v);
  return v;
}

void visits_free(struct visits *v) {
  static const struct refusal stopping = {503, "Stopping", "the daemon stops"};
  if (!v) return;
  while (v->under_way.len > 0) {
    struct visit *visit = v->under_way.items[0];
    struct post *deed = visit->deed;
    doctor_cancel(visit->doctor);
    visit_forget(visit);
    requests_deed_end(deed, NULL, &stopping);
  }
  vec_release(&v->under_way);
  free(v);
}
