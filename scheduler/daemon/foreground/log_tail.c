#include "scheduler/daemon/foreground/log_tail.h"

#include <stdlib.h>

#include "worker/local.h"
#include "worker/logfile.h"

#define TAIL_BYTES (64 * 1024)

/* What a task prints is not to be trusted with a terminal. */
static void add_clean(struct buf *out, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bool plain = c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';
    if (c != '\r') buf_char(out, plain ? bytes[i] : '?');
  }
}

void log_tail(const char *state_dir, const char *run_id, const char *attempt_id, unsigned lines, struct buf *out) {
  char *dir = local_attempt_dir(state_dir, run_id, attempt_id);
  int err;
  struct logfile *lf = logfile_open(dir, &err);
  free(dir);
  if (!lf) return;
  uint64_t offset = 0, at;
  char *bytes = malloc(TAIL_BYTES);
  if (bytes && logfile_tail(lf, lines, TAIL_BYTES, &offset) == 0) {
    for (int64_t n; (n = logfile_read(lf, offset, bytes, TAIL_BYTES, &at)) > 0; offset = at + (uint64_t)n) {
      add_clean(out, bytes, (size_t)n);
    }
  }
  if (out->len > 0 && out->bytes[out->len - 1] != '\n') buf_char(out, '\n');
  free(bytes);
  logfile_close(lf);
}
