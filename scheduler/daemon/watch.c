#include "scheduler/daemon/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

#define SETTLE_MS     100
#define SETTLE_MAX_MS 1000
#define RESCAN_MS     (60 * 1000)

struct folder {
  uv_fs_event_t event;
  struct watch *watch;
  const char *name; /* the last part of its path; the map's */
  bool wanted;
  bool doubtful; /* it may be another one than the one that is watched */
};

struct watch {
  uv_loop_t *loop;
  watch_fn *fn;
  void *ctx;
  uv_timer_t settle, rescan;
  uint64_t changed_at; /* the first change that wasn't told yet, in the loop's milliseconds; 0: none */
  struct map folders;  /* by path */
  int open;            /* handles */
};

static void handle_gone(struct watch *w) {
  if (--w->open > 0) return;
  map_release(&w->folders);
  free(w);
}

static void on_closed(uv_handle_t *handle) {
  handle_gone(handle->data);
}

static void on_folder_closed(uv_handle_t *handle) {
  struct folder *f = (struct folder *)handle;
  struct watch *w = f->watch;
  free(f);
  handle_gone(w);
}

static void on_settled(uv_timer_t *timer) {
  struct watch *w = timer->data;
  w->changed_at = 0;
  w->fn(w->ctx);
}

/* When the watched folder itself is moved or removed the event names the folder, as for a file of that name in it. */
static void on_change(uv_fs_event_t *event, const char *file, int events, int status) {
  struct folder *f = (struct folder *)event;
  struct watch *w = f->watch;
  if (status < 0 || ((events & UV_RENAME) && (!file || strcmp(file, f->name) == 0))) f->doubtful = true;
  uint64_t now = uv_now(w->loop);
  if (w->changed_at == 0) w->changed_at = now;
  uint64_t left = w->changed_at + SETTLE_MAX_MS > now ? w->changed_at + SETTLE_MAX_MS - now : 0;
  uv_timer_start(&w->settle, on_settled, left < SETTLE_MS ? left : SETTLE_MS, 0);
}

struct watch *watch_new(uv_loop_t *loop, watch_fn *fn, void *ctx) {
  struct watch *w = alloc_new(struct watch);
  w->loop = loop;
  w->fn = fn;
  w->ctx = ctx;
  uv_timer_init(loop, &w->settle);
  uv_timer_init(loop, &w->rescan);
  w->settle.data = w->rescan.data = w;
  w->open = 2;
  uv_timer_start(&w->rescan, on_settled, RESCAN_MS, RESCAN_MS);
  return w;
}

static void folder_add(struct watch *w, const char *path) {
  struct folder *f = alloc_new(struct folder);
  f->watch = w;
  f->wanted = true;
  uv_fs_event_init(w->loop, &f->event);
  w->open++;
  /* Without a watch (their number is limited) the rescan once a minute still sees the folder. */
  (void)uv_fs_event_start(&f->event, on_change, path, 0);
  map_put(&w->folders, path, f);
  const char *kept = w->folders.entries[w->folders.len - 1].key;
  const char *slash = strrchr(kept, '/');
  f->name = slash ? slash + 1 : kept;
}

static void folder_remove(struct watch *w, struct folder *f, const char *path) {
  map_remove(&w->folders, path);
  uv_close((uv_handle_t *)&f->event, on_folder_closed);
}

void watch_folders(struct watch *w, const char *const *folders, size_t len) {
  for (size_t i = 0; i < w->folders.len; i++) ((struct folder *)w->folders.entries[i].value)->wanted = false;
  for (size_t i = 0; i < len; i++) {
    struct folder *f = map_get(&w->folders, folders[i]);
    if (f && f->doubtful) {
      folder_remove(w, f, folders[i]);
      f = NULL;
    }
    if (f) {
      f->wanted = true;
    } else {
      folder_add(w, folders[i]);
    }
  }
  for (size_t i = 0; i < w->folders.len;) {
    struct folder *f = w->folders.entries[i].value;
    if (f->wanted) {
      i++;
      continue;
    }
    folder_remove(w, f, w->folders.entries[i].key);
  }
}

void watch_free(struct watch *w) {
  if (!w) return;
  for (size_t i = 0; i < w->folders.len; i++) {
    struct folder *f = w->folders.entries[i].value;
    uv_close((uv_handle_t *)&f->event, on_folder_closed);
  }
  uv_close((uv_handle_t *)&w->settle, on_closed);
  uv_close((uv_handle_t *)&w->rescan, on_closed);
}
