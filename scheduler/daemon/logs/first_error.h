/* Which line of a log says what went wrong. A table of kinds, each with what its lines contain, a rank and a hint.
 *
 * Lines are handed in order, in chunks. The last line of a Python traceback, the one that names the exception, is a
 * line of error whatever it says; its kind is the most exact that fits. The first error of a log is the first among
 * those of the highest rank: one that names a cause (no space left, a module that is missing) is worth more than one
 * that names a circumstance (connection refused), and that more than one that only says that something failed.
 */
#ifndef ROTA_DAEMON_FIRST_ERROR_H
#define ROTA_DAEMON_FIRST_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/daemon/logs/log_finder.h"

/* kind, what it means, what to do (NULL: nothing in particular) */
#define ERROR_KIND_LIST(X)                                                                                           \
  X(NONE, "", "", NULL)                                                                                              \
  X(GPU_MEMORY, "gpu_memory", "The GPU has no memory left.",                                                         \
    "make the batch or model smaller, or see with `nvidia-smi` who else uses the GPU")                               \
  X(MEMORY, "memory", "There was no memory left.",                                                                   \
    "give it more memory, or run less at the same time: a slot of its own does that")                                \
  X(DISK_FULL, "disk_full", "The disk is full.", "make room on the disk that it writes to")                          \
  X(CRASH, "crash", "The program crashed.", "run it under a debugger, or look at its core dump (`coredumpctl`)")     \
  X(MODULE, "module", "A module or library is missing.",                                                             \
    "install it in the environment that the task uses, or choose another with `env:` or `run:`")                     \
  X(SYNTAX, "syntax", "The code has a syntax error.", "mend the code")                                               \
  X(PANIC, "panic", "The program gave up on an unexpected state.", NULL)                                             \
  X(EXCEPTION, "exception", "An exception wasn't caught.", NULL)                                                     \
  X(COMMAND, "command", "A command wasn't found.",                                                                   \
    "install it, or give its path; a task's PATH is the daemon's unless `env:` sets it")                             \
  X(PERMISSION, "permission", "Something isn't permitted.",                                                          \
    "look at the owner and mode of what it names, and at the user that the task runs as")                            \
  X(NO_FILE, "no_file", "A file or directory isn't there.",                                                          \
    "look at the path, and at the task's working directory (`dir:`)")                                                \
  X(NETWORK, "network", "A network connection failed.",                                                              \
    "see whether the other side answers; `retries:` helps against what passes by itself")                            \
  X(LIMIT, "limit", "A limit of the system was reached.", "raise the limit (`ulimit -a` shows them), or use less")   \
  X(BUILD, "build", "A compiler or build step failed.", NULL)                                                        \
  X(GIT, "git", "git failed.", NULL)                                                                                 \
  X(TEST, "test", "A test failed.", NULL)                                                                            \
  X(ERROR, "error", "The program said that something failed.", NULL)

enum error_kind {
#define X(name, word, sentence, hint) ERROR_KIND_##name,
  ERROR_KIND_LIST(X)
#undef X
};
const char *error_kind_word(enum error_kind kind);
const char *error_kind_sentence(enum error_kind kind);
const char *error_kind_hint(enum error_kind kind); /* NULL if there is none */

struct first_error;

struct first_error_found {
  enum error_kind kind; /* NONE if the line tells of no error */
  int rank;             /* 1 to 4 */
  struct log_hit hit;   /* within the line */
};

/* Some 100 KB for as long as it lives. */
struct first_error *first_error_new(void);
void first_error_free(struct first_error *f);
/* One line, without its end. Follows on what the lines before have begun. */
struct first_error_found first_error_line(struct first_error *f, const char *line, size_t len);
/* Each hit is a line that tells of an error. */
struct log_finder first_error_finder(struct first_error *f);
/* What the last hit of the finder was. */
struct first_error_found first_error_last(const struct first_error *f);

#endif
