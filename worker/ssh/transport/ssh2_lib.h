/* libssh2, taken into the process when the first host needs it: a daemon without hosts does without it.
 *
 * The functions have the names that they have in libssh2.h, without `libssh2_`, and are called as
 * `lib.session_free(s)`. What is loaded stays until the process ends. To be loaded on the loop's thread alone, since
 * libssh2 can't be initialised by two threads at once.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_SSH2_LIB_H
#define ROTA_WORKER_SSH_TRANSPORT_SSH2_LIB_H

/* 1.11 calls session_callback_set old; what takes its place isn't there before. */
#define LIBSSH2_DISABLE_DEPRECATION
#include <libssh2.h>
#include <stdbool.h>

#define SSH2_LIB_FUNCTIONS(X)                                                                                        \
  X(init)                                                                                                            \
  X(version)                                                                                                         \
  X(session_init_ex)                                                                                                 \
  X(session_callback_set)                                                                                            \
  X(session_set_blocking)                                                                                            \
  X(session_method_pref)                                                                                             \
  X(session_handshake)                                                                                               \
  X(session_banner_get)                                                                                              \
  X(session_hostkey)                                                                                                 \
  X(session_last_error)                                                                                              \
  X(session_last_errno)                                                                                              \
  X(session_block_directions)                                                                                        \
  X(session_disconnect_ex)                                                                                           \
  X(session_free)                                                                                                    \
  X(userauth_list)                                                                                                   \
  X(userauth_authenticated)                                                                                          \
  X(userauth_publickey_fromfile_ex)                                                                                  \
  X(agent_init)                                                                                                      \
  X(agent_set_identity_path)                                                                                         \
  X(agent_connect)                                                                                                   \
  X(agent_list_identities)                                                                                           \
  X(agent_get_identity)                                                                                              \
  X(agent_userauth)                                                                                                  \
  X(agent_disconnect)                                                                                                \
  X(agent_free)                                                                                                      \
  X(keepalive_config)                                                                                                \
  X(keepalive_send)                                                                                                  \
  X(channel_open_ex)                                                                                                 \
  X(channel_direct_tcpip_ex)                                                                                         \
  X(channel_process_startup)                                                                                         \
  X(channel_read_ex)                                                                                                 \
  X(channel_write_ex)                                                                                                \
  X(channel_send_eof)                                                                                                \
  X(channel_eof)                                                                                                     \
  X(channel_close)                                                                                                   \
  X(channel_get_exit_signal)                                                                                         \
  X(channel_free)                                                                                                    \
  X(free)

struct ssh2_lib {
#define X(name) __typeof__(&(libssh2_##name)) name;
  SSH2_LIB_FUNCTIONS(X)
#undef X
  const char *number; /* "1.10.0" */
  bool rsa_sha2;      /* 1.11 and later: RSA keys work with servers of today */
};

/* 0, or ERR_NOT_FOUND, and *why is a sentence then, valid until the next call of dlopen on this thread. */
int ssh2_lib_load(struct ssh2_lib *out, const char **why);

#endif
