/* The result of a host's examination, as the API answers it and the host's row keeps it. */
#ifndef ROTA_DAEMON_EXAMINATION_H
#define ROTA_DAEMON_EXAMINATION_H

#include "base/buf.h"
#include "base/instant.h"
#include "worker/ssh/doctor.h"

/* {"host", "at", "checks": [{"name", "result", "text", "todo"}]} */
void examination_json(const char *host, instant at, const struct doctor_check *checks, size_t len, struct buf *out);
const char *doctor_result_word(enum doctor_result result);

#endif
