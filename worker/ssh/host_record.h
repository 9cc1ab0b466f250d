/* What this machine keeps of an attempt on a host, in the attempt's directory here (STATE/runs/RUN/ATTEMPT/), beside
 * the copy of its log:
 *
 *   `remote`      before the start is sent: where it was started and what is to be fetched afterwards
 *   the results   under the names of the run directory, as they came over
 *   `told`        the sentences of the report, if there are any
 *   `exit.*`      last, by rename: from then on everything of the attempt is here, and the host isn't asked any more
 *
 * So a daemon that comes back finds an attempt whose end it had reported, even if the database never heard of it and
 * the host is gone. `remote` and `told` are NUL-terminated `key=value` strings that begin with "rota=1".
 *
 * Blocks on the disk; pure but for that. No link is followed (worker/attempt_dir.h).
 */
#ifndef ROTA_WORKER_SSH_HOST_RECORD_H
#define ROTA_WORKER_SSH_HOST_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/spec/launch.h"
#include "worker/look.h"

/* Strings and lists belong to the record. */
struct record {
  char *place; /* the root on the host that belongs to its machine; NULL if unknown */
  char *boot;
  char *text;  /* for the report, instead of what the findings say; NULL */
  char *fault; /* NULL */
  struct launch_file *fetch;
  size_t fetch_len;
  uint64_t log_cap;
  uint64_t log_at; /* how far the copy of its log is */
  bool ended;      /* `findings` say how; times are by this machine's clock */
  struct findings findings;
};

struct record_result { /* one file that the task wrote */
  char *name;
  char *bytes;
  size_t len;
};

/* Makes the directory and writes `remote`. */
int record_begin(const char *dir, const struct record *r);
/* 0; ERR_NOT_FOUND if nothing was ever recorded; what isn't written is NULL, 0 and false. Release it in any case. */
int record_read(const char *dir, struct record *out);
/* Writes the results, `told` and at last `exit.*`. Makes the directory if it is missing. */
int record_end(const char *dir, const struct record *r, const struct record_result *results, size_t results_len);
void record_release(struct record *r);

/* The names of the files that a task may write, NULL at the end. */
extern const char *const record_names[];

#endif
