/* The transport that asks for the settings, chooses, and puts the other in place of one that can't do it. Its
 * channels are those of the one in use, which their own head names. */
#include "worker/ssh/transport/transport.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "worker/ssh/transport/settings.h"

struct chosen {
  struct transport head; /* first */
  struct transport_options options;
  struct transport_events events;
  struct settings_query *query; /* NULL once it was answered */
  struct ssh_settings *settings;
  struct transport *used; /* NULL before, and while it is replaced */
  bool tried_openssh;
  uv_timer_t soon; /* makes the next one, outside the callback of the one that ended */
};

static const struct transport_events inner_events;

static void use(struct chosen *c, bool openssh) {
  struct transport_options inner = c->options;
  inner.settings = c->settings;
  inner.events = &inner_events;
  inner.ctx = c;
  c->tried_openssh = openssh;
  c->used = openssh ? openssh_transport_new(&inner) : libssh2_transport_new(&inner);
  c->head.kind = c->used->kind;
  c->head.address = c->used->address;
}

/* The text outlives the callback, in which the settings may be freed. */
static void down_tell(struct chosen *c, enum transport_fault fault, const char *sentence, const char *advice) {
  struct buf text = {0};
  buf_str(&text, sentence);
  buf_str(&text, advice);
  struct transport_end end = {.fault = fault, .text = buf_cstr(&text)};
  c->events.down(c->options.ctx, &end);
  buf_release(&text);
}

static void on_settings(void *ctx, struct ssh_settings *settings) {
  struct chosen *c = ctx;
  c->query = NULL;
  c->settings = settings;
  c->head.address = settings->address;
  enum host_transport wanted = c->options.host->transport;
  if (settings->trouble) {
    down_tell(c, TRANSPORT_MISSING, settings->trouble, "");
    return;
  }
  if (wanted == HOST_TRANSPORT_LIBSSH2 && settings->needs_openssh) {
    down_tell(c, TRANSPORT_UNSUITABLE, settings->needs_openssh,
              " libssh2 can't do that: set `transport: openssh` (or auto) for this host.");
    return;
  }
  use(c, wanted == HOST_TRANSPORT_OPENSSH || (wanted == HOST_TRANSPORT_AUTO && settings->needs_openssh));
}

static void on_soon(uv_timer_t *timer) {
  use(timer->data, true);
}

static void on_up(void *ctx) {
  struct chosen *c = ctx;
  c->events.up(c->options.ctx);
}

static void on_down(void *ctx, const struct transport_end *end) {
  struct chosen *c = ctx;
  bool other = end->fault == TRANSPORT_UNSUITABLE || end->fault == TRANSPORT_MISSING;
  if (other && !c->tried_openssh && c->options.host->transport == HOST_TRANSPORT_AUTO && c->settings->ssh_program) {
    c->used->ops->free(c->used);
    c->used = NULL;
    c->head.kind = "openssh";
    c->head.address = c->settings->address;
    uv_timer_start(&c->soon, on_soon, 0, 0);
    return;
  }
  c->events.down(c->options.ctx, end);
}

static const struct transport_events inner_events = {.up = on_up, .down = on_down};

static struct channel *op_open(struct transport *head, const struct channel_events *events, void *ctx) {
  struct chosen *c = (struct chosen *)head;
  return c->used->ops->open(c->used, events, ctx);
}

static void op_write(struct channel *c, const void *bytes, size_t len) {
  c->transport->ops->write(c, bytes, len);
}

static size_t op_waiting(const struct channel *c) {
  return c->transport->ops->waiting(c);
}

static void op_finish(struct channel *c) {
  c->transport->ops->finish(c);
}

static void op_pause(struct channel *c, bool paused) {
  c->transport->ops->pause(c, paused);
}

static void op_channel_free(struct channel *c) {
  c->transport->ops->channel_free(c);
}

static void on_closed(uv_handle_t *h) {
  free(h->data);
}

static void op_free(struct transport *head) {
  struct chosen *c = (struct chosen *)head;
  if (c->query) settings_cancel(c->query);
  if (c->used) c->used->ops->free(c->used);
  settings_free(c->settings);
  uv_close((uv_handle_t *)&c->soon, on_closed);
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

struct transport *transport_new(const struct transport_options *options) {
  struct chosen *c = alloc_new(struct chosen);
  bool openssh = options->host->transport == HOST_TRANSPORT_OPENSSH;
  c->options = *options;
  c->events = *options->events;
  c->head = (struct transport){.ops = &ops, .kind = openssh ? "openssh" : "libssh2", .address = options->host->ssh};
  uv_timer_init(options->loop, &c->soon);
  c->soon.data = c;
  c->query = settings_ask(options->loop, options->host, on_settings, c);
  return &c->head;
}
