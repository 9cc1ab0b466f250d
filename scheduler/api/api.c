#include "scheduler/api/api.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/instant.h"
#include "scheduler/api/exchange.h"
#include "scheduler/api/guard.h"
#include "scheduler/api/listen.h"

#define CONNECTIONS_MAX 1024
#define STREAMS_MAX     1000
#define HEADER_MS       10000
#define BODY_MS         30000
#define ANSWER_MS       120000
#define STALL_MS        30000
#define EVENTS          64
#define ACCEPTS         64 /* in one turn, so that a flood of connections leaves time for the rest */
#define MEMORY_LIMIT    (32 * 1024)

/* What an epoll event is about, if it isn't a slot. */
#define ABOUT_LISTEN UINT64_MAX
#define ABOUT_MHD    (UINT64_MAX - 1)

/* Targets are decoded here, after they are split. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *connection, char *text) {
  (void)ctx, (void)connection;
  return strlen(text);
}

static struct MHD_Daemon *mhd_start(struct api *api) {
  const struct MHD_OptionItem options[] = {
    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)exchange_notify, api},
    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_completed, api},
    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_target, api},
    {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
    {MHD_OPTION_CONNECTION_LIMIT, api->options.connections_max + api->options.streams_max, NULL},
    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_LIMIT, NULL},
#if GUARD_DISCIPLINE_OPT
    {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL},
#else
    {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
#endif
    {MHD_OPTION_END, 0, NULL},
  };
  return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
                          exchange_access, api, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static bool epoll_watch(struct api *api, int fd, uint64_t about) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = about};
  return epoll_ctl(api->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int spare_open(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int api_open(struct api *api) {
  api->dir_fd = open(api->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (api->dir_fd < 0) return err_from_errno(errno);
  api->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  api->spare_fd = spare_open();
  if (api->epoll_fd < 0 || api->spare_fd < 0) return err_from_errno(errno);
  api->mhd = mhd_start(api);
  if (!api->mhd) return ERR_IO;
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->mhd, MHD_DAEMON_INFO_EPOLL_FD);
  assert(info);
  int fd = listen_unix(api->dir_fd, API_SOCKET_NAME);
  if (fd < 0) return fd;
  api->listen_fd = fd;
  struct stat made;
  if (fstatat(api->dir_fd, API_SOCKET_NAME, &made, AT_SYMLINK_NOFOLLOW) == 0) api->socket_inode = made.st_ino;
  if (!epoll_watch(api, info->epoll_fd, ABOUT_MHD) || !epoll_watch(api, fd, ABOUT_LISTEN))
    return err_from_errno(errno);
  return 0;
}

int api_new(const struct api_options *options, struct api **out) {
  assert(options->handler && options->state_dir);
  struct api *api = alloc_new(struct api);
  api->options = *options;
  api->state_dir = alloc_strdup(options->state_dir);
  api->dir_fd = api->listen_fd = api->epoll_fd = api->spare_fd = -1;
  struct api_options *o = &api->options;
  if (!o->connections_max) o->connections_max = CONNECTIONS_MAX;
  if (!o->streams_max) o->streams_max = STREAMS_MAX;
  if (!o->header_ms) o->header_ms = HEADER_MS;
  if (!o->body_ms) o->body_ms = BODY_MS;
  if (!o->answer_ms) o->answer_ms = ANSWER_MS;
  if (!o->stall_ms) o->stall_ms = STALL_MS;
  assert(o->connections_max > 0 && o->streams_max > 0);
  assert(o->connections_max + o->streams_max < EXCHANGE_SLOTS);
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

void api_free(struct api *api) {
  if (!api) return;
  api->closing = true;
  socket_remove(api);
  if (api->mhd) {
    /* libmicrohttpd can't be stopped while connections are suspended. */
    for (size_t i = 0; i < EXCHANGE_SLOTS; i++)
      if (api->exchanges[i]) exchange_lost(api->exchanges[i]);
    MHD_run(api->mhd);
    MHD_stop_daemon(api->mhd);
  }
  fd_close(api->listen_fd);
  fd_close(api->epoll_fd);
  fd_close(api->spare_fd);
  fd_close(api->dir_fd);
  free(api->state_dir);
  free(api);
}

int api_fd(const struct api *api) {
  return api->epoll_fd;
}

size_t api_waiting(const struct api *api) {
  return api->waiting;
}

static void turn_away(int fd) {
  static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                             "Retry-After: 1\r\nConnection: close\r\n\r\n";
  send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  close(fd);
}

static void connection_add(struct api *api, int fd) {
  uid_t uid = 0;
  pid_t pid = 0;
  if (!listen_peer(fd, &uid, &pid) || (uid != 0 && uid != geteuid())) {
    close(fd);
    return;
  }
  if (api->open - api->streams >= (size_t)api->options.connections_max) {
    turn_away(fd);
    return;
  }
  struct sockaddr address = {.sa_family = AF_UNIX};
  MHD_add_connection(api->mhd, fd, &address, sizeof address); /* closes it if it fails */
  api->pump = true;
}

/* Without a descriptor left, the waiting connection would keep the loop awake for ever: the spare one takes it. */
static bool accept_without_room(struct api *api) {
  fd_close(api->spare_fd);
  int fd = accept4(api->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) turn_away(fd);
  api->spare_fd = spare_open();
  return fd >= 0;
}

static void accept_all(struct api *api) {
  for (int i = 0; i < ACCEPTS; i++) {
    int fd = accept4(api->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      connection_add(api, fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!accept_without_room(api)) return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
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
  int count = epoll_wait(api->epoll_fd, events, EVENTS, 0);
  for (int i = 0; i < count; i++) {
    uint64_t about = events[i].data.u64;
    if (about == ABOUT_LISTEN)
      accept_all(api);
    else if (about != ABOUT_MHD && api->exchanges[about])
      exchange_lost(api->exchanges[about]);
  }
  MHD_run(api->mhd);
  expire_all(api);
}

int api_timeout_ms(struct api *api) {
  if (api->pump) return 0;
  int64_t best = -1;
  MHD_UNSIGNED_LONG_LONG ms;
  if (MHD_get_timeout(api->mhd, &ms) == MHD_YES) best = ms < INT_MAX ? (int64_t)ms : INT_MAX;
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
