/* Small texts that commands make and read: targets of the API, references to runs, spans of time. */
#ifndef ROTA_CLI_TEXT_H
#define ROTA_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Percent-encodes all but the unreserved characters of RFC 3986. */
void url_encode(struct buf *out, const char *text);
/* "/api/v1/runs/nightly%23412" + suffix ("/why" or ""). */
void url_run(struct buf *out, const char *run, const char *suffix);
/* "/api/v1/pipelines/forecast.nightly" + suffix. */
void url_pipeline(struct buf *out, const char *name, const char *suffix);
/* Adds "?name=value" or "&name=value"; a NULL value adds nothing. */
void url_query(struct buf *out, const char *name, const char *value);
void url_query_int(struct buf *out, const char *name, int64_t value);

/* Whether it may name a run: an id or a prefix of one, `nightly#412`, `nightly`, `nightly@failed`.
 * Which states there are, the daemon knows. */
bool run_ref_valid(const char *text);
/* Whether it may name a pipeline. */
bool pipeline_ref_valid(const char *text);
/* The length of K in "K=V"; 0 if it isn't of that form. */
size_t param_name_len(const char *text);

#define LOCAL_TEXT_SIZE 48
/* The instant of the API ("...Z") on this machine's clock with its offset: "2026-03-29 03:30:00+02:00". "-" for NULL
 * and for what is none. */
void local_format(const char *rfc3339, char out[LOCAL_TEXT_SIZE]);

/* Makes what a task wrote fit for a terminal, over any cuts between calls: colours (SGR) and printable text pass,
 * every other control but tab, line feed and carriage return is shown as '?'. `state` is zeroed at the beginning. */
struct log_filter {
  char held[32];
  size_t len;
};
void log_filter(struct log_filter *state, const char *bytes, size_t len, struct buf *out);

#endif
