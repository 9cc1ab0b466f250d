#include "worker/executor.h"

#include <string.h>

#include "worker/rundir.h"

static const char *const words[] = {
#define X(name, word) [ENDED_##name] = word,
    ENDED_LIST(X)
#undef X
};

/* The supervisor has a list of its own, because it includes nothing of ours but rundir.h. */
#define X(name, word) _Static_assert((int)ENDED_##name == (int)RUNDIR_##name, "the two lists of ends agree");
ENDED_LIST(X)
#undef X

const char *ended_word(enum ended_how how) {
  return words[how];
}

int ended_from_word(const char *word) {
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i], word) == 0) return (int)i;
  }
  return -1;
}
