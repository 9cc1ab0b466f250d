/* Hands the files of one run on to another: ROTA_WORK and some directories of ROTA_STATE. */
#ifndef ROTA_WORKER_LOCAL_PREPARE_H
#define ROTA_WORKER_LOCAL_PREPARE_H

#include "worker/local_jobs.h"

/* On the loop's thread, once; `text` is NULL unless it failed. Not called if the crew is closed before. */
typedef void prepared_fn(void *ctx, const char *run_id, int err, const char *text);

/* Copies on LANE_COPY. A directory that the other run doesn't have is no failure: there is nothing to hand on. */
void prepare_submit(const struct local_place *place, const char *run_id, const char *from_run_id,
                    const char *const *state_keys, size_t state_keys_len, prepared_fn *prepared, void *ctx);

#endif
