/* The clocks of instant.h, in a file of their own so that a test can put others in their place. */
#include <assert.h>
#include <time.h>

#include "base/instant.h"

static int64_t read_clock(clockid_t id) {
  struct timespec now;
  int failed = clock_gettime(id, &now);
  assert(!failed);
  (void)failed;
  return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

instant clock_now(void) {
  return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void) {
  return read_clock(CLOCK_BOOTTIME);
}
