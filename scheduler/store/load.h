/* Rows out of the tables into the structs of scheduler/engine/rows.h. Internal to the store. */
#ifndef ROTA_STORE_LOAD_H
#define ROTA_STORE_LOAD_H

#include "base/map.h"
#include "scheduler/store/quarantine.h"
#include "scheduler/store/statements.h"
#include "scheduler/store/store.h"

/* All rows of a bound statement whose first columns are those of the table of `kind`, as one array in the arena. */
int load_rows(sqlite3_stmt *q, enum change_kind kind, struct arena *a, void *items, size_t *len);

/* What run r came from, and the runs before that, at most the parameter `most` of them, as two columns. The longest
 * list is the greatest, since each is the beginning of the next one. */
#define LOAD_LINKED(most)                                                                                            \
  "(SELECT l.id FROM run l WHERE l.key = r.linked_from),"                                                            \
  " (WITH RECURSIVE before (key, ids, n) AS ("                                                                       \
  "  SELECT l.linked_from, '', 0 FROM run l WHERE l.key = r.linked_from"                                             \
  "  UNION ALL SELECT l.linked_from, ids || ' ' || l.id, n + 1"                                                      \
  "   FROM before CROSS JOIN run l ON l.key = before.key WHERE n < " most ")"                                        \
  " SELECT nullif(substr(max(ids), 2), '') FROM before)"

/* The row of RUNS_LIVE or RUN_BY_ID that a statement stands on: the run, its pipeline's name, what it came from. */
int load_run_row(sqlite3_stmt *q, struct arena *a, struct run_rows *out);

/* The pipelines of versions, each made once. */
struct load_specs {
  struct map by_version;         /* struct pipeline *, one reference each */
  struct quarantine *quarantine; /* takes note of what is read; NULL */
};
/* A borrowed pipeline, with its sha256; ERR_CORRUPT if the JSON isn't one, ERR_AGAIN if it is left aside. */
int load_spec(struct statements *st, struct load_specs *specs, int64_t version, char sha256[SHA256_HEX_SIZE],
              struct pipeline **out, struct buf *why);
void load_specs_release(struct load_specs *specs);

/* Fills in tasks, attempts, outputs and the pipeline of a run whose row is there. */
int load_run(struct statements *st, struct load_specs *specs, struct arena *a, struct run_rows *run, struct buf *why);

#endif
