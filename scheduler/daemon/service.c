#include "scheduler/daemon/service.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

bool service_managed(void) {
  return getenv("NOTIFY_SOCKET") != NULL;
}

void service_reloading(void) {
  struct timespec now; /* of CLOCK_MONOTONIC, as systemd's own */
  char text[64];
  clock_gettime(CLOCK_MONOTONIC, &now);
  snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
           (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  service_notify(text);
}

void service_notify(const char *state) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path) return;
  size_t len = strlen(path);
  memcpy(address.sun_path, path, len);
  if (path[0] == '@') address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
  close(fd);
}
