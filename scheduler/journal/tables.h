/* The tables of all that goes into the engine and comes out of it, and of the frames of a journal.
 *
 * Each is a list of all members of a struct in their order. A member that is added to a struct and not to its list
 * stops the build (-Wmissing-field-initializers is an error in tables.c), as does a new kind of event, decision or
 * row; new words of an enum come by themselves.
 */
#ifndef ROTA_JOURNAL_TABLES_H
#define ROTA_JOURNAL_TABLES_H

#include "scheduler/engine/engine.h"
#include "scheduler/journal/codec.h"

/* ---- what the frames hold ---- */

/* The life of a daemon begins: what engine_new and engine_restore were given. */
struct journal_start {
  const char *version; /* of rota */
  struct moment now;
  bool schedules, local_only;
  const struct launch_env *env;
  size_t env_len;
  const struct config *config;
  struct engine_state state;
};

/* A zone as the engine was given it from here on. */
struct journal_zone {
  const char *name;
  bool found;
  const char *rules; /* the TZif file; NULL: built in, or not found */
  size_t rules_len;
};

/* What engine_step is given. */
struct journal_step {
  int64_t number; /* from 1 */
  struct moment now;
  uint8_t seed[32];
  int64_t next_key; /* keys may have been reserved since the last step */
  const struct engine_event *events;
  size_t events_len;
};

/* What came of it; of a start number 0, and nothing else. */
struct journal_done {
  int64_t number;
  instant wake_wall;
  int64_t wake_mono;
  int64_t next_key;
};

/* No more is recorded. */
struct journal_stop {
  const char *reason;
};

/* Each after those that it holds. */
#define CODEC_STRUCT_LIST(X)                                                                                         \
  X(moment)                                                                                                          \
  X(actor)                                                                                                           \
  X(id)                                                                                                              \
  X(pipeline_row)                                                                                                    \
  X(version_row)                                                                                                     \
  X(schedule_row)                                                                                                    \
  X(firing_row)                                                                                                      \
  X(run_row)                                                                                                         \
  X(round_row)                                                                                                       \
  X(task_row)                                                                                                        \
  X(attempt_row)                                                                                                     \
  X(output_row)                                                                                                      \
  X(event_row)                                                                                                       \
  X(audit_row)                                                                                                       \
  X(request_row)                                                                                                     \
  X(pause_row)                                                                                                       \
  X(daily_row)                                                                                                       \
  X(hourly_row)                                                                                                      \
  X(stat_row)                                                                                                        \
  X(token_row)                                                                                                       \
  X(session_row)                                                                                                     \
  X(host_row)                                                                                                        \
  X(host_boot_row)                                                                                                   \
  X(host_doctor_row)                                                                                                 \
  X(remnant_row)                                                                                                     \
  X(code_row)                                                                                                        \
  X(change)                                                                                                          \
  X(run_rows)                                                                                                        \
  X(launch_env)                                                                                                      \
  X(launch_file)                                                                                                     \
  X(launch)                                                                                                          \
  X(config_slot)                                                                                                     \
  X(config_host)                                                                                                     \
  X(config_group)                                                                                                    \
  X(config)                                                                                                          \
  X(param_given)                                                                                                     \
  X(engine_asker)                                                                                                    \
  X(engine_loaded)                                                                                                   \
  X(engine_broken)                                                                                                   \
  X(engine_gone)                                                                                                     \
  X(engine_config)                                                                                                   \
  X(engine_trigger)                                                                                                  \
  X(engine_rerun)                                                                                                    \
  X(engine_cancel)                                                                                                   \
  X(engine_retry_now)                                                                                                \
  X(engine_mark)                                                                                                     \
  X(engine_note)                                                                                                     \
  X(engine_keep)                                                                                                     \
  X(engine_pause)                                                                                                    \
  X(engine_resume)                                                                                                   \
  X(engine_report)                                                                                                   \
  X(engine_prepared)                                                                                                 \
  X(engine_code)                                                                                                     \
  X(engine_host)                                                                                                     \
  X(engine_host_order)                                                                                               \
  X(engine_record)                                                                                                   \
  X(engine_event)                                                                                                    \
  X(decision_start)                                                                                                  \
  X(decision_fence)                                                                                                  \
  X(decision_stop)                                                                                                   \
  X(decision_prepare)                                                                                                \
  X(decision_clear)                                                                                                  \
  X(decision_reply)                                                                                                  \
  X(decision)                                                                                                        \
  X(engine_state)                                                                                                    \
  X(journal_start)                                                                                                   \
  X(journal_zone)                                                                                                    \
  X(journal_step)                                                                                                    \
  X(journal_done)                                                                                                    \
  X(journal_stop)

#define X(name) extern const struct codec_struct codec_##name;
CODEC_STRUCT_LIST(X)
#undef X

/* All structs and all lists of words there are, in the order of a schema. */
extern const struct codec_struct *const codec_structs[];
extern const size_t codec_structs_len;
extern const struct codec_words *const codec_words_lists[];
extern const size_t codec_words_lists_len;

#endif
