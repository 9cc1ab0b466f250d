/* Requests that change something: each is checked, looked up, made an event, and answered when its rows are durable.
 *
 *   POST --body--> fault? 422        --lookup--> answered before? that answer; unknown run? 404
 *        --event--> engine --commit--> reply
 *
 * A key that is under way makes a second request with it wait for the first one's answer. While commits fail, all are
 * refused with 503. Loop thread only.
 */
#ifndef ROTA_DAEMON_REQUESTS_H
#define ROTA_DAEMON_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "scheduler/api/api.h"
#include "scheduler/engine/engine.h"

struct body;
struct core;
struct history;
struct requests;

struct refusal {
  int status;
  const char *title, *detail;
};

/* A route whose change is rows that the engine knows nothing about, made by somebody else. `read` takes what it needs
 * from the body and the path, into the arena of the request, when the request comes; `make` makes the record of it,
 * all but the asker, as soon as the key is known to be a new one: nothing stands between it and the commit. */
struct post;
struct recorder {
  enum api_route route;
  void *(*read)(const struct api_request *request, struct body *body, struct arena *a);
  /* False: refused, with status, title and detail. */
  bool (*make)(void *ctx, void *wish, const struct actor *actor, struct arena *a, struct engine_record *out,
               struct refusal *why);
  const char *members[8]; /* of the body */
  /* Instead of `make`, for what takes a while before there is something to record: requests_deed_end must follow, not
   * from within. Meanwhile the same key waits for the same answer. */
  void (*begin)(void *ctx, void *wish, struct post *deed, struct arena *a);
  /* Asked before `begin`; false: refused. NULL: it always may. */
  bool (*may)(void *ctx, void *wish, struct arena *a, struct refusal *why);
};

/* Where answers go: to the API's client, or to whoever asked within the program. */
typedef void requests_answer_fn(void *ctx, uint64_t handle, int status, const char *body, size_t len);

struct requests *requests_new(uv_loop_t *loop, struct core *core, struct history *history, requests_answer_fn *answer,
                              void *ctx);
/* Before the first request; all is borrowed. */
void requests_record(struct requests *r, const struct recorder *recorders, size_t len, void *ctx);
/* Ends what `begin` began, also when the daemon ends: `done`, all but its asker, in the arena that `begin` was given,
 * or, if it is NULL, the refusal. */
void requests_deed_end(struct post *deed, const struct engine_record *done, const struct refusal *why);
/* Takes a request of a route that changes something through the engine; false if the route isn't one. */
bool requests_take(struct requests *r, const struct api_request *request);
/* Whoever tells `r` of rows and removals needn't tell `beside`, which takes requests too. NULL ends that, before
 * either is freed. */
void requests_join(struct requests *r, struct requests *beside);
/* Rows are durable: whoever looks up one of these runs just now reads it again. */
void requests_committed(struct requests *r, const struct change *changes, size_t len);
/* Ended runs are about to be removed. Those that the engine has a request for are named, to be spared, in an array
 * that the caller frees; what else is looked up waits for requests_let_go, which says what was removed, and is looked
 * up again if it is about one of these. So nothing is changed of a run whose rows and files are on their way out. */
size_t requests_hold(struct requests *r, struct id **named);
void requests_let_go(struct requests *r, const struct id *removed, size_t len);
/* The engine's reply, after its rows are durable. ENGINE_LOOK_AGAIN is no answer: the rows are looked up again. */
void requests_reply(struct requests *r, const struct decision_reply *reply);
/* Commits fail: whatever waits for one is told that its outcome is unknown (503), to be repeated with the same key.
 */
void requests_degraded(struct requests *r);
/* No answer goes out any more. What a thread still looks up is freed when the loop has turned. Accepts NULL. */
void requests_free(struct requests *r);

#endif
