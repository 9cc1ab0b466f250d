/* The task's output on its way from the pipe into its log (worker/log_writer.h). The pipe is always read: what can't
 * be written is dropped and counted.
 */
#ifndef ROTA_WORKER_SUPERVISE_OUTPUT_H
#define ROTA_WORKER_SUPERVISE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/log_writer.h"

struct output {
  int pipe; /* -1 after its end */
  struct log_writer log;
};

/* `pipe` is the non-blocking end that is read; the log lies in the current directory. */
void output_init(struct output *o, int pipe, int64_t log_cap);
/* Reads what there is, at most `limit` bytes. True if the pipe may hold more; its end closes o->pipe. */
bool output_pump(struct output *o, uint64_t limit);
/* Records a last gap and closes the files. */
void output_end(struct output *o);

#endif
