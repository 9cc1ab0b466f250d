/* What is looked for in a log: the first byte's bits say whether it is an expression and whether case matters, the
 * first line is the pattern, the rest the log. Hits rise, lie within a line and aren't empty; a text is found where
 * memmem finds it; an expression has the same hits without the shortcut of looking for a text that it needs. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "scheduler/daemon/logs/log_pattern.h"

#define HITS    64
#define LOG_MAX 4096

static size_t hits_of(struct log_pattern *p, const char *log, size_t len, struct log_hit *hits) {
  const struct log_finder f = log_pattern_finder(p);
  size_t n = 0;
  for (size_t from = 0; n < HITS && from <= len && f.next(f.ctx, log, len, from, &hits[n]); n++) {
    CHECK(hits[n].begin >= from && hits[n].begin < hits[n].end && hits[n].end <= len);
    CHECK(!memchr(log + hits[n].begin, '\n', hits[n].end - hits[n].begin));
    from = hits[n].end;
  }
  return n;
}

static void as_memmem(const char *text, const char *log, size_t len, const struct log_hit *hits, size_t n) {
  const char *at = log;
  for (size_t i = 0; i < HITS; i++) {
    at = memmem(at, len - (size_t)(at - log), text, strlen(text));
    CHECK((at != NULL) == (i < n));
    if (!at) return;
    CHECK(hits[i].begin == (size_t)(at - log) && hits[i].end - hits[i].begin == strlen(text));
    at += strlen(text);
  }
}

/* In a group that isn't captured the reader looks for no text that it needs. */
static void as_in_group(const char *text, bool match_case, const char *log, size_t len, const struct log_hit *hits,
                        size_t n) {
  char grouped[LOG_PATTERN_MAX + 1];
  struct log_pattern_fault fault;
  struct log_hit again[HITS];
  if (strstr(text, "(*") || strlen(text) > LOG_PATTERN_MAX - 4) return;
  snprintf(grouped, sizeof grouped, "(?:%s)", text);
  struct log_pattern *p = log_pattern_new(grouped, true, match_case, &fault);
  if (!p) return; /* "\Q" without its end */
  const size_t found = hits_of(p, log, len, again);
  if (log_pattern_gave_up(p) == 0) {
    CHECK(found == n);
    for (size_t i = 0; i < n; i++) CHECK(hits[i].begin == again[i].begin && hits[i].end == again[i].end);
  }
  log_pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char text[LOG_PATTERN_MAX + 2];
  struct log_pattern_fault fault;
  struct log_hit hits[HITS];
  if (size < 1 || size > LOG_MAX) return 0;
  const bool regex = data[0] & 1, match_case = data[0] & 2;
  data++, size--;
  const uint8_t *end = memchr(data, '\n', size);
  const size_t pattern = end ? (size_t)(end - data) : size;
  if (pattern >= sizeof text || memchr(data, '\0', pattern)) return 0;
  memcpy(text, data, pattern);
  text[pattern] = '\0';
  const char *log = (const char *)data + (end ? pattern + 1 : size);
  const size_t len = end ? size - pattern - 1 : 0;
  struct log_pattern *p = log_pattern_new(text, regex, match_case, &fault);
  if (!p) {
    CHECK(fault.text[0] && fault.column <= pattern + 1);
    return 0;
  }
  const size_t n = hits_of(p, log, len, hits);
  if (!regex && match_case) as_memmem(text, log, len, hits, n);
  if (regex && log_pattern_gave_up(p) == 0) as_in_group(text, match_case, log, len, hits, n);
  log_pattern_free(p);
  return 0;
}
