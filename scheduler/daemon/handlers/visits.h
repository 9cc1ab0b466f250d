/* What is asked about a host and done there, beside orders to it: to connect now, and to be examined.
 *
 * An examination takes up to a minute; it is answered when its result is on record. One at a time for a host.
 * Loop thread only.
 */
#ifndef ROTA_DAEMON_VISITS_H
#define ROTA_DAEMON_VISITS_H

#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/handlers/requests.h"

struct visits;

/* Takes POST /hosts/{host}/check and /hosts/{host}/doctor; all is borrowed. */
struct visits *visits_new(struct assembly *assembly, struct requests *requests);
/* Before requests_free; examinations under way are given up. Accepts NULL. */
void visits_free(struct visits *v);

#endif
