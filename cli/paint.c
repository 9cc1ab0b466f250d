#include "cli/paint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

static const char *const codes[] = {
    [PAINT_NONE] = "",         [PAINT_GOOD] = "\033[32m", [PAINT_BAD] = "\033[31m", [PAINT_LIVE] = "\033[34m",
    [PAINT_WARN] = "\033[33m", [PAINT_DIM] = "\033[90m",  [PAINT_BOLD] = "\033[1m",
};

static const struct {
  const char *word;
  enum paint paint;
} states[] = {
    {"succeeded", PAINT_GOOD},  {"failed", PAINT_BAD},          {"timed_out", PAINT_BAD},    {"lost", PAINT_BAD},
    {"running", PAINT_LIVE},    {"starting", PAINT_LIVE},       {"unreachable", PAINT_WARN}, {"stopping", PAINT_WARN},
    {"cancelling", PAINT_WARN}, {"queued", PAINT_DIM},          {"waiting", PAINT_DIM},      {"cancelled", PAINT_DIM},
    {"skipped", PAINT_DIM},     {"upstream_failed", PAINT_DIM}, {"missed", PAINT_WARN},
};

bool paint_wanted(FILE *to) {
  const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(fileno(to)) && !(off && *off) && term && strcmp(term, "dumb") != 0;
}

int paint_width(FILE *to) {
  struct winsize size;
  if (!isatty(fileno(to))) return 0;
  if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col) return size.ws_col;
  return 80;
}

enum paint paint_state(const char *word) {
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    if (strcmp(states[i].word, word) == 0) return states[i].paint;
  return PAINT_NONE;
}

void paint_add(struct buf *out, enum paint paint, const char *text, bool colour) {
  size_t left = strlen(text);
  colour = colour && paint != PAINT_NONE && left > 0;
  if (colour) buf_str(out, codes[paint]);
  while (left) {
    uint32_t point;
    size_t len = utf8_read(text, left, &point);
    if (len && !utf8_control(point))
      buf_add(out, text, len);
    else
      buf_char(out, '?');
    text += len ? len : 1;
    left -= len ? len : 1;
  }
  if (colour) buf_str(out, "\033[0m");
}
