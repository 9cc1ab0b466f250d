/* The daemon's log, drawn from the rows that were committed: one line a fact, so that what the log says is durable.
 */
#ifndef ROTA_DAEMON_FACTS_H
#define ROTA_DAEMON_FACTS_H

#include <stddef.h>

#include "scheduler/daemon/names.h"

void facts_log(const struct names *names, const struct change *changes, size_t len);

#endif
