/* A target of the fuzzer is one function that takes any bytes. It is linked with libFuzzer by `make fuzz`, and by
 * `make test` with replay.c, which feeds it the kept inputs (corpus/NAME). CHECK holds in both. */
#ifndef ROTA_TESTS_FUZZ_FUZZ_H
#define ROTA_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

static inline void fuzz_broken(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: doesn't hold: %s\n", file, line, what);
  abort();
}

#endif
