/* A time zone: which offset from UTC the clocks of a place show at an instant, and which instants a local time means.
 *
 * It is read from the TZif files of tzdata (RFC 9636): the 64-bit block and the rule in the footer, so that "fat" and
 * "slim" files give the same answers for ever. The C library's zone state is process-global and is never touched. The
 * loaded zone is read-only, and everything that asks it is re-entrant and allocates nothing. "UTC" and "Etc/UTC" are
 * built in and need no file.
 *
 * This is the one place of the room that does I/O: zone_load reads one small file, zone_stale and zone_local_name ask
 * for a file's attributes; these three may block on the disk. Who keeps loaded zones, and how long, is the caller's
 * matter: the daemon asks zone_stale hourly, since an update of tzdata restarts nobody.
 */
#ifndef ROTA_SPEC_ZONE_H
#define ROTA_SPEC_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define ZONE_NAME_SIZE  128         /* with the NUL */
#define ZONE_FILE_LIMIT (64 * 1024) /* bytes; the largest of tzdata has under 4 KiB */
#define ZONE_DIR        "/usr/share/zoneinfo"

struct zone;

/* A stretch of time with one offset. Neighbours may have equal offsets: then only the name or is_dst changes. */
struct zone_span {
  instant start, end; /* start <= t < end; ZONE_SPAN_FIRST and ZONE_SPAN_LAST where there is no change any more */
  int32_t offset_s;   /* seconds east of UTC; less than 26 hours either way */
  bool is_dst;
  const char *abbreviation; /* "CET"; lives as long as the zone */
};

#define ZONE_SPAN_FIRST (INT64_MIN + 1)
#define ZONE_SPAN_LAST  INT64_MAX

/* True for a name of [A-Za-z0-9_+-] parts joined by single slashes: it can't leave the folder that it is looked up
 * in. Whether there is such a zone, zone_load tells. */
bool zone_name_valid(const char *name);

/* Reads the zone; `dir` NULL is ZONE_DIR. On success *out is the caller's, to be given to zone_free.
 * ERR_INVALID: the name is none; ERR_NOT_FOUND: no such file; ERR_TOO_LARGE; ERR_CORRUPT: not a TZif file of version
 * 2 or later, damaged, or one that counts leap seconds (the "right/" zones); ERR_IO and its like: can't be read. */
int zone_load(const char *name, const char *dir, struct zone **out);
/* The same from bytes in memory. ERR_INVALID or ERR_CORRUPT as above. */
int zone_parse(const char *name, const void *bytes, size_t len, struct zone **out);
void zone_free(struct zone *z); /* accepts NULL */
/* The zone that needs no file. */
const struct zone *zone_utc(void);

const char *zone_name(const struct zone *z);
/* What it was read from, for zone_parse to read again; NULL for the zone that needs no file. */
const void *zone_bytes(const struct zone *z, size_t *len);
/* True if the file that it was read from has been replaced, changed or removed since; false for what has no file. */
bool zone_stale(const struct zone *z);

/* The stretch that `t` lies in. Its `end` is the next change of the clocks; one before its `start` is the stretch
 * before. */
struct zone_span zone_span_at(const struct zone *z, instant t);
/* Seconds east of UTC at `t`. */
int32_t zone_offset(const struct zone *z, instant t);
/* What the clocks show at `t`. */
struct civil zone_civil(const struct zone *z, instant t);

/* The instants at which the clocks show `c`, rising: 1 in nearly all cases, 2 if it is repeated (the first two, in a
 * file that no tzdata has made), 0 if it is skipped.
 * If it is skipped and `gap_end` isn't NULL, *gap_end is the first instant after the gap. */
int zone_local_to_instants(const struct zone *z, const struct civil *c, instant out[2], instant *gap_end);

/* The name of this machine's zone: where the link ETC/localtime points to, else what ETC/timezone says, else "UTC".
 * `etc` NULL is "/etc". The name is valid; the zone need not be installed. */
void zone_local_name(const char *etc, char out[ZONE_NAME_SIZE]);

#endif
