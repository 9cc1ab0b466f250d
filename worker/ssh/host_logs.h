/* Logs and progress of what runs on one host, as they come over. */
#ifndef ROTA_WORKER_SSH_HOST_LOGS_H
#define ROTA_WORKER_SSH_HOST_LOGS_H

#include "worker/ssh/host.h"

/* Bytes of an attempt's log from `offset` on: what is here already is skipped, what lies between is a gap. */
void host_log_take(struct host *h, struct host_attempt *a, uint64_t offset, const char *bytes, size_t len);
/* Takes the sections of an answer to ops_logs; whether there were any. */
bool host_logs_take(const struct host_ask *q, const struct answer *answer);
/* Asks for the logs of the request's attempts. */
void host_logs_send(struct host_ask *q, enum ask_order order, size_t max, int *under_way);
/* Asks for what is left of the log of one that has ended; host_log_arrived is called when something came of it. */
void host_log_rest(struct host *h, struct host_attempt *a);
void host_log_bulk_drop(struct host *h, struct host_attempt *a);

/* Lets go of the copy; what was not written yet isn't. */
void host_log_release(struct host *h, struct host_attempt *a);

/* host_ends.c */
void host_log_arrived(struct host *h, struct host_attempt *a);
void host_log_written(struct host *h, struct host_attempt *a);

#endif
