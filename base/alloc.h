/* malloc and its kin for small allocations: out of memory aborts with a line on stderr. free() gives them back. */
#ifndef ROTA_BASE_ALLOC_H
#define ROTA_BASE_ALLOC_H

#include <stddef.h>

/* Not zeroed: what is handed to a library as its malloc. One that goes on without what it asked for would give half
 * an answer for a whole one. */
void *alloc_bytes(size_t size);
void *alloc_zeroed(size_t count, size_t size);
void *alloc_grown(void *block, size_t count, size_t size);
char *alloc_strdup(const char *text);
char *alloc_fmt(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Gives what is free back to the system, where the C library can: after work that needed much. Takes milliseconds,
 * and other threads' allocations may wait meanwhile. */
void alloc_trim(void);

#define alloc_new(type) ((type *)alloc_zeroed(1, sizeof(type)))

#endif
