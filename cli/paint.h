/* Colours, only where they are wanted: on a terminal, without NO_COLOR and not on a "dumb" one. A colour never says
 * what the word beside it doesn't. */
#ifndef ROTA_CLI_PAINT_H
#define ROTA_CLI_PAINT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_BAD, PAINT_LIVE, PAINT_WARN, PAINT_DIM, PAINT_BOLD };

bool paint_wanted(FILE *to);
/* Columns of the terminal; 0 if it is none. */
int paint_width(FILE *to);
/* The paint of a run's or a task's state, by its word. */
enum paint paint_state(const char *word);
/* Adds the text, with control characters of a terminal shown as '?', coloured if `colour`. */
void paint_add(struct buf *out, enum paint paint, const char *text, bool colour);

#endif
