/* Writes an attempt's log: `log`, `log.1`, `log.2` and `log.idx` (docs/run-directory.md). One piece serves the
 * supervisor, which writes what its task prints, and the daemon, which keeps a copy of what a host's task prints; so
 * it needs nothing but the C library and allocates nothing.
 *
 * Nothing is made before the first byte, the index not before the first mark or loss. Up to half of the cap goes to
 * `log`; after that `log.1` and `log.2`, a quarter of the cap each, are filled in turn, the older one being emptied.
 * What can't be written is dropped and counted (log_writer_keep) or given back (log_writer_put). A loss stands in the
 * index before anything behind it is written, so offsets stay true. Blocks on the disk.
 */
#ifndef ROTA_WORKER_LOG_WRITER_H
#define ROTA_WORKER_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log_writer {
  int dir;                        /* borrowed: the attempt's directory, or AT_FDCWD */
  int file;                       /* the file being written, -1 before the first byte */
  int index;                      /* log.idx, -1 while there is none */
  int current;                    /* 0 log, 1 log.1, 2 log.2 */
  uint64_t total, lines;          /* printed so far: bytes, newlines */
  uint64_t head_cap, tail_cap;    /* bytes for `log`, for each tail file */
  uint64_t room;                  /* bytes that still go into the current file */
  uint64_t dropped, drop_records; /* because they couldn't be written */
  uint64_t gap, gap_lines;        /* dropped since the last write, not yet in the index */
  uint64_t next_mark;
};

/* For a log that isn't there yet. A cap below LOG_CAP_MIN counts as that. */
void log_writer_init(struct log_writer *w, int dir, uint64_t cap);

/* `at` is now, or when the bytes arrived: microseconds since the epoch. */
void log_writer_keep(struct log_writer *w, const char *bytes, size_t len, int64_t at);
/* How many of the bytes were written, from the first on: fewer than `len` if the rest can't be, for which *error is
 * the errno, 0 without one. Nothing is dropped. */
size_t log_writer_put(struct log_writer *w, const char *bytes, size_t len, int64_t at, int *error);
/* The next `len` bytes were lost before they came here. */
void log_writer_skip(struct log_writer *w, uint64_t len);
/* Records a last loss and closes the files. */
void log_writer_end(struct log_writer *w, int64_t at);

#endif
