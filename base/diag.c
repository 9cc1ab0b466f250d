#include "base/diag.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "base/vec.h"

void diag_init(struct diag_list *d, const char *file, const char *text, size_t text_len) {
  *d = (struct diag_list){.text = text, .text_len = text ? text_len : 0};
  if (file) d->file = arena_strdup(&d->arena, file);
}

void diag_release(struct diag_list *d) {
  arena_release(&d->arena);
  vec_release(d);
  *d = (struct diag_list){0};
}

void diag_detach(struct diag_list *d) {
  if (d->text && d->len > 0) {
    d->text = arena_strndup(&d->arena, d->text, d->text_len);
  } else {
    d->text = NULL;
    d->text_len = 0;
  }
}

static void add(struct diag_list *d, enum diag_level level, struct diag_place place, const char *help,
                const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void add(struct diag_list *d, enum diag_level level, struct diag_place place, const char *help,
                const char *format, va_list args) {
  size_t *count = level == DIAG_ERROR ? &d->errors : &d->warnings;
  if ((*count)++ >= DIAG_MAX) return;
  struct diag item = {.level = level, .place = place};
  item.message = arena_vfmt(&d->arena, format, args);
  if (help) item.help = arena_strdup(&d->arena, help);
  vec_push(d, item);
}

void diag_error(struct diag_list *d, struct diag_place place, const char *help, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(d, DIAG_ERROR, place, help, format, args);
  va_end(args);
}

void diag_warning(struct diag_list *d, struct diag_place place, const char *help, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(d, DIAG_WARNING, place, help, format, args);
  va_end(args);
}

static bool comes_after(const struct diag_place *a, const struct diag_place *b) {
  return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void diag_sort(struct diag_list *d) {
  /* By insertion: the list is short and mostly in order already. */
  for (size_t i = 1; i < d->len; i++) {
    struct diag item = d->items[i];
    size_t at = i;
    for (; at > 0 && comes_after(&d->items[at - 1].place, &item.place); at--) d->items[at] = d->items[at - 1];
    d->items[at] = item;
  }
}

void diag_json(const struct diag_list *d, struct json *j) {
  jsonw_array(j);
  for (size_t i = 0; i < d->len; i++) {
    const struct diag *item = &d->items[i];
    jsonw_object(j);
    jsonw_member_string(j, "file", d->file);
    jsonw_key(j, "line");
    if (item->place.line)
      jsonw_int(j, item->place.line);
    else
      jsonw_null(j);
    jsonw_key(j, "column");
    if (item->place.column)
      jsonw_int(j, item->place.column);
    else
      jsonw_null(j);
    jsonw_member_string(j, "level", item->level == DIAG_ERROR ? "error" : "warning");
    jsonw_member_string(j, "message", item->message);
    jsonw_member_string(j, "help", item->help);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

/* ---- the nearest word ---- */

#define WORD_MAX   64
#define PREFIX_MIN 3

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

/* The number of insertions, removals, replacements and swaps of neighbours between two words of at most WORD_MAX. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len) {
  unsigned rows[3][WORD_MAX + 1];
  unsigned *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t k = 0; k <= b_len; k++) row[k] = (unsigned)k;
  for (size_t i = 1; i <= a_len; i++) {
    unsigned *spare = before;
    before = above;
    above = row;
    row = spare;
    row[0] = (unsigned)i;
    for (size_t k = 1; k <= b_len; k++) {
      bool same = lower(a[i - 1]) == lower(b[k - 1]);
      row[k] = least(above[k - 1] + !same, least(above[k], row[k - 1]) + 1);
      bool swapped = i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) && lower(a[i - 2]) == lower(b[k - 1]);
      if (swapped) row[k] = least(row[k], before[k - 2] + 1);
    }
  }
  return row[b_len];
}

/* "run" and "running", "retry" and "retries": the shorter one's last letter may differ. */
static bool begin_alike(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t len = a_len < b_len ? a_len : b_len, same = 0;
  while (same < len && lower(a[same]) == lower(b[same])) same++;
  return same >= PREFIX_MIN && same + 1 >= len;
}

const char *diag_nearest(const char *word, const char *const *candidates, size_t count) {
  size_t word_len = strlen(word);
  const char *best = NULL, *prefix = NULL;
  unsigned best_distance = word_len < 4 ? 2 : 3;
  if (word_len == 0 || word_len > WORD_MAX) return NULL;
  for (size_t i = 0; i < count; i++) {
    size_t len = strlen(candidates[i]);
    if (len == 0 || len > WORD_MAX) continue;
    if (!prefix && begin_alike(word, word_len, candidates[i], len)) prefix = candidates[i];
    size_t apart = len > word_len ? len - word_len : word_len - len;
    if (apart >= best_distance) continue;
    unsigned d = distance(word, word_len, candidates[i], len);
    if (d >= best_distance) continue;
    best = candidates[i];
    best_distance = d;
  }
  return best ? best : prefix;
}
