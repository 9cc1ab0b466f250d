/* Makes supervisor processes by posix_spawn, never by fork: its cost doesn't grow with the daemon's memory. The
 * program was opened once, so that one replaced on disk doesn't mix versions while the daemon lives.
 */
#ifndef ROTA_WORKER_SPAWNER_H
#define ROTA_WORKER_SPAWNER_H

#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>

struct spawner {
  int program;    /* O_PATH */
  int null;       /* /dev/null */
  int notices;    /* the end of the notice pipe that supervisors write to */
  int reading;    /* the other one, non-blocking */
  uint64_t files; /* tasks' soft limit of open files; 0: ours */
  posix_spawnattr_t attr;
  posix_spawn_file_actions_t actions;
};

/* 0 or a code of base/err.h, with nothing left open. */
int spawner_init(struct spawner *s, const char *supervisor_path, uint64_t files);
void spawner_release(struct spawner *s);
/* Any thread. 0 and the pid, or the errno. */
int spawner_start(const struct spawner *s, const char *attempt_dir, const char *label, pid_t *pid);

#endif
