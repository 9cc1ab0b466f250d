/* The login: the agent's keys, then key files, one after the other until the server takes one.
 *
 * What may take long without the network is a job on libuv's pool: a passphrase makes a key cost a tenth of a second,
 * a passphrase's file may lie on a slow disk, and an agent may wait for a finger. A key's job is put there again
 * after each wait for the network until libssh2 is through with it.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/ssh/transport/libssh2_parts.h"

#define PASSPHRASE_FILE_MAX 4096

static struct hop *now_reached(struct ssh2_transport *t) {
  return &t->hops[t->current];
}

static unsigned user_len(const struct hop *h) {
  return (unsigned)strlen(h->settings->user);
}

/* Jobs, on the pool. */

static int trust_job(struct hop *h) {
  size_t len = 0;
  int kind = 0;
  const char *blob = h->t->lib.session_hostkey(h->session, &len, &kind);
  const struct login *l = &h->t->login;
  return known_hosts_append(l->path, l->name, l->port, blob, len);
}

static int passphrase_job(struct login *l) {
  int rc = file_read(l->path, PASSPHRASE_FILE_MAX, &l->passphrase);
  if (rc < 0) return rc;
  buf_truncate(&l->passphrase, strcspn(buf_cstr(&l->passphrase), "\r\n"));
  return 0;
}

static int agent_job(struct hop *h) {
  struct ssh2_transport *t = h->t;
  t->login.agent = t->lib.agent_init(h->session);
  if (!t->login.agent) return LIBSSH2_ERROR_ALLOC;
  t->lib.agent_set_identity_path(t->login.agent, t->login.path);
  int rc = t->lib.agent_connect(t->login.agent);
  return rc ? rc : t->lib.agent_list_identities(t->login.agent);
}

static int file_job(struct hop *h) {
  struct login *l = &h->t->login;
  return h->t->lib.userauth_publickey_fromfile_ex(h->session, l->name, (unsigned)strlen(l->name), NULL, l->path,
                                                  l->encrypted ? buf_cstr(&l->passphrase) : NULL);
}

/* Once the transport was freed its settings and options are gone, so a job knows nothing but what it was given. */
static void on_work(uv_work_t *work) {
  struct ssh2_transport *t = work->data;
  struct login *l = &t->login;
  struct hop *h = now_reached(t);
  switch (l->job) {
  case JOB_TRUST: l->rc = trust_job(h); break;
  case JOB_PASSPHRASE: l->rc = passphrase_job(l); break;
  case JOB_AGENT: l->rc = agent_job(h); break;
  case JOB_AGENT_KEY: l->rc = t->lib.agent_userauth(l->agent, l->name, l->key); break;
  case JOB_FILE_KEY: l->rc = file_job(h); break;
  case JOB_NONE: break;
  }
}

/* What a job has come to, on the loop's thread. */

static void tried(struct login *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tried(struct login *l, const char *format, ...) {
  if (l->tried.len) buf_str(&l->tried, ", ");
  va_list args;
  va_start(args, format);
  buf_vfmt(&l->tried, format, args);
  va_end(args);
}

static void agent_close(struct ssh2_transport *t) {
  struct login *l = &t->login;
  if (!l->agent) return;
  t->lib.agent_disconnect(l->agent);
  t->lib.agent_free(l->agent);
  l->agent = NULL;
  l->key = NULL;
}

static bool network_error(int rc) {
  return rc == LIBSSH2_ERROR_SOCKET_DISCONNECT || rc == LIBSSH2_ERROR_SOCKET_RECV ||
         rc == LIBSSH2_ERROR_SOCKET_SEND || rc == LIBSSH2_ERROR_SOCKET_NONE || rc == LIBSSH2_ERROR_BAD_SOCKET;
}

/* How a key that was tried is told of. */
static void key_failed(struct hop *h, int rc, const char *what) {
  struct login *l = &h->t->login;
  if (network_error(rc)) {
    if (l->refused == 0)
      hop_fail(h, rc);
    else
      ssh2_fail(h->t, TRANSPORT_DENIED,
                "%s closed the connection after %d keys that it doesn't take: %s. Name the right one by `identity`",
                h->settings->address, l->refused, buf_cstr(&l->tried));
    return;
  }
  if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED) {
    l->refused++;
    tried(l, "%s (refused)", what);
  } else {
    tried(l, "%s (%s)", what, hop_error(h));
  }
}

static void trust_done(struct hop *h) {
  if (h->t->login.rc < 0) {
    ssh2_fail(h->t, TRANSPORT_UNTRUSTED, "The host key of %s can't be written to %s: %s", h->settings->address,
              h->settings->known_hosts_files[0], err_text(h->t->login.rc));
    return;
  }
  h->phase = HOP_LOGIN;
}

static void key_done(struct hop *h, bool of_agent) {
  struct login *l = &h->t->login;
  if (ssh2_again(h->t, l->rc)) return; /* the same once more, when the network has something */
  if (l->rc == 0) {
    h->phase = HOP_READY;
    return;
  }
  if (of_agent) {
    char fingerprint[FINGERPRINT_SIZE];
    key_fingerprint(l->key->blob, l->key->blob_len, fingerprint);
    key_failed(h, l->rc, fingerprint);
  } else {
    key_failed(h, l->rc, h->settings->identities[l->file].path);
    l->file++;
  }
  l->job = JOB_NONE;
}

static void on_worked(uv_work_t *work, int status) {
  (void)status;
  struct ssh2_transport *t = work->data;
  struct login *l = &t->login;
  struct hop *h = now_reached(t);
  t->busy = false;
  if (!t->freed && !t->ended) {
    switch (l->job) {
    case JOB_TRUST: trust_done(h); break;
    case JOB_PASSPHRASE:
      l->bad_passphrase = l->rc < 0;
      l->phase = LOGIN_FILES;
      break;
    case JOB_AGENT:
      if (l->rc) tried(l, "the agent at %s (%s)", h->settings->agent, hop_error(h));
      if (l->rc) agent_close(t);
      l->phase = l->rc ? LOGIN_PASSPHRASE : LOGIN_AGENT_KEYS;
      break;
    case JOB_AGENT_KEY: key_done(h, true); break;
    case JOB_FILE_KEY: key_done(h, false); break;
    case JOB_NONE: break;
    }
    if (l->job != JOB_AGENT_KEY && l->job != JOB_FILE_KEY) l->job = JOB_NONE;
  }
  /* A key that isn't through waits for the network: a turn would put it on the pool again for nothing. */
  bool waits = l->job != JOB_NONE && h->phase != HOP_READY && !t->freed && !t->ended;
  if (waits)
    ssh2_wait(t);
  else
    ssh2_turn(t);
}

static void given_release(struct login *l) {
  free(l->path);
  free(l->name);
  l->path = l->name = NULL;
}

static void give(struct hop *h, const char *path, const char *name) {
  struct login *l = &h->t->login;
  given_release(l);
  l->path = path ? alloc_strdup(path) : NULL;
  l->name = name ? alloc_strdup(name) : NULL;
}

void login_job(struct ssh2_transport *t, enum login_job job) {
  struct hop *h = now_reached(t);
  struct login *l = &t->login;
  const struct ssh_settings *s = h->settings;
  switch (job) {
  case JOB_TRUST:
    give(h, s->known_hosts_files[0], s->key_name);
    l->port = s->key_port;
    break;
  case JOB_PASSPHRASE: give(h, t->options.host->passphrase_file, NULL); break;
  case JOB_AGENT: give(h, s->agent, NULL); break;
  case JOB_AGENT_KEY: give(h, NULL, s->user); break;
  case JOB_FILE_KEY:
    give(h, s->identities[l->file].path, s->user);
    l->encrypted = s->identities[l->file].encrypted;
    break;
  case JOB_NONE: break;
  }
  l->job = job;
  l->work.data = t;
  hops_flush(t);
  t->busy = true;
  uv_queue_work(t->options.loop, &l->work, on_work, on_worked);
}

/* Steps, on the loop's thread. */

static bool list_step(struct hop *h) {
  struct ssh2_transport *t = h->t;
  struct login *l = &t->login;
  const char *methods = t->lib.userauth_list(h->session, h->settings->user, user_len(h));
  if (!methods && t->lib.userauth_authenticated(h->session)) {
    h->phase = HOP_READY;
    return true;
  }
  if (!methods) {
    int rc = t->lib.session_last_errno(h->session);
    if (!ssh2_again(t, rc)) hop_fail(h, rc);
    return false;
  }
  buf_str(&l->methods, methods);
  if (!strstr(methods, "publickey")) {
    ssh2_fail(t, TRANSPORT_DENIED, "%s takes no keys, only: %s", h->settings->address, methods);
    return false;
  }
  l->phase = h->settings->agent ? LOGIN_AGENT : LOGIN_PASSPHRASE;
  return true;
}

static bool key_usable(struct hop *h, enum key_type type, const char *what) {
  struct login *l = &h->t->login;
  bool usable = type == KEY_TYPE_ED25519 || type == KEY_TYPE_ECDSA256 || type == KEY_TYPE_ECDSA384 ||
                type == KEY_TYPE_ECDSA521 || (type == KEY_TYPE_RSA && h->t->lib.rsa_sha2);
  if (usable) return true;
  l->unsuitable = true;
  tried(l, "%s (%s: not with libssh2 %s)", what, type < KEY_TYPES ? key_type_short(type) : "of a kind of its own",
        h->t->lib.number);
  return false;
}

/* Whether ssh_config lets a key of the agent be used. */
static bool key_wanted(const struct ssh_settings *s, const void *blob, size_t len) {
  if (!s->identities_only) return true;
  for (size_t i = 0; i < s->identities_len; i++) {
    const struct identity *id = &s->identities[i];
    if (id->blob && id->blob_len == len && memcmp(id->blob, blob, len) == 0) return true;
  }
  return false;
}

static bool agent_step(struct hop *h) {
  struct ssh2_transport *t = h->t;
  struct login *l = &t->login;
  while (!t->lib.agent_get_identity(l->agent, &l->key, l->key)) {
    const unsigned char *blob = l->key->blob;
    size_t len = l->key->blob_len;
    char fingerprint[FINGERPRINT_SIZE];
    key_fingerprint(blob, len, fingerprint);
    if (!key_wanted(h->settings, blob, len) || !key_usable(h, key_blob_type(blob, len), fingerprint)) continue;
    login_job(t, JOB_AGENT_KEY);
    return false;
  }
  agent_close(t);
  l->phase = LOGIN_PASSPHRASE;
  return true;
}

static bool passphrase_step(struct hop *h) {
  struct login *l = &h->t->login;
  const struct host_options *host = h->t->options.host;
  l->phase = LOGIN_FILES;
  if (host->passphrase_file) {
    login_job(h->t, JOB_PASSPHRASE);
    return false;
  }
  const char *value = host->passphrase_env ? getenv(host->passphrase_env) : NULL;
  if (value) buf_str(&l->passphrase, value);
  l->bad_passphrase = host->passphrase_env && !value;
  return true;
}

/* Whether the identity can be tried; if not, what is to be said of it is noted. */
static bool identity_usable(struct hop *h, const struct identity *id) {
  struct login *l = &h->t->login;
  const struct host_options *host = h->t->options.host;
  if (id->public_only) return false;
  if (id->type < KEY_TYPES && !key_usable(h, id->type, id->path)) return false;
  if (id->certificate) l->unsuitable = true;
  if (!id->encrypted || l->passphrase.len > 0) return true;
  if (l->bad_passphrase && host->passphrase_file)
    tried(l, "%s (its passphrase can't be read from %s)", id->path, host->passphrase_file);
  else if (l->bad_passphrase)
    tried(l, "%s (the daemon has no variable %s with its passphrase)", id->path, host->passphrase_env);
  else
    tried(l, "%s (needs a passphrase: an agent, `passphrase_file` or `passphrase_env`)", id->path);
  return false;
}

static bool file_step(struct hop *h) {
  struct login *l = &h->t->login;
  for (; l->file < h->settings->identities_len; l->file++) {
    if (!identity_usable(h, &h->settings->identities[l->file])) continue;
    login_job(h->t, JOB_FILE_KEY);
    return false;
  }
  l->phase = LOGIN_OVER;
  return true;
}

static void login_fail(struct hop *h) {
  struct login *l = &h->t->login;
  const char *address = h->settings->address;
  if (!l->tried.len)
    ssh2_fail(h->t, TRANSPORT_DENIED,
              "There is no key to log in to %s with. Name one by `identity`, or give the daemon an agent "
              "(SSH_AUTH_SOCK)",
              address);
  else
    ssh2_fail(h->t, l->unsuitable ? TRANSPORT_UNSUITABLE : TRANSPORT_DENIED,
              "%s lets nobody in with what was tried: %s. It takes: %s. The public key must be in "
              "~/.ssh/authorized_keys there (ssh-copy-id)",
              address, buf_cstr(&l->tried), buf_cstr(&l->methods));
}

bool login_step(struct hop *h) {
  struct login *l = &h->t->login;
  if (l->job == JOB_AGENT_KEY || l->job == JOB_FILE_KEY) {
    login_job(h->t, l->job);
    return false;
  }
  switch (l->phase) {
  case LOGIN_LIST: return list_step(h);
  case LOGIN_AGENT: login_job(h->t, JOB_AGENT); return false;
  case LOGIN_AGENT_KEYS: return agent_step(h);
  case LOGIN_PASSPHRASE: return passphrase_step(h);
  case LOGIN_FILES: return file_step(h);
  case LOGIN_OVER: login_fail(h); return false;
  }
  return false;
}

void login_reset(struct ssh2_transport *t) {
  struct login *l = &t->login;
  agent_close(t);
  if (l->passphrase.bytes) explicit_bzero(l->passphrase.bytes, l->passphrase.cap);
  buf_release(&l->passphrase);
  given_release(l);
  buf_release(&l->methods);
  buf_release(&l->tried);
  *l = (struct login){0};
}
