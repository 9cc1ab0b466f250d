/* The `spec` file: what to run, as NUL-terminated `key=value` strings of which the first is the format version.
 *
 * The file is mapped, not copied; all strings point into the mapping and live until spec_release.
 */
#ifndef ROTA_WORKER_SUPERVISE_SPEC_H
#define ROTA_WORKER_SUPERVISE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spec {
  const char *bytes;
  size_t len;
  const char *id;                    /* 26 characters */
  const char *dir;                   /* where the task starts */
  size_t arguments, envs, env_files; /* how many of each there are */
  int64_t timeout_us;                /* 0 for none */
  int64_t grace_us;
  int64_t log_cap;
  bool keep_leftovers;
};

enum spec_key { SPEC_ARGUMENT, SPEC_ENV, SPEC_ENV_FILE, SPEC_OTHER };

/* Maps the file of the current directory. 0; the errno if it can't be read; EPROTONOSUPPORT for a version that this
 * program doesn't know; EINVAL if it isn't well formed. After the last two the rest of `s` may be partly filled. */
int spec_open(struct spec *s);
/* Walks the lists in their order: *at begins at 0; false at the end. *value is what follows the key's "=". */
bool spec_next(const struct spec *s, size_t *at, enum spec_key *key, const char **value);
void spec_release(struct spec *s);

#endif
