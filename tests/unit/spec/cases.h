/* Cases in a text file: an input and the diagnostics that it must give, as a person would compare them.
 *
 *   === a misspelt key
 *   tasks:
 *     a: {rn: echo}
 *   ---
 *   2:7: error: unknown key 'rn'; did you mean 'run'?
 */
#ifndef ROTA_TESTS_UNIT_SPEC_CASES_H
#define ROTA_TESTS_UNIT_SPEC_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

typedef void case_run(const char *input, size_t len, struct buf *out);

/* One line for each diagnostic: place, level, message; help. */
static void cases_render(const struct diag_list *d, struct buf *out) {
  for (size_t i = 0; i < d->len; i++) {
    const struct diag *g = &d->items[i];
    buf_fmt(out, "%u:%u: %s: %s%s%s\n", g->place.line, g->place.column, g->level == DIAG_ERROR ? "error" : "warning",
            g->message, g->help ? "; " : "", g->help ? g->help : "");
  }
}

/* Runs every case of the file and returns how many differ, after printing them; *count is how many there are. */
static size_t cases_check(const char *path, case_run *run, size_t *count) {
  struct buf file = {0};
  size_t wrong = 0;
  *count = 0;
  if (file_read(path, 4 << 20, &file) < 0) {
    printf("%s can't be read\n", path);
    return 1;
  }
  const char *p = strstr(buf_cstr(&file), "=== ");
  while (p) {
    const char *name_end = strchr(p, '\n'), *input = name_end + 1;
    const char *split = strstr(name_end, "\n---\n"), *expected = split + 5;
    const char *next = strstr(expected - 1, "\n=== ");
    size_t expected_len = next ? (size_t)(next + 1 - expected) : strlen(expected);
    while (expected_len > 0 && expected[expected_len - 1] == '\n' &&
           (expected_len == 1 || expected[expected_len - 2] == '\n'))
      expected_len--; /* the empty line between cases */
    struct buf out = {0};
    run(input, (size_t)(split + 1 - input), &out);
    if (out.len != expected_len || strncmp(buf_cstr(&out), expected, expected_len) != 0) {
      printf("%.*s\n  expected:\n%.*s  got:\n%s", (int)(name_end - p), p, (int)expected_len, expected,
             buf_cstr(&out));
      wrong++;
    }
    buf_release(&out);
    ++*count;
    p = next ? next + 1 : NULL;
  }
  buf_release(&file);
  return wrong;
}

#endif
