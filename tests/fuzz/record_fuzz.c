/* What this machine keeps of an attempt on a host: any bytes in `remote` and `told` and `exit.0.exited` make a record
 * or an error, and what a record says of the place, the files to fetch and the cap is the same when it is written and
 * read again. */
#include "tests/fuzz/folder.h"

#include "worker/ssh/host_record.h"

static void put_part(const char *name, const uint8_t **data, size_t *size) {
  const uint8_t *part = NULL;
  size_t len = part_next(data, size, &part);
  if (len)
    folder_put(name, part, len);
  else
    folder_drop(name);
}

static bool same(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct record first = {0}, second = {0};
  put_part("remote", &data, &size);
  put_part("told", &data, &size);
  put_part(RUNDIR_EXIT_PREFIX "0.exited", &data, &size);
  if (record_read(folder(), &first) == 0) {
    CHECK(!first.ended || first.findings.status == 0);
    folder_drop("told"); /* it may name files to fetch as well: they are in `remote` then */
    CHECK(record_begin(folder(), &first) == 0);
    CHECK(record_read(folder(), &second) == 0);
    CHECK(same(first.place, second.place) && same(first.boot, second.boot) && first.log_cap == second.log_cap);
    CHECK(first.fetch_len == second.fetch_len && first.ended == second.ended);
    for (size_t i = 0; i < first.fetch_len; i++) {
      CHECK(same(first.fetch[i].path, second.fetch[i].path) && first.fetch[i].optional == second.fetch[i].optional);
    }
  }
  record_release(&first);
  record_release(&second);
  return 0;
}
