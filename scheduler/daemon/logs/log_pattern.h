/* What a person looks for in a log: a text, or a regular expression as Perl has them (PCRE2). It is matched against
 * one line at a time, without its end.
 *
 * A text whose case matters is found by memmem, anything else by code that PCRE2 makes for it. If an expression can't
 * match without some text, lines are looked at only where that text is. Expressions come from anyone who may read: a
 * line on which one goes astray is given up after a bound (`gave_up` counts them), the whole after 200 of these or 5
 * s since the pattern was made; memory has a bound too, and the pattern has at most 1,024 bytes. Nothing is kept
 * between two searches. This is the one file that knows pcre2.h.
 */
#ifndef ROTA_DAEMON_LOG_PATTERN_H
#define ROTA_DAEMON_LOG_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/daemon/logs/log_finder.h"

#define LOG_PATTERN_MAX 1024

struct log_pattern;

struct log_pattern_fault {
  size_t column; /* in bytes from 1; 0 if it is no place */
  char text[160];
};

/* NULL with *fault filled. */
struct log_pattern *log_pattern_new(const char *text, bool regex, bool match_case, struct log_pattern_fault *fault);
void log_pattern_free(struct log_pattern *p);
/* Borrows the pattern. */
struct log_finder log_pattern_finder(struct log_pattern *p);
uint64_t log_pattern_gave_up(const struct log_pattern *p);

#endif
