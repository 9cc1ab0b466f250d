/* Memory of one lifetime: a loaded file, a request, a step of the engine. Everything is freed at once.
 *
 * A zeroed struct is an empty arena. What it hands out is aligned for any type and zeroed, but for texts: they are
 * written whole and lie close together. Running out of memory aborts.
 */
#ifndef ROTA_BASE_ARENA_H
#define ROTA_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
  struct arena_block *head;
  size_t used; /* bytes handed out, to hold a limit against */
};

void *arena_alloc(struct arena *a, size_t size);
/* count * size with the multiplication checked. */
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *text);
/* A NUL-terminated copy of len bytes. */
char *arena_strndup(struct arena *a, const char *text, size_t len);
/* The texts one behind the other. */
char *arena_join(struct arena *a, const char *const *texts, size_t count);
char *arena_fmt(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vfmt(struct arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void arena_release(struct arena *a);
/* Empties it and keeps one block for the next use, of the size that this one took, up to 64 KiB. */
void arena_reset(struct arena *a);

#define arena_new(a, type)              ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_array(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

#endif
