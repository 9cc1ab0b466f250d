/* The task's environment: the pairs and files of the spec in their order, a later name winning over an earlier one.
 *
 * A file is read here, when the task starts, and nowhere written: refused if its group or others can read or change
 * it, if it is no regular file or over 1 MiB, or if a line is not NAME=value. Empty lines and lines that begin with #
 * are skipped; a value is all that follows the first "=", quotes included; a carriage return at the end is cut.
 */
#ifndef ROTA_WORKER_SUPERVISE_ENVIRONMENT_H
#define ROTA_WORKER_SUPERVISE_ENVIRONMENT_H

#include "worker/supervise/launch.h"
#include "worker/supervise/spec.h"

#define ENVIRONMENT_FILES_MAX 64
#define ENVIRONMENT_FILE_MAX  (1u << 20)

struct environment {
  char **items; /* NULL-terminated, as execve wants it */
  size_t len, cap;
  struct {
    char *bytes;
    size_t size;
  } files[ENVIRONMENT_FILES_MAX];
  size_t file_count;
};

/* 0, or -1 with `fault` filled in; environment_release either way. */
int environment_build(struct environment *e, const struct spec *s, struct launch_fault *fault);
/* The value of a name, or NULL. */
const char *environment_get(const struct environment *e, const char *name);
/* Wipes what came from files, and gives the memory back. */
void environment_release(struct environment *e);

#endif
