/* What there is to send: files, and folders with all in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/ssh/file_plan.h"

#define DEPTH_MAX 64

struct folder {
  const struct folder *above;
  dev_t dev;
  ino_t ino;
  int depth;
};

struct walk {
  struct file_plan *plan;
  const char *base;
};

static int take(const struct walk *w, const char *path, const struct folder *above);

static int problem(const struct walk *w, const char *path, int err) {
  if (err == ERR_DENIED)
    return file_plan_refuse(w->plan, "%s/%s can't be sent: it's a link to what lies elsewhere, or may not be read",
                            w->base, path);
  if (err == ERR_INVALID)
    return file_plan_refuse(w->plan, "%s/%s can't be sent: it's neither a file nor a folder", w->base, path);
  if (err == ERR_NOT_FOUND)
    return file_plan_refuse(w->plan, "%s/%s can't be sent: it's a link to what isn't there, or was just removed",
                            w->base, path);
  if (err == ERR_TOO_LARGE)
    return file_plan_refuse(w->plan, "%s/%s can't be sent: its name is too long", w->base, path);
  return err;
}

/* A list of the names, so that no folder is held open while what is in it is looked at. */
static int names_read(int fd, struct arena *arena, struct file_names *names) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  DIR *dir = opendir(link);
  if (!dir) return err_from_errno(errno);
  int err = 0;
  for (;;) {
    errno = 0;
    const struct dirent *e = readdir(dir);
    if (!e) {
      if (errno) err = err_from_errno(errno);
      break;
    }
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || FILES_OURS(e->d_name)) continue;
    if (names->len == FILES_MAX) {
      err = ERR_TOO_LARGE;
      break;
    }
    vec_push(names, arena_strdup(arena, e->d_name));
  }
  closedir(dir);
  return err;
}

static int folder_take(const struct walk *w, int fd, const char *path, const struct folder *folder) {
  struct arena arena = {0};
  struct file_names names = {0};
  int err = names_read(fd, &arena, &names);
  if (err) err = err == ERR_TOO_LARGE ? file_plan_full(w->plan, path) : problem(w, path, err);
  for (size_t i = 0; !err && i < names.len; i++) {
    const char *below = arena_fmt(&arena, "%s%s%s", path, *path ? "/" : "", names.items[i]);
    err = strlen(below) < OPS_PATH ? take(w, below, folder)
                                   : file_plan_refuse(w->plan, "the path %s is too long to be sent", below);
  }
  vec_release(&names);
  arena_release(&arena);
  return err;
}

/* A link to a folder that it lies in has no end. */
static int folder_enter(const struct walk *w, int fd, const char *path, const struct stat *st,
                        const struct folder *above) {
  const struct folder folder = {above, st->st_dev, st->st_ino, above ? above->depth + 1 : 0};
  for (const struct folder *f = above; f; f = f->above) {
    if (f->dev == st->st_dev && f->ino == st->st_ino)
      return file_plan_refuse(w->plan, "%s/%s is a link to a folder that it lies in: it can't be sent", w->base,
                              path);
  }
  if (folder.depth == DEPTH_MAX)
    return file_plan_refuse(w->plan, "%s/%s is more than %d folders deep: it can't be sent", w->base, path,
                            DEPTH_MAX);
  return folder_take(w, fd, path, &folder);
}

static int take(const struct walk *w, const char *path, const struct folder *above) {
  struct stat st;
  const int fd = file_inside_open(w->base, path, &st);
  if (fd == ERR_NOT_FOUND && !above) return ERR_NOT_FOUND;
  if (fd < 0) return problem(w, path, fd);
  int err = 0;
  if (S_ISDIR(st.st_mode)) {
    err = folder_enter(w, fd, path, &st, above);
  } else if (w->plan->entries.len == FILES_MAX) {
    err = file_plan_full(w->plan, path);
  } else {
    const struct file_entry e = {.path = arena_strdup(&w->plan->arena, path),
                                 .base = w->base,
                                 .size = (uint64_t)st.st_size,
                                 .mode = st.st_mode & 0777};
    vec_push(&w->plan->entries, e);
  }
  close(fd);
  return err;
}

static int missing(struct file_plan *p, const char *path, const char *work, const char *source) {
  if (!source) return file_plan_refuse(p, "%s, which is to be sent, isn't in the run's folder %s", path, work);
  return file_plan_refuse(p, "%s, which is to be sent, is neither in the run's folder %s nor in %s", path, work,
                          source);
}

int file_plan_list(struct file_plan *p, const char *work, const char *source, const struct launch_file *files,
                   size_t len) {
  work = arena_strdup(&p->arena, work);
  if (source) source = arena_strdup(&p->arena, source);
  for (size_t i = 0; i < len; i++) {
    char path[OPS_PATH];
    if (!file_path_clean(files[i].path, path))
      return file_plan_refuse(p, "%s can't be sent: it must be a path below the run's folder", files[i].path);
    int err = take(&(struct walk){.plan = p, .base = work}, path, NULL);
    if (err == ERR_NOT_FOUND && source) err = take(&(struct walk){.plan = p, .base = source}, path, NULL);
    if (err == ERR_NOT_FOUND) err = files[i].optional ? 0 : missing(p, files[i].path, work, source);
    if (err) return err;
  }
  file_plan_sort(p);
  return 0;
}
