#include "tests/sim/probes.h"

static const char *const texts[PROBES] = {
#define X(name, text) text,
    PROBE_LIST(X)
#undef X
};

const char *probe_text(enum probe probe) {
  return texts[probe];
}
