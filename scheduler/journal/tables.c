/* What the engine begins with, the frames, and the list of all tables. */
#include "scheduler/journal/tables_parts.h"

#define MEMBERS_engine_state(M, S)                                                                                   \
  M(S, pipelines, ARRAY, &codec_pipeline_row)                                                                        \
  M(S, pipeline_specs, PIPELINES, NULL)                                                                              \
  M(S, pipeline_sha256, DIGESTS, NULL)                                                                               \
  M(S, pipelines_len, LEN, NULL)                                                                                     \
  M(S, schedules, ARRAY, &codec_schedule_row)                                                                        \
  M(S, last_firings, ARRAY, &codec_firing_row)                                                                       \
  M(S, schedules_len, LEN, NULL)                                                                                     \
  M(S, runs, ARRAY, &codec_run_rows)                                                                                 \
  M(S, runs_len, LEN, NULL)                                                                                          \
  M(S, stats, ARRAY, &codec_stat_row)                                                                                \
  M(S, stats_len, LEN, NULL)                                                                                         \
  M(S, pause, STRUCT, &codec_pause_row)                                                                              \
  M(S, hosts, ARRAY, &codec_host_row)                                                                                \
  M(S, hosts_len, LEN, NULL)                                                                                         \
  M(S, remnants, ARRAY, &codec_remnant_row)                                                                          \
  M(S, remnants_len, LEN, NULL)                                                                                      \
  M(S, next_key, INT, NULL)                                                                                          \
  M(S, restored_at, INSTANT, NULL)
STRUCT(engine_state)

#define MEMBERS_journal_start(M, S)                                                                                  \
  M(S, version, TEXT, NULL)                                                                                          \
  M(S, now, STRUCT, &codec_moment)                                                                                   \
  M(S, schedules, BOOL, NULL)                                                                                        \
  M(S, local_only, BOOL, NULL)                                                                                       \
  M(S, env, ARRAY, &codec_launch_env)                                                                                \
  M(S, env_len, LEN, NULL)                                                                                           \
  M(S, config, POINTER, &codec_config)                                                                               \
  M(S, state, STRUCT, &codec_engine_state)
STRUCT(journal_start)

#define MEMBERS_journal_zone(M, S)                                                                                   \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, found, BOOL, NULL)                                                                                            \
  M(S, rules, BYTES, NULL)                                                                                           \
  M(S, rules_len, LEN, NULL)
STRUCT(journal_zone)

#define MEMBERS_journal_step(M, S)                                                                                   \
  M(S, number, INT, NULL)                                                                                            \
  M(S, now, STRUCT, &codec_moment)                                                                                   \
  M(S, seed, SEED, NULL)                                                                                             \
  M(S, next_key, INT, NULL)                                                                                          \
  M(S, events, ARRAY, &codec_engine_event)                                                                           \
  M(S, events_len, LEN, NULL)
STRUCT(journal_step)

#define MEMBERS_journal_done(M, S)                                                                                   \
  M(S, number, INT, NULL)                                                                                            \
  M(S, wake_wall, INSTANT, NULL)                                                                                     \
  M(S, wake_mono, INT, NULL)                                                                                         \
  M(S, next_key, INT, NULL)
STRUCT(journal_done)

#define MEMBERS_journal_stop(M, S) M(S, reason, TEXT, NULL)
STRUCT(journal_stop)

#define X(name) &codec_##name,
const struct codec_struct *const codec_structs[] = {CODEC_STRUCT_LIST(X)};
#undef X
const size_t codec_structs_len = sizeof codec_structs / sizeof *codec_structs;
