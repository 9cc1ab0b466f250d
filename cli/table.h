/* Rows in aligned columns. On a terminal the one column that may be cut is cut so that a row fits a line, or wrapped;
 * elsewhere nothing is. Cells are copied; what would steer a terminal is shown as '?'. */
#ifndef ROTA_CLI_TABLE_H
#define ROTA_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/vec.h"
#include "cli/paint.h"

#define TABLE_COLUMNS_MAX 12

struct table_column {
  const char *title; /* NULL ends the columns */
  bool right;        /* numbers */
  bool cut;          /* may be cut; at most one */
};

struct table {
  const struct table_column *columns;
  size_t columns_len;
  /* What would be cut goes on below instead, across the whole line if its column is narrow. The column that may be
   * cut is the last one then. */
  bool wrap;
  struct arena arena;
  VEC(struct table_cell {
    const char *text;
    enum paint paint;
    int width;
  })
  cells;
};

void table_init(struct table *t, const struct table_column *columns);
/* Cells come row by row, left to right. NULL is shown as "-". */
void table_add(struct table *t, enum paint paint, const char *text);
void table_fmt(struct table *t, enum paint paint, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* With a heading; a table without rows prints nothing. `width` 0 cuts nothing. */
void table_render(const struct table *t, int width, bool colour, struct buf *out);
/* Renders to stdout as it is, and releases the table. */
void table_print(struct table *t);
void table_release(struct table *t);
/* Columns that the text takes. */
int text_width(const char *text);

#endif
