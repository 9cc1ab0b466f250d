/* How things stand, as the status and the overview both tell it: of the engine and the loader, on the loop's thread.
 */
#ifndef ROTA_DAEMON_STANDING_H
#define ROTA_DAEMON_STANDING_H

#include "scheduler/daemon/pages/page.h"

/* The members `next`, `slots`, `hosts`, `paused`, `degraded`, `backup` and `broken`. */
void standing_json(struct page *p, const struct queries_options *o);
/* null where `at` is INSTANT_NONE. */
void standing_pause(struct json *j, const char *key, instant at, const char *reason, const char *by);

#endif
