#include "worker/ssh/remote/ops_text.h"

#include "remote.inc"
#include "worker/ssh/remote/ops.h"

const char *ops_text_remote(void) {
  return remote_text;
}

const char *ops_text_supervise(void) {
  return supervise_text;
}

const char *ops_supervisor_hash(void) {
  return supervise_hash;
}
