/* Diagnostics as text, with the source line and a caret below it. */
#include <string.h>

#include "base/diag.h"
#include "base/utf8.h"

/* What is shown of a line, in columns of the terminal; a longer one is cut around the caret. */
#define SHOWN_MAX    100
#define SHOWN_BEFORE 50
#define TAB_STOP     4

#define COLOUR_PLACE   "\x1b[1m"
#define COLOUR_ERROR   "\x1b[1;31m"
#define COLOUR_WARNING "\x1b[1;35m"
#define COLOUR_CARET   "\x1b[1;32m"
#define COLOUR_HELP    "\x1b[1;36m"
#define COLOUR_OFF     "\x1b[0m"

static void coloured(struct buf *out, bool colour, const char *code, const char *text) {
  if (colour) buf_str(out, code);
  buf_str(out, text);
  if (colour) buf_str(out, COLOUR_OFF);
}

/* Text that holds words of the user: nothing in it may steer the terminal. A help's own line breaks stay. */
static void add_safe(struct buf *out, const char *text, bool keep_breaks) {
  uint32_t point;
  for (size_t left = strlen(text); left > 0;) {
    size_t size = utf8_read(text, left, &point);
    if (size == 0 || (utf8_control(point) && !(keep_breaks && point == '\n')))
      buf_char(out, '?');
    else
      buf_add(out, text, size);
    if (size == 0) size = 1;
    text += size;
    left -= size;
  }
}

/* The length of the line break at the beginning, 0 if there is none. These are the ones that libyaml counts. */
static size_t break_len(const char *at, size_t left) {
  if (*at == '\n') return 1;
  if (*at == '\r') return left > 1 && at[1] == '\n' ? 2 : 1;
  if (*at == '\xc2' && left > 1 && at[1] == '\x85') return 2;
  if (*at == '\xe2' && left > 2 && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9')) return 3;
  return 0;
}

struct span {
  const char *at;
  size_t len;
};

/* Line `number` of the text, without its break; false if there are fewer. */
static bool find_line(const struct diag_list *d, uint32_t number, struct span *line) {
  const char *at = d->text, *end = d->text + d->text_len;
  if (d->text_len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3; /* a byte order mark is no column */
  for (uint32_t n = 1; at < end; n++) {
    const char *from = at;
    size_t brk = 0;
    while (at < end && (brk = break_len(at, (size_t)(end - at))) == 0) at++;
    if (n == number) {
      *line = (struct span){from, (size_t)(at - from)};
      return true;
    }
    at += brk;
  }
  return false;
}

/* One code point of a line as it is shown. */
struct cell {
  const char *bytes; /* NULL: `columns` spaces */
  size_t len;
  unsigned columns;
};

/* Takes the next code point off the line; `column` is the terminal's column at which it is shown. */
static struct cell next_cell(struct span *rest, unsigned column) {
  uint32_t point;
  size_t size = utf8_read(rest->at, rest->len, &point);
  struct cell cell = {.bytes = rest->at, .len = size};
  if (size == 1 && point == '\t') {
    cell = (struct cell){.columns = TAB_STOP - column % TAB_STOP};
  } else if (size == 0 || utf8_control(point)) {
    cell = (struct cell){.bytes = "?", .len = 1, .columns = 1};
  } else {
    cell.columns = (unsigned)utf8_columns(point);
  }
  if (size == 0) size = 1;
  rest->at += size;
  rest->len -= size;
  return cell;
}

static void add_repeated(struct buf *out, char c, unsigned count) {
  while (count--) buf_char(out, c);
}

/* The first column of the terminal that is shown: beyond 0 only if the caret would be far to the right. */
static unsigned shown_from(struct span line, uint32_t caret) {
  unsigned column = 0;
  for (uint32_t n = 1; n < caret && line.len > 0; n++) column += next_cell(&line, column).columns;
  return column + SHOWN_BEFORE / 5 > SHOWN_MAX ? column - SHOWN_BEFORE : 0;
}

/* Writes the line's part that is shown to `source`, and below it to `marks` what points at it. */
static void lay_out(struct span line, struct diag_place place, struct buf *source, struct buf *marks) {
  unsigned from = shown_from(line, place.column), column = 0;
  uint32_t width = place.width ? place.width : 1, n = 1;
  if (from > 0) {
    buf_str(source, "...");
    buf_str(marks, "   ");
  }
  for (; line.len > 0 && column < from + SHOWN_MAX; n++) {
    struct cell cell = next_cell(&line, column);
    unsigned left = column;
    column += cell.columns;
    if (left < from) {
      /* One that is cut in half by the left edge is shown as the spaces that remain of it. */
      if (column > from) {
        add_repeated(source, ' ', column - from);
        add_repeated(marks, ' ', column - from);
      }
      continue;
    }
    if (cell.bytes)
      buf_add(source, cell.bytes, cell.len);
    else
      add_repeated(source, ' ', cell.columns);
    if (n == place.column && cell.columns > 0) {
      buf_char(marks, '^');
      add_repeated(marks, '~', cell.columns - 1);
    } else {
      bool below = place.column > 0 && n > place.column && n - place.column < width;
      add_repeated(marks, below ? '~' : ' ', cell.columns);
    }
  }
  if (line.len > 0) buf_str(source, "...");
  /* The caret of what is missing at the end of the line stands right behind it. */
  if (n <= place.column && line.len == 0) buf_char(marks, '^');
  while (marks->len > 0 && marks->bytes[marks->len - 1] == ' ') buf_truncate(marks, marks->len - 1);
}

static void render_source(const struct diag_list *d, struct diag_place place, struct buf *out, bool colour) {
  struct span line;
  struct buf source = {0}, marks = {0};
  if (!d->text || place.line == 0) return;
  if (!find_line(d, place.line, &line)) return;
  lay_out(line, place, &source, &marks);
  buf_fmt(out, "%5u | %s\n", place.line, buf_cstr(&source));
  if (place.column > 0) {
    buf_str(out, "      | ");
    coloured(out, colour, COLOUR_CARET, buf_cstr(&marks));
    buf_char(out, '\n');
  }
  buf_release(&source);
  buf_release(&marks);
}

static void render_place(const struct diag_list *d, struct diag_place place, struct buf *out, bool colour) {
  if (!d->file) return;
  if (colour) buf_str(out, COLOUR_PLACE);
  add_safe(out, d->file, false);
  buf_char(out, ':');
  if (place.line) buf_fmt(out, "%u:", place.line);
  if (place.line && place.column) buf_fmt(out, "%u:", place.column);
  if (colour) buf_str(out, COLOUR_OFF);
  buf_char(out, ' ');
}

static void render_item(const struct diag_list *d, const struct diag *item, struct buf *out, bool colour) {
  bool error = item->level == DIAG_ERROR;
  render_place(d, item->place, out, colour);
  coloured(out, colour, error ? COLOUR_ERROR : COLOUR_WARNING, error ? "error:" : "warning:");
  buf_char(out, ' ');
  add_safe(out, item->message, false);
  buf_char(out, '\n');
  render_source(d, item->place, out, colour);
  if (item->help) {
    coloured(out, colour, COLOUR_HELP, "help:");
    buf_char(out, ' ');
    add_safe(out, item->help, true);
    buf_char(out, '\n');
  }
}

void diag_render(const struct diag_list *d, struct buf *out, bool colour) {
  for (size_t i = 0; i < d->len; i++) render_item(d, &d->items[i], out, colour);
  size_t left_out = d->errors + d->warnings - d->len;
  if (left_out > 0) buf_fmt(out, "%zu more of these are not shown\n", left_out);
}
