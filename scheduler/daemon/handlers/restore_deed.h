/* What an answer to a restore's question means: the question as the rows have it, whether it was acted on before, and
 * the request of the API that acts on it. Internal to restore_answers.
 */
#ifndef ROTA_DAEMON_RESTORE_DEED_H
#define ROTA_DAEMON_RESTORE_DEED_H

#include "base/arena.h"
#include "scheduler/api/api.h"
#include "scheduler/store/restore.h"

struct deed {
  /* Asked. */
  const char *restore; /* a name of it: state and instant */
  int64_t key;
  enum restore_answer answer;

  /* Found; strings are in the arena. */
  struct arena *arena;
  struct restore_item item;
  int status; /* 0, or of a problem: */
  const char *detail;
  bool done;         /* nothing is left to do but to record the answer */
  const char *said;  /* with `done` of this answer: what was replied then; NULL */
  const char *did;   /* one line for the person */
  const char *doing; /* the idempotency key of the request to come */
};

/* Reads the question and decides. Blocks on the database. */
void deed_look(struct deed *d, struct history *history);
/* The request that does it, when neither `status` nor `done` is set. Its strings are in the arena; the caller adds
 * the handle and the uid. */
struct api_request deed_request(const struct deed *d, struct api_pair path[1]);
/* Which answer to the item was acted on, by its request rows; RESTORE_NONE if none was. 0 or a code. */
int deed_found(struct history *history, const char *restore, const struct restore_item *item, struct arena *a,
               enum restore_answer *out);

#endif
