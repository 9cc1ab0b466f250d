/* What the daemon's tests share: a private directory, files in it, and a configuration that names it. */
#ifndef ROTA_TESTS_UNIT_DAEMON_TEMP_H
#define ROTA_TESTS_UNIT_DAEMON_TEMP_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/spec/config.h"

struct temp {
  char *dir;
};

static inline char *temp_path(const struct temp *t, const char *name) {
  return path_join(t->dir, name);
}

static inline void temp_make(struct temp *t) {
  const char *tmp = getenv("TMPDIR");
  t->dir = alloc_fmt("%s/rota-daemon-XXXXXX", tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(t->dir));
}

static inline void temp_release(struct temp *t) {
  dir_remove_at(AT_FDCWD, t->dir);
  free(t->dir);
}

/* Makes the folders above it too; a file that is there is replaced by another one, as editors do. */
static inline void temp_write(const struct temp *t, const char *name, const char *text) {
  char *path = temp_path(t, name);
  char *slash = strrchr(path, '/');
  *slash = '\0';
  assert_int_equal(dir_make(path, 0755), 0);
  *slash = '/';
  assert_int_equal(file_write(path, text, strlen(text), 0644, false), 0);
  free(path);
}

static inline void temp_remove(const struct temp *t, const char *name) {
  char *path = temp_path(t, name);
  assert_int_equal(remove(path), 0);
  free(path);
}

static inline void temp_rename(const struct temp *t, const char *from, const char *to) {
  char *a = temp_path(t, from), *b = temp_path(t, to);
  assert_int_equal(rename(a, b), 0);
  free(a);
  free(b);
}

static inline void temp_chmod(const struct temp *t, const char *name, mode_t mode) {
  char *path = temp_path(t, name);
  assert_int_equal(chmod(path, mode), 0);
  free(path);
}

/* `text` is that of rota.yaml. Pipelines are in dags/, the state in state/ below the directory. */
static inline struct config *temp_config(const struct temp *t, const char *text) {
  struct diag_list diags;
  diag_init(&diags, "rota.yaml", text, strlen(text));
  struct config *c = config_read("rota.yaml", text, strlen(text), t->dir, t->dir, 4, "UTC", &diags);
  assert_non_null(c);
  diag_release(&diags);
  char *dags = temp_path(t, "dags"), *state = temp_path(t, "state");
  c->dags = arena_strdup(&c->arena, dags);
  c->state = arena_strdup(&c->arena, state);
  free(dags);
  free(state);
  return c;
}

#endif
