#include "worker/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/executor.h"

#define FIGURE_MAX ((INT64_C(1) << 53) - 1)

/* One read of a small file into a NUL-terminated text; its length, or -1 with errno. The task can put anything in the
 * place of a file: nobody may wait for the writer of a pipe. */
static ssize_t small_read(int dir, const char *name, char *out, size_t size) {
  int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  struct stat st;
  ssize_t n = fstat(fd, &st);
  if (n == 0 && !S_ISREG(st.st_mode)) {
    errno = EINVAL;
    n = -1;
  }
  if (n == 0) n = read(fd, out, size - 1);
  int saved = errno;
  close(fd);
  errno = saved;
  out[n > 0 ? n : 0] = '\0';
  return n;
}

static bool absent(int errnum) {
  return errnum == ENOENT || errnum == ENOTDIR;
}

static int word_read(const char *path, char out[MACHINE_WORD_SIZE]) {
  if (small_read(AT_FDCWD, path, out, MACHINE_WORD_SIZE) < 0) {
    if (!absent(errno)) return err_from_errno(errno);
    out[0] = '\0';
  }
  out[strcspn(out, " \n")] = '\0';
  if (!out[0]) strcpy(out, "-");
  return 0;
}

int machine_here(struct machine *m) {
  int err = word_read("/etc/machine-id", m->id);
  return err ? err : word_read("/proc/sys/kernel/random/boot_id", m->boot);
}

/* Takes a decimal number off the text, blanks before it included; false if there is none or it doesn't fit. */
static bool number_read(const char **at, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(*at, &end, 10);
  if (end == *at || errno) return false;
  *at = end;
  return true;
}

/* The numbers of the fields in proc(5). */
enum { STAT_PARENT = 4, STAT_GROUP = 5, STAT_SESSION = 6, STAT_START = 22 };

int process_stat(int64_t pid, struct process_stat *out) {
  char path[48], text[1024];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
  ssize_t len = small_read(AT_FDCWD, path, text, sizeof text);
  /* Whoever can't be looked at isn't gone for that. */
  if (len < 0 && !absent(errno) && errno != ESRCH) return ERR_AGAIN;
  if (len <= 0) return ERR_NOT_FOUND;
  const char *at = strrchr(text, ')'); /* the end of the name, which may hold anything */
  if (!at || at[1] != ' ' || !at[2]) return ERR_CORRUPT;
  out->state = at[2];
  at += 3;
  for (int field = STAT_PARENT; field <= STAT_START; field++) {
    int64_t n;
    if (!number_read(&at, &n)) return ERR_CORRUPT;
    if (field == STAT_PARENT) out->parent = n;
    if (field == STAT_GROUP) out->group = n;
    if (field == STAT_SESSION) out->session = n;
    if (field == STAT_START) out->start = (uint64_t)n;
  }
  return 0;
}

void findings_init(struct findings *f) {
  *f = (struct findings){.pid = -1, .cpu_us = -1, .max_rss_kb = -1, .log_bytes = -1};
  f->started_at = f->ended_at = INSTANT_NONE;
}

static unsigned note_bit(const char *word) {
  static const char *const words[] = {
#define X(name, text, sentence) text,
      RUNDIR_NOTE_LIST(X)
#undef X
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(word, words[i]) == 0) return 1u << i;
  }
  return 0;
}

static const struct {
  const char *key;
  size_t at, size; /* size 0 for a number */
} fields[] = {
    {"pid", offsetof(struct findings, pid), 0},
    {"started", offsetof(struct findings, started_at), 0},
    {"ended", offsetof(struct findings, ended_at), 0},
    {"cpu_us", offsetof(struct findings, cpu_us), 0},
    {"max_rss_kb", offsetof(struct findings, max_rss_kb), 0},
    {"log_bytes", offsetof(struct findings, log_bytes), 0},
    {"dropped_bytes", offsetof(struct findings, dropped_bytes), 0},
    {"line", offsetof(struct findings, line), 0},
    {"stage", offsetof(struct findings, stage), sizeof((struct findings *)0)->stage},
    {"file", offsetof(struct findings, file), sizeof((struct findings *)0)->file},
    {"why", offsetof(struct findings, why), sizeof((struct findings *)0)->why},
};

/* A number that can be: not negative, and exact for every reader of JSON. What else stands there is no figure of a
 * supervisor's, and nobody has to reckon with it. */
static void figure_take(const char *text, int64_t *out) {
  int64_t n;
  if (number_read(&text, &n) && *text == '\0' && n >= 0 && n <= FIGURE_MAX) *out = n;
}

static void field_take(struct findings *f, const char *key, const char *value) {
  if (strcmp(key, "note") == 0) f->notes |= note_bit(value);
  if (strcmp(key, "errno") == 0) f->errnum = (int)strtol(value, NULL, 10);
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (strcmp(key, fields[i].key) != 0) continue;
    void *slot = (char *)f + fields[i].at;
    if (fields[i].size)
      snprintf(slot, fields[i].size, "%s", value);
    else
      figure_take(value, slot);
  }
}

/* The content is extra: what is missing stays unknown. */
static void findings_read(int dir, const char *name, struct findings *f) {
  char text[RUNDIR_RESULT_MAX];
  findings_init(f);
  if (small_read(dir, name, text, sizeof text) <= 0) return;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
    char *value = strchr(line, '=');
    if (!value) continue;
    *value++ = '\0';
    field_take(f, line, value);
  }
}

/* Takes `exit.<status>.<reason>` apart. */
static bool exit_name_parse(const char *name, int *status, int *reason) {
  if (strncmp(name, RUNDIR_EXIT_PREFIX, strlen(RUNDIR_EXIT_PREFIX)) != 0) return false;
  char *end;
  long n = strtol(name + strlen(RUNDIR_EXIT_PREFIX), &end, 10);
  if (*end != '.' || n < 0 || n > 255) return false;
  *status = (int)n;
  *reason = ended_from_word(end + 1);
  return *reason >= 0;
}

/* 1 if the attempt has ended, 0 if not, or an error. */
static int exit_find(int dir, struct look *out) {
  int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = copy < 0 ? NULL : fdopendir(copy);
  if (!d) {
    int err = err_from_errno(errno);
    if (copy >= 0) close(copy);
    return err;
  }
  int found = 0;
  for (const struct dirent *e; !found && (e = readdir(d)) != NULL;) {
    int status, reason;
    if (!exit_name_parse(e->d_name, &status, &reason)) continue;
    findings_read(dir, e->d_name, &out->findings);
    out->findings.status = status;
    out->findings.reason = reason;
    out->state = LOOK_ENDED;
    found = 1;
  }
  closedir(d);
  return found;
}

struct owner {
  int64_t version;
  char machine[MACHINE_WORD_SIZE], boot[MACHINE_WORD_SIZE];
};

static bool key_take(const char **at, const char *key) {
  size_t len = strlen(key);
  if (strncmp(*at, key, len) != 0) return false;
  *at += len;
  return true;
}

static bool number_take(const char **at, const char *key, int64_t *out) {
  return key_take(at, key) && number_read(at, out);
}

static bool word_take(const char **at, const char *key, char out[MACHINE_WORD_SIZE]) {
  if (!key_take(at, key)) return false;
  size_t len = strcspn(*at, " \n");
  if (len == 0 || len >= MACHINE_WORD_SIZE) return false;
  memcpy(out, *at, len);
  out[len] = '\0';
  *at += len;
  return true;
}

static bool owner_parse(const char *text, struct owner *o, struct look *out) {
  int64_t start;
  if (!number_take(&text, "rota=", &o->version)) return false;
  if (o->version > RUNDIR_FORMAT) return true;
  if (!number_take(&text, " pid=", &out->pid) || !number_take(&text, " session=", &out->session) ||
      !number_take(&text, " start=", &start) || !word_take(&text, " machine=", o->machine) ||
      !word_take(&text, " boot=", o->boot) || !number_take(&text, " claimed=", &out->claimed_at))
    return false;
  out->start = (uint64_t)start;
  return out->pid > 1;
}

/* Whether the process that the owner names still lives: the pidfd is opened first and the identity checked after, so
 * that it can't be another's. */
static void supervisor_check(struct look *out) {
  out->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)out->pid, 0);
  if (out->pidfd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
    out->state = LOOK_UNKNOWN;
    out->err = ERR_AGAIN;
    return;
  }
  struct process_stat st;
  out->state = LOOK_DEAD;
  out->why = "its supervisor is gone without a result";
  if (out->pidfd < 0) return;
  int err = process_stat(out->pid, &st);
  if (err == ERR_AGAIN) {
    out->state = LOOK_UNKNOWN;
    out->err = err;
  } else if (!err && st.start == out->start && st.state != 'Z' && st.state != 'X') {
    out->state = LOOK_RUNNING;
    out->why = NULL;
    return;
  }
  close(out->pidfd);
  out->pidfd = -1;
}

static void owner_check(int dir, const struct machine *here, struct look *out) {
  char text[RUNDIR_OWNER_MAX];
  ssize_t len = small_read(dir, RUNDIR_OWNER, text, sizeof text);
  struct owner owner = {0};
  if (len < 0) {
    out->state = errno == ENOENT ? LOOK_UNCLAIMED : LOOK_UNKNOWN;
    out->err = err_from_errno(errno);
  } else if (strcmp(text, RUNDIR_FENCED) == 0) {
    out->state = LOOK_FENCED;
  } else if (!owner_parse(text, &owner, out)) {
    /* It is written before it is linked, so only a power cut leaves half of one: nobody is alive. */
    out->state = LOOK_DEAD;
    out->why = "its owner file is damaged, as after a power cut";
    out->pid = out->session = 0;
  } else if (owner.version > RUNDIR_FORMAT) {
    out->state = LOOK_ELSEWHERE;
    out->why = "it is run by a newer version of rota";
  } else if (strcmp(owner.machine, here->id) != 0) {
    out->state = LOOK_ELSEWHERE;
    out->why = "it is run by another machine that shares the directory";
  } else if (strcmp(owner.boot, here->boot) != 0) {
    out->state = LOOK_DEAD;
    out->why = "the machine was rebooted";
    out->pid = out->session = 0;
  } else {
    supervisor_check(out);
  }
}

void look_at(const char *dir, const struct machine *here, struct look *out) {
  *out = (struct look){.pidfd = -1, .claimed_at = INSTANT_NONE};
  findings_init(&out->findings);
  int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    out->state = errno == ENOENT || errno == ENOTDIR ? LOOK_MISSING : LOOK_UNKNOWN;
    out->err = err_from_errno(errno);
    return;
  }
  int ended = exit_find(fd, out);
  if (ended == 0) owner_check(fd, here, out);
  if (ended == 0 && out->state == LOOK_DEAD) ended = exit_find(fd, out); /* it may have ended in between */
  if (ended < 0) {
    if (out->pidfd >= 0) close(out->pidfd);
    out->pidfd = -1;
    out->state = LOOK_UNKNOWN;
    out->err = ended;
  }
  if (out->state == LOOK_RUNNING || out->state == LOOK_DEAD) findings_read(fd, RUNDIR_RESULT, &out->findings);
  if (out->state == LOOK_DEAD && (out->findings.notes & RUNDIR_NOTE_FROM_OUTSIDE))
    out->why = "its supervisor was told to end by somebody else";
  close(fd);
}
