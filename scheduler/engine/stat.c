/* How long a task took lately. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/rows.h"

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int64_t stat_median_ms(const struct stat_row *stat) {
  if (stat->len == 0) return -1;
  uint32_t sorted[STAT_RECENT];
  memcpy(sorted, stat->ms, stat->len * sizeof *sorted);
  qsort(sorted, stat->len, sizeof *sorted, by_size);
  return sorted[stat->len / 2];
}
