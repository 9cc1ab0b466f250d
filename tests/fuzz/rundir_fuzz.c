/* The files of a run directory, which the task can write to as well: looking at them always gives one answer, and
 * never that a process may be signalled which isn't the supervisor. The parts are `owner`, the content of
 * `exit.0.exited` and `result`; an empty one is a file that isn't there. */
#include "tests/fuzz/folder.h"
#include "worker/look.h"

static void put_part(const char *name, const uint8_t **data, size_t *size) {
  const uint8_t *part = NULL;
  size_t len = part_next(data, size, &part);
  if (len)
    folder_put(name, part, len);
  else
    folder_drop(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct machine here;
  struct look look;
  machine_here(&here);
  put_part(RUNDIR_OWNER, &data, &size);
  put_part(RUNDIR_EXIT_PREFIX "0.exited", &data, &size);
  put_part(RUNDIR_RESULT, &data, &size);
  look_at(folder(), &here, &look);
  CHECK(look.state != LOOK_MISSING);
  CHECK((look.pidfd >= 0) == (look.state == LOOK_RUNNING));
  CHECK(look.state != LOOK_RUNNING || look.pid > 1);
  CHECK(look.state != LOOK_ENDED || look.findings.status == 0);
  if (look.pidfd >= 0) close(look.pidfd);
  return 0;
}
