/* What went wrong in a run, or keeps it waiting: a card for each cause. Tasks that ended alike, with the same state,
 * exit code and line of error (numbers in it aside), share one.
 *
 * Causes of failure come first, in the order in which they happened; then what can't be reached, then what has waited
 * for a slot or host for over ten minutes. What was allowed to fail has no card. The logs of the first 50 failures
 * are looked at; later ones are told apart by their state and exit code alone. Blocks on rows and logs.
 */
#ifndef ROTA_DAEMON_FAILURE_CARDS_H
#define ROTA_DAEMON_FAILURE_CARDS_H

#include "scheduler/daemon/logs/failure_look.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/store/history.h"

#define FAILURE_CARDS_MAX  50
#define FAILURE_LABELS_MAX 50

struct failure_card {
  const struct task_row *task;       /* the first of those that share the card */
  const struct attempt_row *attempt; /* NULL if it never started */
  struct failure_error error;
  const char *likeness; /* of the line of error, without its numbers; NULL: its log wasn't looked at */
  size_t same;
  const char *labels[FAILURE_LABELS_MAX];
  size_t labels_len;
};

struct failure_cards {
  struct history_run run;
  struct task_row *tasks;
  size_t tasks_len;
  struct attempt_row *attempts;
  size_t attempts_len;
  struct failure_card cards[FAILURE_CARDS_MAX];
  size_t len;
};

/* All in the page's arena; NULL after a problem was set. */
struct failure_cards *failure_cards_read(struct page *p);

#endif
