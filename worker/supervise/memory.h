/* Whole pages that go back to the system when they are returned, so that what was needed to start a task doesn't stay
 * resident for its whole life.
 */
#ifndef ROTA_WORKER_SUPERVISE_MEMORY_H
#define ROTA_WORKER_SUPERVISE_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>

/* Zeroed; NULL if there is none. */
static inline void *memory_take(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static inline void memory_return(void *p, size_t size) {
  munmap(p, size);
}

#endif
