/* One connection and the request that it is about: the inside of the api room.
 *
 *   HEADER --guards--> BODY --complete--> WAITING --api_reply--> ANSWER --sent--> HEADER (the next one)
 *
 * While it is WAITING the connection is suspended and its descriptor watched for the peer's going, which a suspended
 * connection doesn't notice by itself.
 */
#ifndef ROTA_API_EXCHANGE_H
#define ROTA_API_EXCHANGE_H

#include <microhttpd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "scheduler/api/api.h"

#define EXCHANGE_SLOT_BITS 12
#define EXCHANGE_SLOTS     (1 << EXCHANGE_SLOT_BITS)

enum exchange_phase { PHASE_HEADER, PHASE_BODY, PHASE_WAITING, PHASE_ANSWER };

struct exchange {
  struct api *api;
  struct MHD_Connection *connection;
  int fd;
  uid_t uid;
  pid_t pid;
  uint32_t slot; /* in api.exchanges */
  enum exchange_phase phase;
  int64_t deadline; /* monotonic microseconds; 0 for none */
  bool in_handler, suspended, gone;
  struct MHD_Response *response; /* given by the handler and not queued yet */
  int status;
  struct arena arena; /* of the request */
  char *target;
  struct buf body;
  const struct asset *asset;  /* what was asked for is this file, and nothing for the handler */
  struct api_request request; /* handle 0: the handler hasn't seen it */
  struct api_pair path[API_PARAMS_MAX], query[TARGET_QUERY_MAX];
};

struct api {
  struct api_options options;
  char *state_dir;
  struct MHD_Daemon *mhd;
  int dir_fd, listen_fd, epoll_fd, spare_fd;
  ino_t socket_inode;
  bool pump;    /* api_run is wanted at once */
  bool closing; /* nobody is told anything any more */
  uint64_t serial;
  int64_t next_deadline; /* no deadline is earlier; 0 for none */
  size_t waiting, open;
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
/* Cuts the connection if its deadline is over. */
void exchange_expire(struct exchange *x, int64_t now);

#endif
