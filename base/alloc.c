#include "base/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void) {
  static const char line[] = "rota: out of memory\n";
  ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
  (void)ignored;
  abort();
}

void *alloc_bytes(size_t size) {
  void *block = malloc(size ? size : 1);
  if (!block) out_of_memory();
  return block;
}

void *alloc_zeroed(size_t count, size_t size) {
  void *block = calloc(count ? count : 1, size ? size : 1);
  if (!block) out_of_memory();
  return block;
}

void *alloc_grown(void *block, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) out_of_memory();
  if (!block) return alloc_bytes(bytes);
  void *grown = realloc(block, bytes ? bytes : 1);
  if (!grown) out_of_memory();
  return grown;
}

char *alloc_strdup(const char *text) {
  char *copy = strdup(text);
  if (!copy) out_of_memory();
  return copy;
}

char *alloc_fmt(const char *format, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int len = vasprintf(&text, format, args);
  va_end(args);
  if (len < 0) out_of_memory();
  return text;
}

void alloc_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
