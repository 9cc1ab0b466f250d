/* The files of a run directory, which the task can write to as well: looking at them always gives one answer, and
 * never that a process may be signalled which isn't the supervisor. The parts are `owner`, the content of
 * `exit.0.exited`, `result` and what /proc says of the process; an empty one is a file or a process that isn't there.
 */
#include "tests/fuzz/folder.h"
#include "worker/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct machine here = {.id = "abc", .boot = "def"};
  struct look look;
  struct process_stat process = {0};
  const uint8_t *stat = NULL;
  part_put(RUNDIR_OWNER, &data, &size);
  part_put(RUNDIR_EXIT_PREFIX "0.exited", &data, &size);
  part_put(RUNDIR_RESULT, &data, &size);
  const size_t stat_len = part_next(&data, &size, &stat);
  folder_process(stat, stat_len);
  look_at(FOLDER, &here, &look);
  CHECK(look.state != LOOK_MISSING);
  CHECK((look.pidfd >= 0) == (look.state == LOOK_RUNNING));
  CHECK(look.state != LOOK_ENDED || look.findings.status == 0);
  if (look.state == LOOK_RUNNING) {
    CHECK(look.pid > 1 && process_stat(look.pid, &process) == 0);
    CHECK(process.start == look.start && process.state != 'Z' && process.state != 'X');
    folder_close(look.pidfd);
  }
  CHECK(folder_opened() == 0);
  return 0;
}
