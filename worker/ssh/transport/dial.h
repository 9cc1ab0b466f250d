/* A TCP connection to a name or an address: all addresses that the name has are tried, of both families in turn, each
 * a quarter of a second after the one before or as soon as that failed, and the first that answers wins (as RFC 8305
 * has it). Nothing blocks; the name is looked up on libuv's pool.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_DIAL_H
#define ROTA_WORKER_SSH_TRANSPORT_DIAL_H

#include <stdint.h>
#include <uv.h>

struct dial;

/* The socket, which the callback owns: non-blocking, close-on-exec, TCP_NODELAY, TCP_USER_TIMEOUT of 45 s. Or -1 and
 * what was wrong, "no such name", "connection refused"; valid during the callback. The dial frees itself after. */
typedef void dial_fn(void *ctx, int fd, const char *why);

/* Never NULL; the callback never comes from within the call. There is no limit of time but the kernel's. */
struct dial *dial_new(uv_loop_t *loop, const char *host, uint16_t port, dial_fn *done, void *ctx);
/* For one whose callback hasn't come: it won't. */
void dial_free(struct dial *d);

#endif
