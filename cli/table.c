#include "cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

#define GAP       2
#define CUT_MIN   8
#define STRIP_MIN 40 /* below, wrapped text is hard to read */
#define INDENT    4

int text_width(const char *text) {
  int width = 0;
  size_t left = strlen(text);
  while (left) {
    uint32_t point;
    size_t len = utf8_read(text, left, &point);
    width += len && !utf8_control(point) ? utf8_columns(point) : 1;
    text += len ? len : 1;
    left -= len ? len : 1;
  }
  return width;
}

void table_init(struct table *t, const struct table_column *columns) {
  *t = (struct table){.columns = columns};
  while (columns[t->columns_len].title) t->columns_len++;
  assert(t->columns_len > 0 && t->columns_len <= TABLE_COLUMNS_MAX);
}

void table_add(struct table *t, enum paint paint, const char *text) {
  if (!text) text = "-";
  struct table_cell cell = {arena_strdup(&t->arena, text), paint, text_width(text)};
  vec_push(&t->cells, cell);
}

void table_fmt(struct table *t, enum paint paint, const char *format, ...) {
  va_list list;
  va_start(list, format);
  const char *text = arena_vfmt(&t->arena, format, list);
  va_end(list);
  table_add(t, paint, text);
}

static void measure(const struct table *t, int width, int widths[TABLE_COLUMNS_MAX]) {
  int sum = 0, cut = -1;
  for (size_t c = 0; c < t->columns_len; c++) {
    widths[c] = text_width(t->columns[c].title);
    for (size_t i = c; i < t->cells.len; i += t->columns_len)
      if (t->cells.items[i].width > widths[c]) widths[c] = t->cells.items[i].width;
    if (t->columns[c].cut) cut = (int)c;
    sum += widths[c] + (c ? GAP : 0);
  }
  if (!width || cut < 0 || sum <= width) return;
  widths[cut] -= sum - width;
  if (widths[cut] < CUT_MIN) widths[cut] = CUT_MIN;
}

/* The first bytes of `text` that fit `width` columns with the mark of a cut. */
static const char *cut_text(struct arena *a, const char *text, int width) {
  const char *at = text;
  size_t left = strlen(text);
  int used = 0;
  while (left) {
    uint32_t point;
    size_t len = utf8_read(at, left, &point);
    int columns = len && !utf8_control(point) ? utf8_columns(point) : 1;
    if (used + columns > width - 1) break;
    used += columns;
    at += len ? len : 1;
    left -= len ? len : 1;
  }
  return arena_fmt(a, "%.*s\xe2\x80\xa6", (int)(at - text), text);
}

static void pad(struct buf *out, int columns) {
  while (columns-- > 0) buf_char(out, ' ');
}

/* Takes from the text what fits `width` columns: whole words, or the beginning of one that is longer. */
static const char *line_take(struct arena *a, const char **text, int width) {
  const char *at = *text, *end = NULL, *line;
  size_t left = strlen(at);
  int used = 0;
  while (left) {
    uint32_t point;
    size_t len = utf8_read(at, left, &point);
    used += len && !utf8_control(point) ? utf8_columns(point) : 1;
    if (*at == ' ' && at > *text) end = at;
    if (used > width && at > *text) break;
    at += len ? len : 1;
    left -= len ? len : 1;
  }
  if (!left || !end) end = at;
  line = arena_strndup(a, *text, (size_t)(end - *text));
  while (*end == ' ') end++;
  *text = end;
  return line;
}

static void add_cell(const struct table *t, size_t column, const struct table_cell *cell, int width, bool colour,
                     struct arena *a, struct buf *out) {
  const char *text = cell->width > width ? cut_text(a, cell->text, width) : cell->text;
  int room = width - text_width(text);
  bool last = column + 1 == t->columns_len;
  if (column) pad(out, GAP);
  if (t->columns[column].right) pad(out, room);
  paint_add(out, cell->paint, text, colour);
  if (!t->columns[column].right && !last) pad(out, room);
  if (!last) return;
  while (out->len && out->bytes[out->len - 1] == ' ') buf_truncate(out, out->len - 1);
  buf_char(out, '\n');
}

/* The last column's text, or what is left of it, in lines of its own. */
static void add_rest(const char *text, enum paint paint, int indent, int width, bool colour, struct arena *a,
                     struct buf *out) {
  while (*text) {
    pad(out, indent);
    paint_add(out, paint, line_take(a, &text, width), colour);
    buf_char(out, '\n');
  }
}

/* A last cell that doesn't fit: it goes on under itself, or, if that would be a narrow strip, begins on a line of its
 * own. */
static void add_wrapped(const struct table *t, const struct table_cell *cell, const int widths[], int width,
                        bool colour, struct arena *a, struct buf *out) {
  size_t last = t->columns_len - 1;
  struct table_cell first = *cell;
  const char *rest = cell->text;
  int indent = 0, room = widths[last];
  for (size_t c = 0; c < last; c++) indent += widths[c] + GAP;
  if (room < STRIP_MIN) {
    first.text = "";
    indent = INDENT;
    room = width - INDENT > CUT_MIN ? width - INDENT : CUT_MIN;
  } else {
    first.text = line_take(a, &rest, room);
  }
  first.width = text_width(first.text);
  add_cell(t, last, &first, widths[last], colour, a, out);
  add_rest(rest, cell->paint, indent, room, colour, a, out);
}

void table_render(const struct table *t, int width, bool colour, struct buf *out) {
  assert(t->cells.len % t->columns_len == 0);
  assert(!t->wrap || t->columns[t->columns_len - 1].cut);
  if (!t->cells.len) return;
  struct arena a = {0};
  int widths[TABLE_COLUMNS_MAX];
  measure(t, width, widths);
  for (size_t c = 0; c < t->columns_len; c++) {
    const char *title = t->columns[c].title;
    struct table_cell head = {title, PAINT_DIM, text_width(title)};
    add_cell(t, c, &head, widths[c], colour, &a, out);
  }
  for (size_t i = 0; i < t->cells.len; i++) {
    size_t c = i % t->columns_len;
    const struct table_cell *cell = &t->cells.items[i];
    if (t->wrap && c + 1 == t->columns_len && cell->width > widths[c])
      add_wrapped(t, cell, widths, width, colour, &a, out);
    else
      add_cell(t, c, cell, widths[c], colour, &a, out);
  }
  arena_release(&a);
}

void table_print(struct table *t) {
  struct buf out = {0};
  table_render(t, paint_width(stdout), paint_wanted(stdout), &out);
  fwrite(buf_cstr(&out), 1, out.len, stdout);
  buf_release(&out);
  table_release(t);
}

void table_release(struct table *t) {
  vec_release(&t->cells);
  arena_release(&t->arena);
}
