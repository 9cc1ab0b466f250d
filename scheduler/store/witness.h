/* Two small files beside the database.
 *
 * The witness `rota.witness` says how far the database was known to be: its state id and the number of a commit that
 * had been acknowledged. A database that is behind it has lost commits that someone relied on. It is written after
 * the commit, in place, and synced.
 *
 * The ballast `rota.ballast` is room kept back for a full disk: more than the write-ahead log may hold, so that after
 * it is dropped a checkpoint and the results of running tasks find a place.
 */
#ifndef ROTA_STORE_WITNESS_H
#define ROTA_STORE_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define STATE_ID_SIZE 27

struct witness {
  int fd;
  int64_t number; /* as on disk */
  char state_id[STATE_ID_SIZE];
  bool known; /* there was a readable one */
};

/* Opens and reads it; a missing or torn one is not known. */
int witness_open(struct witness *w, const char *dir, struct buf *why);
/* ERR_BEHIND if the database isn't the witness's or is older than it. The state id "" is that of an empty one. */
int witness_check(const struct witness *w, const char *dir, const char *state_id, int64_t number, struct buf *why);
/* ERR_SYNC if it couldn't be synced; ERR_FULL and other failures to write leave the old one. */
int witness_write(struct witness *w, const char *state_id, int64_t number);
void witness_close(struct witness *w);

#define BALLAST_SIZE (12 * 1024 * 1024)

bool ballast_there(const char *dir);
/* Makes it if it isn't there; ERR_FULL leaves nothing behind. With `spare` it asks for as much room again beside it,
 * so that it isn't made from the last bytes. */
int ballast_make(const char *dir, bool spare);
/* Whether there was one to drop. */
bool ballast_drop(const char *dir);

#endif
