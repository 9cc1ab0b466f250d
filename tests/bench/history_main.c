/* `history DIR RUNS`: makes a state directory whose database holds so many runs, for `make bench`. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "scheduler/store/store.h"
#include "tests/bench/history_gen.h"

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: history DIR RUNS\n");
    return 2;
  }
  struct buf why = {0};
  struct store *store;
  int rc = store_open(argv[1], clock_now(), &store, &why);
  if (!rc) {
    store_close(store);
    rc = history_generate(argv[1], strtoll(argv[2], NULL, 10), clock_now());
  }
  if (rc) fprintf(stderr, "history: %s: %s\n", argv[1], why.len ? buf_cstr(&why) : err_text(rc));
  buf_release(&why);
  return rc ? 1 : 0;
}
