/* The parts of a connection by libssh2, for the files libssh2_*.c alone.
 *
 * A connection is a chain of hops, each a session of libssh2: the first over a socket, each further one over a
 * channel of the one before it (ProxyJump). Only one thing at a time touches any of them: the loop's thread in a
 * turn, or, while `busy`, one job on libuv's pool (keys are decrypted and the agent is asked there).
 *
 *   turn: hops advance until one waits, then channels are pumped until none progresses or the turn's share is used
 * up, then what is to be sent is sent, then the socket is watched for what is awaited.
 *
 * Each hop's session writes whole packets into `out`, which takes them even if the socket doesn't: so no packet is
 * ever half sent when another call wants to send (libssh2 1.10 answers -39 then). Who writes much asks hop_room
 * first.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_LIBSSH2_PARTS_H
#define ROTA_WORKER_SSH_TRANSPORT_LIBSSH2_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "worker/ssh/transport/dial.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/ssh2_lib.h"
#include "worker/ssh/transport/transport.h"

#define TURN_BYTES                                                                                                   \
  (1024 * 1024) /* a turn moves about as many at most, so that the loop's other work isn't held up                   \
                 */

enum hop_phase { HOP_TUNNEL, HOP_HANDSHAKE, HOP_TRUST, HOP_LOGIN, HOP_READY };

struct hop {
  struct ssh2_transport *t;
  const struct ssh_settings *settings;
  struct hop *outer; /* NULL for the first, which has the socket */
  LIBSSH2_SESSION *session;
  LIBSSH2_CHANNEL *tunnel; /* of the outer session */
  struct buf out;          /* to be sent over the socket or the tunnel, from out_at on */
  size_t out_at;
  enum hop_phase phase;
  size_t received; /* in this turn */
  uint64_t heard;  /* uv_now */
};

enum login_job { JOB_NONE, JOB_TRUST, JOB_PASSPHRASE, JOB_AGENT, JOB_AGENT_KEY, JOB_FILE_KEY };
enum login_phase { LOGIN_LIST, LOGIN_AGENT, LOGIN_AGENT_KEYS, LOGIN_PASSPHRASE, LOGIN_FILES, LOGIN_OVER };

/* The login to the hop that is being reached. */
struct login {
  enum login_phase phase;
  enum login_job job;
  uv_work_t work;
  char *path, *name; /* what the job was given */
  uint16_t port;
  bool encrypted;
  int rc; /* of the job */
  LIBSSH2_AGENT *agent;
  struct libssh2_agent_publickey *key; /* of the agent, tried now */
  size_t file;                         /* index of the identity that is tried now */
  struct buf passphrase, methods, tried;
  int refused;         /* keys that the server didn't take */
  bool unsuitable;     /* a key was passed over that the ssh program could use */
  bool bad_passphrase; /* it was said where the passphrase is and it couldn't be read */
};

struct ssh2_channel;

struct ssh2_transport {
  struct transport base;
  struct transport_options options;
  struct ssh2_lib lib;
  uv_timer_t timer;
  uv_idle_t again; /* a turn soon, without waiting for the socket */
  uv_poll_t poll;
  bool polling; /* `poll` is a handle */
  int handles;
  struct dial *dial;
  int fd;
  struct hop hops[SETTINGS_HOPS_MAX + 1];
  size_t hops_len, current; /* hops[current] is being reached; the last is the host */
  struct login login;
  struct ssh2_channel *channels;
  struct ssh2_channel *opening; /* one at a time: the state of it is the session's */
  uint64_t begun, said;         /* uv_now */
  long budget;                  /* bytes that this turn may still take from the socket */
  long share;                   /* and hand to channels or take from them */
  bool crowded;                 /* a channel waits for room in `out` */
  int unread;                   /* what lay in the socket at the last tick, while nobody reads */
  bool up, busy, dead, freed, ended, told;
  int inside; /* calls of this file's callbacks that are on the stack */
  enum transport_fault fault;
  struct buf text;
};

/* Ends the connection with a sentence, at the end of the turn. The first one counts. */
void ssh2_fail(struct ssh2_transport *t, enum transport_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sees to it that a turn comes, after what is being done now. */
void ssh2_turn_soon(struct ssh2_transport *t);
/* A turn now; from callbacks of the loop alone. */
void ssh2_turn(struct ssh2_transport *t);
/* Sends what is to be sent and watches the socket, without a step: a job of the pool has to wait for it. */
void ssh2_wait(struct ssh2_transport *t);

/* True for the codes that mean "not now". */
bool ssh2_again(const struct ssh2_transport *t, long rc);

/* libssh2_hop.c */
void hop_init(struct ssh2_transport *t, size_t i, const struct ssh_settings *settings);
/* One step towards HOP_READY; false if it waits for the network, for a job, or has failed. */
bool hop_step(struct hop *h);
/* Sends what it can of all hops' `out`. */
void hops_flush(struct ssh2_transport *t);
void hops_release(struct ssh2_transport *t);
bool hop_room(const struct hop *h);
/* What libssh2 said last of this session; valid until its next call. */
const char *hop_error(const struct hop *h);
/* Ends the connection because of a code of libssh2 that no one expected. */
void hop_fail(struct hop *h, long rc);

/* libssh2_trust.c: whether the key that the hop showed is the one that is known. False if it failed or waits. */
bool trust_check(struct hop *h);
/* Asks for the algorithms whose keys are known first; false if libssh2 has none of them. */
bool trust_prefer(struct hop *h);

/* libssh2_login.c */
bool login_step(struct hop *h);
void login_job(struct ssh2_transport *t, enum login_job job);
void login_reset(struct ssh2_transport *t);

/* libssh2_channel.c */
struct channel *ssh2_channel_open(struct transport *base, const struct channel_events *events, void *ctx);
void ssh2_channel_write(struct channel *base, const void *bytes, size_t len);
size_t ssh2_channel_waiting(const struct channel *c);
void ssh2_channel_finish(struct channel *base);
void ssh2_channel_pause(struct channel *base, bool paused);
void ssh2_channel_free(struct channel *base);
/* Moves what can be moved; true if there is more to do at once. */
bool channels_pump(struct ssh2_transport *t);
/* Whether any of them reads what comes. */
bool channels_read(const struct ssh2_transport *t);
void channels_release(struct ssh2_transport *t);

#endif
