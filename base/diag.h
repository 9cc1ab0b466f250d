/* Diagnostics: what a user got wrong, with file, line and column, collected and shown together as a compiler does.
 *
 *   dags/nightly.yaml:12:5: error: unknown key 'retry'
 *      12 |     retry: 3
 *         |     ^~~~~
 *   help: did you mean 'retries'?
 *
 * A list keeps the first DIAG_MAX errors and as many warnings, and counts the rest. It copies all text it is given.
 * Lines and columns count from 1; a line of 0 means the whole file, a file of NULL means an argument of the command
 * line.
 */
#ifndef ROTA_BASE_DIAG_H
#define ROTA_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define DIAG_MAX 100

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag_place {
  uint32_t line, column; /* from 1, column in code points; 0 = not known */
  uint32_t width;        /* code points under the caret; 0 = one */
};

struct diag {
  enum diag_level level;
  struct diag_place place;
  const char *message; /* what is wrong, no full stop */
  const char *help;    /* what to do; may be NULL */
};

struct diag_list {
  struct arena arena;
  const char *file; /* as the user knows it; NULL for none */
  const char *text; /* the source, for the caret; borrowed, may be NULL */
  size_t text_len;
  struct diag *items;
  size_t len, cap;
  size_t errors, warnings; /* all of them, kept or not */
};

/* `file` is copied; `text` must outlive the list, or diag_detach must be called before it goes. */
void diag_init(struct diag_list *d, const char *file, const char *text, size_t text_len);
void diag_release(struct diag_list *d);
/* Copies the source into the list if an item may need it for its caret, so that the caller may free it. */
void diag_detach(struct diag_list *d);

/* `help` may be NULL. */
void diag_error(struct diag_list *d, struct diag_place place, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diag_list *d, struct diag_place place, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sorts by place, keeping the order of equals. */
void diag_sort(struct diag_list *d);
/* Writes all of it as text with source lines and carets. Control characters are shown as '?', tabs as spaces up to
 * the next fourth column; a long line is cut around the caret. In diag_render.c. */
void diag_render(const struct diag_list *d, struct buf *out, bool colour);
/* Writes the items as a JSON array of {file, line, column, level, message, help}; what isn't known is null. */
struct json;
void diag_json(const struct diag_list *d, struct json *j);

/* The candidate nearest to `word` by Damerau-Levenshtein distance of at most 2 (1 for words under 4 letters), the
 * first of equals; else the first of which one begins with the other, but for its last letter, over 3 letters or
 * more; NULL when none is near. Upper and lower case are the same here. Words over 64 bytes have no neighbours. */
const char *diag_nearest(const char *word, const char *const *candidates, size_t count);

#endif
