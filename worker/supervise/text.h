/* Text and files without stdio and malloc, to keep the supervisor small. */
#ifndef ROTA_WORKER_SUPERVISE_TEXT_H
#define ROTA_WORKER_SUPERVISE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text put together in memory of the caller. What doesn't fit is cut; a NUL always follows `len`. */
struct text {
  char *bytes;
  size_t len, size;
};

void text_init(struct text *t, char *bytes, size_t size);
void text_add(struct text *t, const char *s);
void text_number(struct text *t, int64_t n);
/* "key=n\n" */
void text_pair(struct text *t, const char *key, int64_t n);

/* A whole decimal number that is not negative; false for anything else, overflow included. */
bool number_parse(const char *s, int64_t *out);

/* Writes all of it; 0 or the errno. */
int write_all(int fd, const char *bytes, size_t len);
/* A file of at most size - 1 bytes, in one read, with a NUL behind them: their number, or -1 with errno.
 * Never waits for the writer of a pipe. */
long read_small(const char *path, char *out, size_t size);

int64_t now_wall(void);    /* microseconds since the epoch */
int64_t now_elapsed(void); /* microseconds since boot; goes on while the machine sleeps, never steps */

#endif
