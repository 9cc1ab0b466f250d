/* The HTTP server on the loop: its one descriptor is polled, and its timer runs, so that requests come in and answers
 * go out without a thread. Loop thread only. */
#ifndef ROTA_DAEMON_SERVER_H
#define ROTA_DAEMON_SERVER_H

#include <uv.h>

#include "scheduler/api/api.h"

struct server;

/* 0, or a negative code: the socket can't be made. */
int server_new(uv_loop_t *loop, const struct api_options *options, struct server **out);
struct api *server_api(struct server *s);
uv_loop_t *server_loop(struct server *s);
/* After answers from outside of the handler: lets them go out. */
void server_pump(struct server *s);
/* Drops the connections and removes the socket; the handles are freed when the loop has turned. Accepts NULL. */
void server_free(struct server *s);

#endif
