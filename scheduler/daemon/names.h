/* The names that people know things by, for log lines and lists: pipelines by key, live runs by key. Kept from the
 * rows that pass by; loop thread only. */
#ifndef ROTA_DAEMON_NAMES_H
#define ROTA_DAEMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/map.h"
#include "scheduler/engine/rows.h"

struct pipeline_name {
  char *text;
  bool present; /* there is a file for it */
};

struct run_name {
  struct id id;
  char *text; /* "nightly#412" */
  enum run_state state;
};

struct names {
  struct map pipelines; /* key as bytes -> struct pipeline_name */
  size_t present;       /* how many of them have a file */
  struct map runs;      /* key as bytes -> struct run_name */
};

void names_release(struct names *n);
/* Learns from a row. */
void names_pipeline_put(struct names *n, const struct pipeline_row *row);
/* "?" for a key that was never seen. */
const char *names_pipeline(const struct names *n, int64_t key);
/* Learns from a row; a run that has ended is kept until names_forget. */
void names_run_put(struct names *n, const struct run_row *row);
void names_run_forget(struct names *n, int64_t key);
/* NULL if it isn't known. */
const struct run_name *names_run(const struct names *n, int64_t key);

#endif
