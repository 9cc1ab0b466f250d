/* What the files of a transfer share: transfer.c (its course), transfer_send.c and transfer_fetch.c (files on their
 * way).
 *
 *   listing --> asking (the host) --> checking (what is in place) --> moving --> noting --> done
 *      ^                                                                 |
 *      '---- again, if something was changed while it was moved, up to 3 times
 */
#ifndef ROTA_WORKER_SSH_TRANSFER_INSIDE_H
#define ROTA_WORKER_SSH_TRANSFER_INSIDE_H

#include "base/buf.h"
#include "worker/ssh/files.h"
#include "worker/ssh/transfer.h"

#define TRANSFER_MOVERS 2             /* channels at a time */
#define TRANSFER_BATCH  64            /* small files that share a channel */
#define TRANSFER_SMALL  (256u << 10)  /* bytes that a small file has at most */
#define TRANSFER_LOAD   (4u << 20)    /* bytes of those that share one */
#define TRANSFER_PIECE  (256u << 10)  /* bytes that are read or written at once */
#define TRANSFER_ROUNDS 3             /* until a file that keeps changing is the user's problem */
#define TRANSFER_LONG   (6 * 3600000) /* ms: a request that makes sums of whole files */

/* One file on its way, or some small ones, one after the other. `job` is on the lane while `working`; all that it
 * touches is its own then. */
struct mover {
  struct job job;
  struct transfer *t;
  int index;
  void (*then)(struct mover *m); /* after the job */
  bool working, flows, ended, finished, paused;
  struct file_entry *batch[TRANSFER_BATCH];
  size_t len, at; /* of the batch; 0: idle. At which one it is, on the lane */
  struct bulk *bulk;
  int err;
  bool eof, open; /* source or sink */
  struct file_source source;
  struct file_sink sink;
  struct buf piece, waiting; /* waiting: fetched, not on the lane yet */
  bool full;                 /* send: the piece is to be written */
};

struct transfer {
  struct transfer_options o;
  struct arena arena;
  struct job job; /* on the lane while `working` */
  bool working;
  int job_err;
  bool over, dead; /* done was called; it was freed */
  char *work, *attempt_dir;
  struct file_plan plan;
  size_t asked; /* of the launch's files */
  struct bulk *bulk;
  size_t next; /* entry to be moved */
  int rounds;
  bool again;
  bool single;         /* send: the host can't take several in one go */
  const char *changed; /* path: why again */
  char changed_sum[SHA256_HEX_SIZE];
  bool same; /* `changed` wasn't */
  struct mover movers[TRANSFER_MOVERS];
};

/* Ends it: nothing of it may be touched after. The text is copied before anything is let go. */
void transfer_fail(struct transfer *t, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* By what the host or the link said: full, to be repeated, or the user's. */
void transfer_fail_host(struct transfer *t, const struct file_entry *e, const struct ops_error *error);
void transfer_fail_bulk(struct transfer *t, const struct file_entry *e, const struct bulk_end *how);

/* The one that it is at; not while it's working. */
struct file_entry *mover_entry(const struct mover *m);
/* The batch is where it belongs, or it's left for another round; the mover takes the next. */
void mover_done(struct mover *m);
void mover_changed(struct mover *m);
void mover_submit(struct mover *m, void (*run)(struct job *), void (*then)(struct mover *));
/* Closes what it has open; not while it's working. */
void mover_reset(struct mover *m);

void mover_send(struct mover *m);
void mover_fetch(struct mover *m);

#endif
