/* Finds something in the lines of a log, hit by hit: a text or an expression (log_pattern.h), or errors
 * (first_error.h).
 */
#ifndef ROTA_DAEMON_LOG_FINDER_H
#define ROTA_DAEMON_LOG_FINDER_H

#include <stdbool.h>
#include <stddef.h>

struct log_hit {
  size_t begin, end;
};

struct log_finder {
  void *ctx;
  /* The first hit in the bytes that begins at `from` or behind; it lies within one line. False if there is none. */
  bool (*next)(void *ctx, const char *bytes, size_t len, size_t from, struct log_hit *hit);
};

/* The line that the byte at `at` is in, without its newline; *end is where that is, or `len`. */
size_t log_line_bounds(const char *bytes, size_t len, size_t at, size_t *end);

#endif
