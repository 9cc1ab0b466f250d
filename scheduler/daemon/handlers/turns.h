/* Who may go on with a thing that only one at a time may: the first that takes it, then the others in the order in
 * which they came. Holds no memory of those that wait but its own.
 */
#ifndef ROTA_DAEMON_TURNS_H
#define ROTA_DAEMON_TURNS_H

#include <stdbool.h>

#include "base/map.h"

struct turns { /* zeroed at the beginning */
  struct map lines;
};

/* True if it is `who`'s turn at once; else `who` waits for turns_pass to give it back. */
bool turns_take(struct turns *t, const char *thing, void *who);
/* Whoever had the turn is through: the next one, whose turn it is now; NULL if nobody waits. */
void *turns_pass(struct turns *t, const char *thing);
/* Takes the next that waits out without giving it the turn; NULL if nobody waits. */
void *turns_dismiss(struct turns *t, const char *thing);
void turns_release(struct turns *t); /* nobody waits any more */

#endif
