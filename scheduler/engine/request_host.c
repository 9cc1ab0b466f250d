/* What people order of a host: up, drain, down. */
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/remnant.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"

/* The live attempts there, the oldest first, in the scratch arena. */
static struct attempt **attempts_there(struct engine *e, const struct host *h, size_t *len) {
  struct attempt **list = arena_new_array(&e->scratch, h->live + 1, struct attempt *);
  *len = 0;
  for (size_t i = 0; i < e->attempts_by_id.len; i++) {
    struct attempt *a = e->attempts_by_id.entries[i].value;
    if (a->host != h) continue;
    size_t at = (*len)++;
    for (; at > 0 && list[at - 1]->row.key > a->row.key; at--) list[at] = list[at - 1];
    list[at] = a;
  }
  return list;
}

/* What becomes of it if its host is declared down. */
static const char *fate(const struct attempt *a) {
  if (a->row.stop_asked) return "cancelled";
  const struct live_run *r = a->run;
  bool going_on = r->row.state != RUN_CANCELLING || instance_task(a->instance)->finally;
  return going_on && retry_lost_left(a->instance) ? "retry" : "lost";
}

static void reply_plan(struct engine *e, const struct engine_host_order *q, const struct host *h) {
  struct buf body = {0};
  struct json j;
  size_t len;
  struct attempt **list = attempts_there(e, h, &len);
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_key(&j, "tasks");
  jsonw_array(&j);
  for (size_t i = 0; i < len && q->order == HOST_ORDER_DOWN; i++) {
    jsonw_object(&j);
    jsonw_member_string(&j, "run", run_name(list[i]->run, &e->scratch));
    jsonw_member_string(&j, "run_id", list[i]->run->row.id.text);
    jsonw_member_string(&j, "task", list[i]->instance->label);
    jsonw_member_string(&j, "state", task_state_word(list[i]->instance->state));
    jsonw_member_string(&j, "then", fate(list[i]));
    jsonw_object_end(&j);
  }
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  reply_json(e, &q->asker, 200, &body);
  buf_release(&body);
}

/* True if an answer was given: it can't be ordered. */
static bool refused(struct engine *e, const struct engine_host_order *q, const struct host *h) {
  if (!h || (!h->config && !h->live && !h->remnants)) {
    reply_problem(e, &q->asker, 404, "there is no host '%s': `rota hosts` shows all of them", q->host);
    return true;
  }
  if (q->order == HOST_ORDER_DOWN && host_is_here(h)) {
    reply_problem(e, &q->asker, 422,
                  "%s is the machine that the daemon runs on, so it can't be declared down: drain it with `rota "
                  "hosts drain %s`, and cancel what runs there",
                  h->name, h->name);
    return true;
  }
  if (h->row.order != q->order || q->gone) return false;
  if (q->order == HOST_ORDER_UP)
    reply_problem(e, &q->asker, 409, "%s is neither drained nor declared down", h->name);
  else
    reply_problem(e, &q->asker, 409, "%s is %s already%s%s: %s", h->name,
                  q->order == HOST_ORDER_DOWN ? "declared down" : "drained", h->row.order_by ? " by " : "",
                  h->row.order_by ? h->row.order_by : "",
                  h->row.order_reason ? h->row.order_reason : "no reason was given");
  return true;
}

/* What a task's end brings about may end others there before their turn. */
static size_t give_up_all(struct engine *e, struct host *h, const char *reason) {
  size_t len, given = 0;
  struct attempt **list = attempts_there(e, h, &len);
  for (size_t i = 0; i < len; i++) {
    if (list[i]->over) continue;
    attempt_give_up(list[i], reason, false);
    given++;
  }
  return given;
}

static void reply_ordered(struct engine *e, const struct engine_host_order *q, const struct host *h, size_t given,
                          size_t dropped) {
  if (q->gone)
    reply_done(e, &q->asker,
               "%s is declared down for good: %zu task%s there %s given up, and nothing that was is waited for (%zu)",
               h->name, given, given == 1 ? "" : "s", given == 1 ? "was" : "were", dropped);
  else if (q->order == HOST_ORDER_DOWN)
    reply_done(e, &q->asker, "%s is declared down: %zu task%s there %s given up", h->name, given,
               given == 1 ? "" : "s", given == 1 ? "was" : "were");
  else if (q->order == HOST_ORDER_DRAIN && !h->live)
    reply_done(e, &q->asker, "%s is drained: no task starts there, and none runs", h->name);
  else if (q->order == HOST_ORDER_DRAIN)
    reply_done(e, &q->asker, "%s is drained: no task starts there; %zu still run%s", h->name, h->live,
               h->live == 1 ? "s" : "");
  else if (h->remnants)
    reply_done(e, &q->asker, "%s takes tasks again once what may be left of %s is ended there", h->name,
               remnant_first(e, h)->row.what);
  else
    reply_done(e, &q->asker, "%s takes tasks again%s", h->name, host_answers(h) ? "" : " once it answers");
}

void request_host_order(struct engine *e, const struct engine_host_order *q) {
  struct host *h = host_find(e, q->host);
  if (refused(e, q, h)) return;
  if (q->asker.dry_run) {
    reply_plan(e, q, h);
    return;
  }
  const char *by = q->asker.actor.name ? q->asker.actor.name : q->asker.actor.id;
  const char *reason = q->reason && *q->reason ? q->reason : NULL;
  host_order_set(e, h, q->order, reason, by);
  emit_audit(e, &q->asker.actor, q->gone ? "host-gone" : arena_fmt(&e->scratch, "host-%s", host_order_word(q->order)),
             h->name, reason);
  size_t given = 0, dropped = 0;
  if (q->order == HOST_ORDER_DOWN)
    given = give_up_all(e, h,
                        arena_fmt(&e->scratch, "%s was declared down by %s: %s", h->name, by ? by : "someone",
                                  reason ? reason : "no reason was given"));
  if (q->gone) dropped = remnants_drop(e, h);
  /* Who waits for the host that has its ROTA_STATE waits for it no longer, or again. */
  ready_replace(e);
  reply_ordered(e, q, h, given, dropped);
}
