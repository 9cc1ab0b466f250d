/* One connection and the request that it is about: the inside of the api room.
 *
 *   HEADER --guards--> BODY --complete--> WAITING --api_reply--> ANSWER --sent--> HEADER (the next one)
 *                                            '--api_stream_begin--> STREAM --ended--^
 *
 * While it is WAITING, or a STREAM with nothing to send, the connection is suspended and its descriptor watched for
 * the peer's going, which a suspended connection doesn't notice by itself.
 */
#ifndef ROTA_API_EXCHANGE_H
#define ROTA_API_EXCHANGE_H

#include <microhttpd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "scheduler/api/api.h"
#include "scheduler/api/gate.h"
#include "scheduler/api/peer.h"
#include "scheduler/api/tls.h"

#define EXCHANGE_SLOT_BITS 12
#define EXCHANGE_SLOTS     (1 << EXCHANGE_SLOT_BITS)

/* What an epoll event is about, if it isn't a slot. */
#define ABOUT_MHD      (UINT64_C(1) << 32) /* either of them */
#define ABOUT_LISTENER (UINT64_C(1) << 33) /* and the number of the listener */

struct stream;

enum exchange_phase { PHASE_HEADER, PHASE_BODY, PHASE_WAITING, PHASE_ANSWER, PHASE_STREAM };

struct exchange {
  struct api *api;
  struct MHD_Connection *connection;
  int fd;
  struct peer peer;
  struct tls_pair *pair; /* of its session; NULL without TLS */
  uint32_t slot;         /* in api.exchanges */
  enum exchange_phase phase;
  int64_t deadline; /* monotonic microseconds; 0 for none */
  bool in_handler, suspended, gone;
  struct MHD_Response *response; /* given by the handler and not queued yet */
  int status;
  struct stream *stream; /* from api_stream_begin to the end of the answer; else NULL */
  struct arena arena;    /* of the request */
  char *target;
  struct buf body;
  const struct asset *asset;  /* what was asked for is this file, and nothing for the handler */
  struct api_request request; /* handle 0: the handler hasn't seen it */
  struct api_pair path[API_PARAMS_MAX], query[TARGET_QUERY_MAX];
};

struct api {
  struct api_options options;
  char *state_dir;
  struct MHD_Daemon *mhd, *mhd_tls; /* the second for the port, if it speaks TLS */
  struct tls *tls;                  /* NULL: it doesn't */
  int dir_fd, epoll_fd;
  struct gate gate;
  char url[sizeof(struct net_origin) + 16]; /* "" if it is to be reached on no port */
  struct net_endpoint port;                 /* that is listened on */
  bool port_known;
  bool public_known;
  struct net_origin public; /* where people reach it, if that is known */
  struct net_range *proxies;
  size_t proxies_len;
  ino_t socket_inode;
  bool pump;    /* api_run is wanted at once */
  bool closing; /* nobody is told anything any more */
  uint64_t serial;
  int64_t next_deadline; /* no deadline is earlier; 0 for none */
  size_t waiting, streams;
  struct exchange *exchanges[EXCHANGE_SLOTS];
};

/* The callbacks of libmicrohttpd. */
void exchange_notify(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
                     enum MHD_ConnectionNotificationCode code);
void *exchange_target(void *ctx, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_access(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **request_ctx);
void exchange_completed(void *ctx, struct MHD_Connection *connection, void **request_ctx,
                        enum MHD_RequestTerminationCode code);
/* The peer of a waiting exchange has gone. */
void exchange_lost(struct exchange *x);
/* The exchange that waits for an answer to this handle; NULL if it doesn't any more. */
struct exchange *exchange_find(const struct api *api, uint64_t handle);
/* Gives it its answer, which it owns from here on. */
void exchange_answer(struct exchange *x, int status, struct MHD_Response *response);
/* What every answer carries, and these headers. */
void exchange_dress(const struct api *api, struct MHD_Response *r, const char *content_type, const char *cache,
                    const struct api_header *headers, size_t headers_len);
/* Suspends it, and watches for the peer's end: always for both of its halves closed, and for `events`. */
void exchange_sleep(struct exchange *x, uint32_t events);
void exchange_wake(struct exchange *x);
/* It is cut in so many milliseconds; 0: never. */
void exchange_deadline(struct exchange *x, int ms);
/* Cuts the connection if its deadline is over. */
void exchange_expire(struct exchange *x, int64_t now);

/* stream.c */
void stream_free(struct exchange *x); /* if it has one */
bool stream_is(const struct api *api, uint64_t handle);
/* Its handle, if nobody has ended it and nobody has been told that the client is gone; else 0. */
uint64_t stream_unfinished(const struct exchange *x);

#endif
