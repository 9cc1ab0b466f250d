/* The bytes of migrations/ as they were when the program was built (scheduler/store/store.mk). */
#include "scheduler/store/migrate.h"

static const struct migration all[] = {
#include "migrations.inc"
};

size_t migrations(const struct migration **out) {
  *out = all;
  return sizeof all / sizeof all[0];
}
