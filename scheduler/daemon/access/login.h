/* The way in and out of a browser: POST /login with a token or the code of a one-time link, POST /logout, GET /me,
 * and the links themselves.
 *
 *   code or token --ours?--> session row + audit row --commit--> 200 with the cookie
 *                  '--no--> 401, and after TRIES_MAX a minute 429
 *
 * A link is for one use within LOGIN_CODE_LIFE and lives in memory alone: a restart ends it. Limit: LOGIN_CODES at
 * once; the oldest goes. Loop thread only.
 */
#ifndef ROTA_DAEMON_LOGIN_H
#define ROTA_DAEMON_LOGIN_H

#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/handlers/requests.h"
#include "scheduler/daemon/handlers/server.h"

#define LOGIN_CODES     100
#define LOGIN_CODE_LIFE (5 * USEC_PER_MIN)

struct login;

/* All borrowed; registers the links with `requests`. */
struct login *login_new(struct access *a, struct server *server, struct requests *requests);
void login_free(struct login *l); /* accepts NULL; no answer goes out any more */
/* False if the request is for something else. */
bool login_take(struct login *l, const struct api_request *request);
/* The engine's reply, after its rows are durable. */
void login_reply(struct login *l, const struct decision_reply *reply);
/* Commits fail: who waits is told so. */
void login_degraded(struct login *l);

#endif
