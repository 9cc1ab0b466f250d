/* `rota.damaged`: a page of the database was found that doesn't hold what it should. As long as the file is there the
 * database isn't opened, so that a restart, which looks at the small tables alone, doesn't write on. A restore takes
 * it away, or a person who knows better. Internal to the store.
 */
#ifndef ROTA_STORE_DAMAGE_H
#define ROTA_STORE_DAMAGE_H

#include "base/buf.h"
#include "base/instant.h"

#define DAMAGE_FILE "rota.damaged"

/* What was found, for the next start. On a disk that takes nothing more there is no file, and the next check finds it
 * again. The first word stands. */
void damage_note(const char *dir, instant now, const char *what);
/* ERR_CORRUPT with a sentence if there is a note; another code if that can't be known. */
int damage_check(const char *dir, struct buf *why);
/* Another database is in its place now. */
void damage_clear(const char *dir);

#endif
