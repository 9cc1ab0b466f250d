/* Channels: what is written to them waits in blocks until libssh2 takes it, what they say goes straight to who opened
 * them.
 *
 *   queued -> opening -> starting -> open -> closing -> gone
 *
 * A channel that was freed is `abandoned`: nobody hears of it any more, and it goes through the rest of its states,
 * so that the host closes it too. It leaves the list when it is gone.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "worker/ssh/transport/libssh2_parts.h"

#define COMMAND     "exec /bin/sh -s"
#define BLOCK       (64u * 1024)
#define BLOCK_SMALL 1024u
#define READ_SIZE   (64u * 1024)
#define READS       4 /* of a channel before it is another's turn */
#define CLOSE_WAIT  5000
#define WINDOW      LIBSSH2_CHANNEL_WINDOW_DEFAULT
#define PACKET      LIBSSH2_CHANNEL_PACKET_DEFAULT
#define EXTENDED    SSH_EXTENDED_DATA_STDERR

enum state { QUEUED, OPENING, STARTING, OPEN, CLOSING, GONE };

struct block {
  struct block *next;
  size_t at, len, cap;
  char bytes[];
};

struct ssh2_channel {
  struct channel base;
  struct ssh2_channel *next;
  const struct channel_events *events;
  void *ctx;
  LIBSSH2_CHANNEL *channel;
  enum state state;
  struct block *first, *last;
  size_t waiting;
  size_t again; /* libssh2 wants to be asked again with as many bytes */
  uint64_t close_by;
  bool paused, finished, eof_sent, abandoned, told;
  bool undrained; /* something was written since `drained` was last said */
};

static struct ssh2_channel *of(const struct channel *c) {
  return (struct ssh2_channel *)(uintptr_t)c;
}

static struct ssh2_transport *transport_of(const struct ssh2_channel *c) {
  return (struct ssh2_transport *)c->base.transport;
}

static struct hop *hop_of(struct ssh2_transport *t) {
  return &t->hops[t->hops_len - 1];
}

/* Its owner's side: calls only note what is wanted, a turn does it. */

struct channel *ssh2_channel_open(struct transport *base, const struct channel_events *events, void *ctx) {
  struct ssh2_transport *t = (struct ssh2_transport *)base;
  struct ssh2_channel *c = alloc_new(struct ssh2_channel);
  c->base.transport = base;
  c->events = events;
  c->ctx = ctx;
  struct ssh2_channel **end = &t->channels;
  while (*end) end = &(*end)->next;
  *end = c;
  ssh2_turn_soon(t);
  return &c->base;
}

/* Room for at least one byte more. Small blocks for the small requests of most channels. */
static struct block *block_with_room(struct ssh2_channel *c, size_t want) {
  if (c->last && c->last->len < c->last->cap) return c->last;
  size_t cap = want <= BLOCK_SMALL ? BLOCK_SMALL : BLOCK;
  struct block *b = alloc_zeroed(1, sizeof *b + cap);
  b->cap = cap;
  if (c->last)
    c->last->next = b;
  else
    c->first = b;
  c->last = b;
  return b;
}

void ssh2_channel_write(struct channel *base, const void *bytes, size_t len) {
  struct ssh2_channel *c = of(base);
  assert(!c->finished);
  if (c->told || len == 0) return;
  const char *from = bytes;
  c->waiting += len;
  c->undrained = true;
  while (len > 0) {
    struct block *b = block_with_room(c, len);
    size_t n = b->cap - b->len < len ? b->cap - b->len : len;
    memcpy(b->bytes + b->len, from, n);
    b->len += n;
    from += n;
    len -= n;
  }
  ssh2_turn_soon(transport_of(c));
}

size_t ssh2_channel_waiting(const struct channel *c) {
  return of(c)->waiting;
}

void ssh2_channel_finish(struct channel *base) {
  of(base)->finished = true;
  ssh2_turn_soon(transport_of(of(base)));
}

void ssh2_channel_pause(struct channel *base, bool paused) {
  of(base)->paused = paused;
  ssh2_turn_soon(transport_of(of(base)));
}

void ssh2_channel_free(struct channel *base) {
  struct ssh2_channel *c = of(base);
  c->abandoned = c->told = true;
  c->paused = false;
  ssh2_turn_soon(transport_of(c));
}

/* The turn's side. */

static void waiting_drop(struct ssh2_channel *c) {
  while (c->first) {
    struct block *b = c->first;
    c->first = b->next;
    free(b);
  }
  c->last = NULL;
  c->waiting = c->again = 0;
}

static void tell_closed(struct ssh2_channel *c, const char *text) {
  waiting_drop(c);
  if (c->told) return;
  c->told = true;
  c->events->closed(c->ctx, text);
}

/* The session is bad if the code isn't one that only this channel minds. */
static void lost(struct ssh2_channel *c, long rc, const char *what) {
  struct ssh2_transport *t = transport_of(c);
  struct hop *h = hop_of(t);
  if (rc != LIBSSH2_ERROR_CHANNEL_FAILURE && rc != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED &&
      rc != LIBSSH2_ERROR_REQUEST_DENIED) {
    hop_fail(h, rc);
    return;
  }
  c->state = c->channel ? CLOSING : GONE;
  tell_closed(c, what);
}

static bool open_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  if (c->state == QUEUED) {
    if (c->abandoned) {
      c->state = GONE;
      return true;
    }
    if (t->opening) return false;
    t->opening = c;
    c->state = OPENING;
  }
  struct hop *h = hop_of(t);
  c->channel = t->lib.channel_open_ex(h->session, "session", sizeof "session" - 1, WINDOW, PACKET, NULL, 0);
  if (c->channel) {
    t->opening = NULL;
    c->state = STARTING;
    return true;
  }
  int rc = t->lib.session_last_errno(h->session);
  if (ssh2_again(t, rc)) return false;
  t->opening = NULL;
  lost(c, rc, "The host refused another session on this connection (MaxSessions in its sshd_config)");
  return true;
}

/* Gone through even if it was abandoned meanwhile: what is half done stays with the session. */
static bool start_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  int rc = t->lib.channel_process_startup(c->channel, "exec", sizeof "exec" - 1, COMMAND,
                                          (unsigned)(sizeof COMMAND - 1));
  if (ssh2_again(t, rc)) return false;
  if (rc)
    lost(c, rc, "The host runs no command: its sshd refused to start one");
  else
    c->state = OPEN;
  return true;
}

static void written(struct ssh2_channel *c, size_t n) {
  transport_of(c)->share -= (long)n;
  c->waiting -= n;
  c->again = 0;
  struct block *b = c->first;
  b->at += n;
  if (b->at < b->len) return;
  if (b == c->last && b->cap == BLOCK_SMALL) {
    b->at = b->len = 0;
    return;
  }
  c->first = b->next;
  if (!c->first) c->last = NULL;
  free(b);
}

static bool write_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  struct hop *h = hop_of(t);
  bool moved = false;
  for (int i = 0; i < READS * 2 && c->waiting > 0; i++) {
    if (!hop_room(h)) {
      t->crowded = true;
      break;
    }
    struct block *b = c->first;
    size_t len = c->again ? c->again : b->len - b->at;
    ssize_t n = t->lib.channel_write_ex(c->channel, 0, b->bytes + b->at, len);
    if (n == 0 || ssh2_again(t, n)) {
      c->again = n < 0 ? len : 0;
      break;
    }
    if (n == LIBSSH2_ERROR_CHANNEL_CLOSED || n == LIBSSH2_ERROR_CHANNEL_EOF_SENT) {
      waiting_drop(c);
      break;
    }
    if (n < 0) {
      hop_fail(h, n);
      return false;
    }
    written(c, (size_t)n);
    moved = true;
  }
  return moved;
}

/* Whether it is over for this channel, or for all, while one of its callbacks ran. */
static bool stopped(const struct ssh2_channel *c) {
  const struct ssh2_transport *t = transport_of(c);
  return t->ended || t->freed;
}

static bool read_step(struct ssh2_channel *c, int stream) {
  struct ssh2_transport *t = transport_of(c);
  char bytes[READ_SIZE];
  bool moved = false;
  for (int i = 0; i < READS && t->share > 0 && !c->paused && !stopped(c); i++) {
    ssize_t n = t->lib.channel_read_ex(c->channel, stream, bytes, sizeof bytes);
    if (n == 0 || ssh2_again(t, n)) break;
    if (n < 0) {
      hop_fail(hop_of(t), n);
      return false;
    }
    moved = true;
    t->share -= n;
    if (c->told) continue;
    if (stream == EXTENDED)
      c->events->noise(c->ctx, bytes, (size_t)n);
    else
      c->events->data(c->ctx, bytes, (size_t)n);
  }
  return moved;
}

static void eof_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  if (!c->finished || c->eof_sent || c->waiting > 0) return;
  int rc = t->lib.channel_send_eof(c->channel);
  if (ssh2_again(t, rc)) return;
  c->eof_sent = true;
}

static bool live_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  bool moved = write_step(c);
  if (!c->paused && !stopped(c)) moved |= read_step(c, 0);
  if (!c->paused && !stopped(c)) moved |= read_step(c, EXTENDED);
  if (stopped(c)) return false;
  eof_step(c);
  bool over = !c->paused && t->share > 0 && !moved && t->lib.channel_eof(c->channel);
  if (over || (c->abandoned && !c->again)) {
    c->state = CLOSING;
    c->close_by = uv_now(t->options.loop) + CLOSE_WAIT;
    return true;
  }
  if (c->undrained && c->waiting < CHANNEL_LOW && !c->told) {
    c->undrained = false;
    c->events->drained(c->ctx);
    return true;
  }
  return moved;
}

/* How the shell ended, if it was by a signal. */
static void ended_tell(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  char *name = NULL;
  size_t len = 0;
  if (!c->told) t->lib.channel_get_exit_signal(c->channel, &name, &len, NULL, NULL, NULL, NULL);
  char text[96];
  if (name) snprintf(text, sizeof text, "The shell on the host was ended by the signal %.*s", (int)len, name);
  if (name) t->lib.free(hop_of(t)->session, name);
  t->lib.channel_free(c->channel); /* both sides have closed it: nothing is sent, so it can't have to wait */
  c->channel = NULL;
  c->state = GONE;
  tell_closed(c, name ? text : NULL);
}

/* The host may take its time: what the shell left running keeps the channel open there. Nobody waits for that. */
static bool close_step(struct ssh2_channel *c) {
  struct ssh2_transport *t = transport_of(c);
  int rc = t->lib.channel_close(c->channel);
  if (ssh2_again(t, rc)) {
    if (!c->told && uv_now(t->options.loop) >= c->close_by) tell_closed(c, NULL);
    return false;
  }
  ended_tell(c);
  return true;
}

static bool channel_step(struct ssh2_channel *c) {
  switch (c->state) {
  case QUEUED:
  case OPENING: return open_step(c);
  case STARTING: return start_step(c);
  case OPEN: return live_step(c);
  case CLOSING: return close_step(c);
  case GONE: break;
  }
  return false;
}

static void sweep(struct ssh2_transport *t) {
  for (struct ssh2_channel **at = &t->channels; *at;) {
    struct ssh2_channel *c = *at;
    if (c->state == GONE && c->abandoned) {
      *at = c->next;
      waiting_drop(c);
      free(c);
    } else {
      at = &c->next;
    }
  }
}

bool channels_pump(struct ssh2_transport *t) {
  bool moved = true;
  while (moved && t->share > 0 && !t->ended && !t->freed) {
    moved = false;
    for (struct ssh2_channel *c = t->channels; c && !t->ended && !t->freed; c = c->next) moved |= channel_step(c);
    if (t->freed) break;
    hops_flush(t);
    moved |= t->crowded && hop_room(hop_of(t));
    t->crowded = false;
  }
  sweep(t);
  return moved && !t->ended;
}

bool channels_read(const struct ssh2_transport *t) {
  for (const struct ssh2_channel *c = t->channels; c; c = c->next) {
    switch (c->state) {
    case OPENING:
    case STARTING:
    case CLOSING: return true;
    case OPEN:
      if (!c->paused || c->waiting > 0) return true;
      break;
    case QUEUED:
    case GONE: break;
    }
  }
  return false;
}

void channels_release(struct ssh2_transport *t) {
  while (t->channels) {
    struct ssh2_channel *c = t->channels;
    t->channels = c->next;
    waiting_drop(c);
    free(c);
  }
}
