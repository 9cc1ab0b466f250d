/* The codes by which the world's failures are returned.
 *
 * Three kinds of failure, three tools: a bug of ours is an assert, a failure of the world is one of these negative
 * codes, a mistake of the user is a diagnostic (diag.h). A function that can fail returns int: 0 or more for success,
 * one of these for failure. The text says what happened, never what to do: the caller who knows the context adds
 * that.
 */
#ifndef ROTA_BASE_ERR_H
#define ROTA_BASE_ERR_H

#define ERR_LIST(X)                                                                                                  \
  X(IO, -1, "input or output failed")                                                                                \
  X(NOT_FOUND, -2, "not found")                                                                                      \
  X(EXISTS, -3, "exists already")                                                                                    \
  X(TOO_LARGE, -4, "over the limit")                                                                                 \
  X(INVALID, -5, "not well formed")                                                                                  \
  X(FULL, -6, "no space left")                                                                                       \
  X(BUSY, -7, "in use by another process")                                                                           \
  X(CORRUPT, -8, "damaged")                                                                                          \
  X(NEWER, -9, "written by a newer version")                                                                         \
  X(BEHIND, -10, "older than its witness")                                                                           \
  X(DENIED, -11, "not permitted")                                                                                    \
  X(AGAIN, -12, "not possible right now")                                                                            \
  X(SYNC, -13, "a sync to disk failed")                                                                              \
  X(UNREACHABLE, -14, "can't be reached")                                                                            \
  X(CONFLICT, -15, "doesn't fit the present state")                                                                  \
  X(TIMEOUT, -16, "took too long")                                                                                   \
  X(NETWORK_FS, -17, "is on a network file system")

enum err {
#define X(name, value, text) ERR_##name = value,
  ERR_LIST(X)
#undef X
};

/* The name ("ERR_FULL") and the text ("no space left") of a code; "ERR_UNKNOWN" and "unknown error" for any other. */
const char *err_name(int code);
const char *err_text(int code);

/* The code that stands for an errno value: ENOSPC and EDQUOT are ERR_FULL, ENOENT is ERR_NOT_FOUND, and so on;
 * what has no code of its own is ERR_IO. */
int err_from_errno(int errnum);

#endif
