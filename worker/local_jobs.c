#include "worker/local_jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/remains.h"

#define REMAINS_LIMIT (10 * USEC_PER_SEC)

static int failed(struct chore *c, int err, const char *stage) {
  c->err = err;
  c->err_stage = stage;
  return err;
}

int err_transient(int errnum) {
  switch (errnum) {
  case EAGAIN:
  case ENOMEM:
  case EMFILE:
  case ENFILE: return ERR_AGAIN;
  default: return err_from_errno(errnum);
  }
}

static void look(struct chore *c) {
  look_at(c->dir, &c->place->machine, &c->look);
  c->looked = true;
}

static int make_dir(struct chore *c, const char *path, bool *fresh) {
  if (fresh) *fresh = true;
  if (mkdir(path, 0700) == 0) return 0;
  if (errno == EEXIST) {
    if (fresh) *fresh = false;
    return 0;
  }
  int err = errno == ENOENT ? dir_make(path, 0700) : err_transient(errno);
  return err ? failed(c, err, "its directory can't be made") : 0;
}

/* In a directory that was just made nobody reads yet, so there is no need to rename. */
static int write_first(int dir, const char *name, const char *bytes, size_t len) {
  int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return err_transient(errno);
  ssize_t n = write(fd, bytes, len);
  int err = n < 0 ? err_transient(errno) : (size_t)n < len ? ERR_FULL : 0;
  close(fd);
  return err;
}

static int put_file(struct chore *c, int dir, const char *name, const char *bytes, size_t len, bool fresh) {
  if (!bytes) return 0;
  int err = fresh ? write_first(dir, name, bytes, len) : ERR_EXISTS;
  if (err == ERR_EXISTS) err = file_write_at(dir, name, bytes, len, 0600, false);
  return err ? failed(c, err, "its files can't be written") : 0;
}

static int write_files(struct chore *c, bool fresh) {
  int dir = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return failed(c, err_transient(errno), "its directory can't be opened");
  int err = put_file(c, dir, RUNDIR_SCRIPT, c->script, c->script_len, fresh);
  if (!err) err = put_file(c, dir, RUNDIR_CONTEXT, c->context, c->context_len, fresh);
  if (!err) err = put_file(c, dir, RUNDIR_SPEC, c->spec.bytes, c->spec.len, fresh);
  close(dir);
  return err;
}

/* Nothing has run in it, so nothing is lost with it. */
static void take_back(const struct chore *c) {
  static const char *const names[] = {RUNDIR_SPEC, RUNDIR_CONTEXT, RUNDIR_SCRIPT};
  int dir = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; dir >= 0 && i < sizeof names / sizeof names[0]; i++) unlinkat(dir, names[i], 0);
  if (dir >= 0) close(dir);
  rmdir(c->dir);
}

/* An attempt without a directory has never been started, so its state can still be emptied. Moved away, which takes
 * no time, and removed later. If something is there that this attempt moved away before, then what has come since is
 * an empty one: no process was made in between. */
static int empty_state(struct chore *c) {
  if (!c->fresh_state || access(c->dir, F_OK) == 0) return 0;
  const char *slash = strrchr(c->state_dir, '/');
  char *old = alloc_fmt("%.*s/.old.%s", (int)(slash - c->state_dir), c->state_dir, c->attempt_id);
  if (rename(c->state_dir, old) == 0 || errno == ENOTEMPTY || errno == EEXIST) {
    c->old_state = old;
    return 0;
  }
  int err = errno == ENOENT ? 0 : err_transient(errno);
  free(old);
  return err ? failed(c, err, "its ROTA_STATE can't be emptied") : 0;
}

static void start(struct chore *c) {
  bool fresh;
  if (empty_state(c) || make_dir(c, c->dir, &fresh)) return;
  if (!fresh) {
    look(c);
    if (c->look.state != LOOK_UNCLAIMED) return;
    c->looked = false;
  }
  if (make_dir(c, c->work_dir, NULL) == 0 && make_dir(c, c->state_dir, NULL) == 0 && write_files(c, fresh) == 0) {
    int err = spawner_start(&c->place->spawner, c->dir, c->label, &c->pid);
    if (!err) {
      c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
      return;
    }
    c->pid = 0;
    failed(c, err_transient(err), "its supervisor can't be started");
  }
  if (fresh) take_back(c);
}

static void fence(struct chore *c) {
  if (make_dir(c, c->dir, NULL)) return;
  char *mine = alloc_fmt("%s/fence.%d", c->dir, (int)getpid());
  char *owner = path_join(c->dir, RUNDIR_OWNER);
  int fd = open(mine, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const size_t len = sizeof RUNDIR_FENCED - 1;
  int err = fd < 0 ? errno : write(fd, RUNDIR_FENCED, len) == (ssize_t)len ? 0 : ENOSPC;
  if (fd >= 0) close(fd);
  if (!err && link(mine, owner)) err = errno;
  unlink(mine);
  if (!err || err == EEXIST)
    look(c);
  else
    failed(c, err_transient(err), "it can't be fenced");
  free(mine);
  free(owner);
}

/* Without room for a file of its own the name is what counts: an empty one means the grace of the spec, and a link to
 * one that exists needs no room at all. */
static void stop(struct chore *c) {
  char text[64];
  int len = snprintf(text, sizeof text, "%s\ngrace_us=%" PRId64 "\n", RUNDIR_FORMAT_TEXT, c->grace);
  int dir = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    if (file_write_at(dir, RUNDIR_STOP, text, (size_t)len, 0644, false))
      linkat(dir, RUNDIR_SPEC, dir, RUNDIR_STOP, 0);
    close(dir);
  }
  syscall(SYS_pidfd_send_signal, c->pidfd, SIGTERM, NULL, 0);
  close(c->pidfd);
  c->pidfd = -1;
}

static bool closing(const void *ctx) {
  return crew_closing(ctx);
}

static void look_and_kill(struct chore *c) {
  if (c->tries > 0) nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  c->tries++;
  look(c);
  bool dead = c->look.state == LOOK_DEAD;
  bool unreadable = c->look.state == LOOK_UNKNOWN && c->look.err != ERR_AGAIN && c->was_claimed;
  if (!dead && !unreadable && c->look.state != LOOK_MISSING) return;
  /* The supervisor's number is still its own while we have it as a zombie, or have just seen it go. */
  int64_t session = dead && c->was_claimed ? c->look.session : 0;
  c->left = remains_kill(c->attempt_id, session, REMAINS_LIMIT, closing, c->place->crew, &c->killed);
  if (c->left && !c->killed) { /* for want of descriptors nobody knows: it is looked at again */
    c->look.state = LOOK_UNKNOWN;
    c->look.err = ERR_AGAIN;
  }
}

void chore_run(struct job *j) {
  static void (*const by_kind[])(struct chore *) = {
      [CHORE_START] = start, [CHORE_FENCE] = fence, [CHORE_STOP] = stop, [CHORE_LOOK] = look_and_kill};
  struct chore *c = (struct chore *)j;
  if (c->kind == CHORE_START && c->fence_instead) c->kind = CHORE_FENCE;
  by_kind[c->kind](c);
}

void chore_free(struct chore *c) {
  if (c->kind == CHORE_STOP && c->pidfd >= 0) close(c->pidfd);
  buf_release(&c->spec);
  free(c->script);
  free(c->context);
  free(c->work_dir);
  free(c->state_dir);
  free(c->label);
  free(c->old_state);
  free(c);
}

struct sweep {
  struct job job;
  const struct local_place *place;
  char *paths[3];
};

/* One entry after the other, so that closing the crew waits for no more than one of them. */
static void sweep_tree(const struct sweep *s, const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  for (const struct dirent *e; d && !crew_closing(s->place->crew) && (e = readdir(d)) != NULL;) {
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) dir_remove_at(dirfd(d), e->d_name);
  }
  if (d)
    closedir(d);
  else if (fd >= 0)
    close(fd);
  rmdir(path);
}

static void sweep_run(struct job *j) {
  const struct sweep *s = (const struct sweep *)j;
  for (size_t i = 0; i < sizeof s->paths / sizeof s->paths[0]; i++) {
    if (s->paths[i]) sweep_tree(s, s->paths[i]);
  }
}

static void sweep_done(struct job *j, bool dropped) {
  struct sweep *s = (struct sweep *)j;
  (void)dropped;
  for (size_t i = 0; i < sizeof s->paths / sizeof s->paths[0]; i++) free(s->paths[i]);
  free(s);
}

static struct sweep *sweep_new(const struct local_place *place) {
  struct sweep *s = alloc_new(struct sweep);
  s->job = (struct job){.run = sweep_run, .done = sweep_done};
  s->place = place;
  return s;
}

void sweep_submit(const struct local_place *place, const char *run_id, bool all) {
  struct sweep *s = sweep_new(place);
  s->paths[0] = alloc_fmt("%s/work/%s", place->state_dir, run_id);
  s->paths[1] = alloc_fmt("%s/work/%s.state", place->state_dir, run_id);
  if (all) s->paths[2] = alloc_fmt("%s/runs/%s", place->state_dir, run_id);
  crew_submit(place->crew, LANE_SWEEP, &s->job, false);
}

void sweep_path_submit(const struct local_place *place, const char *path) {
  struct sweep *s = sweep_new(place);
  s->paths[0] = alloc_strdup(path);
  crew_submit(place->crew, LANE_SWEEP, &s->job, false);
}
