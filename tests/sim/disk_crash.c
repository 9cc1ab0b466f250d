/* What is left of a disk after its process died, or the power went; copies of it; the tape. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/disk_inner.h"

/* ---- the process dies ---- */

static void die(struct disk *d) {
  d->generation++;
  d->hold = 0;
  for (size_t i = 0; i < d->files.len; i++) {
    struct disk_file *f = d->files.items[i];
    f->shared = 0;
    f->reserved = f->pending = f->exclusive = f->owner = NULL;
    if (f->shm) disk_shm_drop(f->shm);
    f->shm = NULL;
  }
}

void disk_kill(struct disk *d) {
  disk_enter();
  die(d);
  disk_sweep(d);
  disk_leave();
}

/* ---- the power goes ---- */

enum cut { CUT_NONE, CUT_ALL, CUT_FIRST, CUT_ANY, CUT_SECTORS, CUTS };

static void apply_sectors(struct disk_file *f, const struct disk_piece *p, uint64_t *seed) {
  for (size_t at = p->at, end = p->at + p->len; at < end;) {
    size_t next = (at / DISK_SECTOR + 1) * DISK_SECTOR;
    if (next > end) next = end;
    if (disk_random(seed) & 1) disk_image_write(&f->safe, f->log.bytes + p->data + (at - p->at), next - at, at);
    at = next;
  }
}

static void cut_file(struct disk_file *f, enum cut cut, uint64_t *seed) {
  size_t first = cut == CUT_FIRST ? disk_random(seed) % (f->pieces.len + 1) : f->pieces.len;
  for (size_t i = 0; cut != CUT_NONE && i < first; i++) {
    const struct disk_piece *p = &f->pieces.items[i];
    if (p->write && cut == CUT_SECTORS)
      apply_sectors(f, p, seed);
    else if (cut >= CUT_ANY && (disk_random(seed) & 1))
      continue;
    else if (p->write)
      disk_image_write(&f->safe, f->log.bytes + p->data, p->len, p->at);
    else
      disk_image_resize(&f->safe, p->at);
  }
  f->pieces.len = f->log.len = f->log.kept = 0;
  disk_image_copy(&f->now, &f->safe);
}

static void cut_names(struct disk *d, enum cut cut, uint64_t *seed) {
  size_t first = cut == CUT_FIRST ? disk_random(seed) % (d->moves.len + 1) : d->moves.len;
  for (size_t i = 0; i < d->moves.len; i++) {
    struct disk_move *m = &d->moves.items[i];
    bool kept = cut != CUT_NONE && i < first && (cut != CUT_ANY || (disk_random(seed) & 1));
    for (int k = 0; k < m->len; k++) {
      if (kept) disk_entry_set(d, true, m->entries[k].name, m->entries[k].file);
      free(m->entries[k].name);
    }
  }
  d->moves.len = 0;
  for (size_t i = 0; i < d->now.len; i++) free(d->now.items[i].name);
  d->now.len = 0;
  for (size_t i = 0; i < d->safe.len; i++) disk_entry_set(d, false, d->safe.items[i].name, d->safe.items[i].file);
}

static void crash(struct disk *d, const uint64_t *seed) {
  uint64_t at = seed ? *seed : 0;
  disk_enter();
  die(d);
  for (size_t i = 0; i < d->files.len; i++)
    cut_file(d->files.items[i], seed ? (enum cut)(disk_random(&at) % CUTS) : CUT_NONE, &at);
  cut_names(d, seed ? (enum cut)(disk_random(&at) % CUT_SECTORS) : CUT_NONE, &at);
  disk_sweep(d);
  disk_leave();
}

void disk_crash(struct disk *d, uint64_t seed) {
  crash(d, &seed);
}

void disk_crash_bare(struct disk *d) {
  crash(d, NULL);
}

/* ---- copies ---- */

static struct disk_file *file_by_id(const struct disk *d, int64_t id) {
  for (size_t i = 0; i < d->files.len; i++)
    if (d->files.items[i]->id == id) return d->files.items[i];
  return NULL;
}

static void copy_file(struct disk *d, const struct disk_file *f) {
  struct disk_file *copy = disk_file_new(d, f->dir);
  copy->id = f->id;
  disk_image_copy(&copy->now, &f->now);
  disk_image_copy(&copy->safe, &f->safe);
  disk_image_copy(&copy->log, &f->log);
  for (size_t i = 0; i < f->pieces.len; i++) vec_push(&copy->pieces, f->pieces.items[i]);
}

static struct disk_file *same(const struct disk *to, const struct disk_file *f) {
  return f ? file_by_id(to, f->id) : NULL;
}

static void fill(struct disk *to, const struct disk *from) {
  for (size_t i = 0; i < from->files.len; i++) copy_file(to, from->files.items[i]);
  to->next_id = from->next_id;
  for (size_t i = 0; i < from->now.len; i++)
    disk_entry_set(to, false, from->now.items[i].name, same(to, from->now.items[i].file));
  for (size_t i = 0; i < from->safe.len; i++)
    disk_entry_set(to, true, from->safe.items[i].name, same(to, from->safe.items[i].file));
  for (size_t i = 0; i < from->moves.len; i++) {
    struct disk_move m = from->moves.items[i];
    for (int k = 0; k < m.len; k++) {
      m.entries[k].name = alloc_strdup(m.entries[k].name);
      m.entries[k].file = same(to, m.entries[k].file);
    }
    vec_push(&to->moves, m);
  }
}

/* Files that only handles knew are let go of. */
struct disk *disk_clone(const struct disk *d, const char *root) {
  struct disk *copy = disk_new(root);
  disk_enter();
  fill(copy, d);
  disk_sweep(copy);
  disk_leave();
  return copy;
}

/* ---- the tape ---- */

void disk_record(struct disk *d) {
  char *root = alloc_fmt("%s\n", d->root); /* a name that no path has */
  struct disk *base = disk_new(root);
  free(root);
  disk_enter();
  assert(!d->recording);
  fill(base, d);
  d->base = base;
  d->recording = true;
  disk_leave();
}

void disk_tape(struct disk *d, struct disk_step step) {
  vec_push(&d->steps, step);
}

static void unlist(struct disk *base) {
  disk_leave();
  disk_free(base);
  disk_enter();
}

void disk_tape_free(struct disk *d) {
  for (size_t i = 0; i < d->steps.len; i++) {
    free(d->steps.items[i].bytes);
    free(d->steps.items[i].name);
    free(d->steps.items[i].gone);
  }
  vec_release(&d->steps);
  if (d->base) unlist(d->base);
  d->base = NULL;
  d->recording = false;
}

size_t disk_recorded(const struct disk *d) {
  disk_enter();
  size_t len = d->steps.len;
  disk_leave();
  return len;
}

static void play(struct disk *d, const struct disk_step *s) {
  struct disk_file *f = s->file ? file_by_id(d, s->file) : NULL;
  if (!f && s->kind != STEP_NEW && s->file) return; /* of a file without a name */
  switch (s->kind) {
  case STEP_NEW:
    f = disk_file_new(d, s->dir);
    f->id = s->file;
    disk_set(d, s->name, f, NULL);
    break;
  case STEP_WRITE: disk_file_write(d, f, s->bytes, s->len, s->at); break;
  case STEP_RESIZE: disk_file_resize(d, f, s->at); break;
  case STEP_SYNC: disk_file_sync(f); break;
  case STEP_SET: disk_set(d, s->name, f, s->gone); break;
  case STEP_DIR_SYNC: disk_dir_sync(d, s->name); break;
  }
}

struct disk *disk_at(const struct disk *d, size_t n, const char *root) {
  struct disk *copy = disk_new(root);
  disk_enter();
  assert(d->recording && n <= d->steps.len);
  fill(copy, d->base);
  for (size_t i = 0; i < n; i++) play(copy, &d->steps.items[i]);
  copy->next_id = d->next_id;
  disk_sweep(copy);
  disk_leave();
  return copy;
}

/* ---- from a process to another ---- */

struct saved {
  uint32_t name, dir;
  uint64_t len, kept;
};

static int put_all(int fd, const void *bytes, size_t len) {
  for (const char *at = bytes; len > 0;) {
    ssize_t n = write(fd, at, len);
    if (n <= 0) return -1;
    at += n;
    len -= (size_t)n;
  }
  return 0;
}

static int get_all(int fd, void *bytes, size_t len) {
  for (char *at = bytes; len > 0;) {
    ssize_t n = read(fd, at, len);
    if (n <= 0) return -1;
    at += n;
    len -= (size_t)n;
  }
  return 0;
}

int disk_save(const struct disk *d, int fd) {
  int rc = 0;
  for (size_t i = 0; !rc && i < d->now.len; i++) {
    const struct disk_entry *e = &d->now.items[i];
    struct saved s = {(uint32_t)strlen(e->name), e->file->dir, e->file->now.len, e->file->now.kept};
    rc = put_all(fd, &s, sizeof s);
    if (!rc) rc = put_all(fd, e->name, s.name);
    if (!rc) rc = put_all(fd, e->file->now.bytes, s.kept);
  }
  return rc ? rc : put_all(fd, &(struct saved){0}, sizeof(struct saved));
}

static int load_one(struct disk *d, int fd, const struct saved *s) {
  char *name = alloc_zeroed(s->name + 1, 1);
  struct disk_file *f = disk_file_new(d, s->dir != 0);
  char *bytes = alloc_zeroed(s->kept, 1);
  int rc = get_all(fd, name, s->name);
  if (!rc) rc = get_all(fd, bytes, s->kept);
  if (!rc) {
    disk_image_write(&f->now, bytes, s->kept, 0);
    disk_image_resize(&f->now, s->len);
    disk_image_copy(&f->safe, &f->now);
    disk_entry_set(d, false, name, f);
    disk_entry_set(d, true, name, f);
  }
  free(bytes);
  free(name);
  return rc;
}

struct disk *disk_load(const char *root, int fd) {
  struct disk *d = disk_new(root);
  struct saved s;
  int rc;
  disk_enter();
  do {
    rc = get_all(fd, &s, sizeof s);
    if (!rc && s.name) rc = load_one(d, fd, &s);
  } while (!rc && s.name);
  disk_sweep(d);
  disk_leave();
  if (!rc) return d;
  disk_free(d);
  return NULL;
}
