/* How a process ended, in words, with what that number usually means. */
#ifndef ROTA_BASE_EXIT_WORDS_H
#define ROTA_BASE_EXIT_WORDS_H

#include "base/buf.h"

/* `exit_code` as a shell prints it, 128 + N for a signal; below 0 if it isn't known. `signal` is the one that ended
 * the process, 0 if none did. Appends "killed by SIGKILL (9): often out of memory" or "exit code 127: a command
 * wasn't found"; nothing if nothing is known. */
void exit_words(int exit_code, int signal, struct buf *out);

#endif
