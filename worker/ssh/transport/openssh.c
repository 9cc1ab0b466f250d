/* The transport by child processes `ssh`.
 *
 * One child is the connection: a ControlMaster whose own shell is never written to. Its standard input is the life
 * line: when it closes, also because this process has died, the shell over there ends and the child with it. Each
 * channel is a child too, `ssh` through the master's socket: it hands its pipes to the master and waits. If the
 * master can't take it (MaxSessions), that child connects by itself, which ssh does of its own accord.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "worker/ssh/transport/openssh_argv.h"
#include "worker/ssh/transport/openssh_fault.h"
#include "worker/ssh/transport/openssh_socket.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/ssh_child.h"
#include "worker/ssh/transport/transport.h"

#define CONNECT_MS 30000
#define LOST_EXIT  255 /* of ssh itself; a command may use it too */

struct openssh {
  struct transport head; /* first */
  const struct ssh_settings *settings;
  const struct host_options *host;
  struct transport_events events;
  void *ctx;
  uv_loop_t *loop;
  struct arena arena;
  struct control_socket socket;
  const char *const *channel_argv;
  const char *const *env;   /* for both: who tells the passphrase; NULL if there is none */
  struct ssh_child *master; /* NULL once it has ended */
  struct complaint complaint;
  struct buf trouble; /* said by the timer: what was wrong at once */
  enum transport_fault trouble_fault;
  bool up, down;
  uv_timer_t timer; /* of connecting; at once for trouble */
  uv_idle_t soon;   /* tells of channels whose child couldn't be made */
  int handles;
  struct openssh_channel *channels;
};

struct openssh_channel {
  struct channel head; /* first */
  struct openssh *transport;
  struct openssh_channel *next, **back;
  struct ssh_child *child; /* NULL if it couldn't be made, or has ended */
  struct channel_events events;
  void *ctx;
  struct complaint complaint;
  int err; /* why it couldn't be made; 0 once told */
};

static void on_handle_closed(uv_handle_t *h) {
  struct openssh *t = h->data;
  if (--t->handles > 0) return;
  arena_release(&t->arena);
  free(t);
}

static void end_tell(struct openssh *t, enum transport_fault fault, const char *text) {
  if (t->down) return;
  t->down = true;
  uv_timer_stop(&t->timer);
  struct transport_end end = {.fault = fault, .text = text};
  t->events.down(t->ctx, &end);
}

/* The text outlives the callback, in which the transport may be freed. */
static void end_tell_complaint(struct openssh *t, const struct complaint *c, int status) {
  struct buf text = {0};
  enum transport_fault fault = complaint_fault(c, t->settings, status, &text);
  end_tell(t, fault, buf_cstr(&text));
  buf_release(&text);
}

static bool is_orderly(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) != LOST_EXIT;
}

static void on_master_output(void *ctx, const char *bytes, size_t len) {
  (void)ctx; /* what a login shell's rc prints; each channel sees it again */
  (void)bytes;
  (void)len;
}

static void on_master_complaint(void *ctx, const char *bytes, size_t len) {
  struct openssh *t = ctx;
  complaint_add(&t->complaint, bytes, len);
  if (!t->complaint.ready || t->up || t->down) return;
  t->up = true;
  uv_timer_stop(&t->timer);
  t->events.up(t->ctx);
}

static void on_master_drained(void *ctx) {
  (void)ctx;
}

/* Without its master the transport goes on if the shell over there has just ended: channels then connect themselves,
 * and find out what is wrong with it. */
static void on_master_ended(void *ctx, int status) {
  struct openssh *t = ctx;
  ssh_child_free(t->master);
  t->master = NULL;
  if (t->up && is_orderly(status)) return;
  end_tell_complaint(t, &t->complaint, status);
}

static const struct ssh_child_events master_events = {
    .output = on_master_output,
    .complaint = on_master_complaint,
    .drained = on_master_drained,
    .ended = on_master_ended,
};

static void on_time_over(uv_timer_t *timer) {
  struct openssh *t = timer->data;
  if (t->trouble.len == 0) {
    t->trouble_fault = TRANSPORT_LOST;
    buf_fmt(&t->trouble, "%s wasn't reached within %d s.", t->head.address, CONNECT_MS / 1000);
  }
  struct buf text = t->trouble;
  t->trouble = (struct buf){0};
  end_tell(t, t->trouble_fault, buf_cstr(&text));
  buf_release(&text);
}

static void trouble_set(struct openssh *t, enum transport_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void trouble_set(struct openssh *t, enum transport_fault fault, const char *format, ...) {
  va_list args;
  va_start(args, format);
  buf_vfmt(&t->trouble, format, args);
  va_end(args);
  t->trouble_fault = fault;
  uv_timer_start(&t->timer, on_time_over, 0, 0);
}

/* DISPLAY is what ssh before 8.4 needs to ask a program; nothing connects to it. */
static int passphrase_prepare(struct openssh *t) {
  int err = control_socket_ask(&t->socket, t->host->passphrase_file, t->host->passphrase_env);
  const char **env = arena_new_array(&t->arena, 4, const char *);
  env[0] = arena_fmt(&t->arena, "SSH_ASKPASS=%s", t->socket.ask);
  env[1] = "SSH_ASKPASS_REQUIRE=force";
  env[2] = "DISPLAY=:none";
  t->env = env;
  return err;
}

static void master_start(struct openssh *t, const char *state_dir) {
  const struct ssh_settings *s = t->settings;
  if (s->trouble) {
    trouble_set(t, TRANSPORT_MISSING, "%s", s->trouble);
    return;
  }
  if (!s->ssh_program) {
    trouble_set(t, TRANSPORT_MISSING, "The program ssh isn't installed on this machine, and %s needs it.", s->alias);
    return;
  }
  int err = control_socket_init(&t->socket, state_dir);
  if (err) {
    trouble_set(t, TRANSPORT_LOST, "No directory for the socket of ssh could be made: %s.", err_text(err));
    return;
  }
  if (t->host->passphrase_file || t->host->passphrase_env) {
    err = passphrase_prepare(t);
    if (err) {
      trouble_set(t, TRANSPORT_LOST, "The program that tells ssh the passphrase can't be made: %s.", err_text(err));
      return;
    }
  }
  t->channel_argv = openssh_argv(&t->arena, t->host, s, t->socket.path, false);
  const char *const *argv = openssh_argv(&t->arena, t->host, s, t->socket.path, true);
  err = ssh_child_new(t->loop, argv, t->env, &master_events, t, &t->master);
  if (err) trouble_set(t, TRANSPORT_LOST, "%s can't be started: %s.", s->ssh_program, err_text(err));
}

/* ---- channels ---- */

static void on_channel_output(void *ctx, const char *bytes, size_t len) {
  struct openssh_channel *c = ctx;
  c->events.data(c->ctx, bytes, len);
}

static void on_channel_complaint(void *ctx, const char *bytes, size_t len) {
  struct openssh_channel *c = ctx;
  complaint_add(&c->complaint, bytes, len);
  c->events.noise(c->ctx, bytes, len);
}

static void on_channel_drained(void *ctx) {
  struct openssh_channel *c = ctx;
  c->events.drained(c->ctx);
}

static void on_channel_ended(void *ctx, int status) {
  struct openssh_channel *c = ctx;
  struct openssh *t = c->transport;
  ssh_child_free(c->child);
  c->child = NULL;
  if (t->down) return;
  if (is_orderly(status)) {
    c->events.closed(c->ctx, NULL);
    return;
  }
  if (!t->master) { /* it had a connection of its own, and no other tells */
    end_tell_complaint(t, &c->complaint, status);
    return;
  }
  struct buf text = {0};
  complaint_fault(&c->complaint, t->settings, status, &text);
  c->events.closed(c->ctx, buf_cstr(&text));
  buf_release(&text);
}

static const struct ssh_child_events channel_child_events = {
    .output = on_channel_output,
    .complaint = on_channel_complaint,
    .drained = on_channel_drained,
    .ended = on_channel_ended,
};

/* One a turn, since each may free what it likes. */
static void on_soon(uv_idle_t *idle) {
  struct openssh *t = idle->data;
  struct openssh_channel *c = t->channels;
  while (c && !c->err) c = c->next;
  if (!c || t->down) {
    uv_idle_stop(idle);
    return;
  }
  struct buf text = {0};
  buf_fmt(&text, "%s can't be started: %s.", t->settings->ssh_program, err_text(c->err));
  c->err = 0;
  c->events.closed(c->ctx, buf_cstr(&text));
  buf_release(&text);
}

static struct channel *op_open(struct transport *head, const struct channel_events *events, void *ctx) {
  struct openssh *t = (struct openssh *)head;
  assert(t->up && !t->down);
  struct openssh_channel *c = alloc_new(struct openssh_channel);
  c->head.transport = head;
  c->transport = t;
  c->events = *events;
  c->ctx = ctx;
  c->next = t->channels;
  c->back = &t->channels;
  if (c->next) c->next->back = &c->next;
  t->channels = c;
  c->err = ssh_child_new(t->loop, t->channel_argv, t->env, &channel_child_events, c, &c->child);
  if (c->err) uv_idle_start(&t->soon, on_soon);
  return &c->head;
}

static struct openssh_channel *of(struct channel *c) {
  return (struct openssh_channel *)c;
}

static void op_write(struct channel *c, const void *bytes, size_t len) {
  if (of(c)->child) ssh_child_write(of(c)->child, bytes, len);
}

static size_t op_waiting(const struct channel *c) {
  const struct openssh_channel *own = (const struct openssh_channel *)c;
  return own->child ? ssh_child_waiting(own->child) : 0;
}

static void op_finish(struct channel *c) {
  if (of(c)->child) ssh_child_finish(of(c)->child);
}

static void op_pause(struct channel *c, bool paused) {
  if (of(c)->child) ssh_child_pause(of(c)->child, paused);
}

static void op_channel_free(struct channel *head) {
  struct openssh_channel *c = of(head);
  *c->back = c->next;
  if (c->next) c->next->back = c->back;
  ssh_child_free(c->child);
  complaint_release(&c->complaint);
  free(c);
}

static void op_free(struct transport *head) {
  struct openssh *t = (struct openssh *)head;
  assert(!t->channels);
  t->down = true;
  ssh_child_free(t->master);
  control_socket_release(&t->socket);
  complaint_release(&t->complaint);
  buf_release(&t->trouble);
  uv_close((uv_handle_t *)&t->timer, on_handle_closed);
  uv_close((uv_handle_t *)&t->soon, on_handle_closed);
}

static const struct transport_ops ops = {
    .open = op_open,
    .write = op_write,
    .waiting = op_waiting,
    .finish = op_finish,
    .pause = op_pause,
    .channel_free = op_channel_free,
    .free = op_free,
};

struct transport *openssh_transport_new(const struct transport_options *options) {
  assert(options->settings);
  struct openssh *t = alloc_new(struct openssh);
  t->head = (struct transport){.ops = &ops, .kind = "openssh", .address = options->settings->address};
  t->settings = options->settings;
  t->host = options->host;
  t->events = *options->events;
  t->ctx = options->ctx;
  t->loop = options->loop;
  uv_timer_init(t->loop, &t->timer);
  uv_idle_init(t->loop, &t->soon);
  t->timer.data = t->soon.data = t;
  t->handles = 2;
  uv_timer_start(&t->timer, on_time_over, CONNECT_MS, 0);
  master_start(t, options->state_dir);
  return &t->head;
}
