/* What goes into a step and what comes out: events and decisions. */
#include "scheduler/journal/tables_parts.h"

#define MEMBERS_engine_asker(M, S)                                                                                   \
  M(S, handle, UINT, NULL)                                                                                           \
  M(S, actor, STRUCT, &codec_actor)                                                                                  \
  M(S, idempotency_key, TEXT, NULL)                                                                                  \
  M(S, body_sha256, CHARS, NULL)                                                                                     \
  M(S, dry_run, BOOL, NULL)
STRUCT(engine_asker)

#define MEMBERS_engine_loaded(M, S)                                                                                  \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, pipeline, PIPELINE, NULL)                                                                                     \
  M(S, text, BYTES, NULL)                                                                                            \
  M(S, text_len, LEN, NULL)                                                                                          \
  M(S, json, BYTES, NULL)                                                                                            \
  M(S, json_len, LEN, NULL)                                                                                          \
  M(S, sha256, CHARS, NULL)
STRUCT(engine_loaded)

#define MEMBERS_engine_broken(M, S)                                                                                  \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, error, TEXT, NULL)
STRUCT(engine_broken)

#define MEMBERS_engine_gone(M, S) M(S, name, TEXT, NULL)
STRUCT(engine_gone)

#define MEMBERS_engine_config(M, S) M(S, config, POINTER, &codec_config)
STRUCT(engine_config)

#define MEMBERS_engine_trigger(M, S)                                                                                 \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, pipeline, TEXT, NULL)                                                                                         \
  M(S, params, ARRAY, &codec_param_given)                                                                            \
  M(S, params_len, LEN, NULL)                                                                                        \
  M(S, scheduled_for, INSTANT, NULL)                                                                                 \
  M(S, now, BOOL, NULL)                                                                                              \
  M(S, once, BOOL, NULL)                                                                                             \
  M(S, trigger, ENUM, &words_trigger)
STRUCT(engine_trigger)

#define MEMBERS_engine_rerun(M, S)                                                                                   \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run, POINTER, &codec_run_rows)                                                                                \
  M(S, mode, ENUM, &words_rerun_mode)                                                                                \
  M(S, task, TEXT, NULL)                                                                                             \
  M(S, params, ARRAY, &codec_param_given)                                                                            \
  M(S, params_len, LEN, NULL)                                                                                        \
  M(S, version, INT, NULL)                                                                                           \
  M(S, on, TEXT, NULL)
STRUCT(engine_rerun)

#define MEMBERS_engine_cancel(M, S)                                                                                  \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, task, TEXT, NULL)                                                                                             \
  M(S, abandon, BOOL, NULL)
STRUCT(engine_cancel)

#define MEMBERS_engine_retry_now(M, S)                                                                               \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, task, TEXT, NULL)
STRUCT(engine_retry_now)

#define MEMBERS_engine_mark(M, S)                                                                                    \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, run, POINTER, &codec_run_rows)                                                                                \
  M(S, task, TEXT, NULL)                                                                                             \
  M(S, state, ENUM, &words_task_state)                                                                               \
  M(S, outputs, ARRAY, &codec_param_given)                                                                           \
  M(S, outputs_len, LEN, NULL)                                                                                       \
  M(S, reason, TEXT, NULL)
STRUCT(engine_mark)

#define MEMBERS_engine_note(M, S)                                                                                    \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run, POINTER, &codec_run_row)                                                                                 \
  M(S, pipeline_name, TEXT, NULL)                                                                                    \
  M(S, text, TEXT, NULL)
STRUCT(engine_note)

#define MEMBERS_engine_keep(M, S)                                                                                    \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, run, POINTER, &codec_run_row)                                                                                 \
  M(S, pipeline_name, TEXT, NULL)                                                                                    \
  M(S, keep, BOOL, NULL)
STRUCT(engine_keep)

#define MEMBERS_engine_pause(M, S)                                                                                   \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, pipeline, TEXT, NULL)                                                                                         \
  M(S, reason, TEXT, NULL)
STRUCT(engine_pause)

#define MEMBERS_engine_resume(M, S)                                                                                  \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, pipeline, TEXT, NULL)
STRUCT(engine_resume)

#define MEMBERS_engine_report(M, S)                                                                                  \
  M(S, kind, ENUM, &words_engine_report_kind)                                                                        \
  M(S, attempt_id, TEXT, NULL)                                                                                       \
  M(S, text, TEXT, NULL)                                                                                             \
  M(S, again, BOOL, NULL)                                                                                            \
  M(S, doubtful, BOOL, NULL)                                                                                         \
  M(S, end, ENUM, &words_engine_end)                                                                                 \
  M(S, status, INT, NULL)                                                                                            \
  M(S, pid, INT, NULL)                                                                                               \
  M(S, started_at, INSTANT, NULL)                                                                                    \
  M(S, ended_at, INSTANT, NULL)                                                                                      \
  M(S, cpu_us, KNOWN, NULL)                                                                                          \
  M(S, max_rss_kb, KNOWN, NULL)                                                                                      \
  M(S, log_bytes, KNOWN, NULL)                                                                                       \
  M(S, output, BYTES, NULL)                                                                                          \
  M(S, output_len, LEN, NULL)                                                                                        \
  M(S, output_error, TEXT, NULL)                                                                                     \
  M(S, fault, TEXT, NULL)
STRUCT(engine_report)

#define MEMBERS_engine_prepared(M, S)                                                                                \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, error, TEXT, NULL)
STRUCT(engine_prepared)

#define MEMBERS_engine_code(M, S)                                                                                    \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, dir, TEXT, NULL)                                                                                              \
  M(S, commit, TEXT, NULL)                                                                                           \
  M(S, dirty, KNOWN, NULL)
STRUCT(engine_code)

#define MEMBERS_engine_host(M, S)                                                                                    \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, contact, ENUM, &words_host_contact)                                                                           \
  M(S, text, TEXT, NULL)                                                                                             \
  M(S, machine, TEXT, NULL)                                                                                          \
  M(S, boot, TEXT, NULL)                                                                                             \
  M(S, booted_at, INSTANT, NULL)                                                                                     \
  M(S, facts, TEXT, NULL)
STRUCT(engine_host)

#define MEMBERS_engine_host_order(M, S)                                                                              \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, order, ENUM, &words_host_order)                                                                               \
  M(S, gone, BOOL, NULL)                                                                                             \
  M(S, reason, TEXT, NULL)
STRUCT(engine_host_order)

#define MEMBERS_engine_record(M, S)                                                                                  \
  M(S, asker, STRUCT, &codec_engine_asker)                                                                           \
  M(S, changes, ARRAY, &codec_change)                                                                                \
  M(S, changes_len, LEN, NULL)                                                                                       \
  M(S, action, TEXT, NULL)                                                                                           \
  M(S, object, TEXT, NULL)                                                                                           \
  M(S, detail, TEXT, NULL)                                                                                           \
  M(S, status, INT, NULL)                                                                                            \
  M(S, body, BYTES, NULL)                                                                                            \
  M(S, body_len, LEN, NULL)                                                                                          \
  M(S, kept, TEXT, NULL)
STRUCT(engine_record)

#define X(name, member) &codec_engine_##member,
UNION(engine_event, kind, &words_engine_event_kind, ENGINE_EVENT_LIST, loaded)
#undef X

#define MEMBERS_decision_start(M, S)                                                                                 \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, launch, POINTER, &codec_launch)                                                                               \
  M(S, doubtful, BOOL, NULL)
STRUCT(decision_start)

#define MEMBERS_decision_fence(M, S)                                                                                 \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, attempt_id, TEXT, NULL)
STRUCT(decision_fence)

#define MEMBERS_decision_stop(M, S)                                                                                  \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, attempt_id, TEXT, NULL)                                                                                       \
  M(S, now, BOOL, NULL)
STRUCT(decision_stop)

#define MEMBERS_decision_prepare(M, S)                                                                               \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, from_run_id, TEXT, NULL)                                                                                      \
  M(S, state_keys, TEXTS, NULL)                                                                                      \
  M(S, state_keys_len, LEN, NULL)
STRUCT(decision_prepare)

#define MEMBERS_decision_clear(M, S)                                                                                 \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, attempt_id, TEXT, NULL)
STRUCT(decision_clear)

#define MEMBERS_decision_reply(M, S)                                                                                 \
  M(S, handle, UINT, NULL)                                                                                           \
  M(S, status, INT, NULL)                                                                                            \
  M(S, body, BYTES, NULL)                                                                                            \
  M(S, body_len, LEN, NULL)
STRUCT(decision_reply)

#define X(name, member) &codec_decision_##member,
UNION(decision, kind, &words_decision_kind, DECISION_LIST, start)
#undef X
