/* Rows as the API shows them: docs/api.md has the shapes. Each writes one JSON object. */
#ifndef ROTA_DAEMON_PRESENT_H
#define ROTA_DAEMON_PRESENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "scheduler/engine/rows.h"

/* What a run's row refers to by key, in words. */
struct present_run {
  const struct run_row *row;
  const char *pipeline;    /* name */
  const char *version;     /* sha256; NULL if unknown */
  const char *linked_from; /* id of the run; NULL if none */
  const char *attention;   /* why it needs attention; NULL leaves the member out */
  instant now;             /* for the duration of what hasn't ended */
};

/* Opens the object and writes the members; the caller may add more and ends the object. */
void present_run_begin(struct json *j, const struct present_run *run);

/* `duration_ms`: up to now if it hasn't ended, null if it never began. */
void present_span(struct json *j, instant from, instant to, instant now);
/* A negative number means unknown: null. */
void present_known(struct json *j, const char *key, int64_t value);
void present_actor(struct json *j, const struct actor *actor);
/* What a task says of itself in files of its attempt, NULL for nothing; whether the run may succeed though it fails.
 */
struct task_told {
  const char *progress, *summary;
  bool allow_failure;
  instant last_output_at; /* of a live one; INSTANT_NONE */
  int64_t usual_ms;       /* -1 unknown */
};
/* `why` comes last and is null: page_run.c puts the engine's words in its place. `outputs` are those of the attempt
 * that counts. `attempt_labels` of a task are "train[0.1]". */
void present_task(struct json *j, const struct task_row *row, const struct output_row *outputs, size_t outputs_len,
                  const struct task_told *told, instant now);
/* `command` is what it runs, in short; NULL if unknown. */
void present_attempt(struct json *j, const struct attempt_row *row, const char *label, const char *command,
                     instant now);
void present_round(struct json *j, const struct round_row *row);
void present_event(struct json *j, const struct event_row *row);

#endif
