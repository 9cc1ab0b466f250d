/* A line of the audit for what somebody asked for and the engine knows nothing of. */
#ifndef ROTA_DAEMON_AUDIT_H
#define ROTA_DAEMON_AUDIT_H

#include "scheduler/api/api.h"
#include "scheduler/daemon/core.h"

/* Into the inbox: it is durable when core_after calls back. `object` and `detail` may be NULL; all is copied. */
void audit_put(struct core *core, const struct api_request *request, const char *action, const char *object,
               const char *detail);

#endif
