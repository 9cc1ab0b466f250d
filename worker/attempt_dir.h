/* An attempt's directory, opened to be read. The task can put anything into it and in its place; so nothing below the
 * folder of runs is reached through a symbolic link, and only regular files are opened, without waiting for anyone.
 * Descriptors are close-on-exec. Blocks on the disk.
 */
#ifndef ROTA_WORKER_ATTEMPT_DIR_H
#define ROTA_WORKER_ATTEMPT_DIR_H

#include <stddef.h>

#include "base/buf.h"

/* Opens .../runs/RUN/ATTEMPT: a descriptor for the calls with `at`, or ERR_NOT_FOUND, ERR_DENIED for a link on the
 * way, or another error. What stands before RUN is the operator's and may be a link. */
int attempt_dir_open(const char *path);
/* Opens a regular file in it for reading; ERR_INVALID if it is something else. */
int attempt_file_open(int dir, const char *name);
/* Appends a whole file of the directory at `path`; ERR_TOO_LARGE if it has more than `limit` bytes. */
int attempt_file_read(const char *path, const char *name, size_t limit, struct buf *out);

#endif
