#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define CAP_MIN 64

void buf_release(struct buf *b) {
  free(b->bytes);
  *b = (struct buf){0};
}

void buf_reset(struct buf *b) {
  buf_truncate(b, 0);
}

void buf_grow(struct buf *b, size_t more) {
  assert(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
  size_t want = b->len + more + 1;
  size_t cap = b->cap ? b->cap : CAP_MIN;
  while (cap < want) cap *= 2;
  b->bytes = alloc_grown(b->bytes, cap, 1);
  b->bytes[b->len] = '\0';
  b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t len) {
  buf_reserve(b, len);
  if (len) memcpy(b->bytes + b->len, bytes, len);
  b->len += len;
  b->bytes[b->len] = '\0';
}

void buf_str(struct buf *b, const char *text) {
  buf_add(b, text, strlen(text));
}

const char *int_text(int64_t value, char out[INT_TEXT_SIZE]) {
  char *at = out + INT_TEXT_SIZE - 1;
  uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
  *at = '\0';
  do *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (value < 0) *--at = '-';
  return at;
}

void buf_int(struct buf *b, int64_t value) {
  char text[INT_TEXT_SIZE];
  const char *from = int_text(value, text);
  buf_add(b, from, (size_t)(text + INT_TEXT_SIZE - 1 - from));
}

void buf_fmt(struct buf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  buf_vfmt(b, format, args);
  va_end(args);
}

void buf_vfmt(struct buf *b, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  buf_reserve(b, 0);
  size_t room = b->cap - b->len;
  int len = vsnprintf(b->bytes + b->len, room, format, args);
  assert(len >= 0);
  if ((size_t)len >= room) {
    buf_reserve(b, (size_t)len);
    vsnprintf(b->bytes + b->len, (size_t)len + 1, format, again);
  }
  va_end(again);
  b->len += (size_t)len;
}

void buf_truncate(struct buf *b, size_t len) {
  assert(len <= b->len);
  b->len = len;
  if (b->bytes) b->bytes[len] = '\0';
}

const char *buf_cstr(const struct buf *b) {
  return b->bytes ? b->bytes : "";
}

char *buf_steal(struct buf *b, size_t *len) {
  buf_reserve(b, 0);
  char *bytes = b->bytes;
  if (len) *len = b->len;
  *b = (struct buf){0};
  return bytes;
}
