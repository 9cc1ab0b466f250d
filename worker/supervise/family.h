/* The task's descendants. The supervisor is the reaper of orphans, so whatever descends from the task descends from
 * it for as long as it lives, whatever group or session it moved to; that is how all of them are found.
 *
 * No stranger can be hit: a group is signalled only while a child of ours that isn't reaped is in it, which reserves
 * its number; a single process through a pidfd whose identity was checked after it was opened.
 */
#ifndef ROTA_WORKER_SUPERVISE_FAMILY_H
#define ROTA_WORKER_SUPERVISE_FAMILY_H

#include <sys/types.h>

/* Sends the signal to every descendant that is found in one walk through /proc; `group` is the task's group. To get
 * at those who fork meanwhile it is repeated until no child is left. */
void family_signal(pid_t group, int sig);

#endif
