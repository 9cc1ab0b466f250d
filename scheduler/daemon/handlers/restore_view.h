/* The questions that a restore leaves, as the API and `rota restore` show them. */
#ifndef ROTA_DAEMON_RESTORE_VIEW_H
#define ROTA_DAEMON_RESTORE_VIEW_H

#include <stdbool.h>

#include "base/json.h"
#include "scheduler/store/restore.h"

/* "skip", "mark", "run"; "" for none. */
const char *restore_answer_word(enum restore_answer answer);
/* Whether the answer can be given to it at all. "run" needs something to run: a run that the snapshot knows and a
 * task in it; "mark" needs a task where the run is known. */
bool restore_item_takes(const struct restore_item *item, enum restore_answer answer);
/* Whether that answer changes more than the question itself. */
bool restore_item_acts(const struct restore_item *item, enum restore_answer answer);
/* "the firing of nightly for 2026-03-29T00:30:00.000000Z", "train of 01J..."; appended. */
void restore_item_text(const struct restore_item *item, struct buf *out);
void restore_item_json(const struct restore_item *item, struct json *j);

#endif
