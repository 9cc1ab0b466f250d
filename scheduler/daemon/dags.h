/* The folder of pipelines, as its last scan saw it: a scan walks it, reads and parses what changed since the one
 * before, and says what that means for each pipeline.
 *
 * Files that end in .yaml or .yml are pipelines, in subfolders too, down to DAGS_DEPTH_MAX of them. Left out are
 * files and folders whose names begin with `_` or `.`, and folders that are symbolic links; files may be links. If
 * two files would be the same pipeline (`a.yaml` and `a.yml`), the first by name is it and the other one is an error.
 *
 * What can't be read for now hasn't gone: neither a file nor a folder, the whole one included. It is listed with its
 * error, and looked at again by every scan. Blocks; for one thread at a time.
 */
#ifndef ROTA_DAEMON_DAGS_H
#define ROTA_DAEMON_DAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/vec.h"

#define DAGS_DEPTH_MAX 16

struct config;
struct pipeline;
struct dags;

enum dags_finding_kind {
  DAGS_LOADED, /* a file that is new or has other bytes than before, and loads */
  DAGS_BROKEN, /* one that doesn't */
  DAGS_GONE    /* no file gives this pipeline any more */
};

struct dags_finding {
  enum dags_finding_kind kind;
  char *name;                   /* the pipeline's */
  char *error;                  /* BROKEN: JSON array of the diagnostics */
  struct pipeline *pipeline;    /* LOADED, as all below: one reference */
  char sha256[SHA256_HEX_SIZE]; /* of the text */
  struct buf text, json;
};

struct dags_scan { /* what one scan found; zeroed, it found nothing */
  VEC(struct dags_finding) findings;
  size_t files;              /* that are there */
  VEC(const char *) folders; /* absolute paths, heap, of all that were read */
  /* All that is wrong now, whether it changed or not: as items of a JSON array, {"file", "pipeline", "diagnostics"},
   * and as lines for people. */
  struct buf broken, broken_shown;
};
void dags_scan_release(struct dags_scan *s);

struct dags *dags_new(void);
void dags_free(struct dags *d); /* accepts NULL */

/* A pipeline that the rows know already: if its file has these bytes, it isn't parsed again, and if it has none, it
 * has gone. `pipeline` may be NULL. Before the first scan. */
void dags_know(struct dags *d, const char *name, const char *sha256, struct pipeline *pipeline);

/* What is parsed is noted there, and what it holds isn't parsed; borrowed, NULL for none. Before the first scan. */
struct quarantine;
void dags_guard(struct dags *d, struct quarantine *q);

/* Scans config->dags; `anew` reads and parses every file, whether it changed or not. `out` is empty. */
void dags_scan(struct dags *d, const struct config *config, bool anew, struct dags_scan *out);

#endif
