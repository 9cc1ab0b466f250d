/* What a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET. Without one, nothing happens. */
#ifndef ROTA_DAEMON_SERVICE_H
#define ROTA_DAEMON_SERVICE_H

/* "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=...", "STATUS=...". Never blocks; failures are ignored. */
void service_notify(const char *state);

#endif
