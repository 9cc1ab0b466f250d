#include "scheduler/api/api.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/instant.h"
#include "scheduler/api/access.h"
#include "scheduler/api/exchange.h"
#include "scheduler/api/gate.h"
#include "scheduler/api/guard.h"
#include "scheduler/api/listen.h"
#include "scheduler/api/tls.h"

#define LOCALS_MAX   1024
#define REMOTES_MAX  1024
#define ADDRESS_MAX  64
#define STREAMS_MAX  1000
#define HEADER_MS    10000
#define BODY_MS      30000
#define ANSWER_MS    120000
#define STALL_MS     30000
#define EVENTS       64
#define MEMORY_LIMIT (32 * 1024)

/* Targets are decoded here, after they are split. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *connection, char *text) {
  (void)ctx, (void)connection;
  return strlen(text);
}

/* libmicrohttpd wants to know where certificates come from; each session is given one before it begins (tls.h). */
static int certificate_none(gnutls_session_t session, const gnutls_datum_t *names, int names_len,
                            const gnutls_pk_algorithm_t *algorithms, int algorithms_len, gnutls_pcert_st **chain,
                            unsigned *chain_len, gnutls_privkey_t *key) {
  (void)session, (void)names, (void)names_len, (void)algorithms, (void)algorithms_len, (void)chain, (void)chain_len;
  (void)key;
  return -1;
}

static struct MHD_Daemon *mhd_start(struct api *api, bool tls) {
  const struct MHD_OptionItem options[] = {
    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)exchange_notify, api},
    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_completed, api},
    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_target, api},
    {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
    {MHD_OPTION_CONNECTION_LIMIT, EXCHANGE_SLOTS, NULL}, /* gate.h has the limits */
    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_LIMIT, NULL},
#if GUARD_DISCIPLINE_OPT
    {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL},
#else
    {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
#endif
    {MHD_OPTION_END, 0, NULL},
  };
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;
  if (!tls)
    return MHD_start_daemon(flags, 0, NULL, NULL, exchange_access, api, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
  return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, exchange_access, api, MHD_OPTION_ARRAY, options,
                          MHD_OPTION_HTTPS_CERT_CALLBACK, certificate_none, MHD_OPTION_HTTPS_PRIORITIES,
                          TLS_PRIORITIES, MHD_OPTION_END);
}

static int mhd_watch(struct api *api, struct MHD_Daemon *mhd) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
  assert(info);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = ABOUT_MHD};
  return epoll_ctl(api->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0 ? 0 : err_from_errno(errno);
}

static int api_open(struct api *api) {
  api->dir_fd = open(api->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (api->dir_fd < 0) return err_from_errno(errno);
  api->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (api->epoll_fd < 0) return err_from_errno(errno);
  int code = gate_open(api);
  if (code < 0) return code;
  api->mhd = mhd_start(api, false);
  if (!api->mhd) return ERR_IO;
  int fd = listen_unix(api->dir_fd, API_SOCKET_NAME, api->options.socket_shared ? &api->options.socket_group : NULL);
  if (fd < 0) return fd;
  struct stat made;
  if (fstatat(api->dir_fd, API_SOCKET_NAME, &made, AT_SYMLINK_NOFOLLOW) == 0) api->socket_inode = made.st_ino;
  const struct listener local = {.fd = fd, .local = true};
  code = gate_add(api, &local);
  if (code < 0) return code;
  return mhd_watch(api, api->mhd);
}

int api_new(const struct api_options *options, struct api **out) {
  assert(options->handler && options->state_dir);
  struct api *api = alloc_new(struct api);
  api->options = *options;
  api->state_dir = alloc_strdup(options->state_dir);
  api->dir_fd = api->epoll_fd = api->gate.spare_fd = -1;
  struct api_options *o = &api->options;
  if (!o->connections_max) o->connections_max = LOCALS_MAX;
  if (!o->port_connections_max) o->port_connections_max = REMOTES_MAX;
  if (!o->address_connections_max) o->address_connections_max = ADDRESS_MAX;
  if (!o->streams_max) o->streams_max = STREAMS_MAX;
  if (!o->authenticate) o->authenticate = access_socket_only;
  if (!o->header_ms) o->header_ms = HEADER_MS;
  if (!o->body_ms) o->body_ms = BODY_MS;
  if (!o->answer_ms) o->answer_ms = ANSWER_MS;
  if (!o->stall_ms) o->stall_ms = STALL_MS;
  assert(o->connections_max > 0 && o->port_connections_max > 0 && o->streams_max > 0);
  assert(o->connections_max + o->port_connections_max + o->streams_max <= EXCHANGE_SLOTS);
  int code = api_open(api);
  if (code < 0) {
    api_free(api);
    return code;
  }
  *out = api;
  return 0;
}

/* Another daemon may have put its own socket there since. */
static void socket_remove(const struct api *api) {
  struct stat now;
  if (api->socket_inode && fstatat(api->dir_fd, API_SOCKET_NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
      now.st_ino == api->socket_inode)
    unlinkat(api->dir_fd, API_SOCKET_NAME, 0);
}

static void fd_close(int fd) {
  if (fd >= 0) close(fd);
}

static void mhd_stop(struct MHD_Daemon *mhd) {
  MHD_run(mhd);
  MHD_stop_daemon(mhd);
}

void api_free(struct api *api) {
  if (!api) return;
  api->closing = true;
  socket_remove(api);
  if (api->mhd) {
    /* libmicrohttpd can't be stopped while connections are suspended. */
    for (size_t i = 0; i < EXCHANGE_SLOTS; i++)
      if (api->exchanges[i]) exchange_lost(api->exchanges[i]);
    mhd_stop(api->mhd);
    if (api->mhd_tls) mhd_stop(api->mhd_tls);
  }
  tls_free(api->tls);
  gate_close(api);
  fd_close(api->epoll_fd);
  fd_close(api->dir_fd);
  free(api->proxies);
  free(api->state_dir);
  free(api);
}

/* How people write an origin: without the usual port. */
static void url_set(struct api *api) {
  const struct net_origin *o = &api->public;
  if (!api->public_known && !api->port_known) {
    api->url[0] = '\0';
  } else if (!api->public_known) {
    struct net_endpoint at = api->port;
    char text[NET_ENDPOINT_TEXT];
    /* All addresses are none that a browser could open; the loopback is among them. */
    if (net_address_any(&at.address))
      net_address_parse(net_address_v4(&at.address) ? "127.0.0.1" : "::1", &at.address);
    net_endpoint_text(&at, text);
    snprintf(api->url, sizeof api->url, "%s://%s", api->tls ? "https" : "http", text);
  } else if (o->port == net_port_usual(o->secure)) {
    snprintf(api->url, sizeof api->url, "%s://%s", o->secure ? "https" : "http", o->host);
  } else {
    snprintf(api->url, sizeof api->url, "%s://%s:%u", o->secure ? "https" : "http", o->host, (unsigned)o->port);
  }
}

int api_tls(struct api *api, const char *certificate, const char *key, struct buf *why) {
  assert(api->tls || !api->port_known);
  int code = tls_load(&api->tls, certificate, key, why);
  if (code < 0 || api->mhd_tls) return code;
  api->mhd_tls = mhd_start(api, true);
  code = api->mhd_tls ? mhd_watch(api, api->mhd_tls) : ERR_IO;
  if (code < 0) buf_str(why, "libmicrohttpd can't speak TLS here");
  return code;
}

int api_listen(struct api *api, const struct net_endpoint *at, int tries) {
  struct listener port = {.at = *at, .tls = api->tls != NULL};
  port.fd = listen_tcp(&port.at);
  for (int i = 1; port.fd == ERR_BUSY && i < tries; i++) {
    port.at.port = (uint16_t)(at->port + i);
    port.fd = listen_tcp(&port.at);
  }
  if (port.fd < 0) return port.fd;
  int code = gate_add(api, &port);
  if (code < 0) return code;
  api->port = port.at;
  api->port_known = true;
  url_set(api);
  return 0;
}

uint16_t api_port(const struct api *api) {
  return api->port_known ? api->port.port : 0;
}

void api_front_set(struct api *api, const struct api_front *front) {
  api->public_known = front->public_url != NULL;
  if (front->public_url) {
    bool parsed = net_origin_parse(front->public_url, true, &api->public);
    assert(parsed);
    (void)parsed;
  }
  free(api->proxies);
  api->proxies = NULL;
  api->proxies_len = front->proxies_len;
  if (api->proxies_len) {
    api->proxies = alloc_zeroed(api->proxies_len, sizeof *api->proxies);
    memcpy(api->proxies, front->proxies, api->proxies_len * sizeof *api->proxies);
  }
  url_set(api);
}

const char *api_url(const struct api *api) {
  return api->url[0] ? api->url : NULL;
}

int api_fd(const struct api *api) {
  return api->epoll_fd;
}

size_t api_waiting(const struct api *api) {
  return api->waiting;
}

static void expire_all(struct api *api) {
  int64_t now = clock_monotonic();
  if (!api->next_deadline || now < api->next_deadline) return;
  api->next_deadline = 0;
  for (size_t i = 0; i < EXCHANGE_SLOTS; i++) {
    struct exchange *x = api->exchanges[i];
    if (!x) continue;
    exchange_expire(x, now);
    if (x->deadline && (!api->next_deadline || x->deadline < api->next_deadline)) api->next_deadline = x->deadline;
  }
}

void api_run(struct api *api) {
  struct epoll_event events[EVENTS];
  api->pump = false;
  if (api->tls) tls_sweep(api->tls);
  int count = epoll_wait(api->epoll_fd, events, EVENTS, 0);
  for (int i = 0; i < count; i++) {
    uint64_t about = events[i].data.u64;
    if (about >= ABOUT_LISTENER)
      gate_accept(api, about - ABOUT_LISTENER);
    else if (about != ABOUT_MHD && api->exchanges[about])
      exchange_lost(api->exchanges[about]);
  }
  MHD_run(api->mhd);
  if (api->mhd_tls) MHD_run(api->mhd_tls);
  api->gate.fresh_len = api->gate.fresh_locals = 0;
  expire_all(api);
}

static int64_t mhd_timeout(struct MHD_Daemon *mhd) {
  MHD_UNSIGNED_LONG_LONG ms;
  if (MHD_get_timeout(mhd, &ms) != MHD_YES) return -1;
  return ms < INT_MAX ? (int64_t)ms : INT_MAX;
}

int api_timeout_ms(struct api *api) {
  if (api->pump) return 0;
  int64_t best = mhd_timeout(api->mhd), second = api->mhd_tls ? mhd_timeout(api->mhd_tls) : -1;
  if (best < 0 || (second >= 0 && second < best)) best = second;
  if (api->next_deadline) {
    int64_t left = (api->next_deadline - clock_monotonic() + USEC_PER_MS - 1) / USEC_PER_MS;
    if (left < 0) left = 0;
    if (best < 0 || left < best) best = left;
  }
  return (int)(best > INT_MAX ? INT_MAX : best);
}

static const char *pair_find(const struct api_pair *pairs, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++)
    if (strcmp(pairs[i].name, name) == 0) return pairs[i].value;
  return NULL;
}

const char *api_path(const struct api_request *request, const char *name) {
  const char *value = pair_find(request->path, request->path_len, name);
  assert(value);
  return value;
}

const char *api_query(const struct api_request *request, const char *name) {
  return pair_find(request->query, request->query_len, name);
}

void api_problem_begin(struct json *j, int status, const char *title, const char *detail) {
  jsonw_object(j);
  jsonw_member_string(j, "type", "about:blank");
  jsonw_member_string(j, "title", title);
  jsonw_member_int(j, "status", status);
  jsonw_member_string(j, "detail", detail);
}
