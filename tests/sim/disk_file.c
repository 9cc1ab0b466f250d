/* Files and names of a disk: what is seen of them, and what of that is safe. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_inner.h"

/* ---- images ---- */

static void image_reserve(struct disk_image *i, size_t want) {
  if (want <= i->cap) return;
  size_t cap = i->cap ? i->cap : 4096;
  while (cap < want) cap *= 2;
  i->bytes = alloc_grown(i->bytes, cap, 1);
  i->cap = cap;
}

void disk_image_resize(struct disk_image *i, size_t size) {
  if (size < i->kept) i->kept = size;
  i->len = size;
}

void disk_image_write(struct disk_image *i, const void *bytes, size_t len, size_t at) {
  if (!len) return;
  image_reserve(i, at + len);
  if (at > i->kept) memset(i->bytes + i->kept, 0, at - i->kept);
  memcpy(i->bytes + at, bytes, len);
  if (at + len > i->kept) i->kept = at + len;
  if (i->kept > i->len) i->len = i->kept;
}

void disk_image_read(const struct disk_image *i, void *bytes, size_t len, size_t at) {
  size_t stored = at < i->kept ? i->kept - at : 0;
  if (stored > len) stored = len;
  if (stored) memcpy(bytes, i->bytes + at, stored);
  memset((char *)bytes + stored, 0, len - stored);
}

void disk_image_copy(struct disk_image *to, const struct disk_image *from) {
  to->len = to->kept = 0;
  disk_image_write(to, from->bytes, from->kept, 0);
  to->len = from->len;
}

/* ---- files ---- */

struct disk_file *disk_file_new(struct disk *d, bool dir) {
  struct disk_file *f = alloc_new(struct disk_file);
  f->id = ++d->next_id;
  f->dir = dir;
  vec_push(&d->files, f);
  return f;
}

void disk_file_write(struct disk *d, struct disk_file *f, const void *bytes, size_t len, size_t at) {
  size_t before = f->now.len;
  disk_image_write(&f->now, bytes, len, at);
  d->used += (int64_t)(f->now.len - before);
  vec_push(&f->pieces, ((struct disk_piece){true, at, len, f->log.len}));
  disk_image_write(&f->log, bytes, len, f->log.len);
}

void disk_file_resize(struct disk *d, struct disk_file *f, size_t size) {
  d->used += (int64_t)size - (int64_t)f->now.len;
  disk_image_resize(&f->now, size);
  vec_push(&f->pieces, ((struct disk_piece){.at = size}));
}

void disk_file_sync(struct disk_file *f) {
  for (size_t i = 0; i < f->pieces.len; i++) {
    const struct disk_piece *p = &f->pieces.items[i];
    if (p->write)
      disk_image_write(&f->safe, f->log.bytes + p->data, p->len, p->at);
    else
      disk_image_resize(&f->safe, p->at);
  }
  f->pieces.len = f->log.len = f->log.kept = 0;
}

static void file_free(struct disk_file *f) {
  free(f->now.bytes);
  free(f->safe.bytes);
  free(f->log.bytes);
  vec_release(&f->pieces);
  if (f->shm) disk_shm_drop(f->shm);
  free(f);
}

void disk_shm_drop(struct disk_shm *shm) {
  if (--shm->refs > 0) return;
  for (size_t i = 0; i < shm->regions.len; i++) free(shm->regions.items[i]);
  vec_release(&shm->regions);
  free(shm);
}

static bool known(const struct disk *d, const struct disk_file *f) {
  for (size_t i = 0; i < d->now.len; i++)
    if (d->now.items[i].file == f) return true;
  for (size_t i = 0; i < d->safe.len; i++)
    if (d->safe.items[i].file == f) return true;
  for (size_t i = 0; i < d->moves.len; i++)
    for (int k = 0; k < d->moves.items[i].len; k++)
      if (d->moves.items[i].entries[k].file == f) return true;
  return false;
}

static bool visible(const struct disk *d, const struct disk_file *f) {
  for (size_t i = 0; i < d->now.len; i++)
    if (d->now.items[i].file == f) return true;
  return f->handles > 0;
}

void disk_sweep(struct disk *d) {
  d->used = 0;
  for (size_t i = 0; i < d->files.len; i++) {
    struct disk_file *f = d->files.items[i];
    if (f->handles || known(d, f)) {
      if (visible(d, f)) d->used += (int64_t)f->now.len + (f->shm ? (int64_t)f->shm->regions.len * 32768 : 0);
      continue;
    }
    file_free(f);
    vec_swap_remove(&d->files, i);
    i--;
  }
}

/* ---- names ---- */

struct disk_file *disk_lookup(const struct disk *d, const char *name) {
  for (size_t i = 0; i < d->now.len; i++)
    if (strcmp(d->now.items[i].name, name) == 0) return d->now.items[i].file;
  return NULL;
}

void disk_entry_set(struct disk *d, bool safe, const char *name, struct disk_file *file) {
  size_t len = safe ? d->safe.len : d->now.len, i = 0;
  struct disk_entry *items = safe ? d->safe.items : d->now.items;
  while (i < len && strcmp(items[i].name, name) != 0) i++;
  if (i < len && file) {
    items[i].file = file;
  } else if (i < len) {
    free(items[i].name);
    items[i] = items[len - 1];
    *(safe ? &d->safe.len : &d->now.len) = len - 1;
  } else if (file) {
    struct disk_entry e = {alloc_strdup(name), file};
    if (safe)
      vec_push(&d->safe, e);
    else
      vec_push(&d->now, e);
  }
}

/* The directory of a name, and of "" itself. */
static size_t parent_len(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? (size_t)(slash - name) : 0;
}

static bool lies_in(const char *name, const char *dir) {
  size_t len = parent_len(name);
  return strlen(dir) == len && strncmp(name, dir, len) == 0;
}

void disk_set(struct disk *d, const char *name, struct disk_file *file, const char *gone) {
  struct disk_move m = {.len = gone ? 2 : 1};
  m.entries[0] = (struct disk_entry){alloc_strdup(name), file};
  disk_entry_set(d, false, name, file);
  if (gone) {
    m.entries[1] = (struct disk_entry){alloc_strdup(gone), NULL};
    disk_entry_set(d, false, gone, NULL);
  }
  vec_push(&d->moves, m);
  d->used = 0;
  disk_sweep(d);
}

void disk_dir_sync(struct disk *d, const char *name) {
  size_t kept = 0;
  for (size_t i = 0; i < d->moves.len; i++) {
    struct disk_move *m = &d->moves.items[i];
    if (!lies_in(m->entries[0].name, name)) {
      d->moves.items[kept++] = *m;
      continue;
    }
    for (int k = 0; k < m->len; k++) {
      disk_entry_set(d, true, m->entries[k].name, m->entries[k].file);
      free(m->entries[k].name);
    }
  }
  d->moves.len = kept;
  disk_sweep(d);
}

/* ---- the calls ---- */

bool disk_dead(const struct disk_handle *h) {
  return h->generation != h->disk->generation;
}

static int call_on(struct disk_handle *h, enum disk_call call) {
  return disk_dead(h) ? -EIO : disk_call(h->disk, call, h->name);
}

static void step_of(struct disk *d, enum disk_step_kind kind, const struct disk_file *f, const char *name,
                    const char *gone) {
  if (!d->recording) return;
  disk_tape(d, (struct disk_step){.kind = kind,
                                  .file = f ? f->id : 0,
                                  .dir = f && f->dir,
                                  .name = name ? alloc_strdup(name) : NULL,
                                  .gone = gone ? alloc_strdup(gone) : NULL});
}

static int make(struct disk *d, const char *name, bool dir, struct disk_file **out) {
  int rc = disk_call(d, DISK_CREATE, name);
  size_t len = parent_len(name);
  if (!rc && len) {
    char *parent = alloc_strdup(name);
    parent[len] = '\0';
    struct disk_file *p = disk_lookup(d, parent);
    rc = !p ? -ENOENT : !p->dir ? -ENOTDIR : 0;
    free(parent);
  }
  if (rc) return rc;
  *out = disk_file_new(d, dir);
  step_of(d, STEP_NEW, *out, name, NULL);
  disk_set(d, name, *out, NULL);
  return 0;
}

static struct disk_handle *handle_new(struct disk *d, struct disk_file *f, const char *name, bool writable) {
  struct disk_handle *h = alloc_new(struct disk_handle);
  *h = (struct disk_handle){.disk = d,
                            .file = f,
                            .generation = d->generation,
                            .writable = writable,
                            .name = alloc_strdup(name ? name : ""),
                            .fleeting = !name};
  f->handles++;
  d->refs++;
  return h;
}

int disk_open(struct disk *d, const char *name, int flags, struct disk_handle **out) {
  struct disk_file *f = NULL;
  bool writable = (flags & O_ACCMODE) != O_RDONLY;
  *out = NULL;
  int rc = disk_call(d, DISK_OPEN, name);
  if (rc) return rc;
  if (!name)
    f = disk_file_new(d, false);
  else
    f = disk_lookup(d, name);
  if (f && (flags & O_CREAT) && (flags & O_EXCL)) return -EEXIST;
  if (f && f->dir && writable) return -EISDIR;
  if (f && !f->dir && (flags & O_DIRECTORY)) return -ENOTDIR;
  if (f && writable && d->read_only) return -EROFS;
  if (!f && !(flags & O_CREAT)) return -ENOENT;
  if (!f && (rc = make(d, name, false, &f)) != 0) return rc;
  *out = handle_new(d, f, name, writable);
  if ((flags & O_TRUNC) && f->now.len) rc = disk_truncate(*out, 0);
  if (!rc) return 0;
  disk_close(*out);
  *out = NULL;
  return rc;
}

int64_t disk_read(struct disk_handle *h, void *bytes, size_t len, int64_t at) {
  int rc = call_on(h, DISK_READ);
  if (rc) return rc;
  if (h->file->dir) return -EISDIR;
  size_t size = h->file->now.len, from = (size_t)at;
  if (from >= size) return 0;
  if (len > size - from) len = size - from;
  disk_image_read(&h->file->now, bytes, len, from);
  return (int64_t)len;
}

/* How far the file may grow to. */
static size_t grown(const struct disk *d, const struct disk_file *f, size_t to) {
  if (!d->limit || to <= f->now.len) return to;
  int64_t room = d->limit - d->used;
  if (room < 0) room = 0;
  size_t most = f->now.len + (size_t)room;
  return to < most ? to : most;
}

int64_t disk_write(struct disk_handle *h, const void *bytes, size_t len, int64_t at) {
  int rc = call_on(h, DISK_WRITE);
  if (!rc && !h->writable) rc = -EBADF;
  if (rc || !len) return rc;
  size_t end = grown(h->disk, h->file, (size_t)at + len);
  if (end <= (size_t)at) return -ENOSPC;
  len = end - (size_t)at;
  disk_file_write(h->disk, h->file, bytes, len, (size_t)at);
  if (h->disk->recording) {
    struct disk_step s = {.kind = STEP_WRITE, .file = h->file->id, .at = (size_t)at, .len = len};
    s.bytes = alloc_zeroed(len, 1);
    memcpy(s.bytes, bytes, len);
    disk_tape(h->disk, s);
  }
  return (int64_t)len;
}

static void resize(struct disk_handle *h, size_t size) {
  disk_file_resize(h->disk, h->file, size);
  if (h->disk->recording)
    disk_tape(h->disk, (struct disk_step){.kind = STEP_RESIZE, .file = h->file->id, .at = size});
}

int disk_truncate(struct disk_handle *h, int64_t size) {
  int rc = call_on(h, DISK_TRUNCATE);
  if (!rc && !h->writable) rc = -EBADF;
  if (!rc && (size_t)size != h->file->now.len) resize(h, (size_t)size);
  return rc;
}

int disk_allocate(struct disk_handle *h, int64_t size) {
  int rc = call_on(h, DISK_ALLOCATE);
  if (rc || (size_t)size <= h->file->now.len) return rc;
  if (grown(h->disk, h->file, (size_t)size) < (size_t)size) return -ENOSPC;
  resize(h, (size_t)size);
  return 0;
}

int disk_sync(struct disk_handle *h) {
  if (h->file->dir) return disk_dead(h) ? -EIO : disk_sync_dir(h->disk, h->name);
  int rc = call_on(h, DISK_SYNC);
  if (rc || h->disk->lies) return rc;
  disk_file_sync(h->file);
  step_of(h->disk, STEP_SYNC, h->file, NULL, NULL);
  return 0;
}

int disk_sync_dir(struct disk *d, const char *name) {
  int rc = disk_call(d, DISK_DIRSYNC, name);
  if (rc || d->lies) return rc;
  disk_dir_sync(d, name);
  step_of(d, STEP_DIR_SYNC, NULL, name, NULL);
  return 0;
}

int disk_delete(struct disk *d, const char *name) {
  int rc = disk_call(d, DISK_DELETE, name);
  if (rc) return rc;
  if (!disk_lookup(d, name)) return -ENOENT;
  step_of(d, STEP_SET, NULL, name, NULL);
  disk_set(d, name, NULL, NULL);
  return 0;
}

int disk_rename(struct disk *d, const char *from, const char *to) {
  int rc = disk_call(d, DISK_RENAME, to);
  struct disk_file *f = disk_lookup(d, from);
  if (rc) return rc;
  if (!f) return -ENOENT;
  if (strcmp(from, to) == 0) return 0;
  step_of(d, STEP_SET, f, to, from);
  disk_set(d, to, f, from);
  return 0;
}

int disk_link(struct disk *d, const char *from, const char *to) {
  int rc = disk_call(d, DISK_LINK, to);
  struct disk_file *f = disk_lookup(d, from);
  if (rc) return rc;
  if (!f) return -ENOENT;
  if (disk_lookup(d, to)) return -EEXIST;
  step_of(d, STEP_SET, f, to, NULL);
  disk_set(d, to, f, NULL);
  return 0;
}

int disk_mkdir(struct disk *d, const char *name) {
  struct disk_file *f;
  return disk_lookup(d, name) ? -EEXIST : make(d, name, true, &f);
}
