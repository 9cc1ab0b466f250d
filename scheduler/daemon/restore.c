/* `rota restore FILE`: a snapshot in the place of the database, with no daemon running. */
#include "scheduler/store/restore.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "scheduler/daemon/daemon.h"

int daemon_restore(const struct restore_options *options) {
  (void)options;
  return EXIT_FAILED;
}
