/* The task's output on its way from the pipe into `log`, `log.1`, `log.2` and `log.idx` (docs/run-directory.md).
 *
 * Nothing is made before the first byte, the index not before the first mark or loss. The pipe is always read: what
 * can't be written is dropped and counted, and the first write that goes through again first records the gap, so that
 * offsets stay true. Up to half of the cap goes to `log`; after that `log.1` and `log.2`, a quarter of the cap each,
 * are filled in turn, the older one being emptied.
 */
#ifndef ROTA_WORKER_SUPERVISE_OUTPUT_H
#define ROTA_WORKER_SUPERVISE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct output {
  int pipe;                       /* -1 after its end */
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

/* `pipe` is the non-blocking end that is read. */
void output_init(struct output *o, int pipe, int64_t log_cap);
/* Reads what there is, at most `limit` bytes. True if the pipe may hold more; its end closes o->pipe. */
bool output_pump(struct output *o, uint64_t limit);
/* Records a last gap and closes the files. */
void output_end(struct output *o);

#endif
