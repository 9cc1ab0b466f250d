/* A key file to log in with, by what can be seen of it without its passphrase. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_IDENTITY_H
#define ROTA_WORKER_SSH_TRANSPORT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "worker/ssh/transport/key_blob.h"

struct identity {
  const char *path;   /* absolute */
  enum key_type type; /* KEY_TYPES if it can't be told: an old format without its public key beside it */
  const void *blob;   /* the public key; NULL if it can't be told */
  size_t blob_len;
  bool encrypted;   /* a passphrase is needed */
  bool public_only; /* the file is a public key: its private one is in the agent */
  bool certificate; /* PATH-cert.pub is there */
};

/* Blocks. 0 or a code of base/err.h: ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID for what is no key. In the arena. */
int identity_read(struct arena *a, const char *path, struct identity *out);
/* The same of a text, without what lies beside the file. Pure. */
bool identity_parse(struct arena *a, const char *text, size_t len, struct identity *out);

#endif
