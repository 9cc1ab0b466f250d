#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/utf8.h"

#define FOLD_TIME (10 * USEC_PER_SEC)

/* The process has one stderr, so there is one log. */
static struct {
  enum log_level level;
  bool journal;
  struct buf last; /* the line before, without its stamp */
  enum log_level last_level;
  int64_t last_at; /* when it was written, monotonic */
  unsigned repeats;
} the_log = {.level = LOG_INFO};

void log_setup(enum log_level level) {
  const char *stream = getenv("JOURNAL_STREAM");
  the_log.level = level;
  the_log.journal = stream && *stream;
}

static const char *level_word(enum log_level level) {
  switch (level) {
  case LOG_ERROR: return "error";
  case LOG_WARNING: return "warning";
  case LOG_INFO: return "info";
  case LOG_DEBUG: return "debug";
  }
  return "info";
}

/* A line is written by one call, so that lines of other processes on the same stderr don't come in between. */
static void write_line(enum log_level level, const char *content) {
  struct buf line = {0};
  if (the_log.journal) {
    buf_fmt(&line, "<%d>", (int)level);
  } else {
    char stamp[INSTANT_TEXT_SIZE];
    instant_format_utc(clock_now(), stamp);
    size_t without_usec = strlen(stamp) - strlen("000Z");
    buf_fmt(&line, "%.*sZ %s ", (int)without_usec, stamp, level_word(level));
  }
  buf_str(&line, content);
  buf_char(&line, '\n');
  for (size_t at = 0; at < line.len;) {
    ssize_t put = write(STDERR_FILENO, line.bytes + at, line.len - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) break; /* there is nowhere left to say so */
    at += (size_t)put;
  }
  buf_release(&line);
}

/* Appends the text with what could break the line or steer a terminal written as an escape. */
static void add_escaped(struct buf *out, const char *text, bool quoted) {
  uint32_t point;
  for (size_t left = strlen(text); left > 0;) {
    size_t size = utf8_read(text, left, &point);
    if (size == 0)
      buf_fmt(out, "\\x%02x", (unsigned char)*text);
    else if (point == '\n')
      buf_str(out, "\\n");
    else if (point == '\t')
      buf_str(out, "\\t");
    else if (utf8_control(point))
      buf_fmt(out, point < 0x100 ? "\\x%02x" : "\\u%04x", point);
    else if (quoted && (point == '"' || point == '\\'))
      buf_fmt(out, "\\%c", (char)point);
    else
      buf_add(out, text, size);
    if (size == 0) size = 1;
    text += size;
    left -= size;
  }
}

static bool needs_quotes(const char *value) {
  uint32_t point;
  size_t left = strlen(value);
  if (left == 0) return true;
  while (left > 0) {
    size_t size = utf8_read(value, left, &point);
    if (size == 0 || utf8_control(point) || point == ' ' || point == '"' || point == '\\' || point == '=')
      return true;
    value += size;
    left -= size;
  }
  return false;
}

static void add_field(struct buf *out, const struct log_field *field) {
  if (!field->value) return;
  buf_fmt(out, " %s=", field->key);
  bool quoted = needs_quotes(field->value);
  if (quoted) buf_char(out, '"');
  add_escaped(out, field->value, quoted);
  if (quoted) buf_char(out, '"');
}

void log_line(enum log_level level, const char *fact, const struct log_field *fields, int count) {
  if (level > the_log.level) return;
  struct buf line = {0};
  add_escaped(&line, fact, false);
  for (int i = 0; i < count; i++) add_field(&line, &fields[i]);

  int64_t now = clock_monotonic();
  bool same = the_log.last.len > 0 && level == the_log.last_level && strcmp(buf_cstr(&line), the_log.last.bytes) == 0;
  if (same && now - the_log.last_at < FOLD_TIME) {
    the_log.repeats++;
    buf_release(&line);
    return;
  }
  log_flush();
  write_line(level, buf_cstr(&line));
  buf_release(&the_log.last);
  the_log.last = line;
  the_log.last_level = level;
  the_log.last_at = now;
}

void log_flush(void) {
  if (the_log.repeats == 0) return;
  char content[64];
  snprintf(content, sizeof content, "the line before came again times=%u", the_log.repeats);
  the_log.repeats = 0;
  write_line(the_log.last_level, content);
}
