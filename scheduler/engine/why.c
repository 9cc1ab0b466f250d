/* One line for each task: why it isn't running, or what it is doing. */
#include <string.h>

#include "base/err.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/host.h"
#include "scheduler/engine/instance.h"
#include "scheduler/engine/model.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/retry.h"
#include "scheduler/engine/run.h"
#include "scheduler/engine/scope_view.h"

#define NAMED_MAX 3 /* dependencies that are named; the rest is counted */

static void why_queued(const struct live_run *r, struct buf *out) {
  const struct live_run *ahead = r->entry->first;
  while (ahead && ahead->row.state == RUN_QUEUED && ahead != r) ahead = ahead->next;
  if (!ahead || ahead == r) ahead = r->prev;
  if (ahead)
    buf_fmt(out, "its run is queued behind %s#%lld (%s)", ahead->entry->row.name, (long long)ahead->row.number,
            run_state_word(ahead->row.state));
  else
    buf_str(out, "its run is queued and goes on at once");
}

/* What it needs and hasn't ended: tasks as a whole, or the one instance that it is paired with. */
static void why_dependencies(const struct instance *i, struct buf *out) {
  const struct live_run *r = i->run;
  const struct task_spec *t = instance_task(i);
  size_t named = 0, more = 0;
  for (size_t n = 0; n < t->needs_len; n++) {
    uint32_t g = t->needs[n].task;
    const struct group *group = &r->groups[g];
    const struct instance *pair = need_pairs(r, i->group, &t->needs[n]) ? &r->instances[group->first + i->place]
                                                                        : NULL;
    if (pair ? task_state_ended(pair->state) : group->left == 0) continue;
    if (named == NAMED_MAX) {
      more++;
      continue;
    }
    buf_str(out, named++ ? ", " : "waits for ");
    if (pair)
      buf_fmt(out, "%s (%s)", pair->label, task_state_word(pair->state));
    else if (group->count == 1)
      buf_fmt(out, "%s (%s)", r->spec->tasks[g].name, task_state_word(group_state(r, g)));
    else
      buf_fmt(out, "%s (%u of %u left)", r->spec->tasks[g].name, group->left, group->count);
  }
  if (more) buf_fmt(out, " and %zu more", more);
  if (!named) buf_str(out, instance_task(i)->finally ? "runs once all other tasks have ended" : "is decided now");
}

static void why_retry(struct instance *i, instant now, struct buf *out) {
  struct retry_policy p;
  const char *message;
  if (retry_policy_of(i, &p, &message)) p.max = i->failures;
  if (i->fenced >= 3 && !i->losses && !i->failures)
    buf_str(out, "it never started and is tried again at ");
  else if (i->losses && !i->failures)
    buf_fmt(out, "retry %lld of %lld after a loss at ", (long long)i->losses, (long long)p.lost);
  else
    buf_fmt(out, "retry %lld of %lld at ", (long long)i->failures, (long long)p.max);
  host_time(out, i->not_before, now);
  if (i->reason) buf_fmt(out, "; the last attempt: %s", i->reason);
}

static void why_waiting(struct engine *e, struct instance *i, instant now, struct buf *out) {
  const struct live_run *r = i->run;
  if (r->row.state == RUN_QUEUED)
    why_queued(r, out);
  else if (r->preparing) {
    struct entry *entry = r->entry;
    buf_fmt(out, "waits until the files of the run that %s#%lld came from are copied", entry->row.name,
            (long long)r->row.number);
  } else if (i->wait == WAIT_RETRY)
    why_retry(i, now, out);
  else if (i->feed)
    ready_explain(e, i, out);
  else
    why_dependencies(i, out);
}

static void why_live(const struct instance *i, instant now, struct buf *out) {
  const struct attempt *a = i->live;
  buf_fmt(out, "%s on %s", task_state_word(i->state), a->host->name);
  instant since = i->state == TASK_UNREACHABLE ? a->row.unreachable_at : a->row.started_at;
  if (since != INSTANT_NONE) {
    buf_str(out, " since ");
    host_time(out, since, now);
  }
  buf_fmt(out, ", attempt %lld", (long long)a->row.number);
  const char *more = i->reason ? i->reason : a->reason;
  if (more) buf_fmt(out, ": %s", more);
}

static void why_ended(const struct instance *i, instant now, struct buf *out) {
  buf_str(out, task_state_word(i->state));
  if (i->ended_at != INSTANT_NONE) {
    buf_str(out, " at ");
    host_time(out, i->ended_at, now);
  }
  if (i->reason) buf_fmt(out, ": %s", i->reason);
}

int engine_why(const struct engine *e, struct moment now, const char *run_id, const char *task, struct buf *out) {
  struct live_run *r = run_find(e, run_id);
  struct instance *i = r ? instance_find(r, task) : NULL;
  if (!i) return ERR_NOT_FOUND;
  if (i->state == TASK_WAITING)
    why_waiting(r->engine, i, now.wall, out);
  else if (i->live)
    why_live(i, now.wall, out);
  else
    why_ended(i, now.wall, out);
  return 0;
}
