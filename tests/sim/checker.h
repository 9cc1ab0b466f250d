/* The invariants, held against what really happened. The checker keeps books of its own: what processes ran, what
 * clients were told, what rows became durable. Of the engine it knows the rows that it wrote and the decisions that
 * it made, and the answers to its questions; none of its code, none of its model.
 *
 * It ends the seed with a sentence (world_fail) at the first thing that must not be.
 */
#ifndef ROTA_TESTS_SIM_CHECKER_H
#define ROTA_TESTS_SIM_CHECKER_H

#include "tests/sim/world.h"

struct proc;
struct request;

struct checker *checker_new(struct world *w);
void checker_free(struct checker *c);

/* A process was made of an attempt. */
void checker_claimed(struct world *w, const struct proc *a);
/* A row is about to become durable, after it all rows of its commit have. */
void checker_row(struct world *w, const struct change *change);
void checker_commit(struct world *w);
/* A step begins and has been taken; its rows aren't durable yet. */
void checker_stepping(struct world *w, const struct engine_event *events, size_t len);
void checker_stepped(struct world *w, const struct engine *e, const struct step *step, struct moment now);
/* A decision is about to be carried out; all of a step have been. */
void checker_decision(struct world *w, const struct decision *d);
void checker_settled(struct world *w);
/* The daemon came back and has read the rows. */
void checker_restored(struct world *w, const struct engine *e);
/* A client has its answer. */
void checker_acknowledged(struct world *w, const struct request *q);
/* The faults are over and everything has come to its end. */
void checker_healed(struct world *w);
/* Whether everything has, and what hasn't. */
bool checker_quiet(struct world *w, const char **why);

size_t checker_attempts(const struct world *w);

#endif
