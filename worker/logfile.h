/* An attempt's log as its supervisor keeps it (docs/run-directory.md): read while it is being written.
 *
 * Offsets count the bytes that the task printed. What was dropped (the middle of a log over its cap, or what found no
 * room on the disk) has offsets too and can't be read; reading goes on behind it, and the offset that comes back says
 * so. Everything here may block on the disk; a reader holds no lock and never disturbs the writer. The task can write
 * into the directory too: no link is followed (attempt_dir.h), and what no supervisor would have written, an index of
 * a million records or 4 GiB without a mark, is ERR_TOO_LARGE.
 */
#ifndef ROTA_WORKER_LOGFILE_H
#define ROTA_WORKER_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

struct logfile;

struct logfile_extent {
  uint64_t size;    /* the offset behind the last byte known to be written */
  uint64_t dropped; /* of those, how many can't be read */
};

/* NULL with *err: ERR_NOT_FOUND if there is no such attempt. One whose task has printed nothing is an empty log. */
struct logfile *logfile_open(const char *attempt_dir, int *err);
void logfile_close(struct logfile *lf);

/* As of now; a log that is being written grows. 0 or an error. */
int logfile_extent(struct logfile *lf, struct logfile_extent *out);
/* Reads up to `len` bytes at the first offset from `offset` on that was kept, which is stored in *at. Returns how
 * many; 0 at the end; or an error. One call never reads across a gap. */
int64_t logfile_read(struct logfile *lf, uint64_t offset, void *out, size_t len, uint64_t *at);
/* The offset at which the last `lines` lines begin; an unfinished line at the end counts as one. Looks back at most
 * `limit` bytes: if they hold fewer lines the offset is where they begin. */
int logfile_tail(struct logfile *lf, uint64_t lines, uint64_t limit, uint64_t *offset);
/* The offset at which line `line` (from 0) begins, by the index; ERR_NOT_FOUND if the log has fewer. If the line was
 * dropped, the offset of what was kept behind it. */
int logfile_line(struct logfile *lf, uint64_t line, uint64_t *offset);
/* The number of the line that the byte at `offset` is in, from 0; dropped lines are counted. */
int logfile_line_at(struct logfile *lf, uint64_t offset, uint64_t *line);
/* When a byte behind `from` up to `to` had been printed, if the index has a stamp there; INSTANT_NONE if not. As of
 * the last call that looked at the disk, as is the next. */
instant logfile_stamp(const struct logfile *lf, uint64_t from, uint64_t to);
/* The ranges that were dropped, in order, at most `max`; returns how many. */
struct logfile_gap {
  uint64_t offset, bytes;
};
size_t logfile_gaps(const struct logfile *lf, struct logfile_gap *out, size_t max);
/* When the byte at `offset` had been printed at the latest, as far as the index tells; INSTANT_NONE if it doesn't. */
int logfile_time_at(struct logfile *lf, uint64_t offset, instant *at);

#endif
