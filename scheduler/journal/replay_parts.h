/* A replay under way, for replay.c, which gives the inputs, and replay_outcome.c, which looks at what comes of them.
 */
#ifndef ROTA_JOURNAL_REPLAY_PARTS_H
#define ROTA_JOURNAL_REPLAY_PARTS_H

#include "base/map.h"
#include "scheduler/journal/journal_file.h"
#include "scheduler/journal/replay.h"
#include "scheduler/journal/schema.h"
#include "scheduler/journal/tables.h"

struct replay {
  const struct replay_options *o;
  struct replay_result *result;
  struct journal_reader file;
  struct arena tables;             /* of the two schemas */
  const struct schema *then, *now; /* the journal's, this version's */

  struct buf pending; /* inputs that are to be given once their zones and their outcome are read */
  enum journal_frame_kind pending_kind;
  bool is_pending;
  struct arena arena;     /* of the inputs */
  VEC(struct arena) kept; /* of inputs that hold a configuration, at which the engine goes on looking */
  struct codec_in in;

  struct map zones; /* by name; NULL for none */
  VEC(struct zone *) all_zones;
  struct engine *engine;
  struct journal_step step; /* number 0: the start */
  struct step out;
  struct sha256 *digest;
  bool at_the_end; /* this step's outcome and what else was written of it are lost */
  bool differs;    /* nothing is done again any more; there may be more to print */
  bool over;
};

/* Ends it; of two reasons the first stands. A difference ends the printing only when all is printed. */
void replay_end(struct replay *r, enum replay_end how, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Whether this step is to be printed and compared. */
bool replay_wanted(const struct replay *r);
/* A struct of this version as a line of text; the caller frees. When brief, as what came out is kept. */
char *replay_text(const struct replay *r, const struct codec_struct *of, const void *what, bool brief);
/* Prints what was decided then. */
void outcome_print(struct replay *r, const struct journal_done *done, struct codec_in *in);
/* Adds what is decided now to the digest, and compares; `in` is behind the struct journal_done. */
void outcome_digest(struct replay *r);
void outcome_compare(struct replay *r, const struct journal_done *done, struct codec_in *in);

#endif
