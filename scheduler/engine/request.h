/* What people ask for. Each is checked against the model, answered with JSON, and leaves an audit row; a refusal says
 * what to do instead and changes nothing. */
#ifndef ROTA_ENGINE_REQUEST_H
#define ROTA_ENGINE_REQUEST_H

#include "scheduler/engine/model.h"

/* ---- the answers (reply.c) ---- */

/* Ends what an earlier request of this step with the same idempotency key began: answers as it was answered. True if
 * so, and nothing else is to be done. */
bool reply_repeated(struct engine *e, const struct engine_asker *asker);
/* The JSON of an answer; it is copied, and kept as a request row unless nothing was changed. */
void reply_json(struct engine *e, const struct engine_asker *asker, int status, const struct buf *body);
/* The same, but what is kept for a repetition is `kept`. */
void reply_text(struct engine *e, const struct engine_asker *asker, int status, const char *body, size_t len,
                const char *kept, size_t kept_len);
/* A problem document (RFC 9457); `detail` says what is wrong and what to do. */
void reply_problem(struct engine *e, const struct engine_asker *asker, int status, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
/* ENGINE_LOOK_AGAIN, which isn't kept: nothing was done. */
void reply_look_again(struct engine *e, const struct engine_asker *asker);
/* {"run": {"id", "name", "state", "queued_behind"}} */
void reply_run(struct engine *e, const struct engine_asker *asker, int status, const struct live_run *r,
               const char *behind);
/* {"ok": true, "did": "..."} */
void reply_done(struct engine *e, const struct engine_asker *asker, const char *did, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the requests ---- */

void request_trigger(struct engine *e, const struct engine_trigger *q);
void request_rerun(struct engine *e, const struct engine_rerun *q);
void request_cancel(struct engine *e, const struct engine_cancel *q);
void request_retry_now(struct engine *e, const struct engine_retry_now *q);
void request_mark(struct engine *e, const struct engine_mark *q);
void request_note(struct engine *e, const struct engine_note *q);
void request_keep(struct engine *e, const struct engine_keep *q);
void request_pause(struct engine *e, const struct engine_pause *q);
void request_resume(struct engine *e, const struct engine_resume *q);
void request_host_order(struct engine *e, const struct engine_host_order *q);
void request_record(struct engine *e, const struct engine_record *q);

/* The live run of that id; NULL if it has ended or there is none. */
struct live_run *run_find(const struct engine *e, const char *id);
/* The run of that id that ended in this step or the one before; NULL if there is none. */
struct live_run *run_just_ended(const struct engine *e, const char *id);
/* Whether `read` is older than what is known of that run, which isn't live: it changed in this step or the one
 * before. NULL: it was live when it was read. */
bool run_rows_old(const struct engine *e, const char *id, const struct run_row *read);
/* Why the chosen tasks of a run can't be run `on` a place, with what to do; NULL if they can. In the scratch arena.
 */
const char *rerun_on_objection(struct live_run *r, const bool *selected, const char *on);
/* Whether a run by hand waits for the live ones of its pipeline. */
bool request_queues(const struct entry *entry, bool now);

#endif
