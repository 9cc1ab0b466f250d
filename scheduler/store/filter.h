/* The filter line of lists of runs:
 *
 *   state:failed,cancelled p:nightly* owner:forecasting tag:gpu task:eval trigger:schedule started:>-24h dur:>10m
 *   param.lr:0.01 "text"
 *
 * Terms are separated by spaces and must all hold; alternatives within a term are separated by commas. A value with
 * spaces stands in double quotes, within which \" and \\ are escapes. p, owner, tag and task are patterns with * and
 * ?. owner and tag are those of the pipeline as it is now. task:NAME asks for runs that have the task; beside
 * state:failed for runs in which it failed. started takes an instant, a date or an age (-24h), dur a duration,
 * param.NAME a value, each after >, >=, < or <=, or as it is; a date as it is means that day (UTC). A text, or a word
 * without a colon, is looked for in the pipeline's name, the id, the reason, the parameters, who started it, and the
 * notes.
 */
#ifndef ROTA_STORE_FILTER_H
#define ROTA_STORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/instant.h"

#define FILTER_TEXT_MAX  4096
#define FILTER_TERMS_MAX 64

#define FILTER_KEY_LIST(X)                                                                                           \
  X(STATE, "state")                                                                                                  \
  X(PIPELINE, "p")                                                                                                   \
  X(OWNER, "owner")                                                                                                  \
  X(TAG, "tag")                                                                                                      \
  X(TASK, "task")                                                                                                    \
  X(TRIGGER, "trigger")                                                                                              \
  X(STARTED, "started")                                                                                              \
  X(DURATION, "dur")                                                                                                 \
  X(PARAM, "param.")                                                                                                 \
  X(TEXT, "")

enum filter_key {
#define X(name, word) FILTER_##name,
  FILTER_KEY_LIST(X)
#undef X
};

enum filter_op { FILTER_EQ, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

struct filter_term {
  enum filter_key key;
  enum filter_op op;
  const char *param;         /* of PARAM: its name */
  const char *const *values; /* the alternatives; of STATE and TRIGGER words that exist */
  size_t values_len;
  int64_t number; /* of STARTED an instant, of DURATION microseconds */
};

struct filter {
  struct arena arena;
  const struct filter_term *terms;
  size_t terms_len;
};

/* Mistakes go to `diags`, which the caller has initialised with the text (file NULL), with their columns; then the
 * filter is empty and ERR_INVALID comes back. `now` is what ages are counted from. NULL and "" mean all runs. */
int filter_parse(struct filter *f, const char *text, instant now, struct diag_list *diags);
void filter_release(struct filter *f);

#endif
