/* The git work tree that holds a directory: its commit, and whether tracked files differ from it.
 *
 * Each run asks once for each directory, on a thread of the loop's pool, off the path on which tasks start. Without
 * git, or outside of a work tree, the answer is that there is none.
 */
#ifndef ROTA_DAEMON_WORK_TREE_H
#define ROTA_DAEMON_WORK_TREE_H

#include <stdatomic.h>
#include <uv.h>

/* `commit` is NULL if there is no work tree; `dirty` 1, 0, or -1 if unknown. */
typedef void work_tree_fn(void *ctx, const char *run_id, const char *dir, const char *commit, int dirty);

/* Answers through `fn` on the loop's thread, once, also if nothing could be found out. Gives up within a moment when
 * `stop` becomes true; it must live until the answer. */
void work_tree_look_up(uv_loop_t *loop, const char *run_id, const char *dir, const atomic_bool *stop,
                       work_tree_fn *fn, void *ctx);

#endif
