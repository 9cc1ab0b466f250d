/* The claim: who may run the attempt of this directory. Exactly one supervisor ever gets it, however many are
 * started, because link(2) to `owner` succeeds for one alone.
 */
#ifndef ROTA_WORKER_SUPERVISE_CLAIM_H
#define ROTA_WORKER_SUPERVISE_CLAIM_H

#include <stdbool.h>

/* True if `owner` exists: somebody runs the attempt, has run it, or has fenced it. */
bool claim_taken(void);
/* 0 if the claim is ours; EEXIST if it is another's; otherwise the errno of why it couldn't be made. */
int claim_take(void);
/* Gives the claim back. Only for who has it and has made no process: the attempt may then be started again. */
void claim_return(void);

#endif
