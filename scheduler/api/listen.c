#include "scheduler/api/listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "scheduler/api/peer.h"

#define BACKLOG 512

socklen_t listen_address(int dir_fd, const char *name, struct sockaddr_un *out) {
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  int len = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
  assert(len > 0 && (size_t)len < sizeof out->sun_path);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
}

int listen_unix(int dir_fd, const char *name, const gid_t *group) {
  char fresh[64];
  int len = snprintf(fresh, sizeof fresh, "%s.new", name);
  assert(len > 0 && (size_t)len < sizeof fresh);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return err_from_errno(errno);
  struct sockaddr_un address;
  socklen_t size = listen_address(dir_fd, fresh, &address);
  /* The mode of an unbound socket becomes the mode of its file, less the umask: never wider than 0600, and exactly
   * that after the second call. */
  bool ready = fchmod(fd, 0600) == 0 && (unlinkat(dir_fd, fresh, 0) == 0 || errno == ENOENT) &&
               bind(fd, (const struct sockaddr *)&address, size) == 0 &&
               (!group || fchownat(dir_fd, fresh, (uid_t)-1, *group, AT_SYMLINK_NOFOLLOW) == 0) &&
               fchmodat(dir_fd, fresh, group ? 0660 : 0600, 0) == 0 && listen(fd, BACKLOG) == 0 &&
               renameat(dir_fd, fresh, dir_fd, name) == 0;
  if (ready) return fd;
  int code = err_from_errno(errno);
  unlinkat(dir_fd, fresh, 0);
  close(fd);
  return code;
}

static socklen_t endpoint_address(const struct net_endpoint *at, struct sockaddr_storage *out) {
  *out = (struct sockaddr_storage){0};
  if (net_address_v4(&at->address)) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    memcpy(&v4.sin_addr, at->address.bytes + 12, 4);
    memcpy(out, &v4, sizeof v4);
    return sizeof v4;
  }
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
  memcpy(&v6.sin6_addr, at->address.bytes, 16);
  memcpy(out, &v6, sizeof v6);
  return sizeof v6;
}

int listen_tcp(struct net_endpoint *at) {
  struct sockaddr_storage address;
  socklen_t size = endpoint_address(at, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno == EAFNOSUPPORT ? ERR_NOT_FOUND : err_from_errno(errno);
  int on = 1, off = 0;
  /* A restart finds its port free though connections of its former life still linger. */
  bool ready = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  ready = ready && bind(fd, (const struct sockaddr *)&address, size) == 0 && listen(fd, BACKLOG) == 0;
  if (ready && peer_local_endpoint(fd, at)) return fd;
  int code = err_from_errno(errno);
  close(fd);
  return code;
}
