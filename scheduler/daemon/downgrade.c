/* `rota downgrade`: the database as an older program reads it, with no daemon running. */
#include "scheduler/store/downgrade.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "scheduler/daemon/daemon.h"

int daemon_downgrade(const struct downgrade_options *options) {
  struct buf kept = {0}, why = {0};
  int64_t from, to = options->to ? options->to : DOWNGRADE_ONE;
  int err = store_downgrade(options->state, &from, &to, &kept, &why), code = EXIT_OK;
  if (err) {
    fprintf(stderr, "rota: nothing was changed: %s\n", why.len ? why.bytes : err_text(err));
    if (err == ERR_BUSY) fprintf(stderr, "  stop the daemon of %s first; tasks go on\n", options->state);
    code = err == ERR_INVALID || err == ERR_NOT_FOUND || err == ERR_NEWER ? EXIT_USAGE : EXIT_FAILED;
  } else if (from == to) {
    printf("the database has schema %" PRId64 " already\n", to);
  } else {
    printf("the database has schema %" PRId64 " now; as it was it is kept as %s\n"
           "install the older version before the daemon is started: this one would bring it to schema %" PRId64
           " again\n",
           to, buf_cstr(&kept), from);
  }
  buf_release(&kept);
  buf_release(&why);
  return code;
}
