/* What `rota doctor` asks of rooms that the command line doesn't know. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/store/place.h"
#include "scheduler/store/store.h"
#include "scheduler/store/version.h"

bool daemon_state_fits(const char *dir, char *why, size_t why_size) {
  struct buf sentence = {0};
  bool fits = place_check(dir, &sentence) == 0;
  snprintf(why, why_size, "%s", buf_cstr(&sentence));
  buf_release(&sentence);
  return fits;
}

/* What was said before the refusal is of no interest here. */
bool daemon_database_fits(const char *dir, char *why, size_t why_size) {
  struct buf report = {0};
  int err = store_look(dir, &report);
  while (report.len && report.bytes[report.len - 1] == '\n') buf_truncate(&report, report.len - 1);
  const char *last = report.len ? strrchr(report.bytes, '\n') : NULL;
  snprintf(why, why_size, "%s", last ? last + 1 : report.len ? report.bytes : err_text(err));
  buf_release(&report);
  return err == 0;
}

const char *daemon_sqlite_version(void) {
  return store_sqlite_version();
}
