#include "scheduler/daemon/logs/log_finder.h"

#include <string.h>

size_t log_line_bounds(const char *bytes, size_t len, size_t at, size_t *end) {
  const char *before = memrchr(bytes, '\n', at), *after = memchr(bytes + at, '\n', len - at);
  *end = after ? (size_t)(after - bytes) : len;
  return before ? (size_t)(before + 1 - bytes) : 0;
}
