/* Writes a journal: what goes into an engine and what comes out of it, so that replay.h can do it again.
 *
 * Called on the thread of the engine, which it never keeps waiting for the disk: what is to be written is put
 * together in memory and handed to a thread of its own. What can't be written ends the recording and nothing else: a
 * full disk, a journal that has reached its size, a disk that takes it so slowly that RECORDER_QUEUE_MAX bytes wait.
 *
 * The inputs of a step are handed over before the step is taken, and an abort waits for the thread to write them: so
 * a journal ends with the inputs of the step in which the engine aborted.
 *
 * The file is for its owner's eyes alone (0600), for it holds what the database and the configuration hold:
 * parameters, environments, outputs. What an answer tells only once, such as a fresh token, isn't in it.
 */
#ifndef ROTA_JOURNAL_RECORDER_H
#define ROTA_JOURNAL_RECORDER_H

#include "scheduler/engine/engine.h"

struct recorder;
struct journal_start;

#define RECORDER_SIZE      (UINT64_C(256) * 1024 * 1024) /* of the file, if nothing else is asked for */
#define RECORDER_QUEUE_MAX (UINT64_C(32) * 1024 * 1024)

/* Begins a journal at `path`; one that is there becomes `path`.1, in place of an earlier one. May block on the disk.
 * On failure *why (heap, the caller frees) says what is wrong: ERR_EXISTS if a file of either name is no journal,
 * else what the system says; then ERR_FULL may pass by itself. */
int recorder_new(const char *path, uint64_t size_max, struct recorder **out, char **why);
/* Hands over what is queued and waits until it is written. Accepts NULL. */
void recorder_free(struct recorder *r);

/* For engine_options.zone and .zone_ctx: asks `zone`, and notes the answers. Before engine_new. */
typedef const struct zone *recorder_zone_fn(void *ctx, const char *name);
void recorder_zones(struct recorder *r, recorder_zone_fn *zone, void *ctx);
const struct zone *recorder_zone(void *recorder, const char *name);

/* Around engine_restore, whose model `restored` is; the second only if it was accepted. */
void recorder_start(struct recorder *r, const struct journal_start *start);
void recorder_restored(struct recorder *r, const struct engine *restored);
/* Around each engine_step; all accept NULL for `r`. */
void recorder_step(struct recorder *r, const struct engine *e, struct moment now, const uint8_t seed[32],
                   const struct engine_event *events, size_t events_len);
void recorder_done(struct recorder *r, const struct engine *e, const struct step *step);

/* From now on abort(), as a failed assert ends in it, waits until all that was handed over is written, 500 ms at
 * most. For one recorder of the process; until it is freed. */
void recorder_on_abort(struct recorder *r);

/* Why it records no more: told once, then NULL again. Valid as long as the recorder. */
const char *recorder_stopped(struct recorder *r);

#endif
