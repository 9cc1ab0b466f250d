/* The code that attempts run: for each run and directory the work tree is looked up once, and what is found becomes
 * an event. Loop thread only; the look-ups themselves run on threads of the loop's pool (work_tree.h), a few at a
 * time, so that slow disks leave threads for others.
 */
#ifndef ROTA_DAEMON_CODE_H
#define ROTA_DAEMON_CODE_H

#include <stdbool.h>

#include "scheduler/daemon/core.h"
#include "scheduler/daemon/names.h"

struct code_lookups;

struct code_lookups *code_new(uv_loop_t *loop, struct core *core);
/* No event comes any more. What is under way is given up, and frees the rest when it ends: the loop must turn until
 * then. Accepts NULL. */
void code_free(struct code_lookups *l);
/* Looks up what the attempts among the changes run in. A run that has ended is forgotten. */
void code_committed(struct code_lookups *l, const struct names *names, const struct change *changes, size_t len);
/* Calls back each time when no look-up is left. */
void code_on_settled(struct code_lookups *l, void (*settled)(void *ctx), void *ctx);
bool code_settled(const struct code_lookups *l);

#endif
