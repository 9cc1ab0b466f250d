/* Going back to a snapshot, and the questions that this leaves.
 *
 * restore_apply puts the snapshot in the place of the database, which it keeps, and pauses the installation; the
 * daemon must be stopped. The state keeps its id, by which hosts know what is its own there, so that what runs on
 * them is found again; a copy beside an original that goes on must get a new one (`new_id`), and then knows nothing
 * of hosts. Nothing that was decided since fires again by itself: the firings that the old database knows become rows
 * of outcome `missed` that name the run they had, the run numbers and the keys go on from where the old database was.
 * Each such firing, and each attempt whose directory the snapshot doesn't know or knows as unfinished, becomes one
 * question; so does an attempt that it knows as unfinished and that has no directory any more. Where the old database
 * is lost too, each unfinished task of a run without a directory is a question, found as RESTORE_NOT_KNOWN: the
 * daemon ends such runs, since what they did meanwhile nobody can tell and their files are gone; one of which a task
 * is on a host is left to what the host says (RESTORE_UNFINISHED), to be answered with
 *
 *   skip  leave it as it is
 *   mark  take it as done: of an attempt whose run the snapshot knows, the daemon marks the task as succeeded
 *         (ENGINE_MARK); of a firing it is the same as skip
 *   run   do it again: of a firing, the daemon triggers the pipeline with its scheduled_for; of an attempt whose run
 *         is known, it reruns from the task; of one whose run isn't, nothing can be done but to look at its files
 *
 * Attempts that the snapshot knows as unfinished are looked up by the daemon as after any start, so that one that is
 * still alive goes on. The daemon stays paused until a person resumes it; restore_close ends the questions.
 */
#ifndef ROTA_STORE_RESTORE_H
#define ROTA_STORE_RESTORE_H

#include "scheduler/store/history.h"
#include "scheduler/store/store.h"

#define RESTORE_ANSWER_LIST(X) X(NONE, "") X(SKIP, "skip") X(MARK, "mark") X(RUN, "run")
enum restore_answer {
#define X(name, word) RESTORE_##name,
  RESTORE_ANSWER_LIST(X)
#undef X
};

/* Verifies `snapshot` and puts it in force. `kept` gets the path of the old database, or nothing if there was none.
 * ERR_BUSY while a daemon holds the directory; ERR_CORRUPT, ERR_NEWER if the snapshot can't be used: then nothing has
 * changed. A crash at any point leaves the old database or the new one in force, whole. */
int restore_apply(const char *dir, const char *snapshot, bool new_id, instant now, struct buf *kept, struct buf *why);

#define RESTORE_GONE       "gone" /* no directory, but the old database was there */
#define RESTORE_NOT_KNOWN  "not known"
#define RESTORE_ENDED      "ended" /* was RESTORE_NOT_KNOWN, and its run was ended at the first start */
#define RESTORE_UNFINISHED "unfinished"

struct restore_item {
  int64_t key;
  bool firing;            /* else an attempt */
  const char *pipeline;   /* NULL if not known */
  const char *what;       /* the schedule's identity, or the task's label ("" if not known); with `run_known` false
                           * it is the task's name */
  const char *run_id;     /* NULL for a firing without one */
  const char *attempt_id; /* of an attempt */
  bool run_known;         /* the snapshot knows the run */
  instant scheduled_for;  /* of a firing */
  const char *found;      /* "run", "skipped", "missed"; "exit.0.exited", "started", "not started", or as
                           * above */
  enum restore_answer answer;
};
/* The questions, answered or not, in the order of what happened. */
int restore_items(struct history *h, struct arena *a, struct restore_item **out, size_t *len);
/* On the writer's thread. ERR_NOT_FOUND. */
int restore_reply(struct store *s, int64_t key, enum restore_answer answer, const struct audit_row *audit,
                  struct buf *why);
/* On the writer's thread: the runs of what was RESTORE_NOT_KNOWN are ended, which is done once. */
int restore_ended(struct store *s);
/* On the writer's thread: there are no questions any more. */
int restore_close(struct store *s, const struct audit_row *audit, struct buf *why);

#endif
