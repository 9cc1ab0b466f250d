/* The code that attempts run: for each run and directory the work tree is looked up once, and what is found becomes
 * an event. Loop thread only; the look-ups themselves run on threads (work_tree.h). */
#ifndef ROTA_DAEMON_CODE_H
#define ROTA_DAEMON_CODE_H

#include "base/map.h"
#include "scheduler/daemon/core.h"
#include "scheduler/daemon/names.h"

struct code_lookups {
  uv_loop_t *loop;
  struct core *core;
  struct map asked; /* run id and directory */
  int pending;
  void (*settled)(void *ctx); /* no look-up is under way any more; may be NULL */
  void *ctx;
};

void code_init(struct code_lookups *l, uv_loop_t *loop, struct core *core);
void code_release(struct code_lookups *l);
/* Looks up what the attempts among the changes run in. */
void code_committed(struct code_lookups *l, const struct names *names, const struct change *changes, size_t len);

#endif
