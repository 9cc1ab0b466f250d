/* From the model to rows: what changed in a step is marked, and becomes changes once, at the end of the step. Rows
 * that only grow are added as things happen. Texts are copied into the step's arena. */
#ifndef ROTA_ENGINE_EMIT_H
#define ROTA_ENGINE_EMIT_H

#include "scheduler/engine/model.h"

int64_t engine_key(struct engine *e);

void mark_entry(struct engine *e, struct entry *entry);
void mark_schedule(struct engine *e, struct schedule *s);
void mark_run(struct live_run *r);
void mark_round(struct live_run *r);
void mark_task(struct instance *i);
void mark_attempt(struct attempt *a);
void mark_host(struct engine *e, struct host *h);

void emit_version(struct engine *e, const struct version_row *row);
void emit_firing(struct engine *e, struct schedule *s);
void emit_output(struct engine *e, int64_t attempt, const char *name, const struct value *value);
/* Kinds RUN and TASK carry the state entered; `run` and `task` may be NULL. */
void emit_event(struct engine *e, enum event_row_kind kind, const struct entry *entry, const struct live_run *run,
                const struct instance *task, const char *state, const char *reason);
void emit_event_row(struct engine *e, const struct event_row *row);
/* Of kind HOST; `run` and `task` if something became of one of them. */
void emit_host_event(struct engine *e, const struct host *h, const struct live_run *run, const struct instance *task,
                     const char *state, const char *reason);
void emit_host_boot(struct engine *e, const struct host_row *host);
void emit_doctor(struct engine *e, const struct host_doctor_row *row);
/* Put, or taken away if it is `gone`. */
void emit_remnant(struct engine *e, const struct remnant_row *row);
void emit_audit(struct engine *e, const struct actor *actor, const char *action, const char *object,
                const char *detail);
void emit_request(struct engine *e, const struct request_row *row);
void emit_token(struct engine *e, const struct token_row *row);
void emit_session(struct engine *e, const struct session_row *row);
void emit_daily(struct engine *e, const struct daily_row *row);
void emit_hourly(struct engine *e, const struct hourly_row *row);
void emit_stat(struct engine *e, const struct stat_row *row);
/* For attempts of a run that has left memory. */
void emit_code(struct engine *e, const struct engine_code *code);
void emit_run_row(struct engine *e, const struct run_row *row);

/* Turns all that is marked into changes of the step under way. */
void emit_all(struct engine *e);

/* Replaces a heap string by a copy of `text`, which may be NULL. */
void text_set(char **slot, const char *text);
/* The same for a text of a row inside the model, which the row's type takes for borrowed. */
void row_text_set(const char **slot, const char *text);

#endif
