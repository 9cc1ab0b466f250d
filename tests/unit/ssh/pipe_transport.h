/* A transport for tests: each channel is a local shell behind pipes, so everything above transport.h runs as it does
 * over a network, and the test says how that fails: refused, cut after so many bytes either way, silent, out of
 * channels, with a login that prints, hangs or exits. Header-only, because each test is one program.
 *
 *   struct pipe_world *w = pipe_world_open(loop);     one at a time, before pipe_connect is used
 *   w->sh = "busybox sh"; w->login = "echo hello;";
 *   link options: .connect = pipe_connect
 *   pipe_world_close(w);                              ends the shells that are left
 */
#ifndef ROTA_TESTS_SSH_PIPE_TRANSPORT_H
#define ROTA_TESTS_SSH_PIPE_TRANSPORT_H

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "worker/ssh/transport/transport.h"

#define PIPE_UNUSED __attribute__((unused))

struct pipe_transport;

struct pipe_world {
  uv_loop_t *loop;
  const char *sh;    /* stands for /bin/sh: "/bin/dash", "bash", "busybox sh"; NULL: /bin/sh itself */
  const char *login; /* what the login shell does first: "echo hi;" */
  const char *home;  /* HOME on the host; NULL: the test's own */
  bool refuse;       /* connections end by `fault` and `text` */
  enum transport_fault fault;
  const char *text;
  unsigned connect_ms; /* how long connecting takes */
  int channels_max;    /* 0: no limit; -1: none */
  bool silent;         /* nothing comes from the host any more */
  long cut_to;         /* so many bytes still get to the host, then the connection is cut; -1: never */
  long cut_from;       /* the same for what comes from it */
  /* What happened. */
  unsigned connects, ups, opens;
  long bytes_to, bytes_from;
  int channels, transports;   /* that there are now */
  struct pipe_transport *now; /* the newest connection; NULL if it is freed */
  int pids[512];
  size_t pids_len;
};

static struct pipe_world pipe_world;

struct pipe_transport {
  struct transport head;
  const struct transport_events *events;
  void *ctx;
  uv_timer_t timer;
  bool up, down;
  int channels;
  char text[128];
  enum transport_fault fault;
};

struct pipe_channel {
  struct channel head;
  const struct channel_events *events;
  void *ctx;
  struct pipe_transport *t;
  uv_pipe_t in, out, err;
  uv_process_t process;
  uv_timer_t refused;
  int handles;
  int open_ends; /* of out and err */
  bool dead, paused, first, was_high, is_closed;
  char buffer[65536];
};

PIPE_UNUSED static void pipe_on_timer(uv_timer_t *timer) {
  struct pipe_transport *t = timer->data;
  if (t->down) return;
  if (t->fault != (enum transport_fault) - 1) {
    t->down = true;
    if (pipe_world.now == t) pipe_world.now = NULL;
    const struct transport_end end = {t->fault, t->text};
    t->events->down(t->ctx, &end);
  } else if (!t->up) {
    t->up = true;
    pipe_world.ups++;
    t->events->up(t->ctx);
  }
}

/* The connection ends, when the loop turns. */
PIPE_UNUSED static void pipe_cut(struct pipe_transport *t, enum transport_fault fault, const char *text) {
  if (t->down) return;
  t->fault = fault;
  snprintf(t->text, sizeof t->text, "%s", text);
  uv_timer_start(&t->timer, pipe_on_timer, 0, 0);
}

static void pipe_handle_closed(uv_handle_t *h) {
  struct pipe_channel *c = h->data;
  if (--c->handles == 0) free(c);
}

static void pipe_closed(struct pipe_channel *c, const char *text) {
  if (c->dead || c->is_closed || c->t->down) return;
  c->is_closed = true;
  c->events->closed(c->ctx, text);
}

static void pipe_alloc(uv_handle_t *h, size_t size, uv_buf_t *out) {
  struct pipe_channel *c = h->data;
  (void)size;
  *out = uv_buf_init(c->buffer, sizeof c->buffer);
}

static void pipe_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct pipe_channel *c = stream->data;
  if (c->dead || c->t->down) return;
  if (n < 0) {
    uv_read_stop(stream);
    if (--c->open_ends == 0 && !pipe_world.silent) pipe_closed(c, NULL);
    return;
  }
  if (pipe_world.silent) return;
  if (pipe_world.cut_from >= 0) {
    if (n >= pipe_world.cut_from) {
      n = pipe_world.cut_from;
      pipe_cut(c->t, TRANSPORT_LOST, "cut on the way back");
    }
    pipe_world.cut_from -= n;
  }
  pipe_world.bytes_from += n;
  if (n == 0) return;
  (stream == (uv_stream_t *)&c->out ? c->events->data : c->events->noise)(c->ctx, buf->base, (size_t)n);
}

static void pipe_on_exit(uv_process_t *process, int64_t status, int signal_number) {
  (void)status;
  (void)signal_number;
  for (size_t i = 0; i < pipe_world.pids_len; i++)
    if (pipe_world.pids[i] == process->pid) pipe_world.pids[i] = 0;
  uv_close((uv_handle_t *)process, pipe_handle_closed);
}

static void pipe_on_refused(uv_timer_t *timer) {
  pipe_closed(timer->data, "the server opens no more channels");
}

static void pipe_spawn(struct pipe_channel *c) {
  char *script = alloc_fmt("%s exec %s -s", pipe_world.login ? pipe_world.login : "",
                           pipe_world.sh ? pipe_world.sh : "/bin/sh");
  char *home = alloc_fmt("HOME=%s", pipe_world.home ? pipe_world.home : getenv("HOME"));
  char *path = alloc_fmt("PATH=%s", getenv("PATH"));
  char sh[] = "/bin/sh", dash_c[] = "-c", user[] = "USER=root", logname[] = "LOGNAME=root", shell[] = "SHELL=/bin/sh";
  char *argv[] = {sh, dash_c, script, NULL}, *env[] = {home, path, user, logname, shell, NULL};
  uv_stdio_container_t stdio[] = {
      {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->in},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err}};
  const uv_process_options_t options = {
      .file = sh, .args = argv, .env = env, .stdio = stdio, .stdio_count = 3, .exit_cb = pipe_on_exit};
  c->process.data = c;
  const int err = uv_spawn(pipe_world.loop, &c->process, &options);
  if (err) abort();
  c->handles++;
  uv_unref((uv_handle_t *)&c->process);
  if (pipe_world.pids_len < 512) pipe_world.pids[pipe_world.pids_len++] = c->process.pid;
  c->open_ends = 2;
  uv_read_start((uv_stream_t *)&c->out, pipe_alloc, pipe_on_read);
  uv_read_start((uv_stream_t *)&c->err, pipe_alloc, pipe_on_read);
  free(script);
  free(home);
  free(path);
}

static struct channel *pipe_open(struct transport *transport, const struct channel_events *events, void *ctx) {
  struct pipe_transport *t = (struct pipe_transport *)transport;
  struct pipe_channel *c = alloc_new(struct pipe_channel);
  *c = (struct pipe_channel){.head = {transport}, .events = events, .ctx = ctx, .t = t, .first = true};
  uv_handle_t *handles[] = {(uv_handle_t *)&c->in, (uv_handle_t *)&c->out, (uv_handle_t *)&c->err};
  for (int i = 0; i < 3; i++) {
    uv_pipe_init(pipe_world.loop, (uv_pipe_t *)handles[i], 0);
    handles[i]->data = c;
  }
  uv_timer_init(pipe_world.loop, &c->refused);
  c->refused.data = c;
  c->handles = 4;
  pipe_world.opens++;
  t->channels++;
  if (pipe_world.channels_max && t->channels > (pipe_world.channels_max < 0 ? 0 : pipe_world.channels_max))
    uv_timer_start(&c->refused, pipe_on_refused, 0, 0);
  else
    pipe_spawn(c);
  pipe_world.channels++;
  return &c->head;
}

struct pipe_write {
  uv_write_t req;
  struct pipe_channel *c;
  char bytes[];
};

static void pipe_on_written(uv_write_t *req, int status) {
  struct pipe_write *w = (struct pipe_write *)req;
  struct pipe_channel *c = w->c;
  free(w);
  if (c->dead || status < 0 || c->t->down || !c->was_high) return;
  if (uv_stream_get_write_queue_size((uv_stream_t *)&c->in) < CHANNEL_LOW) {
    c->was_high = false;
    c->events->drained(c->ctx);
  }
}

/* The first line names /bin/sh; the shell under test takes its place. */
static char *pipe_first(const char *bytes, size_t len) {
  char *line = alloc_fmt("%.*s", (int)len, bytes), *at = strstr(line, " /bin/sh -s\n");
  if (!at || !pipe_world.sh) return line;
  *at = '\0';
  char *other = alloc_fmt("%s %s -s\n", line, pipe_world.sh);
  free(line);
  return other;
}

static void pipe_send(struct pipe_channel *c, const char *bytes, size_t len) {
  if (pipe_world.cut_to >= 0) {
    if ((long)len >= pipe_world.cut_to) {
      len = (size_t)pipe_world.cut_to;
      pipe_cut(c->t, TRANSPORT_LOST, "cut on the way there");
    }
    pipe_world.cut_to -= (long)len;
  }
  pipe_world.bytes_to += (long)len;
  if (!len || !uv_is_writable((uv_stream_t *)&c->in)) return;
  struct pipe_write *w = alloc_zeroed(1, sizeof *w + len);
  w->c = c;
  memcpy(w->bytes, bytes, len);
  uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)len);
  if (uv_write(&w->req, (uv_stream_t *)&c->in, &buf, 1, pipe_on_written)) free(w);
  if (uv_stream_get_write_queue_size((uv_stream_t *)&c->in) >= CHANNEL_LOW) c->was_high = true;
}

static void pipe_write(struct channel *channel, const void *bytes, size_t len) {
  struct pipe_channel *c = (struct pipe_channel *)channel;
  if (c->t->down) return;
  if (!c->first) {
    pipe_send(c, bytes, len);
    return;
  }
  c->first = false;
  char *line = pipe_first(bytes, len);
  pipe_send(c, line, strlen(line));
  free(line);
}

static size_t pipe_waiting(const struct channel *channel) {
  const struct pipe_channel *c = (const struct pipe_channel *)channel;
  return uv_stream_get_write_queue_size((const uv_stream_t *)&c->in);
}

static void pipe_on_shutdown(uv_shutdown_t *req, int status) {
  struct pipe_channel *c = req->data;
  (void)status;
  if (!uv_is_closing((uv_handle_t *)&c->in)) uv_close((uv_handle_t *)&c->in, pipe_handle_closed);
  free(req);
}

static void pipe_finish(struct channel *channel) {
  struct pipe_channel *c = (struct pipe_channel *)channel;
  if (!uv_is_writable((uv_stream_t *)&c->in)) return;
  uv_shutdown_t *req = alloc_new(uv_shutdown_t);
  req->data = c;
  if (uv_shutdown(req, (uv_stream_t *)&c->in, pipe_on_shutdown)) free(req);
}

static void pipe_pause(struct channel *channel, bool paused) {
  struct pipe_channel *c = (struct pipe_channel *)channel;
  if (paused)
    uv_read_stop((uv_stream_t *)&c->out);
  else if (uv_is_readable((uv_stream_t *)&c->out))
    uv_read_start((uv_stream_t *)&c->out, pipe_alloc, pipe_on_read);
}

static void pipe_channel_free(struct channel *channel) {
  struct pipe_channel *c = (struct pipe_channel *)channel;
  uv_handle_t *handles[] = {(uv_handle_t *)&c->in, (uv_handle_t *)&c->out, (uv_handle_t *)&c->err,
                            (uv_handle_t *)&c->refused};
  assert(!c->dead);
  c->dead = true;
  c->t->channels--;
  pipe_world.channels--;
  for (int i = 0; i < 4; i++)
    if (!uv_is_closing(handles[i])) uv_close(handles[i], pipe_handle_closed);
}

static void pipe_transport_closed(uv_handle_t *h) {
  free(h->data);
}

static void pipe_free(struct transport *transport) {
  struct pipe_transport *t = (struct pipe_transport *)transport;
  assert(t->channels == 0); /* channels first */
  t->down = true;
  if (pipe_world.now == t) pipe_world.now = NULL;
  pipe_world.transports--;
  uv_close((uv_handle_t *)&t->timer, pipe_transport_closed);
}

static const struct transport_ops pipe_ops = {.open = pipe_open,
                                              .write = pipe_write,
                                              .waiting = pipe_waiting,
                                              .finish = pipe_finish,
                                              .pause = pipe_pause,
                                              .channel_free = pipe_channel_free,
                                              .free = pipe_free};

PIPE_UNUSED static struct transport *pipe_connect(const struct transport_options *options) {
  struct pipe_transport *t = alloc_new(struct pipe_transport);
  t->head = (struct transport){.ops = &pipe_ops, .kind = "pipe", .address = "root@pipe:22"};
  t->events = options->events;
  t->ctx = options->ctx;
  t->fault = (enum transport_fault) - 1;
  uv_timer_init(pipe_world.loop, &t->timer);
  t->timer.data = t;
  pipe_world.connects++;
  pipe_world.transports++;
  pipe_world.now = t;
  if (pipe_world.refuse) {
    t->fault = pipe_world.fault;
    snprintf(t->text, sizeof t->text, "%s", pipe_world.text ? pipe_world.text : "refused");
  }
  uv_timer_start(&t->timer, pipe_on_timer, pipe_world.connect_ms, 0);
  return &t->head;
}

PIPE_UNUSED static struct pipe_world *pipe_world_open(uv_loop_t *loop) {
  signal(SIGPIPE, SIG_IGN);
  pipe_world = (struct pipe_world){.loop = loop, .cut_to = -1, .cut_from = -1};
  return &pipe_world;
}

static void pipe_on_tick(uv_timer_t *timer) {
  (void)timer;
}

/* Everything of the transport must have been freed. Waits until its shells have ended. */
PIPE_UNUSED static void pipe_world_close(struct pipe_world *w) {
  uv_timer_t tick; /* keeps the loop alive for processes, which don't */
  uv_timer_init(w->loop, &tick);
  uv_timer_start(&tick, pipe_on_tick, 5, 5);
  bool left = true;
  for (int i = 0; left || w->transports; i++) {
    left = false;
    for (size_t k = 0; k < w->pids_len; k++) {
      if (!w->pids[k]) continue;
      left = true;
      if (i == 20) kill(w->pids[k], SIGKILL);
    }
    if (left || w->transports) uv_run(w->loop, UV_RUN_ONCE);
  }
  assert(w->channels == 0 && w->transports == 0);
  uv_close((uv_handle_t *)&tick, NULL);
  uv_run(w->loop, UV_RUN_DEFAULT);
}

#endif
