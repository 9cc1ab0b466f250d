/* What ended the daemon three times in a row is left aside: a pipeline's text that crashes the reader, a stored
 * version or an unfinished run that crashes the start, a run that crashes whenever something is decided of it.
 *
 *   rota.crumb     what is being taken up now; empty between two things. Written before, emptied after, never synced:
 *                  it outlives a crash of the process, and a crash of the machine is nobody's fault
 *   rota.crashes   what was being taken up when former lives ended, a line each: the count, the kind, the id
 *
 * What goes well once is taken off the list (of a pipeline any text), and another version of rota begins it anew. For
 * one thread at a time, but for quarantine_len, quarantine_list and quarantine_forget. Costs two writes into the page
 * cache for each thing.
 *
 * Decisions are too many to be written down, and of one run most go well though one doesn't. What is being decided is
 * kept in memory alone, and written into rota.crumb by the crash itself: a handler of SIGABRT, SIGSEGV and their kin.
 * So a kill isn't counted, and a decision that goes well takes nothing off the list; the run's end does.
 */
#ifndef ROTA_STORE_QUARANTINE_H
#define ROTA_STORE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define QUARANTINE_CRASHES 3
#define QUARANTINE_ID_MAX  255 /* bytes of an id that count */

#define QUARANTINE_LIST(X)                                                                                           \
  X(PIPELINE, "pipeline") /* "NAME SHA256" of the text of a file */                                                  \
  X(VERSION, "version")   /* the key of a stored version */                                                          \
  X(RUN, "run")           /* the id of an unfinished run that was taken up */                                        \
  X(DECISION, "decision") /* the id of a run of which something was decided */

enum quarantine_kind {
#define X(name, word) QUARANTINE_##name,
  QUARANTINE_LIST(X)
#undef X
};

struct quarantine;

/* Counts the crash of the former life, if it was one. The caller holds the directory's lock. Never fails: without a
 * disk nothing is counted. */
struct quarantine *quarantine_open(const char *dir);
void quarantine_close(struct quarantine *q); /* accepts NULL */

/* All below accept NULL, which holds nothing and takes no note. */
bool quarantine_holds(struct quarantine *q, enum quarantine_kind kind, const char *id);
/* This is taken up from now on; what was before it has gone well. */
void quarantine_enter(struct quarantine *q, enum quarantine_kind kind, const char *id);
/* It has gone well. */
void quarantine_leave(struct quarantine *q);
/* Something is decided of the run from now on; NULL: of none any more. Costs a copy of the id. */
void quarantine_decide(struct quarantine *q, const char *run_id);
/* From now on a crash of this thread writes down what was being decided; quarantine_close ends that. */
void quarantine_on_crash(struct quarantine *q);
/* There is no such thing any more; of a pipeline the name alone. For any thread. */
void quarantine_forget(struct quarantine *q, enum quarantine_kind kind, const char *id);
/* How many things are left aside; for any thread. */
size_t quarantine_len(const struct quarantine *q);
/* One line for each thing that is left aside: "pipeline nightly", "run 01J..." (of a decision too). */
void quarantine_list(struct quarantine *q, struct buf *out);

#endif
