/* What this machine keeps of an attempt on a host: any bytes in `remote` and `told` and `exit.0.exited` make a record
 * or an error, and what a record says of the place, the files to fetch and the cap is the same when it is written and
 * read again. */
#include <string.h>

#include "tests/fuzz/folder.h"
#include "worker/rundir.h"
#include "worker/ssh/host_record.h"

static bool same(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct record first = {0}, second = {0};
  part_put("remote", &data, &size);
  part_put("told", &data, &size);
  part_put(RUNDIR_EXIT_PREFIX "0.exited", &data, &size);
  if (record_read(FOLDER, &first) == 0) {
    CHECK(!first.ended || first.findings.status == 0);
    folder_drop("told"); /* it may name files to fetch as well: they are in `remote` then */
    CHECK(record_begin(FOLDER, &first) == 0);
    CHECK(record_read(FOLDER, &second) == 0);
    CHECK(same(first.place, second.place) && same(first.boot, second.boot) && first.log_cap == second.log_cap);
    CHECK(first.fetch_len == second.fetch_len && first.ended == second.ended);
    for (size_t i = 0; i < first.fetch_len; i++) {
      CHECK(same(first.fetch[i].path, second.fetch[i].path) && first.fetch[i].optional == second.fetch[i].optional);
    }
  }
  record_release(&first);
  record_release(&second);
  CHECK(folder_opened() == 0);
  return 0;
}
