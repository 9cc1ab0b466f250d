#include "worker/ssh/file_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

#define PIECE (128u << 10)

bool file_path_clean(const char *path, char out[OPS_PATH]) {
  size_t len = 0;
  if (*path == '/' || !*path) return false;
  for (const char *at = path; *at;) {
    const size_t part = strcspn(at, "/");
    const bool none = part == 0 || (part == 1 && *at == '.');
    if (part == 2 && at[0] == '.' && at[1] == '.') return false;
    if (!none) {
      if (len + (len > 0) + part >= OPS_PATH || part > 255) return false;
      if (len) out[len++] = '/';
      memcpy(out + len, at, part);
      len += part;
    }
    at += part;
    if (*at) at++;
  }
  out[len] = '\0';
  return true;
}

int file_plan_refuse(struct file_plan *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  p->text = arena_vfmt(&p->arena, format, args);
  va_end(args);
  return ERR_INVALID;
}

int file_plan_full(struct file_plan *p, const char *path) {
  return file_plan_refuse(p, "there are more than %d files with %s: pack them into one, or name fewer", FILES_MAX,
                          path);
}

void file_plan_release(struct file_plan *p) {
  if (p->reading) file_source_close(&p->source);
  vec_release(&p->entries);
  arena_release(&p->arena);
  *p = (struct file_plan){0};
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct file_entry *)a)->path, ((const struct file_entry *)b)->path);
}

void file_plan_sort(struct file_plan *p) {
  struct file_entry *items = p->entries.items;
  size_t kept = 0;
  if (p->entries.len > 1) qsort(items, p->entries.len, sizeof *items, by_path);
  for (size_t i = 0; i < p->entries.len; i++) {
    if (kept == 0 || strcmp(items[kept - 1].path, items[i].path) != 0) items[kept++] = items[i];
  }
  p->entries.len = kept;
}

void file_plan_compare(struct file_plan *p, const char *body, size_t len) {
  struct ops_path there;
  if (p->entries.len == 0) return;
  for (size_t at = 0; ops_read_path(body, len, &at, &there) > 0;) {
    char path[OPS_PATH];
    if (there.kind != OPS_PATH_FILE || !there.sha256[0] || !file_path_clean(there.path, path)) continue;
    const struct file_entry key = {.path = path};
    struct file_entry *e = bsearch(&key, p->entries.items, p->entries.len, sizeof key, by_path);
    if (!e || e->size != there.size || e->mode != there.mode) continue;
    e->claimed = true;
    memcpy(e->claim, there.sha256, sizeof e->claim);
  }
}

/* Whether it is one of those asked for, or lies in one. */
static bool asked(const struct launch_file *files, size_t len, const char *path) {
  for (size_t i = 0; i < len; i++) {
    char want[OPS_PATH];
    if (!file_path_clean(files[i].path, want)) continue;
    const size_t n = strlen(want);
    if (n == 0 || (strncmp(path, want, n) == 0 && (path[n] == '/' || path[n] == '\0'))) return true;
  }
  return false;
}

/* `path` as it was asked for: whether it must be there. */
static bool required(const struct launch_file *files, size_t len, const char *path) {
  for (size_t i = 0; i < len; i++) {
    if (!files[i].optional && strcmp(files[i].path, path) == 0) return true;
  }
  return false;
}

static int there_take(struct file_plan *p, const struct launch_file *files, size_t files_len,
                      const struct ops_path *there) {
  char path[OPS_PATH];
  if (!file_path_clean(there->path, path) || !asked(files, files_len, path)) return ERR_CORRUPT;
  const char *name = strrchr(path, '/');
  if (FILES_OURS(name ? name + 1 : path)) return 0;
  if (there->kind == OPS_PATH_MISSING && required(files, files_len, there->path))
    return file_plan_refuse(p, "%s is to be fetched, but the task didn't make it: it isn't in ROTA_WORK on the host",
                            path);
  if (there->kind == OPS_PATH_MISSING) return 0;
  if (there->kind == OPS_PATH_OTHER)
    return file_plan_refuse(p, "%s can't be fetched: it's neither a file nor a folder", path);
  if (p->entries.len == FILES_MAX) return file_plan_full(p, path);
  if (there->kind == OPS_PATH_FILE && !there->sha256[0])
    return file_plan_refuse(p, "%s can't be fetched: it can't be read on the host, or no program there makes SHA-256",
                            path);
  if (!*path) return 0; /* ROTA_WORK itself */
  struct file_entry e = {.path = arena_strdup(&p->arena, path),
                         .folder = there->kind == OPS_PATH_DIR,
                         .size = there->size,
                         .mode = there->mode,
                         .claimed = true};
  memcpy(e.claim, there->sha256, sizeof e.claim);
  vec_push(&p->entries, e);
  return 0;
}

int file_plan_take(struct file_plan *p, const struct launch_file *files, size_t files_len, const char *body,
                   size_t len) {
  struct ops_path there;
  int got, err = 0;
  if (len >= OPS_PATHS_BYTES) return file_plan_full(p, files_len ? files[0].path : "");
  for (size_t at = 0; (got = ops_read_path(body, len, &at, &there)) > 0;) {
    err = there_take(p, files, files_len, &there);
    if (err) return err;
  }
  return got < 0 ? ERR_CORRUPT : 0;
}

/* ---- what is in place ---- */

static int local_open(struct file_plan *p, const struct file_entry *e, const char *work) {
  if (!work) return file_source_open(&p->source, e->base, e->path);
  const char *name;
  const int dir = file_place_open(work, e->path, false, &name);
  if (dir < 0) return dir;
  const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const int err = fd < 0 ? err_from_errno(errno) : 0;
  close(dir);
  return err ? err : file_source_begin(&p->source, fd);
}

/* Opens what is here if it looks like the same; else it's to be moved. */
static bool check_begin(struct file_plan *p, const struct file_entry *e, const char *work) {
  if (local_open(p, e, work)) return false;
  p->reading = (uint64_t)p->source.st.st_size == e->size && (p->source.st.st_mode & 0777) == e->mode;
  if (!p->reading) file_source_close(&p->source);
  return p->reading;
}

/* False: there is more of it than `*bytes`, which is what may still be read. */
static bool check_read(struct file_plan *p, struct file_entry *e, uint64_t *bytes) {
  char *chunk = alloc_zeroed(1, PIECE);
  size_t got = 1;
  int err = 0;
  while (!err && got > 0 && *bytes > 0) {
    err = file_source_read(&p->source, chunk, PIECE, &got);
    *bytes -= got < *bytes ? got : *bytes;
  }
  free(chunk);
  if (!err && got > 0) return false;
  p->reading = false;
  if (err) {
    file_source_close(&p->source); /* told when it is moved, if it still is so then */
  } else if (file_source_end(&p->source, e->sha256) == 0 && sha256_hex_equal(e->sha256, e->claim)) {
    e->in_place = true;
  }
  if (!e->in_place) e->sha256[0] = '\0';
  return true;
}

static int folder_check(struct file_plan *p, struct file_entry *e, const char *work) {
  const int err = file_place_make(work, e->path);
  if (err == ERR_DENIED || err == ERR_EXISTS || err == ERR_TOO_LARGE)
    return file_plan_refuse(p, "the folder %s can't be fetched: there is %s in its place in %s", e->path,
                            err == ERR_DENIED ? "a link" : "something else", work);
  e->in_place = true;
  return err;
}

int file_plan_check(struct file_plan *p, const char *work, uint64_t bytes) {
  for (size_t some = 1000; p->checked < p->entries.len; p->checked++, some--) {
    struct file_entry *e = &p->entries.items[p->checked];
    if (some == 0 || bytes == 0) return 1;
    if (e->folder) {
      const int err = folder_check(p, e, work);
      if (err) return err;
    } else if (e->claimed && (p->reading || check_begin(p, e, work)) && !check_read(p, e, &bytes)) {
      return 1;
    }
  }
  return 0;
}
