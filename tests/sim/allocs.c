#include "tests/sim/allocs.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_inner.h"

#define WRAPPED(type, name, ...)                                                                                     \
  type __real_##name(__VA_ARGS__);                                                                                   \
  type __wrap_##name(__VA_ARGS__);                                                                                   \
  type __wrap_##name(__VA_ARGS__)

static sqlite3_mem_methods plain; /* SQLite's own */
static void (*at_abort)(void);

static _Thread_local struct {
  bool on, ever;
  int64_t nth, count, failed;
} state;

void allocs_begin(int64_t nth, bool ever) {
  state.on = true;
  state.ever = ever;
  state.nth = nth;
  state.count = state.failed = 0;
}

void allocs_end(void) {
  state.on = false;
}

int64_t allocs_count(void) {
  return state.count;
}

int64_t allocs_failed(void) {
  return state.failed;
}

static bool fails(void) {
  if (!state.on || disk_inside()) return false;
  state.count++;
  if (!state.nth || (state.ever ? state.count < state.nth : state.count != state.nth)) return false;
  state.failed++;
  return true;
}

WRAPPED(void *, malloc, size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

WRAPPED(void *, calloc, size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

WRAPPED(void *, realloc, void *block, size_t size) {
  return fails() ? NULL : __real_realloc(block, size);
}

WRAPPED(void *, reallocarray, void *block, size_t count, size_t size) {
  return fails() ? NULL : __real_reallocarray(block, count, size);
}

WRAPPED(char *, strdup, const char *text) {
  return fails() ? NULL : __real_strdup(text);
}

WRAPPED(int, vasprintf, char **out, const char *format, va_list args) {
  return fails() ? -1 : __real_vasprintf(out, format, args);
}

_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);
_Noreturn void __wrap_abort(void) {
  if (at_abort) at_abort();
  __real_abort();
}

void allocs_on_abort(void (*then)(void)) {
  at_abort = then;
}

static void *lib_malloc(int size) {
  return fails() ? NULL : plain.xMalloc(size);
}

static void *lib_realloc(void *block, int size) {
  return fails() ? NULL : plain.xRealloc(block, size);
}

void allocs_install(void) {
  if (plain.xMalloc) return;
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
  sqlite3_mem_methods counted = plain;
  counted.xMalloc = lib_malloc;
  counted.xRealloc = lib_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &counted);
}
