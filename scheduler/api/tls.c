#include "scheduler/api/tls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/instant.h"

#define FILE_MAX   (1024 * 1024)
#define LOOK_EVERY USEC_PER_SEC

struct tls_pair {
  gnutls_certificate_credentials_t credentials;
  size_t users;
  struct tls_pair *next;
};

/* What a file looks like from outside; all zero if it isn't there. */
struct stamp {
  ino_t inode;
  off_t size;
  struct timespec changed, status_changed;
};

struct tls {
  char *certificate, *key;
  struct stamp stamps[2]; /* when they were last read, or tried */
  int64_t looked;
  struct tls_pair *pairs; /* the first is in force */
};

static struct stamp stamp_take(const char *path) {
  struct stat s;
  struct stamp out;
  memset(&out, 0, sizeof out); /* padding too: stamps are compared as bytes */
  if (stat(path, &s) != 0) return out;
  out.inode = s.st_ino;
  out.size = s.st_size;
  out.changed = s.st_mtim;
  out.status_changed = s.st_ctim;
  return out;
}

static int pem_read(const char *path, const char *what, struct buf *out, struct buf *why) {
  int err = file_read(path, FILE_MAX, out);
  if (err) buf_fmt(why, "the %s %s can't be read: %s", what, path, err_text(err));
  return err;
}

/* A key is wiped before its memory is given back. */
static void key_release(struct buf *key) {
  if (key->bytes) explicit_bzero(key->bytes, key->cap);
  buf_release(key);
}

static int credentials_make(const char *certificate, const char *key, gnutls_certificate_credentials_t *out,
                            struct buf *why) {
  struct buf chain = {0}, secret = {0};
  *out = NULL;
  int err = pem_read(certificate, "certificate", &chain, why);
  if (!err) err = pem_read(key, "key", &secret, why);
  if (!err && gnutls_certificate_allocate_credentials(out) < 0) {
    buf_str(why, "no memory is left");
    err = ERR_AGAIN;
  }
  if (!err) {
    const gnutls_datum_t c = {(unsigned char *)chain.bytes, (unsigned)chain.len};
    const gnutls_datum_t k = {(unsigned char *)secret.bytes, (unsigned)secret.len};
    int code = gnutls_certificate_set_x509_key_mem2(*out, &c, &k, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0) {
      buf_fmt(why, "the certificate %s and the key %s can't be used: %s", certificate, key, gnutls_strerror(code));
      err = ERR_INVALID;
    }
  }
  if (err && *out) gnutls_certificate_free_credentials(*out);
  buf_release(&chain);
  key_release(&secret);
  return err;
}

static int pair_read(struct tls *t, const char *certificate, const char *key, struct buf *why) {
  struct tls_pair *pair = alloc_new(struct tls_pair);
  int err = credentials_make(certificate, key, &pair->credentials, why);
  if (err) {
    free(pair);
    return err;
  }
  pair->next = t->pairs;
  t->pairs = pair;
  return 0;
}

int tls_load(struct tls **out, const char *certificate, const char *key, struct buf *why) {
  struct tls *t = *out ? *out : alloc_new(struct tls);
  /* Taken before the files are read: what changes meanwhile is seen as a change. */
  const struct stamp stamps[2] = {stamp_take(certificate), stamp_take(key)};
  int err = pair_read(t, certificate, key, why);
  if (err) {
    if (!*out) free(t);
    return err;
  }
  memcpy(t->stamps, stamps, sizeof stamps);
  char *former[2] = {t->certificate, t->key};
  t->certificate = alloc_strdup(certificate);
  t->key = alloc_strdup(key);
  free(former[0]);
  free(former[1]);
  *out = t;
  return 0;
}

bool tls_refresh(struct tls *t, int64_t now, struct buf *why) {
  if (t->looked && now - t->looked < LOOK_EVERY) return false;
  t->looked = now;
  const struct stamp stamps[2] = {stamp_take(t->certificate), stamp_take(t->key)};
  if (memcmp(stamps, t->stamps, sizeof stamps) == 0) return false;
  memcpy(t->stamps, stamps, sizeof stamps);
  pair_read(t, t->certificate, t->key, why);
  return true;
}

struct tls_pair *tls_use(struct tls *t, gnutls_session_t session) {
  struct tls_pair *pair = t->pairs;
  assert(pair);
  gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, pair->credentials);
  pair->users++;
  return pair;
}

void tls_drop(struct tls_pair *pair) {
  assert(pair->users > 0);
  pair->users--;
}

static void pair_free(struct tls_pair *pair) {
  gnutls_certificate_free_credentials(pair->credentials);
  free(pair);
}

void tls_sweep(struct tls *t) {
  struct tls_pair **at = &t->pairs->next;
  while (*at) {
    struct tls_pair *pair = *at;
    if (pair->users) {
      at = &pair->next;
    } else {
      *at = pair->next;
      pair_free(pair);
    }
  }
}

void tls_free(struct tls *t) {
  if (!t) return;
  while (t->pairs) {
    struct tls_pair *pair = t->pairs;
    t->pairs = pair->next;
    pair_free(pair);
  }
  free(t->certificate);
  free(t->key);
  free(t);
}
