/* One session: its way over the socket or the tunnel, its handshake. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "worker/ssh/transport/libssh2_parts.h"

#define ROOM     (128u * 1024)      /* who writes much waits while more than this isn't sent yet */
#define ROOM_MAX (2u * 1024 * 1024) /* and nobody may have more */

bool ssh2_again(const struct ssh2_transport *t, long rc) {
  return rc == LIBSSH2_ERROR_EAGAIN || (rc == LIBSSH2_ERROR_BAD_USE && !t->lib.rsa_sha2);
}

static size_t unsent(const struct hop *h) {
  return h->out.len - h->out_at;
}

bool hop_room(const struct hop *h) {
  return unsent(h) < ROOM && (!h->outer || hop_room(h->outer));
}

const char *hop_error(const struct hop *h) {
  char *text = NULL;
  int len = 0;
  h->t->lib.session_last_error(h->session, &text, &len, 0);
  return text && *text ? text : "libssh2 doesn't say why";
}

static void sent(struct hop *h, size_t n) {
  h->out_at += n;
  if (h->out_at == h->out.len) {
    buf_reset(&h->out);
    h->out_at = 0;
  }
}

/* On the loop's thread or in a job: whoever has the sessions at the moment. libssh2 talks to an agent by them too,
 * over a socket of its own, which blocks. */
static ssize_t on_send(libssh2_socket_t fd, const void *bytes, size_t len, int flags, void **abstract) {
  (void)flags;
  struct hop *h = *abstract;
  struct ssh2_transport *t = h->t;
  if (fd != t->fd) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
  }
  if (t->dead) return -ECONNRESET;
  if (unsent(h) > ROOM_MAX) return -EAGAIN;
  ssize_t n = 0;
  if (!h->outer && unsent(h) == 0) {
    n = send(t->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return -errno;
    if (n < 0) n = 0;
  }
  buf_add(&h->out, (const char *)bytes + n, len - (size_t)n);
  return (ssize_t)len;
}

static ssize_t on_recv(libssh2_socket_t fd, void *bytes, size_t len, int flags, void **abstract) {
  (void)flags;
  struct hop *h = *abstract;
  struct ssh2_transport *t = h->t;
  ssize_t n;
  if (fd != t->fd) {
    n = recv(fd, bytes, len, 0);
    return n < 0 ? -errno : n;
  }
  if (t->dead) return -ECONNRESET;
  if (h->outer) {
    n = t->lib.channel_read_ex(h->tunnel, 0, bytes, len);
    if (ssh2_again(t, n)) return -EAGAIN;
    if (n < 0) return -ECONNRESET;
    if (n == 0) return t->lib.channel_eof(h->tunnel) ? 0 : -EAGAIN;
  } else {
    if (t->budget <= 0) return -EAGAIN;
    n = recv(t->fd, bytes, len, 0);
    if (n < 0) return errno == EINTR ? -EAGAIN : -errno;
    t->budget -= n;
  }
  h->received += (size_t)n;
  return n;
}

static bool flush_socket(struct hop *h) {
  while (unsent(h) > 0) {
    ssize_t n = send(h->t->fd, h->out.bytes + h->out_at, unsent(h), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    sent(h, (size_t)n);
  }
  return true;
}

static bool flush_tunnel(struct hop *h) {
  while (unsent(h) > 0 && hop_room(h->outer)) {
    ssize_t n = h->t->lib.channel_write_ex(h->tunnel, 0, h->out.bytes + h->out_at, unsent(h));
    if (ssh2_again(h->t, n)) return true;
    if (n < 0) return false;
    if (n == 0) return true;
    sent(h, (size_t)n);
  }
  return true;
}

void hops_flush(struct ssh2_transport *t) {
  for (size_t i = t->hops_len; i-- > 0 && !t->ended && t->fd >= 0;) {
    struct hop *h = &t->hops[i];
    if (!(h->outer ? flush_tunnel(h) : flush_socket(h)))
      ssh2_fail(t, TRANSPORT_LOST, "The connection to %s broke: %s", h->settings->address,
                h->outer ? hop_error(h->outer) : strerror(errno));
  }
}

void hop_fail(struct hop *h, long rc) {
  const char *address = h->settings->address;
  switch (rc) {
  case LIBSSH2_ERROR_SOCKET_DISCONNECT: ssh2_fail(h->t, TRANSPORT_LOST, "%s closed the connection", address); return;
  case LIBSSH2_ERROR_SOCKET_RECV:
  case LIBSSH2_ERROR_SOCKET_SEND: ssh2_fail(h->t, TRANSPORT_LOST, "The connection to %s broke", address); return;
  default:
    ssh2_fail(h->t, TRANSPORT_LOST, "The connection to %s is of no use any more: %s (libssh2 %s, %ld)", address,
              hop_error(h), h->t->lib.number, rc);
  }
}

void hop_init(struct ssh2_transport *t, size_t i, const struct ssh_settings *settings) {
  struct hop *h = &t->hops[i];
  h->t = t;
  h->settings = settings;
  h->outer = i > 0 ? &t->hops[i - 1] : NULL;
  h->phase = h->outer ? HOP_TUNNEL : HOP_HANDSHAKE;
}

/* A callback of libssh2 is handed over as a pointer to an object, which C has no conversion for. */
static void callback_set(struct hop *h, int which, const void *function) {
  void *pointer = NULL;
  memcpy(&pointer, function, sizeof pointer);
  h->t->lib.session_callback_set(h->session, which, pointer);
}

/* libssh2 falls here and there where it finds no memory. */
static void *bytes_take(size_t size, void **ctx) {
  (void)ctx;
  return alloc_bytes(size);
}

static void *bytes_grow(void *block, size_t size, void **ctx) {
  (void)ctx;
  return alloc_grown(block, 1, size);
}

static void bytes_give(void *block, void **ctx) {
  (void)ctx;
  free(block);
}

static bool session_make(struct hop *h) {
  h->session = h->t->lib.session_init_ex(bytes_take, bytes_give, bytes_grow, h);
  if (!h->session) {
    ssh2_fail(h->t, TRANSPORT_MISSING, "libssh2 can't begin a session");
    return false;
  }
  LIBSSH2_SEND_FUNC((*const send_function)) = on_send;
  LIBSSH2_RECV_FUNC((*const recv_function)) = on_recv;
  callback_set(h, LIBSSH2_CALLBACK_SEND, &send_function);
  callback_set(h, LIBSSH2_CALLBACK_RECV, &recv_function);
  h->t->lib.session_set_blocking(h->session, 0);
  return trust_prefer(h);
}

static bool tunnel_step(struct hop *h) {
  struct ssh2_transport *t = h->t;
  h->tunnel = t->lib.channel_direct_tcpip_ex(h->outer->session, h->settings->hostname, h->settings->port, "127.0.0.1",
                                             22);
  if (h->tunnel) {
    h->phase = HOP_HANDSHAKE;
    return true;
  }
  int rc = t->lib.session_last_errno(h->outer->session);
  if (ssh2_again(t, rc)) return false;
  if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
    ssh2_fail(t, TRANSPORT_LOST,
              "%s makes no connection to %s port %u: nobody answers there, or its sshd_config forbids it "
              "(AllowTcpForwarding)",
              h->outer->settings->address, h->settings->hostname, (unsigned)h->settings->port);
  else
    hop_fail(h->outer, rc);
  return false;
}

/* Lines of another kind may come before the one by which a server says what it is, "Exceeded MaxStartups" too. */
static bool introduced(const struct hop *h) {
  const char *banner = h->t->lib.session_banner_get(h->session);
  return banner && strncmp(banner, "SSH-", 4) == 0;
}

static void handshake_fail(struct hop *h, int rc) {
  const char *address = h->settings->address;
  switch (rc) {
  case LIBSSH2_ERROR_KEX_FAILURE:
  case LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE:
  case LIBSSH2_ERROR_METHOD_NONE:
    ssh2_fail(h->t, TRANSPORT_UNSUITABLE,
              "%s and libssh2 %s have no algorithm in common (%s). If all of its host keys are RSA, give it one of "
              "another kind (ssh-keygen -A), or use `transport: openssh`",
              address, h->t->lib.number, hop_error(h));
    return;
  case LIBSSH2_ERROR_HOSTKEY_INIT:
  case LIBSSH2_ERROR_HOSTKEY_SIGN:
    ssh2_fail(h->t, TRANSPORT_UNSUITABLE, "libssh2 %s can't check the host key of %s: %s", h->t->lib.number, address,
              hop_error(h));
    return;
  default:
    if (!introduced(h))
      ssh2_fail(h->t, TRANSPORT_BUSY,
                "%s closed the connection before it said what it is: its sshd has too many that aren't logged in yet "
                "(MaxStartups), or keeps this address away",
                address);
    else
      hop_fail(h, rc);
  }
}

static bool handshake_step(struct hop *h) {
  if (!h->session && !session_make(h)) return false;
  int rc = h->t->lib.session_handshake(h->session, h->t->fd);
  if (ssh2_again(h->t, rc)) return false;
  if (rc) {
    handshake_fail(h, rc);
    return false;
  }
  return trust_check(h);
}

bool hop_step(struct hop *h) {
  switch (h->phase) {
  case HOP_TUNNEL: return tunnel_step(h);
  case HOP_HANDSHAKE: return handshake_step(h);
  case HOP_LOGIN: return login_step(h);
  case HOP_TRUST:
  case HOP_READY: break;
  }
  return false;
}

void hops_release(struct ssh2_transport *t) {
  t->dead = true;
  for (size_t i = t->hops_len; i-- > 0;) {
    struct hop *h = &t->hops[i];
    /* What an exchange of keys has allocated so far is only freed by its own failure. */
    if (h->session && h->phase == HOP_HANDSHAKE) t->lib.session_handshake(h->session, t->fd);
    /* With a way that only fails nothing in it can wait; the bound is for what nobody has foreseen. */
    for (int n = 0; h->session && n < 64; n++)
      if (!ssh2_again(t, t->lib.session_free(h->session))) h->session = NULL;
    buf_release(&h->out);
  }
}
