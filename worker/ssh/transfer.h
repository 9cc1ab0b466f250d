/* The files of a launch on their way to a host before it starts, or back after it has succeeded: one operation over
 * a link, which begins when it is made and ends by one call of `done`.
 *
 *   send:  what there is here --> what the host has --> what is missing there, two files at a time --> noted
 *   fetch: what the host has --> what is missing here, two files at a time --> noted
 *
 * A file that is there already with the same size, SHA-256 and mode isn't moved, so an operation that was cut can be
 * made anew and only moves what is missing. A file comes into its place whole or not at all. What was moved or found
 * in place is noted in the attempt's directory here as `files.json` (worker/ssh/files.h).
 *
 * All on the loop's thread; the disk is touched on a lane of the crew, in pieces, so that several transfers share it.
 * `done` comes from the loop, never from within a call here.
 */
#ifndef ROTA_WORKER_SSH_TRANSFER_H
#define ROTA_WORKER_SSH_TRANSFER_H

#include <stddef.h>

#include "scheduler/spec/launch.h"
#include "worker/crew.h"
#include "worker/ssh/link/link.h"

enum transfer_direction { TRANSFER_SEND, TRANSFER_FETCH };

struct transfer_options {
  struct link *link; /* borrowed: the transfer is freed before it. Should be up */
  struct crew *crew; /* borrowed: the transfer is freed before it */
  int lane;
  enum transfer_direction direction;
  /* All copied. `files` and `source_dir` are those of the launch: send and source_dir, or fetch and NULL. */
  const char *state_dir, *run_id, *attempt_id;
  const struct launch_file *files;
  size_t len;
  const char *source_dir;
  /* The one callback; everything may be called in it, transfer_free and link_free too (in this order).
   * 0: all is there. `text` is NULL.
   * ERR_INVALID: the user's: a file isn't there, is no file, can't be read, has no place. The attempt fails by
   * `text`, a sentence. Else (ERR_UNREACHABLE, ERR_FULL, ERR_IO): to be repeated later; `text` says why, for people.
   */
  void (*done)(void *ctx, int err, const char *text);
  void *ctx;
};

struct transfer;

/* Nothing to move is fine too, and costs a turn of a lane. */
struct transfer *transfer_new(const struct transfer_options *options);
/* At any moment; nothing more is called. What was under way is given up, what is in its place stays. Each is freed,
 * after `done` too. Accepts NULL. */
void transfer_free(struct transfer *t);

#endif
