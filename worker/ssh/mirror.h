/* The copy that this machine keeps of a log on a host: the same files as of a task here (docs/run-directory.md), in
 * the attempt's directory, written on a lane of a crew. What it holds says where the next byte is to be fetched from,
 * so a copy goes on after a crash where it was, and nothing of the log is kept but on the disk.
 *
 * The stamps in its index are the times at which bytes arrived. If the disk here is full nothing is dropped: the host
 * still has it, so the append is given back and asked for again. Only what the host itself has dropped is a gap.
 *
 *   new --> opening --ready--> idle <--written-- writing      free at any moment
 *
 * All on the loop's thread. Callbacks come from the loop, and may call anything here, mirror_free too.
 */
#ifndef ROTA_WORKER_SSH_MIRROR_H
#define ROTA_WORKER_SSH_MIRROR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "worker/crew.h"

struct mirror;

struct mirror_events {
  /* Once: `position` bytes of the log are held, gaps included; or `err` (base/err.h), after which it is only freed.
   */
  void (*ready)(void *ctx, int err, uint64_t position);
  /* Each append has one. On an error (ERR_FULL, ...) what is held says how far it came; the rest is to be given
   * again, after a while. */
  void (*written)(void *ctx, int err, uint64_t position);
};

struct mirror_options {
  struct crew *crew;
  int lane;
  const char *attempt_dir;            /* made if it isn't there, and the folder of its run; copied */
  uint64_t cap;                       /* bytes kept of it here; the one that it was begun with */
  const struct mirror_events *events; /* borrowed */
  void *ctx;
};

struct mirror *mirror_new(const struct mirror_options *options);
/* When it is idle: the bytes of the log from `offset` on, which is the position or behind it (what lies between is
 * lost for good). The bytes are taken; what is in the buffer after is another's memory, empty, to be used again. */
void mirror_append(struct mirror *m, uint64_t offset, struct buf *bytes);
/* Nothing more is called. Accepts NULL. */
void mirror_free(struct mirror *m);

#endif
