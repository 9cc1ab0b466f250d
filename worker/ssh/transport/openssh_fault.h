/* Why an `ssh` ended, by what it wrote to its standard error. Pure. */
#ifndef ROTA_WORKER_SSH_TRANSPORT_OPENSSH_FAULT_H
#define ROTA_WORKER_SSH_TRANSPORT_OPENSSH_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/transport.h"

#define COMPLAINT_MAX 8192

/* What it wrote so far: whole lines without its debugging, the first COMPLAINT_MAX bytes. Zeroed is empty. */
struct complaint {
  struct buf text, line;
  char type[64];                      /* "ED25519": of the key that the host showed */
  char fingerprint[FINGERPRINT_SIZE]; /* of that key; "" as long as none was shown */
  bool ready; /* it said that the login is through and the socket for further channels is there */
};

void complaint_add(struct complaint *c, const char *bytes, size_t len);
void complaint_release(struct complaint *c);
/* The fault that it means; the sentence is appended to `out`. `status` is what waitpid gave. */
enum transport_fault complaint_fault(const struct complaint *c, const struct ssh_settings *s, int status,
                                     struct buf *out);

#endif
