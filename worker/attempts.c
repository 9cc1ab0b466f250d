#include "worker/attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "worker/local.h"

struct attempt *attempts_add(struct attempts *as, const char *state_dir, const char *run_id, const char *id) {
  if (map_has(&as->by_id, id)) return NULL;
  struct attempt *a = alloc_new(struct attempt);
  snprintf(a->run_id, sizeof a->run_id, "%s", run_id);
  snprintf(a->id, sizeof a->id, "%s", id);
  a->dir = local_attempt_dir(state_dir, run_id, id);
  a->pidfd = -1;
  a->next = as->all;
  if (as->all) as->all->prev = a;
  as->all = a;
  map_put(&as->by_id, id, a);
  return a;
}

struct attempt *attempts_find(const struct attempts *as, const char *id) {
  return map_get(&as->by_id, id);
}

void attempts_forget(struct attempts *as, struct attempt *a) {
  if (map_get(&as->by_id, a->id) == a) map_remove(&as->by_id, a->id);
}

static void attempt_free(struct attempts *as, struct attempt *a) {
  if (a->prev)
    a->prev->next = a->next;
  else
    as->all = a->next;
  if (a->next) a->next->prev = a->prev;
  if (a->pidfd >= 0) close(a->pidfd);
  free(a->dir);
  free(a);
}

void attempts_settle(struct attempts *as, struct attempt *a) {
  if (a->over && a->chores == 0 && a->pidfd < 0) attempt_free(as, a);
}

void attempts_release(struct attempts *as) {
  while (as->all) attempt_free(as, as->all);
  map_release(&as->by_id);
}
