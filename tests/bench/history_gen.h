/* A history to measure with: pipelines, and runs of them over the past, with rounds, tasks, attempts, outputs and
 * events, like a team's: most succeed, some fail, a few pipelines run far more often than the others. The same
 * numbers give the same rows. */
#ifndef ROTA_BENCH_HISTORY_GEN_H
#define ROTA_BENCH_HISTORY_GEN_H

#include <stdint.h>

#include "base/instant.h"

/* Fills the database of a state directory that store_open has made and that nobody has open. Returns 0 or a code of
 * base/err.h. Ends before `now`. */
int history_generate(const char *dir, int64_t runs, instant now);

#endif
