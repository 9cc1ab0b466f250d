/* A growable run of bytes that is always followed by a NUL, so that `bytes` can be handed on as a C string.
 *
 * A zeroed struct is an empty buffer. `bytes` is never NULL after the first append; before that, buf_cstr gives "".
 * Memory that can't be had aborts: the rows are the truth and a restart recovers. A caller that appends what a user
 * sized checks its limit first.
 */
#ifndef ROTA_BASE_BUF_H
#define ROTA_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
  char *bytes;
  size_t len;
  size_t cap;
};

void buf_release(struct buf *b);
/* Empties it and keeps the memory. */
void buf_reset(struct buf *b);
/* What buf_reserve does where there isn't room yet. */
void buf_grow(struct buf *b, size_t more);
/* Makes room for `more` bytes beyond len. */
static inline void buf_reserve(struct buf *b, size_t more) {
  if (b->cap - b->len <= more) buf_grow(b, more); /* the NUL takes one more */
}
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *text);
static inline void buf_char(struct buf *b, char c) {
  buf_reserve(b, 1);
  b->bytes[b->len++] = c;
  b->bytes[b->len] = '\0';
}
void buf_int(struct buf *b, int64_t value);
#define INT_TEXT_SIZE 21
/* Its digits, NUL-terminated; where they begin in `out`. */
const char *int_text(int64_t value, char out[INT_TEXT_SIZE]);
void buf_fmt(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Cuts it to `len` bytes, which must not be more than it has. */
void buf_truncate(struct buf *b, size_t len);
/* The content as a C string; valid until the buffer changes. */
const char *buf_cstr(const struct buf *b);
/* Hands the heap block, NUL-terminated, to the caller, who frees it; the buffer is empty after. */
char *buf_steal(struct buf *b, size_t *len);

#endif
