/* A person's answers to the questions that a restore leaves.
 *
 *   POST --look up the question--> act, if the answer means more than a word --> record the answer --> reply
 *
 * First the deed, then the word, and never the deed twice. The deed (a trigger, a mark, a rerun) is an event of the
 * engine under an idempotency key that is made of the state's id and the question's key, so that its request row is
 * committed together with what it did. A crash before that commit leaves the question open and nothing done; a crash
 * after it leaves a row that says what was done: the next start records the answer from it, and whoever answers in
 * between is told so. The other order would need a mark for "answered, not yet done" in the question and somebody
 * who carries it out at a start, without a person who sees it fail.
 *
 * Loop thread only.
 */
#ifndef ROTA_DAEMON_RESTORE_ANSWERS_H
#define ROTA_DAEMON_RESTORE_ANSWERS_H

#include "scheduler/api/api.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/handlers/server.h"

struct history;
struct requests;
struct restore_answers;

struct restore_answers_options { /* all borrowed */
  struct assembly *assembly;     /* not yet started: it still knows whether a restore's questions are open */
  struct server *server;
  struct history *history;
  struct requests *requests; /* the clients'; its own are told of rows and removals through them */
};

struct restore_answers *restore_answers_new(const struct restore_answers_options *options);
/* Takes the requests that answer a question or end all of them; false for any other. */
bool restore_answers_take(struct restore_answers *r, const struct api_request *request);
/* The engine's reply; one that was for somebody else is left alone. */
void restore_answers_reply(struct restore_answers *r, const struct decision_reply *reply);
/* Commits fail: whoever waits for one is told that its outcome is unknown. */
void restore_answers_degraded(struct restore_answers *r);
/* Before server_free. What is under way is freed when the loop has turned. Accepts NULL. */
void restore_answers_free(struct restore_answers *r);

#endif
