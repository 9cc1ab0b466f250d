/* What `rota doctor` asks of rooms that the command line doesn't know. */
#include <stdio.h>

#include "base/buf.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/store/place.h"
#include "scheduler/store/version.h"

bool daemon_state_fits(const char *dir, char *why, size_t why_size) {
  struct buf sentence = {0};
  bool fits = place_check(dir, &sentence) == 0;
  snprintf(why, why_size, "%s", buf_cstr(&sentence));
  buf_release(&sentence);
  return fits;
}

const char *daemon_sqlite_version(void) {
  return store_sqlite_version();
}
