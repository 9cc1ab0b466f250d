/* Memory that runs out: the nth allocation of the program and of SQLite fails.
 *
 * The program's own come here because tests/sim/disk.mk has the linker wrap malloc and its kin (what other libraries
 * allocate isn't seen), SQLite's by its configuration. What the disks of disk.h and this process's tests need for
 * themselves is to be outside of allocs_begin and allocs_end; the disks see to that themselves.
 */
#ifndef ROTA_TEST_ALLOCS_H
#define ROTA_TEST_ALLOCS_H

#include <stdbool.h>
#include <stdint.h>

/* Before SQLite is used at all. */
void allocs_install(void);
/* The calling thread's allocations count from here on; the nth fails, and with `ever` all after it. 0: none fails. */
void allocs_begin(int64_t nth, bool ever);
void allocs_end(void);
/* Since allocs_begin: how many there were, and how many failed. */
int64_t allocs_count(void);
int64_t allocs_failed(void);

/* Called where the program calls abort(), which it does when there is no memory; it doesn't return. NULL: it aborts.
 */
void allocs_on_abort(void (*then)(void));

#endif
