/* What the engine knows: rows.h. */
#include "scheduler/journal/tables_parts.h"

#define MEMBERS_moment(M, S)                                                                                         \
  M(S, wall, INSTANT, NULL)                                                                                          \
  M(S, mono, INT, NULL)
STRUCT(moment)

#define MEMBERS_actor(M, S)                                                                                          \
  M(S, kind, TEXT, NULL)                                                                                             \
  M(S, id, TEXT, NULL)                                                                                               \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, address, TEXT, NULL)
STRUCT(actor)

#define MEMBERS_id(M, S) M(S, text, CHARS, NULL)
STRUCT(id)

#define MEMBERS_pipeline_row(M, S)                                                                                   \
  M(S, key, INT, NULL)                                                                                               \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, version, INT, NULL)                                                                                           \
  M(S, last_number, INT, NULL)                                                                                       \
  M(S, present, BOOL, NULL)                                                                                          \
  M(S, error, TEXT, NULL)                                                                                            \
  M(S, seen_at, INSTANT, NULL)                                                                                       \
  M(S, paused_at, INSTANT, NULL)                                                                                     \
  M(S, paused_reason, TEXT, NULL)                                                                                    \
  M(S, paused_by, TEXT, NULL)
STRUCT(pipeline_row)

#define MEMBERS_version_row(M, S)                                                                                    \
  M(S, key, INT, NULL)                                                                                               \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, sha256, CHARS, NULL)                                                                                          \
  M(S, text, BYTES, NULL)                                                                                            \
  M(S, text_len, LEN, NULL)                                                                                          \
  M(S, json, BYTES, NULL)                                                                                            \
  M(S, json_len, LEN, NULL)                                                                                          \
  M(S, created_at, INSTANT, NULL)
STRUCT(version_row)

#define MEMBERS_schedule_row(M, S)                                                                                   \
  M(S, key, INT, NULL)                                                                                               \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, identity, TEXT, NULL)                                                                                         \
  M(S, since, INSTANT, NULL)                                                                                         \
  M(S, decided, INSTANT, NULL)                                                                                       \
  M(S, active, BOOL, NULL)
STRUCT(schedule_row)

#define MEMBERS_firing_row(M, S)                                                                                     \
  M(S, key, INT, NULL)                                                                                               \
  M(S, schedule, INT, NULL)                                                                                          \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, scheduled_for, INSTANT, NULL)                                                                                 \
  M(S, until, INSTANT, NULL)                                                                                         \
  M(S, count, INT, NULL)                                                                                             \
  M(S, at_least, BOOL, NULL)                                                                                         \
  M(S, outcome, ENUM, &words_firing_outcome)                                                                         \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, run, INT, NULL)                                                                                               \
  M(S, decided_at, INSTANT, NULL)
STRUCT(firing_row)

#define MEMBERS_run_row(M, S)                                                                                        \
  M(S, key, INT, NULL)                                                                                               \
  M(S, id, STRUCT, &codec_id)                                                                                        \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, number, INT, NULL)                                                                                            \
  M(S, version, INT, NULL)                                                                                           \
  M(S, state, ENUM, &words_run_state)                                                                                \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, trigger, ENUM, &words_trigger)                                                                                \
  M(S, actor, STRUCT, &codec_actor)                                                                                  \
  M(S, params, TEXT, NULL)                                                                                           \
  M(S, scheduled_for, INSTANT, NULL)                                                                                 \
  M(S, interval_start, INSTANT, NULL)                                                                                \
  M(S, zone, TEXT, NULL)                                                                                             \
  M(S, date, INT, NULL)                                                                                              \
  M(S, schedule, INT, NULL)                                                                                          \
  M(S, linked_from, INT, NULL)                                                                                       \
  M(S, created_at, INSTANT, NULL)                                                                                    \
  M(S, started_at, INSTANT, NULL)                                                                                    \
  M(S, ended_at, INSTANT, NULL)                                                                                      \
  M(S, round, INT, NULL)                                                                                             \
  M(S, failed_before, BOOL, NULL)                                                                                    \
  M(S, keep, BOOL, NULL)                                                                                             \
  M(S, fresh, BOOL, NULL)                                                                                            \
  M(S, deadline, INSTANT, NULL)                                                                                      \
  M(S, tasks, INT, NULL)                                                                                             \
  M(S, tasks_done, INT, NULL)                                                                                        \
  M(S, tasks_failed, INT, NULL)                                                                                      \
  M(S, may_have_run_twice, BOOL, NULL)
STRUCT(run_row)

#define MEMBERS_round_row(M, S)                                                                                      \
  M(S, run, INT, NULL)                                                                                               \
  M(S, number, INT, NULL)                                                                                            \
  M(S, state, ENUM, &words_run_state)                                                                                \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, scope, TEXT, NULL)                                                                                            \
  M(S, actor, STRUCT, &codec_actor)                                                                                  \
  M(S, opened_at, INSTANT, NULL)                                                                                     \
  M(S, ended_at, INSTANT, NULL)
STRUCT(round_row)

#define MEMBERS_task_row(M, S)                                                                                       \
  M(S, run, INT, NULL)                                                                                               \
  M(S, index, UINT, NULL)                                                                                            \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, label, TEXT, NULL)                                                                                            \
  M(S, state, ENUM, &words_task_state)                                                                               \
  M(S, wait, ENUM, &words_wait_reason)                                                                               \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, round, INT, NULL)                                                                                             \
  M(S, attempts, INT, NULL)                                                                                          \
  M(S, failures, INT, NULL)                                                                                          \
  M(S, losses, INT, NULL)                                                                                            \
  M(S, attempt, INT, NULL)                                                                                           \
  M(S, output_attempt, INT, NULL)                                                                                    \
  M(S, not_before, INSTANT, NULL)                                                                                    \
  M(S, state_host, TEXT, NULL)                                                                                       \
  M(S, fresh_state, BOOL, NULL)                                                                                      \
  M(S, marked, BOOL, NULL)                                                                                           \
  M(S, ready_at, INSTANT, NULL)                                                                                      \
  M(S, started_at, INSTANT, NULL)                                                                                    \
  M(S, ended_at, INSTANT, NULL)                                                                                      \
  M(S, on_asked, TEXT, NULL)
STRUCT(task_row)

#define MEMBERS_attempt_row(M, S)                                                                                    \
  M(S, key, INT, NULL)                                                                                               \
  M(S, id, STRUCT, &codec_id)                                                                                        \
  M(S, run, INT, NULL)                                                                                               \
  M(S, task, UINT, NULL)                                                                                             \
  M(S, label, TEXT, NULL)                                                                                            \
  M(S, round, INT, NULL)                                                                                             \
  M(S, number, INT, NULL)                                                                                            \
  M(S, state, ENUM, &words_task_state)                                                                               \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, slots, TEXT, NULL)                                                                                            \
  M(S, stop_asked, BOOL, NULL)                                                                                       \
  M(S, stop_now, BOOL, NULL)                                                                                         \
  M(S, stop_reason, TEXT, NULL)                                                                                      \
  M(S, exit_code, KNOWN, NULL)                                                                                       \
  M(S, signal, INT, NULL)                                                                                            \
  M(S, pid, INT, NULL)                                                                                               \
  M(S, created_at, INSTANT, NULL)                                                                                    \
  M(S, started_at, INSTANT, NULL)                                                                                    \
  M(S, ended_at, INSTANT, NULL)                                                                                      \
  M(S, max_rss_kb, KNOWN, NULL)                                                                                      \
  M(S, cpu_us, KNOWN, NULL)                                                                                          \
  M(S, log_bytes, KNOWN, NULL)                                                                                       \
  M(S, dir, TEXT, NULL)                                                                                              \
  M(S, git_commit, TEXT, NULL)                                                                                       \
  M(S, git_dirty, KNOWN, NULL)                                                                                       \
  M(S, unreachable_at, INSTANT, NULL)
STRUCT(attempt_row)

#define MEMBERS_output_row(M, S)                                                                                     \
  M(S, attempt, INT, NULL)                                                                                           \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, json, TEXT, NULL)
STRUCT(output_row)

#define MEMBERS_event_row(M, S)                                                                                      \
  M(S, key, INT, NULL)                                                                                               \
  M(S, at, INSTANT, NULL)                                                                                            \
  M(S, kind, ENUM, &words_event_row_kind)                                                                            \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, run, INT, NULL)                                                                                               \
  M(S, task, KNOWN, NULL)                                                                                            \
  M(S, attempt, INT, NULL)                                                                                           \
  M(S, state, TEXT, NULL)                                                                                            \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, actor, TEXT, NULL)                                                                                            \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, run_id, TEXT, NULL)
STRUCT(event_row)

#define MEMBERS_audit_row(M, S)                                                                                      \
  M(S, at, INSTANT, NULL)                                                                                            \
  M(S, actor, STRUCT, &codec_actor)                                                                                  \
  M(S, action, TEXT, NULL)                                                                                           \
  M(S, object, TEXT, NULL)                                                                                           \
  M(S, detail, TEXT, NULL)
STRUCT(audit_row)

#define MEMBERS_request_row(M, S)                                                                                    \
  M(S, key, TEXT, NULL)                                                                                              \
  M(S, body_sha256, CHARS, NULL)                                                                                     \
  M(S, status, INT, NULL)                                                                                            \
  M(S, response, BYTES, NULL)                                                                                        \
  M(S, response_len, LEN, NULL)                                                                                      \
  M(S, at, INSTANT, NULL)
STRUCT(request_row)

#define MEMBERS_pause_row(M, S)                                                                                      \
  M(S, at, INSTANT, NULL)                                                                                            \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, by, TEXT, NULL)
STRUCT(pause_row)

#define MEMBERS_daily_row(M, S)                                                                                      \
  M(S, day, INT, NULL)                                                                                               \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, state, ENUM, &words_run_state)                                                                                \
  M(S, count, INT, NULL)                                                                                             \
  M(S, total, INT, NULL)
STRUCT(daily_row)

#define MEMBERS_hourly_row(M, S)                                                                                     \
  M(S, hour, INT, NULL)                                                                                              \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, state, ENUM, &words_run_state)                                                                                \
  M(S, count, INT, NULL)
STRUCT(hourly_row)

#define MEMBERS_stat_row(M, S)                                                                                       \
  M(S, pipeline, INT, NULL)                                                                                          \
  M(S, task, TEXT, NULL)                                                                                             \
  M(S, ms, RING, NULL)                                                                                               \
  M(S, len, UINT, NULL)
STRUCT(stat_row)

#define MEMBERS_token_row(M, S)                                                                                      \
  M(S, key, INT, NULL)                                                                                               \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, role, TEXT, NULL)                                                                                             \
  M(S, sha256, CHARS, NULL)                                                                                          \
  M(S, created_at, INSTANT, NULL)                                                                                    \
  M(S, created_by, TEXT, NULL)                                                                                       \
  M(S, expires_at, INSTANT, NULL)                                                                                    \
  M(S, used_at, INSTANT, NULL)                                                                                       \
  M(S, revoked_at, INSTANT, NULL)
STRUCT(token_row)

#define MEMBERS_session_row(M, S)                                                                                    \
  M(S, key, INT, NULL)                                                                                               \
  M(S, sha256, CHARS, NULL)                                                                                          \
  M(S, token, INT, NULL)                                                                                             \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, role, TEXT, NULL)                                                                                             \
  M(S, address, TEXT, NULL)                                                                                          \
  M(S, agent, TEXT, NULL)                                                                                            \
  M(S, created_at, INSTANT, NULL)                                                                                    \
  M(S, used_at, INSTANT, NULL)                                                                                       \
  M(S, revoked_at, INSTANT, NULL)
STRUCT(session_row)

#define MEMBERS_host_row(M, S)                                                                                       \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, order, ENUM, &words_host_order)                                                                               \
  M(S, order_reason, TEXT, NULL)                                                                                     \
  M(S, order_by, TEXT, NULL)                                                                                         \
  M(S, order_at, INSTANT, NULL)                                                                                      \
  M(S, contact, ENUM, &words_host_contact)                                                                           \
  M(S, since, INSTANT, NULL)                                                                                         \
  M(S, text, TEXT, NULL)                                                                                             \
  M(S, machine, TEXT, NULL)                                                                                          \
  M(S, boot, TEXT, NULL)                                                                                             \
  M(S, booted_at, INSTANT, NULL)                                                                                     \
  M(S, facts, TEXT, NULL)                                                                                            \
  M(S, doctor, TEXT, NULL)                                                                                           \
  M(S, doctor_at, INSTANT, NULL)
STRUCT(host_row)

#define MEMBERS_host_boot_row(M, S)                                                                                  \
  M(S, key, INT, NULL)                                                                                               \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, machine, TEXT, NULL)                                                                                          \
  M(S, boot, TEXT, NULL)                                                                                             \
  M(S, booted_at, INSTANT, NULL)                                                                                     \
  M(S, seen_at, INSTANT, NULL)                                                                                       \
  M(S, facts, TEXT, NULL)
STRUCT(host_boot_row)

#define MEMBERS_host_doctor_row(M, S)                                                                                \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, doctor, TEXT, NULL)                                                                                           \
  M(S, doctor_at, INSTANT, NULL)
STRUCT(host_doctor_row)

#define MEMBERS_remnant_row(M, S)                                                                                    \
  M(S, attempt, INT, NULL)                                                                                           \
  M(S, host, TEXT, NULL)                                                                                             \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, attempt_id, TEXT, NULL)                                                                                       \
  M(S, what, TEXT, NULL)                                                                                             \
  M(S, reason, TEXT, NULL)                                                                                           \
  M(S, since, INSTANT, NULL)                                                                                         \
  M(S, run, INT, NULL)                                                                                               \
  M(S, task, UINT, NULL)                                                                                             \
  M(S, unsure, BOOL, NULL)                                                                                           \
  M(S, gone, BOOL, NULL)
STRUCT(remnant_row)

#define MEMBERS_code_row(M, S)                                                                                       \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, dir, TEXT, NULL)                                                                                              \
  M(S, commit, TEXT, NULL)                                                                                           \
  M(S, dirty, KNOWN, NULL)
STRUCT(code_row)

#define X(name, member) &codec_##member##_row,
UNION(change, kind, &words_change_kind, CHANGE_LIST, pipeline)
#undef X

#define MEMBERS_run_rows(M, S)                                                                                       \
  M(S, run, STRUCT, &codec_run_row)                                                                                  \
  M(S, pipeline_name, TEXT, NULL)                                                                                    \
  M(S, linked_from_id, TEXT, NULL)                                                                                   \
  M(S, linked_before, TEXT, NULL)                                                                                    \
  M(S, pipeline, PIPELINE, NULL)                                                                                     \
  M(S, tasks, ARRAY, &codec_task_row)                                                                                \
  M(S, tasks_len, LEN, NULL)                                                                                         \
  M(S, attempts, ARRAY, &codec_attempt_row)                                                                          \
  M(S, attempts_len, LEN, NULL)                                                                                      \
  M(S, outputs, ARRAY, &codec_output_row)                                                                            \
  M(S, outputs_len, LEN, NULL)
STRUCT(run_rows)
