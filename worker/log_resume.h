/* Takes up a log that was being written when its writer died, from what is on the disk. The writer before may have
 * been killed between any two of its steps. Blocks on the disk: it reads what was written since the last mark.
 */
#ifndef ROTA_WORKER_LOG_RESUME_H
#define ROTA_WORKER_LOG_RESUME_H

#include "worker/log_writer.h"

/* `attempt_dir` is the path of the directory that `dir` is. 0 with a writer at the end of what is there (an empty log
 * if there is none), or an error of base/err.h. */
int log_writer_resume(struct log_writer *w, const char *attempt_dir, int dir, uint64_t cap);

#endif
