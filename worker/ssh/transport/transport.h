/* A connection to one host, and channels in it. Two kinds fulfil it: libssh2 in this process, and a child `ssh`.
 *
 *   new --> (connecting: name look-up, jump, handshake, host key, login) --> up --> down
 *                                     '-----------------------------------------------^
 *
 * Each channel runs the constant command `exec /bin/sh -s` on the host; what it does there is written to it. All
 * calls and callbacks are on the loop's thread, and nothing blocks it. Callbacks never come from within a call. After
 * `down` no callback comes, and everything of the connection must be freed: channels first.
 *
 * Who connects is somebody else's business (link.h): a transport tries once, has its own limit of time for the whole
 * of connecting (30 s), watches for silence once it is up (keep-alives each 15 s, down after 45 s without a byte; and
 * TCP_USER_TIMEOUT), and says in `down` why it ended.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_TRANSPORT_H
#define ROTA_WORKER_SSH_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "worker/ssh/host_options.h"

enum transport_fault {
  TRANSPORT_LOST,       /* the network: refused, timed out, reset, silent, closed. Tried again soon */
  TRANSPORT_BUSY,       /* the server turned it away before the handshake (MaxStartups). Tried again soon */
  TRANSPORT_DENIED,     /* no login: key refused, passphrase missing. Tried again late: servers punish it */
  TRANSPORT_UNTRUSTED,  /* host key unknown, changed or revoked. Tried again late */
  TRANSPORT_UNSUITABLE, /* this transport can't do it (RSA key and an old libssh2, certificates): try the other */
  TRANSPORT_MISSING     /* libssh2 or the ssh program isn't there, or the settings are wrong */
};

struct transport_end {
  enum transport_fault fault;
  const char *text; /* a sentence for people, with what to do where it is known; valid during the callback */
};

struct transport_events {
  void (*up)(void *ctx);
  void (*down)(void *ctx, const struct transport_end *end); /* the last one; also if `up` never came */
};

struct transport; /* the head of each kind's own struct */
struct channel;

struct channel_events {
  void (*data)(void *ctx, const char *bytes, size_t len);  /* standard output */
  void (*noise)(void *ctx, const char *bytes, size_t len); /* standard error */
  void (*drained)(void *ctx);                              /* less than CHANNEL_LOW of what was written waits here */
  /* The last one: the command has ended or the channel was lost; `text` NULL after an orderly end. Not called after
   * channel_free, nor if the transport goes down. */
  void (*closed)(void *ctx, const char *text);
};

#define CHANNEL_LOW (64u * 1024)

struct transport_ops {
  /* The channel can be written to at once; what it says comes when it is open. Never NULL: a refusal (MaxSessions)
   * comes as `closed`. */
  struct channel *(*open)(struct transport *t, const struct channel_events *events, void *ctx);
  void (*write)(struct channel *c, const void *bytes, size_t len); /* copied; order is kept */
  size_t (*waiting)(const struct channel *c);                      /* bytes that were written and not sent yet */
  void (*finish)(struct channel *c);                               /* no more is written: end of file over there */
  void (*pause)(struct channel *c, bool paused);                   /* no `data` while paused: the window fills */
  void (*channel_free)(struct channel *c);                         /* closes it if it is open */
  void (*free)(struct transport *t);                               /* closes at once, whatever is under way */
};

struct transport {
  const struct transport_ops *ops;
  const char *kind;    /* "libssh2", "openssh" */
  const char *address; /* user@address:port as resolved */
};

struct channel {
  struct transport *transport; /* first in each kind's own struct */
};

struct ssh_settings; /* settings.h */

/* In milliseconds; what is 0 is what the comment on top says. */
struct transport_times {
  unsigned connect, keep_alive, silence;
};

struct transport_options {
  uv_loop_t *loop;
  const struct host_options *host; /* borrowed while it lives */
  /* What is known of it; for the two kinds, borrowed while they live. transport_new finds it out itself: NULL there.
   */
  const struct ssh_settings *settings;
  const char *state_dir; /* where a private socket may go */
  const struct transport_events *events;
  void *ctx;
  struct transport_times times;
};

/* Begins to connect. Never NULL; what is wrong at once comes as `down`. The two kinds are made by transport_new, and
 * by tests, which ask for the settings first. */
struct transport *libssh2_transport_new(const struct transport_options *options);
struct transport *openssh_transport_new(const struct transport_options *options);
/* Asks for the settings, then connects by the one that the host's `transport` names. With `auto` it is libssh2,
 * unless `ssh -G` or the keys need the other; a libssh2 that finds itself UNSUITABLE or MISSING on the way is
 * replaced by the other without a word. `kind` and `address` are right once it is up. */
struct transport *transport_new(const struct transport_options *options);

#endif
