/* The git work tree that holds a directory: its commit, and whether tracked files differ from it.
 *
 * Each run asks once for each directory, on a thread of the loop's pool, off the path on which tasks start. Without
 * git, or outside of a work tree, the answer is that there is none.
 */
#ifndef ROTA_DAEMON_WORK_TREE_H
#define ROTA_DAEMON_WORK_TREE_H

#include <stdatomic.h>
#include <uv.h>

#include "base/arena.h"

/* `commit` is NULL if there is no work tree; `dirty` 1, 0, or -1 if unknown. */
typedef void work_tree_fn(void *ctx, const char *run_id, const char *dir, const char *commit, int dirty);

/* Answers through `fn` on the loop's thread, once, also if nothing could be found out. Gives up within a moment when
 * `stop` becomes true; it must live until the answer. */
void work_tree_look_up(uv_loop_t *loop, const char *run_id, const char *dir, const atomic_bool *stop,
                       work_tree_fn *fn, void *ctx);

/* The files that differ between two commits, WORK_TREE_CHANGES_MAX at most. Blocks on git, for 10 s at most.
 * ERR_INVALID if one is no commit's name; ERR_NOT_FOUND if git can't tell: there is none, the directory is gone or it
 * doesn't know the commits, or it took too long, or `stop` became true. */
#define WORK_TREE_CHANGES_MAX 500
struct work_tree_change {
  char status; /* as git has it: A, M, D, T */
  const char *path;
};
int work_tree_changes(const char *dir, const char *from, const char *to, const atomic_bool *stop, struct arena *a,
                      struct work_tree_change **out, size_t *len);

#endif
