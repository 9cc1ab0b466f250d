/* What is ready and waits for a place. Tasks that want the same slots at the same place wait in one lane, so that a
 * full slot holds up nobody who doesn't want it; in a lane each run shows only its best task, so that a run at its
 * max_tasks holds up nobody either. The order: the task's priority, then the longest path still ahead of it, then the
 * older run, then the order of the file.
 *
 * Who waits for a slot claims it: a task that comes later in the order doesn't take a unit of it, so one that needs
 * two units isn't passed for ever by those that need one.
 */
#ifndef ROTA_ENGINE_READY_H
#define ROTA_ENGINE_READY_H

#include "scheduler/engine/model.h"

/* ERR_INVALID with a message in the scratch arena if one of its settings can't be resolved. */
int ready_add(struct instance *i, const char **message);
void ready_remove(struct instance *i); /* nothing happens if it isn't there */
/* The run may have room below its max_tasks again. */
void ready_room(struct live_run *r);
/* Whether it is below its max_tasks. */
bool run_has_room(const struct live_run *r);
/* The configuration changed: looks up the hosts of every lane anew. */
void ready_configure(struct engine *e);
/* Starts all that can be started. */
void ready_dispatch(struct engine *e);
/* Why a ready task isn't started, in words that follow "waits for", or a sentence of its own. */
void ready_explain(struct engine *e, struct instance *i, struct buf *out);
/* SLOT, or what keeps everything ready from starting now: PAUSED, HOST. */
enum wait_reason ready_wait(const struct engine *e, const struct instance *i);
/* The pause or the hosts changed: sets the wait of all that is ready. */
void ready_relabel(struct engine *e);
/* A host was declared down or taken back: what is ready and has its ROTA_STATE somewhere chooses its lane anew. */
void ready_replace(struct engine *e);
/* A run ends: its feeds go. All of them are empty. */
void ready_forget(struct live_run *r);
void ready_release(struct engine *e);

extern const struct heap_kind ready_instances, ready_feeds;

#endif
