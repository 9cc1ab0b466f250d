#include "worker/supervise/family.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/supervise/memory.h"
#include "worker/supervise/text.h"

#define FAMILY_MAX   1024 /* known at a time; the others come up when their parents are gone */
#define ENTRIES_SIZE 16384

struct entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

struct walk {
  pid_t self, group;
  int sig;
  bool group_done;
  size_t len;
  pid_t family[FAMILY_MAX];
  char entries[ENTRIES_SIZE];
};

struct person {
  char state;
  pid_t parent, group;
};

static bool person_read(const char *pid, struct person *p) {
  char path[40], stat[512];
  struct text t;
  text_init(&t, path, sizeof path);
  text_add(&t, "/proc/");
  text_add(&t, pid);
  text_add(&t, "/stat");
  if (read_small(path, stat, sizeof stat) < 0) return false;
  const char *at = strrchr(stat, ')');
  if (!at || at[1] != ' ' || !at[2] || at[3] != ' ') return false;
  p->state = at[2];
  int64_t numbers[2] = {0, 0};
  at += 4;
  for (int i = 0; i < 2; i++) {
    while (*at >= '0' && *at <= '9') numbers[i] = numbers[i] * 10 + (*at++ - '0');
    if (*at == ' ') at++;
  }
  p->parent = (pid_t)numbers[0];
  p->group = (pid_t)numbers[1];
  return true;
}

static bool related(const struct walk *w, const struct person *p) {
  if (p->parent == w->self) return true;
  for (size_t i = 0; i < w->len; i++) {
    if (w->family[i] == p->parent) return true;
  }
  return false;
}

static void visit(struct walk *w, const char *name, pid_t pid) {
  struct person p;
  if (!person_read(name, &p) || !related(w, &p)) return;
  if (w->len < FAMILY_MAX) w->family[w->len++] = pid;
  if (!w->group_done && p.parent == w->self && p.group == w->group) {
    w->group_done = true;
    kill(-w->group, w->sig);
  }
  if (p.state == 'Z' || p.state == 'X') return;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return;
  if (person_read(name, &p) && related(w, &p)) syscall(SYS_pidfd_send_signal, fd, w->sig, NULL, 0);
  close(fd);
}

void family_signal(pid_t group, int sig) {
  int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  struct walk *w = memory_take(sizeof *w);
  long n = 0;
  if (w) {
    w->self = getpid();
    w->group = group;
    w->sig = sig;
  }
  while (w && (n = syscall(SYS_getdents64, proc, w->entries, sizeof w->entries)) > 0) {
    for (long at = 0; at < n;) {
      const struct entry *e = (const struct entry *)(const void *)(w->entries + at);
      int64_t pid;
      if (number_parse(e->name, &pid)) visit(w, e->name, (pid_t)pid);
      at += e->length;
    }
  }
  if (w) memory_return(w, sizeof *w);
  close(proc);
}
