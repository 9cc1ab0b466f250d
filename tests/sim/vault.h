/* The real store on a disk of disk.h, for one seed: opened, written, cut off and opened again. What it needs of real
 * time it gets from the seed's clock (the linker sends clock_now and clock_monotonic here), so that a seed stays the
 * same. */
#ifndef ROTA_TESTS_SIM_VAULT_H
#define ROTA_TESTS_SIM_VAULT_H

#include "scheduler/store/store.h"
#include "tests/sim/world.h"

struct vault;

struct vault *vault_new(struct world *w);
void vault_free(struct vault *v); /* accepts NULL */

/* As store_commit, with the housekeeping that follows; and as store_health says, whether the reserve is gone. */
int vault_commit(struct vault *v, const struct change *changes, size_t len);
/* The process dies after so many calls of the commit, or with `power` the machine. True if it is durable. */
bool vault_commit_cut(struct vault *v, const struct change *changes, size_t len, int64_t calls, bool power);
/* The process dies at once, with `power` the machine; it is opened again. True if one more than was acknowledged is
 * there. */
bool vault_cut(struct vault *v, bool power);
bool vault_full(struct vault *v);
/* No room but for so many bytes; 0: there is room again. */
void vault_limit(struct vault *v, int64_t bytes);
/* The next sync fails. */
void vault_sync_fails(struct vault *v);
void vault_crash(struct vault *v, bool power);
/* From now on syncs do nothing, until the power goes, which takes all of it along, the witness perhaps not. */
void vault_lie(struct vault *v);
/* One bit of a page turns over, in its header: what a row holds SQLite couldn't know better. Or one of the log, when
 * the process dies next: while it lives it has read it already. */
void vault_rot(struct vault *v, struct dice *d);
void vault_heal(struct vault *v);
/* The disk may have spoiled something that nobody has noticed. */
bool vault_doubtful(const struct vault *v);
/* Opens it and loads what a start needs; the end of the seed if that can't be. False: it is refused, as it should. */
bool vault_load(struct vault *v, struct store_loaded *out);

/* What a client's answer hangs on, as the daemon reads it. False: there is none. */
bool vault_request(struct vault *v, const char *key, const char *body_sha256, struct arena *a,
                   struct request_row *out);
void vault_run_rows(struct vault *v, const char *run_id, struct arena *a, struct run_rows *out);

#endif
