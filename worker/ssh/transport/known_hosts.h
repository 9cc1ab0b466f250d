/* What files of known host keys (known_hosts, sshd(8)) say of a host. All of their format is understood: hashed
 * names, [name]:port, * and ?, negation, letter case, @revoked, @cert-authority, comments. A line that isn't well
 * formed is skipped and counted, and spoils no other. The texts may be anything: they are bounded and never trusted.
 *
 * As ssh does it, a host on another port than 22 is looked up as [name]:port, and, if that has no key at all, by its
 * bare name too, where another key doesn't mean that it changed.
 *
 * Looking up is pure. What reads or writes a file says so and may block: it belongs on the pool.
 */
#ifndef ROTA_WORKER_SSH_TRANSPORT_KNOWN_HOSTS_H
#define ROTA_WORKER_SSH_TRANSPORT_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/ssh/transport/key_blob.h"

#define KNOWN_HOSTS_FILE_MAX (8u * 1024 * 1024) /* a larger file isn't read */
#define KNOWN_HOSTS_LINE_MAX (64u * 1024)       /* a longer line is skipped */

enum known_verdict {
  KNOWN_UNKNOWN, /* no key of this host is known */
  KNOWN_MATCH,   /* it is this one */
  KNOWN_CHANGED, /* other keys of this host are known, and not this one */
  KNOWN_REVOKED, /* this very key is marked @revoked for this host; counts more than a match */
  KNOWN_NEEDS_CA /* not known itself, but an authority is named whose certificate the host may have: only the ssh
                  * program can check that */
};

struct known_hosts;

/* Where the line is that decided: for MATCH, CHANGED (the key of the same type if there is one, else the last),
 * REVOKED and NEEDS_CA. */
struct known_answer {
  enum known_verdict verdict;
  const char *file; /* borrowed from the known_hosts; NULL for UNKNOWN */
  uint32_t line;
  enum key_type type;                 /* of the key there */
  char fingerprint[FINGERPRINT_SIZE]; /* of the key there */
};

struct known_hosts *known_hosts_new(void);
void known_hosts_free(struct known_hosts *k);

/* Adds the lines of a text, after those that are there. `file` is what its lines are called by; both are copied. */
void known_hosts_add(struct known_hosts *k, const char *file, const char *text, size_t len);
/* Reads a file and adds it: blocks. One that isn't there is no error; else a code of base/err.h. */
int known_hosts_read(struct known_hosts *k, const char *path);
/* Forgets all but what is said of this host, for which alone it can be asked then. */
void known_hosts_narrow(struct known_hosts *k, const char *host, uint16_t port);
/* Lines that were skipped because they aren't well formed, over all files. */
size_t known_hosts_skipped(const struct known_hosts *k);

/* Whether the host may be trusted that shows this key (the blob as the protocol has it, RFC 4253, 6.6). */
struct known_answer known_hosts_look(const struct known_hosts *k, const char *host, uint16_t port, const void *blob,
                                     size_t len);

/* What stands in a line, for a message: false, and nothing is set, if it isn't there or was narrowed away. */
bool known_hosts_line(const struct known_hosts *k, const char *file, uint32_t line, struct known_answer *out);

/* What is known of a host before it is asked, to prefer algorithms of which a key is known. */
struct known_types {
  bool authority; /* a @cert-authority names the host */
  bool any;       /* a key of any type */
  bool types[KEY_TYPES];
};
struct known_types known_hosts_types(const struct known_hosts *k, const char *host, uint16_t port);

/* Appends the key as a new line to a file: blocks. The name is hashed if the file has hashed names. The file and its
 * folder are made with 0600 and 0700 if they aren't there. The line is written by one write and synced; on failure (a
 * code of base/err.h) the file is what it was. Two processes that append at once both succeed. */
int known_hosts_append(const char *path, const char *host, uint16_t port, const void *blob, size_t len);

#endif
