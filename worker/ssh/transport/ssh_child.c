#include "worker/ssh/transport/ssh_child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/transport/child.h"
#include "worker/ssh/transport/transport.h"

#define WRITE_PIECE (64u * 1024)

struct ssh_child {
  uv_pipe_t in, out, err;
  uv_poll_t exit; /* on the pidfd */
  uv_idle_t soon; /* the end is told from here, never from within a call */
  int pidfd;
  pid_t pid;
  int status;
  bool out_ended, err_ended, exited, finishing, told, paused, freed;
  bool full;   /* CHANNEL_LOW bytes or more waited, and `drained` hasn't been told */
  int handles; /* that aren't closed yet */
  const struct ssh_child_events *events;
  void *ctx;
};

struct piece {
  uv_write_t request;
  struct ssh_child *child;
  char bytes[];
};

static void memory_free(struct ssh_child *c) {
  if (c->pidfd >= 0) close(c->pidfd);
  free(c);
}

static void on_closed(uv_handle_t *h) {
  struct ssh_child *c = h->data;
  if (--c->handles == 0) memory_free(c);
}

static void handle_close(uv_handle_t *h) {
  if (!uv_is_closing(h)) uv_close(h, on_closed);
}

/* A freed one waits for its process alone; then the last handle goes. */
static void settle(struct ssh_child *c) {
  if (!c->freed || !c->exited) return;
  handle_close((uv_handle_t *)&c->exit);
}

static void on_soon(uv_idle_t *idle) {
  struct ssh_child *c = idle->data;
  uv_idle_stop(idle);
  c->told = true;
  c->events->ended(c->ctx, c->status);
}

/* What others hold open of its standard error isn't waited for: a proxy may outlive it. */
static void end_look(struct ssh_child *c) {
  if (c->exited && c->out_ended && !c->told && !c->freed && !uv_is_active((uv_handle_t *)&c->soon)) {
    uv_idle_start(&c->soon, on_soon);
  }
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *buf) {
  (void)h;
  *buf = uv_buf_init(malloc(wanted), (unsigned)wanted);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct ssh_child *c = stream->data;
  if (n > 0 && !c->freed) c->events->output(c->ctx, buf->base, (size_t)n);
  free(buf->base);
  if (n >= 0) return;
  uv_read_stop(stream);
  c->out_ended = true;
  end_look(c);
}

static void on_complaint(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct ssh_child *c = stream->data;
  if (n > 0 && !c->freed && !c->told) c->events->complaint(c->ctx, buf->base, (size_t)n);
  free(buf->base);
  if (n >= 0) return;
  uv_read_stop(stream);
  c->err_ended = true;
}

/* Its last words may still lie in the pipe when its exit is seen. */
static void complaints_drain(struct ssh_child *c) {
  char bytes[4096];
  uv_os_fd_t fd;
  if (c->freed || c->err_ended || uv_fileno((uv_handle_t *)&c->err, &fd)) return;
  ssize_t n;
  while (!c->freed && (n = read(fd, bytes, sizeof bytes)) > 0) c->events->complaint(c->ctx, bytes, (size_t)n);
}

static void on_exit_seen(uv_poll_t *poll, int status, int events) {
  struct ssh_child *c = poll->data;
  (void)status;
  (void)events;
  pid_t pid = waitpid(c->pid, &c->status, WNOHANG);
  if (pid == 0 || (pid < 0 && errno == EINTR)) return;
  uv_poll_stop(poll);
  c->exited = true;
  complaints_drain(c);
  end_look(c);
  settle(c);
}

static void pipe_open(struct ssh_child *c, uv_loop_t *loop, uv_pipe_t *pipe, int fd) {
  uv_pipe_init(loop, pipe, 0);
  pipe->data = c;
  int err = uv_pipe_open(pipe, fd);
  assert(!err);
  (void)err;
  c->handles++;
}

int ssh_child_new(uv_loop_t *loop, const char *const *argv, const char *const *env,
                  const struct ssh_child_events *events, void *ctx, struct ssh_child **out) {
  struct child child;
  *out = NULL;
  int err = child_start(&child, argv, env, true);
  if (err) return err;
  int pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
  if (pidfd < 0) {
    err = err_from_errno(errno);
    kill(-child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    close(child.in);
    close(child.out);
    close(child.err);
    return err;
  }
  struct ssh_child *c = alloc_new(struct ssh_child);
  *c = (struct ssh_child){.pid = child.pid, .pidfd = pidfd, .events = events, .ctx = ctx};
  pipe_open(c, loop, &c->in, child.in);
  pipe_open(c, loop, &c->out, child.out);
  pipe_open(c, loop, &c->err, child.err);
  uv_poll_init(loop, &c->exit, pidfd);
  uv_idle_init(loop, &c->soon);
  c->exit.data = c->soon.data = c;
  c->handles += 2;
  uv_poll_start(&c->exit, UV_READABLE, on_exit_seen);
  uv_read_start((uv_stream_t *)&c->out, on_alloc, on_output);
  uv_read_start((uv_stream_t *)&c->err, on_alloc, on_complaint);
  *out = c;
  return 0;
}

static void input_close(struct ssh_child *c) {
  handle_close((uv_handle_t *)&c->in);
}

size_t ssh_child_waiting(const struct ssh_child *c) {
  return uv_is_closing((const uv_handle_t *)&c->in) ? 0 : uv_stream_get_write_queue_size((const uv_stream_t *)&c->in);
}

static void on_written(uv_write_t *request, int status) {
  struct piece *piece = (struct piece *)request;
  struct ssh_child *c = piece->child;
  free(piece);
  if (c->freed || status < 0) return; /* it has gone: its exit tells */
  size_t waiting = ssh_child_waiting(c);
  if (waiting == 0 && c->finishing) {
    input_close(c);
  } else if (c->full && waiting < CHANNEL_LOW) {
    c->full = false;
    c->events->drained(c->ctx);
  }
}

void ssh_child_write(struct ssh_child *c, const void *bytes, size_t len) {
  const char *at = bytes;
  if (c->finishing || uv_is_closing((uv_handle_t *)&c->in)) return;
  while (len > 0) {
    size_t part = len < WRITE_PIECE ? len : WRITE_PIECE;
    struct piece *piece = alloc_zeroed(1, sizeof *piece + part);
    piece->child = c;
    memcpy(piece->bytes, at, part);
    uv_buf_t buf = uv_buf_init(piece->bytes, (unsigned)part);
    if (uv_write(&piece->request, (uv_stream_t *)&c->in, &buf, 1, on_written)) {
      free(piece);
      return;
    }
    at += part;
    len -= part;
  }
  if (ssh_child_waiting(c) >= CHANNEL_LOW) c->full = true;
}

void ssh_child_finish(struct ssh_child *c) {
  c->finishing = true;
  if (ssh_child_waiting(c) == 0) input_close(c);
}

void ssh_child_pause(struct ssh_child *c, bool paused) {
  if (c->paused == paused || c->out_ended) return;
  c->paused = paused;
  if (paused) {
    uv_read_stop((uv_stream_t *)&c->out);
  } else {
    uv_read_start((uv_stream_t *)&c->out, on_alloc, on_output);
  }
}

void ssh_child_free(struct ssh_child *c) {
  if (!c) return;
  assert(!c->freed);
  c->freed = true;
  if (!c->exited) kill(-c->pid, SIGKILL); /* not reaped yet, so the number is still its own; with what it started */
  handle_close((uv_handle_t *)&c->in);
  handle_close((uv_handle_t *)&c->out);
  handle_close((uv_handle_t *)&c->err);
  handle_close((uv_handle_t *)&c->soon);
  settle(c);
}
