/* Disks and what is set on them: the list of all, faults, limits, and what a test does by hand. */
#include "tests/sim/disk.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_inner.h"

#define PAGE       4096
#define WAL_HEAD   32
#define FRAME_HEAD 24

static struct {
  pthread_mutex_t lock;
  VEC(struct disk *) all;
} disks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool inside;

void disk_enter(void) {
  pthread_mutex_lock(&disks.lock);
  inside = true;
}

void disk_leave(void) {
  inside = false;
  pthread_mutex_unlock(&disks.lock);
}

bool disk_inside(void) {
  return inside;
}

const char *disk_call_word(enum disk_call call) {
  static const char *const words[] = {
#define X(name, word) word,
      DISK_CALL_LIST(X)
#undef X
  };
  return words[call];
}

uint64_t disk_random(uint64_t *seed) {
  uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* ---- the list of all ---- */

struct disk *disk_find(const char *path, const char **rest) {
  for (size_t i = 0; path && i < disks.all.len; i++) {
    struct disk *d = disks.all.items[i];
    if (strncmp(path, d->root, d->root_len) != 0) continue;
    if (path[d->root_len] != '/' && path[d->root_len]) continue;
    *rest = path + d->root_len;
    while (**rest == '/') (*rest)++;
    return d;
  }
  return NULL;
}

bool disk_any(void) {
  return disks.all.len > 0;
}

void disk_each(void (*then)(struct disk *d, int64_t n), int64_t n) {
  for (size_t i = 0; i < disks.all.len; i++) then(disks.all.items[i], n);
}

struct disk *disk_new(const char *root) {
  struct disk *d = alloc_new(struct disk);
  size_t len = strlen(root);
  assert(root[0] == '/' && len > 1 && strrchr(root, '/') == root);
  d->root = alloc_strdup(root);
  d->root_len = len;
  d->refs = 1;
  disk_enter();
  const char *rest;
  const struct disk *there = disk_find(root, &rest);
  assert(!there);
  vec_push(&disks.all, d);
  disk_leave();
  return d;
}

void disk_move(struct disk *d, const char *root) {
  disk_enter();
  free(d->root);
  d->root = alloc_strdup(root);
  d->root_len = strlen(root);
  disk_leave();
}

static void move_release(struct disk_move *m) {
  for (int i = 0; i < m->len; i++) free(m->entries[i].name);
}

static void unref(struct disk *d) {
  if (--d->refs > 0) return;
  for (size_t i = 0; i < d->now.len; i++) free(d->now.items[i].name);
  for (size_t i = 0; i < d->safe.len; i++) free(d->safe.items[i].name);
  for (size_t i = 0; i < d->moves.len; i++) move_release(&d->moves.items[i]);
  d->now.len = d->safe.len = d->moves.len = 0;
  disk_sweep(d);
  vec_release(&d->now);
  vec_release(&d->safe);
  vec_release(&d->moves);
  vec_release(&d->files);
  free(d->root);
  free(d);
}

void disk_free(struct disk *d) {
  if (!d) return;
  disk_enter();
  for (size_t i = 0; i < disks.all.len; i++)
    if (disks.all.items[i] == d) vec_swap_remove(&disks.all, i--);
  disk_tape_free(d);
  d->generation++;
  if (disks.all.len == 0) vec_release(&disks.all);
  unref(d);
  disk_leave();
}

void disk_close(struct disk_handle *h) {
  struct disk *d = h->disk;
  if (!disk_dead(h)) {
    if (h->file->owner == h) h->file->owner = NULL;
    if (h->fleeting) disk_entry_set(d, false, h->name, NULL);
  }
  h->file->handles--;
  if (h->fleeting) disk_sweep(d);
  free(h->name);
  free(h);
  unref(d);
}

/* ---- faults ---- */

static bool ends(const char *name, const char *suffix) {
  size_t len = name ? strlen(name) : 0, tail = strlen(suffix);
  return len >= tail && strcmp(name + len - tail, suffix) == 0;
}

int disk_call(struct disk *d, enum disk_call call, const char *name) {
  int error = 0;
  d->counts[call]++;
  for (int i = 0; i < DISK_FAULTS; i++) {
    struct disk_fault *f = &d->faults[i].fault;
    if (!d->faults[i].on || !(f->calls & DISK_BIT(call)) || (f->name && !ends(name, f->name))) continue;
    if (f->nth > 1) {
      f->nth--;
      continue;
    }
    if (!f->ever) d->faults[i].on = false;
    error = f->error;
  }
  if (error) d->failures[call]++;
  if (!error && d->read_only && (DISK_BIT(call) & (DISK_CHANGES & ~DISK_BIT(DISK_SYNC) & ~DISK_BIT(DISK_DIRSYNC))))
    error = EROFS;
  return -error;
}

void disk_fail(struct disk *d, struct disk_fault fault) {
  int i = 0;
  disk_enter();
  if (!fault.calls) fault.calls = DISK_ANY;
  if (!fault.error) fault.error = EIO;
  assert(fault.nth > 0);
  while (i < DISK_FAULTS && d->faults[i].on) i++;
  assert(i < DISK_FAULTS);
  d->faults[i].fault = fault;
  d->faults[i].on = true;
  disk_leave();
}

void disk_heal(struct disk *d) {
  disk_enter();
  for (int i = 0; i < DISK_FAULTS; i++) d->faults[i].on = false;
  d->limit = d->hold = 0;
  d->read_only = d->lies = false;
  disk_leave();
}

static int64_t sum(const int64_t counts[DISK_CALLS], unsigned calls) {
  int64_t n = 0;
  disk_enter();
  for (int i = 0; i < DISK_CALLS; i++)
    if (calls & DISK_BIT(i)) n += counts[i];
  disk_leave();
  return n;
}

int64_t disk_count(const struct disk *d, unsigned calls) {
  return sum(d->counts, calls);
}

int64_t disk_failed(const struct disk *d, unsigned calls) {
  return sum(d->failures, calls);
}

void disk_limit(struct disk *d, int64_t bytes) {
  disk_enter();
  d->limit = bytes;
  disk_leave();
}

int64_t disk_used(const struct disk *d) {
  disk_enter();
  int64_t used = d->used;
  disk_leave();
  return used;
}

void disk_read_only(struct disk *d, bool on) {
  disk_enter();
  d->read_only = on;
  disk_leave();
}

void disk_lie(struct disk *d, bool on) {
  disk_enter();
  d->lies = on;
  disk_leave();
}

void disk_hold(struct disk *d, int64_t usec) {
  disk_enter();
  d->hold = usec;
  disk_leave();
}

/* ---- by hand ---- */

int64_t disk_size(const struct disk *d, const char *name) {
  disk_enter();
  struct disk_file *f = disk_lookup(d, name);
  int64_t size = f ? (int64_t)f->now.len : -1;
  disk_leave();
  return size;
}

void disk_put(struct disk *d, const char *name, const void *bytes, size_t len) {
  disk_enter();
  struct disk_file *f = disk_file_new(d, false);
  disk_image_write(&f->now, bytes, len, 0);
  disk_image_copy(&f->safe, &f->now);
  disk_entry_set(d, false, name, f);
  disk_entry_set(d, true, name, f);
  disk_sweep(d);
  disk_leave();
}

char *disk_get(const struct disk *d, const char *name, size_t *len) {
  char *copy = NULL;
  disk_enter();
  struct disk_file *f = disk_lookup(d, name);
  if (f) {
    copy = alloc_zeroed(f->now.len + 1, 1);
    disk_image_read(&f->now, copy, f->now.len, 0);
    *len = f->now.len;
  }
  disk_leave();
  return copy;
}

void disk_remove(struct disk *d, const char *name) {
  disk_enter();
  disk_entry_set(d, false, name, NULL);
  disk_entry_set(d, true, name, NULL);
  disk_sweep(d);
  disk_leave();
}

static void flip(struct disk_image *i, int64_t byte, int bit) {
  char was;
  if (byte >= (int64_t)i->len) return;
  disk_image_read(i, &was, 1, (size_t)byte);
  was = (char)(was ^ (1 << bit));
  disk_image_write(i, &was, 1, (size_t)byte);
}

bool disk_flip(struct disk *d, const char *name, int64_t byte, int bit) {
  disk_enter();
  struct disk_file *f = disk_lookup(d, name);
  bool there = f && byte < (int64_t)f->now.len;
  if (there) {
    flip(&f->now, byte, bit);
    flip(&f->safe, byte, bit);
  }
  disk_leave();
  return there;
}

bool disk_flip_page(struct disk *d, const char *name, int64_t page, uint64_t seed) {
  uint64_t at = disk_random(&seed);
  return disk_flip(d, name, (page - 1) * PAGE + (int64_t)(at / 8 % PAGE), (int)(at % 8));
}

bool disk_flip_frame(struct disk *d, const char *name, int64_t frame, uint64_t seed) {
  uint64_t at = disk_random(&seed);
  int64_t page = WAL_HEAD + (frame - 1) * (FRAME_HEAD + PAGE) + FRAME_HEAD;
  return disk_flip(d, name, page + (int64_t)(at / 8 % PAGE), (int)(at % 8));
}
