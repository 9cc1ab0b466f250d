/* The connection as a whole: its turns, its clock, its end. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "worker/ssh/transport/libssh2_parts.h"

#define CONNECT_MS    30000u
#define KEEP_ALIVE_MS 15000u
#define SILENCE_MS    45000u

static struct ssh2_transport *of(struct transport *t) {
  return (struct ssh2_transport *)t;
}

static struct hop *last_hop(struct ssh2_transport *t) {
  return &t->hops[t->hops_len - 1];
}

void ssh2_fail(struct ssh2_transport *t, enum transport_fault fault, const char *format, ...) {
  if (t->ended) return;
  t->ended = true;
  t->fault = fault;
  va_list args;
  va_start(args, format);
  buf_vfmt(&t->text, format, args);
  va_end(args);
}

static void on_closed(uv_handle_t *handle) {
  struct ssh2_transport *t = handle->data;
  if (--t->handles > 0) return;
  free(t);
}

/* Everything but the memory that libuv still holds. */
static void destroy(struct ssh2_transport *t) {
  if (t->up && !t->ended) {
    struct hop *h = last_hop(t);
    t->lib.session_disconnect_ex(h->session, SSH_DISCONNECT_BY_APPLICATION, "done", "");
    hops_flush(t);
  }
  if (t->dial) dial_free(t->dial);
  login_reset(t);
  channels_release(t);
  hops_release(t);
  buf_release(&t->text);
  if (t->polling) uv_close((uv_handle_t *)&t->poll, on_closed);
  if (t->fd >= 0) close(t->fd);
  uv_close((uv_handle_t *)&t->timer, on_closed);
  uv_close((uv_handle_t *)&t->again, on_closed);
}

static void transport_free(struct transport *base) {
  struct ssh2_transport *t = of(base);
  t->freed = true;
  if (t->busy && t->fd >= 0) shutdown(t->fd, SHUT_RDWR);
  if (!t->inside && !t->busy) destroy(t);
}

/* Whether somebody takes what comes from the socket; if not, watching it would only spin. */
static bool anybody_reads(const struct ssh2_transport *t) {
  return !t->up || channels_read(t);
}

static void on_again(uv_idle_t *again) {
  uv_idle_stop(again);
  ssh2_turn(again->data);
}

void ssh2_turn_soon(struct ssh2_transport *t) {
  if (!t->freed && !t->told) uv_idle_start(&t->again, on_again);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  struct ssh2_transport *t = poll->data;
  /* Of an error libuv says no more than that there is one; who reads learns which. */
  if (!anybody_reads(t) && (status < 0 || !(events & (UV_READABLE | UV_WRITABLE))))
    ssh2_fail(t, TRANSPORT_LOST, "%s closed the connection", t->base.address);
  ssh2_turn(t);
}

static void watch(struct ssh2_transport *t) {
  if (!t->polling) return;
  if (t->busy) {
    uv_poll_stop(&t->poll);
    return;
  }
  int on = 1;
  setsockopt(t->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* see Nagle's side of it: sshd waits for our ACK */
  int events = anybody_reads(t) ? UV_READABLE : UV_DISCONNECT;
  if (t->hops[0].out.len > t->hops[0].out_at) events |= UV_WRITABLE;
  uv_poll_start(&t->poll, events, on_event);
}

static void tell_down(struct ssh2_transport *t) {
  t->told = true;
  uv_timer_stop(&t->timer);
  uv_idle_stop(&t->again);
  if (t->polling) uv_poll_stop(&t->poll);
  struct transport_end end = {t->fault, buf_cstr(&t->text)};
  t->inside++;
  t->options.events->down(t->options.ctx, &end);
  t->inside--;
}

static void advance(struct ssh2_transport *t) {
  while (!t->ended && !t->busy && !t->freed) {
    struct hop *h = &t->hops[t->current];
    bool stepped = h->phase == HOP_READY || hop_step(h);
    if (t->busy) return; /* all of it is the job's now */
    hops_flush(t);
    if (!stepped) return;
    if (h->phase != HOP_READY) continue;
    login_reset(t);
    t->lib.keepalive_config(h->session, 1, 2);
    if (++t->current < t->hops_len) continue;
    t->up = true;
    for (size_t i = 0; i < t->hops_len; i++) t->hops[i].heard = uv_now(t->options.loop);
    t->options.events->up(t->options.ctx);
    return;
  }
}

void ssh2_wait(struct ssh2_transport *t) {
  hops_flush(t);
  if (t->ended)
    ssh2_turn(t);
  else
    watch(t);
}

static void leave(struct ssh2_transport *t) {
  if (t->freed && !t->inside && !t->busy) destroy(t);
}

static void heard_note(struct ssh2_transport *t) {
  for (size_t i = 0; i < t->hops_len; i++) {
    if (t->hops[i].received > 0) t->hops[i].heard = uv_now(t->options.loop);
    t->hops[i].received = 0;
  }
}

void ssh2_turn(struct ssh2_transport *t) {
  if (t->busy || t->inside) return;
  if (t->freed || t->told) {
    leave(t);
    return;
  }
  t->inside++;
  t->budget = t->share = TURN_BYTES;
  bool more = false;
  if (!t->ended && !t->up && t->fd >= 0) advance(t);
  if (!t->ended && t->up && !t->freed) {
    more = channels_pump(t);
    if (!t->freed) hops_flush(t);
  }
  if (!t->busy) heard_note(t);
  t->inside--;
  if (t->ended && !t->freed && !t->busy) tell_down(t);
  if (t->freed || t->told) {
    leave(t);
    return;
  }
  watch(t);
  if (more) ssh2_turn_soon(t);
}

/* Each hop of the way has to say something, so that the one that doesn't is known. */
static void keep_alive(struct ssh2_transport *t) {
  if (uv_now(t->options.loop) - t->said < t->options.times.keep_alive) return;
  for (size_t i = t->hops_len; i-- > 0 && !t->ended;) {
    struct hop *h = &t->hops[i];
    if (t->lib.session_block_directions(h->session) & LIBSSH2_SESSION_BLOCK_OUTBOUND || !hop_room(h)) return;
    int left = 0;
    int rc = t->lib.keepalive_send(h->session, &left);
    if (rc && !ssh2_again(t, rc)) hop_fail(h, rc);
  }
  t->said = uv_now(t->options.loop);
}

/* While nobody reads, what comes is counted in the socket: answers to keep-alives lie there. One whose buffer is full
 * can't grow. Of whom they are isn't known. */
static void listen_unread(struct ssh2_transport *t) {
  int unread = 0;
  if (ioctl(t->fd, FIONREAD, &unread) < 0) return;
  for (size_t i = 0; i < t->hops_len && (i > 0 || unread > t->unread || unread > 64 * 1024); i++)
    t->hops[i].heard = uv_now(t->options.loop);
  t->unread = unread;
}

/* The outermost that has said nothing for too long; NULL if there is none. */
static const struct hop *silent_hop(const struct ssh2_transport *t) {
  for (size_t i = 0; i < t->hops_len; i++)
    if (uv_now(t->options.loop) - t->hops[i].heard >= t->options.times.silence) return &t->hops[i];
  return NULL;
}

static void tick(struct ssh2_transport *t) {
  uint64_t now = uv_now(t->options.loop);
  const struct transport_times *times = &t->options.times;
  if (!t->up) {
    if (now - t->begun < times->connect) return;
    ssh2_fail(t, TRANSPORT_LOST, "%s couldn't be reached within %u s: %s",
              t->hops[t->current < t->hops_len ? t->current : 0].settings->address, times->connect / 1000,
              t->fd < 0 ? "nobody answers at that address"
              : t->busy ? "the key or the agent took too long"
                        : "the connection is there, but its sshd is silent");
    return;
  }
  if (!anybody_reads(t)) listen_unread(t);
  const struct hop *silent = silent_hop(t);
  if (silent)
    ssh2_fail(t, TRANSPORT_LOST, "%s has been silent for %u s", silent->settings->address, times->silence / 1000);
  else
    keep_alive(t);
}

/* What waits in the socket is read first: after a pause of this process silence means nothing. A job that hangs (an
 * agent that waits for a finger) keeps nobody from hearing that it took too long. */
static void on_tick(uv_timer_t *timer) {
  struct ssh2_transport *t = timer->data;
  ssh2_turn(t);
  if (t->freed || t->told) return;
  tick(t);
  if (!t->ended || !t->busy) {
    ssh2_turn(t);
    return;
  }
  tell_down(t);
  leave(t);
}

static void on_dialled(void *ctx, int fd, const char *why) {
  struct ssh2_transport *t = ctx;
  t->dial = NULL;
  t->fd = fd;
  const struct ssh_settings *s = t->hops[0].settings;
  if (fd < 0) {
    ssh2_fail(t, TRANSPORT_LOST, "No connection to %s port %u: %s", s->hostname, (unsigned)s->port, why);
  } else if (uv_poll_init(t->options.loop, &t->poll, fd) < 0) {
    ssh2_fail(t, TRANSPORT_LOST, "No connection to %s: the system has no room for another socket", s->hostname);
  } else {
    t->poll.data = t;
    t->polling = true;
    t->handles++;
  }
  ssh2_turn(t);
}

static const struct transport_ops ops = {
    .open = ssh2_channel_open,
    .write = ssh2_channel_write,
    .waiting = ssh2_channel_waiting,
    .finish = ssh2_channel_finish,
    .pause = ssh2_channel_pause,
    .channel_free = ssh2_channel_free,
    .free = transport_free,
};

static void hops_take(struct ssh2_transport *t, const struct ssh_settings *s) {
  for (size_t i = 0; i < s->hops_len && i < SETTINGS_HOPS_MAX; i++) hop_init(t, t->hops_len++, &s->hops[i]);
  hop_init(t, t->hops_len++, s);
}

/* What keeps it from even beginning. */
static void look_for_trouble(struct ssh2_transport *t) {
  for (size_t i = 0; i < t->hops_len; i++) {
    const struct ssh_settings *s = t->hops[i].settings;
    if (s->trouble) ssh2_fail(t, TRANSPORT_MISSING, "%s", s->trouble);
    if (s->needs_openssh) ssh2_fail(t, TRANSPORT_UNSUITABLE, "%s", s->needs_openssh);
  }
  const char *why = NULL;
  if (!t->ended && ssh2_lib_load(&t->lib, &why) < 0)
    ssh2_fail(t, TRANSPORT_MISSING,
              "libssh2 can't be used: %s. Install the system's package of it, or use "
              "`transport: openssh`",
              why);
}

struct transport *libssh2_transport_new(const struct transport_options *options) {
  struct ssh2_transport *t = alloc_new(struct ssh2_transport);
  const struct ssh_settings *s = options->settings;
  t->base = (struct transport){.ops = &ops, .kind = "libssh2", .address = s->address};
  t->options = *options;
  struct transport_times *times = &t->options.times;
  if (!times->connect) times->connect = CONNECT_MS;
  if (!times->keep_alive) times->keep_alive = KEEP_ALIVE_MS;
  if (!times->silence) times->silence = SILENCE_MS;
  t->fd = -1;
  uv_timer_init(options->loop, &t->timer);
  uv_idle_init(options->loop, &t->again);
  t->timer.data = t->again.data = t;
  t->handles = 2;
  t->begun = t->said = uv_now(options->loop);
  hops_take(t, s);
  look_for_trouble(t);
  if (t->ended) {
    ssh2_turn_soon(t);
    return &t->base;
  }
  const struct ssh_settings *first = t->hops[0].settings;
  t->dial = dial_new(options->loop, first->hostname, first->port, on_dialled, t);
  unsigned period = times->keep_alive / 3 < times->connect / 4 ? times->keep_alive / 3 : times->connect / 4;
  uv_timer_start(&t->timer, on_tick, period, period);
  return &t->base;
}
