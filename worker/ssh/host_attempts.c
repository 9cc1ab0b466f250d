#include "worker/ssh/host_attempts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "worker/local.h"

struct host_attempt *host_attempts_add(struct host_attempts *as, const char *state_dir, const char *run_id,
                                       const char *id) {
  if (map_has(&as->by_id, id)) return NULL;
  struct host_attempt *a = alloc_new(struct host_attempt);
  snprintf(a->run_id, sizeof a->run_id, "%s", run_id);
  snprintf(a->id, sizeof a->id, "%s", id);
  a->dir = local_attempt_dir(state_dir, run_id, id);
  a->next = as->all;
  if (as->all) as->all->prev = a;
  as->all = a;
  as->len++;
  map_put(&as->by_id, id, a);
  return a;
}

struct host_attempt *host_attempts_find(const struct host_attempts *as, const char *id) {
  return map_get(&as->by_id, id);
}

void host_attempts_forget(struct host_attempts *as, struct host_attempt *a) {
  assert(!a->over);
  a->over = true;
  map_remove(&as->by_id, a->id);
}

void host_attempt_launch_drop(struct host_attempt *a) {
  if (a->arena) arena_release(a->arena);
  free(a->arena);
  a->arena = NULL;
  a->launch = NULL;
}

void host_attempts_settle(struct host_attempts *as, struct host_attempt *a) {
  if (!a->over || a->uses > 0) return;
  assert(!a->ending);
  if (a->prev) a->prev->next = a->next;
  if (!a->prev) as->all = a->next;
  if (a->next) a->next->prev = a->prev;
  as->len--;
  if (as->len == 0) map_release(&as->by_id);
  host_attempt_launch_drop(a);
  record_release(&a->record);
  free(a->dir);
  free(a);
}
