/* What a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET. Without one, nothing happens. */
#ifndef ROTA_DAEMON_SERVICE_H
#define ROTA_DAEMON_SERVICE_H

#include <stdbool.h>

/* "READY=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1". Never blocks; failures are ignored. */
void service_notify(const char *state);
/* RELOADING=1 with the time that Type=notify-reload wants; READY=1 ends it. */
void service_reloading(void);
/* Whether somebody would hear it. */
bool service_managed(void);

#endif
