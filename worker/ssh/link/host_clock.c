#include "worker/ssh/link/host_clock.h"

#include <assert.h>

void host_clock_take(struct host_clock *c, int64_t asked, int64_t answered, int64_t uptime_us) {
  if (answered < asked || uptime_us < 0) return;
  /* Uptime is told in hundredths, cut. */
  const int64_t width = answered - asked + 10000;
  const struct host_clock told = {
      .known = true, .offset = asked - 10000 + width / 2 - uptime_us, .unsure = width / 2 + 1, .at = answered};
  const int64_t unsure = c->unsure + (answered - c->at) / HOST_CLOCK_DRIFT;
  const int64_t apart = c->offset > told.offset ? c->offset - told.offset : told.offset - c->offset;
  if (!c->known || told.unsure <= unsure || apart > told.unsure + unsure) *c = told;
}

int64_t host_clock_map(const struct host_clock *c, int64_t uptime_us) {
  assert(c->known);
  return uptime_us + c->offset;
}
