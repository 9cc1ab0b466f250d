/* The HTTP server: it takes requests from the Unix socket and a port, asks who sends them, holds the guards against
 * them and hands what is left, as plain data, to one handler. It knows nothing of what the routes mean.
 *
 * It has no thread and no loop of its own. Whoever owns the loop polls api_fd for reading, calls api_run when it is
 * readable or when the time that api_timeout_ms last named is over, and asks api_timeout_ms again after every
 * api_run and every api_reply. Everything is called on that one thread, and nothing here blocks.
 *
 * A request is complete, body included, when the handler sees it. It is answered by api_reply or api_problem with its
 * handle, within the handler or at any time later; until then its connection sleeps. What a request points to lives
 * until its answer or until its client has gone, whichever is first. A handle is never used twice; an answer to one
 * whose client has gone is dropped in silence.
 *
 * The files of the web pages (assets.h) are answered here; the pages themselves come to the handler as API_PAGE, with
 * their path in `target`.
 *
 * Limits: guard.h, gate.h; a header block must be complete 10 s after its connection was accepted or has carried its
 * last answer, a body 30 s after its header, an answer must be taken within 120 s, and of a stream something within
 * each 30 s.
 */
#ifndef ROTA_API_API_H
#define ROTA_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/net.h"
#include "scheduler/api/assets.h"
#include "scheduler/api/routes.h"
#include "scheduler/api/target.h"

struct api;

/* What a request brings to say who asks. The strings live as long as the request. */
struct api_credentials {
  bool local; /* over the Unix socket: the kernel vouches for uid and pid */
  uid_t uid;
  pid_t pid;
  const char *address; /* "unix socket", or of the client, behind a trusted proxy as that says: "10.0.0.7" */
  const char *bearer;  /* the token of `Authorization: Bearer`; NULL */
  const char *session; /* the value of the session's cookie; NULL */
};

/* Who asks: filled by the one function that decides it. Role API_ROLE_PUBLIC is nobody. */
struct api_identity {
  enum api_role role;
  const char *kind, *id, *name; /* as an actor: "user", "1000", "anna"; "token"; "session". In the request's arena */
};

struct api_request {
  uint64_t handle; /* never 0 */
  enum api_route route;
  const struct api_pair *path, *query; /* decoded; in the order of the pattern, of the query */
  size_t path_len, query_len;
  const char *target;          /* the raw target, for the audit */
  const char *idempotency_key; /* NULL without one */
  /* NULL without them; the first of each, as it came. No range beside an If-Range. */
  const char *if_none_match, *range, *last_event_id;
  const char *body; /* NUL-terminated; "" without one */
  size_t body_len;
  uid_t uid; /* of the process at the other end, if `local` */
  pid_t pid;
  bool local;          /* over the Unix socket */
  bool secure;         /* the client speaks https, to us or to a trusted proxy */
  const char *address; /* as in the credentials */
  const char *agent;   /* User-Agent; NULL */
  /* The name of the session's cookie for who asks so: it holds the port that the browser knows, since cookies don't
   * heed ports; and a browser takes the one of https from nobody but this very host. */
  const char *cookie;
  const char *session; /* the value of the cookie that it came with; NULL */
  struct api_identity who;
};

/* The value that braces of the pattern took; the name must be one of them. */
const char *api_path(const struct api_request *request, const char *name);
/* A value of the query; NULL if it isn't there. */
const char *api_query(const struct api_request *request, const char *name);

/* Decides who asks, for every request alike; what it hands out lies in the arena. Fast: it may not block. */
typedef struct api_identity api_authenticate(void *ctx, const struct api_credentials *credentials, struct arena *a);

typedef void api_handler(void *ctx, const struct api_request *request);
/* The client of a request that the handler has seen and nobody has answered is gone: its handle is dead from here
 * on. Called from api_run, never from within the handler or api_reply. */
typedef void api_gone(void *ctx, uint64_t handle);
/* A stream (stream.h) has room again. Called from api_run; it may write. */
typedef void api_drained(void *ctx, uint64_t handle);

/* The files of the certificate changed: the new pair is in force (`why` NULL), or why the former stays. */
typedef void api_certificate(void *ctx, const char *why);

struct api_options {
  const char *state_dir; /* the socket is made in it: the caller holds its lock */
  api_handler *handler;
  api_authenticate *authenticate; /* NULL: the socket's peers are admins, nobody else is anybody */
  api_gone *gone;                 /* may be NULL */
  api_drained *drained;           /* may be NULL */
  api_certificate *certificate;   /* may be NULL */
  void *ctx;
  bool socket_shared; /* with the members of this group; else root and this process's user alone may open it */
  gid_t socket_group;
  const struct asset_table *assets; /* borrowed; NULL: what is built in */
  int connections_max;              /* over the Unix socket; 0: 1,024, besides the streams */
  int port_connections_max;         /* over the port; 0: 1,024, besides the streams */
  int address_connections_max;      /* over the port from one address, streams included; 0: 64 */
  int streams_max;                  /* 0: 1,000 */
  /* Limits of time in milliseconds; 0 takes what stands above. */
  int header_ms, body_ms, answer_ms, stall_ms;
};

/* 0, or a negative code and nothing is left behind. */
int api_new(const struct api_options *options, struct api **out);
/* Listens on a port too, once; while it is taken, on the next, up to `tries` of them. 0, or a code of listen_tcp. */
int api_listen(struct api *api, const struct net_endpoint *at, int tries);
/* 0 if it listens on none. */
uint16_t api_port(const struct api *api);
/* From now on the port speaks TLS with this certificate (PEM, with its chain) and key. Before api_listen, and again
 * for other files later. 0, or a negative code with *why saying what is wrong; what was in force stays. */
int api_tls(struct api *api, const char *certificate, const char *key, struct buf *why);
/* What stands in front of the port; may be called again while it runs. Copied. */
struct api_front {
  const char *public_url;          /* "https://rota.example", where people reach it; NULL: at the port itself */
  const struct net_range *proxies; /* whose word on the client counts */
  size_t proxies_len;
};
void api_front_set(struct api *api, const struct api_front *front);
/* "http://127.0.0.1:8080": where people reach it; NULL if that isn't known, since it listens on no port. */
const char *api_url(const struct api *api);
/* Drops every connection, answered or not, and removes the socket; `gone` isn't called. Accepts NULL. */
void api_free(struct api *api);

int api_fd(const struct api *api);
void api_run(struct api *api);
/* Milliseconds until api_run must be called though nothing is readable; 0 = at once, -1 = never. */
int api_timeout_ms(struct api *api);

/* Whether an answer to it would still reach someone. */
bool api_alive(const struct api *api, uint64_t handle);
/* How many requests have been handed to the handler and not been answered. */
size_t api_waiting(const struct api *api);

struct api_header {
  const char *name, *value;
};

/* Answers; everything is copied. `content_type` NULL is application/json. */
void api_reply(struct api *api, uint64_t handle, int status, const char *content_type,
               const struct api_header *headers, size_t headers_len, const void *body, size_t len);
/* Answers with a problem document (RFC 9457); `detail` says what is wrong and what to do. */
void api_problem(struct api *api, uint64_t handle, int status, const char *title, const char *detail);

#define API_PROBLEM_TYPE "application/problem+json"
/* Opens the object of a problem document and writes its four members, for those that want more in it. */
void api_problem_begin(struct json *j, int status, const char *title, const char *detail);

#endif
