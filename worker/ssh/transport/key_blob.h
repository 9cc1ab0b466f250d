/* Public keys as the SSH protocol writes them (RFC 4253, 6.6): a run of strings, the first of which is the type. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_KEY_BLOB_H
#define ROTA_WORKER_SSH_TRANSPORT_KEY_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#define KEY_BLOB_MAX     (16u * 1024)
#define FINGERPRINT_SIZE 51 /* "SHA256:" and 43 characters of base 64, with the NUL */

enum key_type {
  KEY_TYPE_ED25519,
  KEY_TYPE_ECDSA256,
  KEY_TYPE_ECDSA384,
  KEY_TYPE_ECDSA521,
  KEY_TYPE_RSA,
  KEY_TYPE_SK_ED25519, /* in a hardware token */
  KEY_TYPE_SK_ECDSA256,
  KEY_TYPE_DSS,
  KEY_TYPES
};

/* The word of a type, "ssh-ed25519". */
const char *key_type_word(enum key_type type);
/* The type that the blob names; KEY_TYPES if it is none of these, or if the rest isn't what such a key consists of.
 */
enum key_type key_blob_type(const void *blob, size_t len);
/* "SHA256:..." as ssh-keygen -l shows it. */
void key_fingerprint(const void *blob, size_t len, char out[FINGERPRINT_SIZE]);
/* "ED25519", "ECDSA", "RSA": as ssh-keygen -l has it in brackets, and as people say it. */
const char *key_type_short(enum key_type type);

#endif
