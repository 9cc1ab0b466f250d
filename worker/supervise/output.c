#include "worker/supervise/output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "worker/supervise/text.h"

#define CHUNK 32768

void output_init(struct output *o, int pipe, int64_t log_cap) {
  o->pipe = pipe;
  log_writer_init(&o->log, AT_FDCWD, log_cap < 0 ? 0 : (uint64_t)log_cap);
}

bool output_pump(struct output *o, uint64_t limit) {
  static char chunk[CHUNK];
  while (o->pipe >= 0 && limit > 0) {
    ssize_t n = read(o->pipe, chunk, sizeof chunk);
    if (n > 0) {
      log_writer_keep(&o->log, chunk, (size_t)n, now_wall());
      limit = limit > (uint64_t)n ? limit - (uint64_t)n : 0;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(o->pipe);
      o->pipe = -1;
    } else if (errno == EAGAIN) {
      return false;
    }
  }
  return o->pipe >= 0;
}

void output_end(struct output *o) {
  log_writer_end(&o->log, now_wall());
  if (o->pipe >= 0) close(o->pipe);
  o->pipe = -1;
}
