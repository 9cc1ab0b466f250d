/* A `/bin/sh -s` on a channel of a transport: it's brought up, asked, and its answers are handed on in order.
 *
 *   new --> starting (a mark is awaited: what comes before is the login's noise) --> up --> broken
 *                  '-----------------------------------------------------------------------^
 *
 * Bringing it up has two phases. First one line only: it prints a mark and replaces itself by a shell with a clean
 * environment (env -i: HOME, USER, LOGNAME, SHELL, ROTA_LOGIN_SHELL and PATH with the system's folders in front).
 * When the mark is there, the functions of remote.sh are sent, and requests from then on.
 *
 * Requests are written in order, control before polls, several before the first is answered (SHELL_IN_FLIGHT, and
 * SHELL_BYTES_IN_FLIGHT); polls only when little is under way. Each has a time limit, which begins when all before it
 * are answered. Over it, or when an answer can't be understood, or the channel ends, the shell is broken: `broken` is
 * called once, after each request that is left got its callback. Nothing is asked of a broken shell; it is freed.
 *
 * All on the loop's thread. Callbacks come from the loop, never from within a call here, and may call anything here,
 * shell_free too.
 */
#ifndef ROTA_WORKER_SSH_LINK_SHELL_H
#define ROTA_WORKER_SSH_LINK_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/ssh/link/frame.h"
#include "worker/ssh/transport/transport.h"

#define SHELL_IN_FLIGHT       8
#define SHELL_BYTES_IN_FLIGHT (256u << 10)
#define SHELL_STDERR_KEPT     4096

enum ask_order { ASK_CONTROL, ASK_POLL };

enum answer_end {
  ANSWER_CAME,    /* rc and sections are valid */
  ANSWER_UNKNOWN, /* it was written, at least in part, and no answer came: it may have been done or not */
  ANSWER_NOT_SENT /* nothing of it left this machine */
};

struct answer { /* valid during the callback */
  enum answer_end end;
  int rc;
  const struct section *sections; /* the first is section "" */
  size_t len;
  const char *text;    /* CAME: the last of standard error, "" if nothing; else why there is no answer */
  int64_t uptime_us;   /* of the host, at its end; -1 unknown */
  int64_t written_at;  /* clock_monotonic, when it was written */
  unsigned generation; /* of the link's connection; 0 for a bare shell */
};

struct ask {
  const char *nonce; /* as in the text; copied */
  struct buf *text;  /* one request of ops.h; taken, the buf is empty after */
  enum ask_order order;
  unsigned limit_ms; /* 0: OPS_DEADLINE_MS */
  bool raw;          /* after an answer with rc 0 all bytes go to `data`; nothing else is asked then */
  void (*answer)(void *ctx, const struct answer *a);
  void *ctx;
};

enum shell_fault {
  SHELL_REFUSED, /* the channel didn't open */
  SHELL_LOGIN,   /* no mark: the login shell prints, hangs or exits, or there is no /bin/sh */
  SHELL_LATE,    /* a request wasn't answered in its time */
  SHELL_GARBLED, /* an answer that is none */
  SHELL_ENDED    /* it ended or its channel did */
};

struct shell_events {
  void (*up)(void *ctx);
  /* An answer came: before its own callback; `alone`: nothing else was under way. NULL: not wanted. */
  void (*answered)(void *ctx, const struct answer *a, bool alone);
  void (*data)(void *ctx, const char *bytes, size_t len); /* after a raw request; NULL if there are none */
  void (*drained)(void *ctx);                             /* NULL: not wanted */
  /* The last one. `orderly`: its standard output came to its end without a complaint. */
  void (*broken)(void *ctx, enum shell_fault fault, bool orderly, const char *text);
};

struct shell_options {
  uv_loop_t *loop;
  struct transport *transport;
  const struct shell_events *events;
  void *ctx;
  unsigned generation;
  unsigned start_limit_ms; /* 0: 15000 */
  unsigned limit_ms;       /* of a request that says nothing; 0: OPS_DEADLINE_MS */
  const char *bootstrap;   /* sent after the mark; NULL: that of ops.h */
  /* The channel is freed, after shell_free: the transport may be. NULL: not wanted. */
  void (*freed)(void *freed_ctx);
  void *freed_ctx;
};

struct shell;

struct shell *shell_new(const struct shell_options *options);
void shell_ask(struct shell *s, const struct ask *ask);
/* No callback comes any more for requests with this ctx; those not yet written are never sent. */
void shell_forget(struct shell *s, const void *ctx);
bool shell_up(const struct shell *s);
/* Requests that are written or wait. */
size_t shell_pending(const struct shell *s);
/* uv_now when the last byte came. */
uint64_t shell_heard_at(const struct shell *s);
/* What the login printed before the mark, and the last of standard error; both "" at first. */
const char *shell_noise(const struct shell *s);
const char *shell_stderr(const struct shell *s);

/* For a raw request: after its answer. */
void shell_write(struct shell *s, const void *bytes, size_t len);
size_t shell_waiting(const struct shell *s);
void shell_finish(struct shell *s);
void shell_pause(struct shell *s, bool paused);

/* The transport went down: every request gets its callback. `broken` isn't called. */
void shell_lost(struct shell *s, const char *text);
/* Requests that are left are forgotten, no callback comes any more. The channel is freed when the loop has turned, so
 * never from within a callback of the transport; then `freed` is called. Accepts NULL. */
void shell_free(struct shell *s);

#endif
