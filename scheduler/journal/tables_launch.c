/* Launches, the configuration, parameters. */
#include "scheduler/journal/tables_parts.h"

#define MEMBERS_launch_env(M, S)                                                                                     \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, value, SECRET, NULL)                                                                                          \
  M(S, file, TEXT, NULL)
STRUCT(launch_env)

#define MEMBERS_launch_file(M, S)                                                                                    \
  M(S, path, TEXT, NULL)                                                                                             \
  M(S, optional, BOOL, NULL)
STRUCT(launch_file)

#define MEMBERS_launch(M, S)                                                                                         \
  M(S, run_id, TEXT, NULL)                                                                                           \
  M(S, attempt_id, TEXT, NULL)                                                                                       \
  M(S, state_key, TEXT, NULL)                                                                                        \
  M(S, label, TEXT, NULL)                                                                                            \
  M(S, argv, TEXTS, NULL)                                                                                            \
  M(S, argc, LEN, NULL)                                                                                              \
  M(S, script, BYTES, NULL)                                                                                          \
  M(S, script_len, LEN, NULL)                                                                                        \
  M(S, dir, TEXT, NULL)                                                                                              \
  M(S, path, TEXT, NULL)                                                                                             \
  M(S, zone, TEXT, NULL)                                                                                             \
  M(S, env, ARRAY, &codec_launch_env)                                                                                \
  M(S, env_len, LEN, NULL)                                                                                           \
  M(S, context, BYTES, NULL)                                                                                         \
  M(S, context_len, LEN, NULL)                                                                                       \
  M(S, send, ARRAY, &codec_launch_file)                                                                              \
  M(S, send_len, LEN, NULL)                                                                                          \
  M(S, source_dir, TEXT, NULL)                                                                                       \
  M(S, fetch, ARRAY, &codec_launch_file)                                                                             \
  M(S, fetch_len, LEN, NULL)                                                                                         \
  M(S, state_from, TEXT, NULL)                                                                                       \
  M(S, fresh_state, BOOL, NULL)                                                                                      \
  M(S, timeout, INT, NULL)                                                                                           \
  M(S, grace, INT, NULL)                                                                                             \
  M(S, keep_leftovers, BOOL, NULL)                                                                                   \
  M(S, log_cap, UINT, NULL)
STRUCT(launch)

#define MEMBERS_config_slot(M, S)                                                                                    \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, units, TEXTS, NULL)                                                                                           \
  M(S, units_len, LEN, NULL)
STRUCT(config_slot)

#define MEMBERS_config_host(M, S)                                                                                    \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, ssh, TEXT, NULL)                                                                                              \
  M(S, identity, TEXT, NULL)                                                                                         \
  M(S, jump, TEXT, NULL)                                                                                             \
  M(S, root, TEXT, NULL)                                                                                             \
  M(S, path, TEXT, NULL)                                                                                             \
  M(S, transport, TEXT, NULL)                                                                                        \
  M(S, known_hosts, TEXT, NULL)                                                                                      \
  M(S, passphrase_file, TEXT, NULL)                                                                                  \
  M(S, passphrase_env, TEXT, NULL)                                                                                   \
  M(S, accept_new, BOOL, NULL)                                                                                       \
  M(S, slots, ARRAY, &codec_config_slot)                                                                             \
  M(S, slots_len, LEN, NULL)                                                                                         \
  M(S, max_tasks, INT, NULL)                                                                                         \
  M(S, env, ARRAY, &codec_launch_env)                                                                                \
  M(S, env_len, LEN, NULL)
STRUCT(config_host)

#define MEMBERS_config_group(M, S)                                                                                   \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, hosts, NUMBERS, NULL)                                                                                         \
  M(S, hosts_len, LEN, NULL)
STRUCT(config_group)

#define MEMBERS_config(M, S)                                                                                         \
  M(S, arena, NONES, NULL)                                                                                           \
  M(S, file, TEXT, NULL)                                                                                             \
  M(S, dags, TEXT, NULL)                                                                                             \
  M(S, state, TEXT, NULL)                                                                                            \
  M(S, listen, TEXT, NULL)                                                                                           \
  M(S, listen_written, BOOL, NULL)                                                                                   \
  M(S, tls_certificate, TEXT, NULL)                                                                                  \
  M(S, tls_key, TEXT, NULL)                                                                                          \
  M(S, public_url, TEXT, NULL)                                                                                       \
  M(S, proxies, NONE, NULL)                                                                                          \
  M(S, proxies_len, NONE, NULL)                                                                                      \
  M(S, socket_group, TEXT, NULL)                                                                                     \
  M(S, socket_role, TEXT, NULL)                                                                                      \
  M(S, timezone, TEXT, NULL)                                                                                         \
  M(S, hosts, ARRAY, &codec_config_host)                                                                             \
  M(S, hosts_len, LEN, NULL)                                                                                         \
  M(S, groups, ARRAY, &codec_config_group)                                                                           \
  M(S, groups_len, LEN, NULL)                                                                                        \
  M(S, limits, ARRAY, &codec_config_slot)                                                                            \
  M(S, limits_len, LEN, NULL)                                                                                        \
  M(S, env, ARRAY, &codec_launch_env)                                                                                \
  M(S, env_len, LEN, NULL)                                                                                           \
  M(S, retention_days, INT, NULL)                                                                                    \
  M(S, retention_runs, INT, NULL)                                                                                    \
  M(S, log_cap, UINT, NULL)                                                                                          \
  M(S, backup, NONES, NULL)                                                                                          \
  M(S, max_tasks, INT, NULL)
STRUCT(config)

#define MEMBERS_param_given(M, S)                                                                                    \
  M(S, name, TEXT, NULL)                                                                                             \
  M(S, text, TEXT, NULL)                                                                                             \
  M(S, value, VALUE, &words_value_type)
STRUCT(param_given)
