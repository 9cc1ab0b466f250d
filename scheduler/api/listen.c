#include "scheduler/api/listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define BACKLOG 512

socklen_t listen_address(int dir_fd, const char *name, struct sockaddr_un *out) {
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  int len = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
  assert(len > 0 && (size_t)len < sizeof out->sun_path);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
}

int listen_unix(int dir_fd, const char *name) {
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
               bind(fd, (const struct sockaddr *)&address, size) == 0 && fchmodat(dir_fd, fresh, 0600, 0) == 0 &&
               listen(fd, BACKLOG) == 0 && renameat(dir_fd, fresh, dir_fd, name) == 0;
  if (ready) return fd;
  int code = err_from_errno(errno);
  unlinkat(dir_fd, fresh, 0);
  close(fd);
  return code;
}

bool listen_peer(int fd, uid_t *uid, pid_t *pid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  *uid = peer.uid;
  *pid = peer.pid;
  return true;
}
