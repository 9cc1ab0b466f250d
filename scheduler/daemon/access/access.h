/* Who may come in: the tokens and sessions in memory, and the one function that says who asks.
 *
 *   credentials --access_authenticate--> identity: kind, id, name, role
 *
 * What is here was loaded at the start and changes with the rows: a token or session counts from the moment when its
 * row is durable (access_committed), and no longer from the moment when the row that revokes it is. A change is made
 * in two halves: the functions below change the row in memory and hand it out, for an ENGINE_RECORD that the caller
 * puts into the inbox at once; so two changes under way can't undo each other.
 *
 * A secret is looked up by its SHA-256 and compared in constant time. When it was last used is recorded at most once
 * an hour.
 *
 * Limits: ACCESS_TOKENS that aren't revoked or expired; ACCESS_SESSIONS, and ACCESS_SESSIONS_EACH of one token or
 * user, of which the longest unused makes room for a new one. A session ends with its token, or when it wasn't used
 * for ACCESS_SESSION_LIFE. Loop thread only; nothing here blocks, but for the name of a user that wasn't asked for
 * before.
 */
#ifndef ROTA_DAEMON_ACCESS_H
#define ROTA_DAEMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "scheduler/api/api.h"
#include "scheduler/daemon/core.h"
#include "scheduler/store/store.h"

#define ACCESS_TOKENS        1000
#define ACCESS_SESSIONS      STORE_SESSIONS
#define ACCESS_SESSIONS_EACH 100 /* by the same token, or without one as the same user */
#define ACCESS_SESSION_LIFE  STORE_SESSION_LIFE
#define ACCESS_USED_EVERY    USEC_PER_HOUR

struct access_token {
  struct token_row row; /* as it was last handed to the engine; strings on the heap */
  instant used_at;      /* really */
  bool there, revoked;  /* the rows that say so are durable */
};

struct access_session {
  struct session_row row;
  instant used_at;
  bool there, revoked;
};

struct access {
  struct core *core;
  instant (*clock)(void);
  enum api_role socket_peers;            /* of users who may open the socket, besides the daemon's own and root */
  VEC(struct access_token *) tokens;     /* by key, rising; the revoked ones too */
  VEC(struct access_session *) sessions; /* by key, rising */
  struct map tokens_by_sha256, sessions_by_sha256;
  struct map user_names; /* uid -> heap string */
};

/* `loaded` gives tokens and sessions; NULL: none. `clock` is clock_now but in tests. */
struct access *access_new(struct core *core, const struct store_loaded *loaded, instant (*clock)(void));
void access_free(struct access *a); /* accepts NULL */

/* An api_authenticate. */
struct api_identity access_authenticate(void *access, const struct api_credentials *credentials, struct arena *arena);
/* Whether who was let in before would be let in still: for what goes on for long, as a stream of events. */
bool access_holds(const struct access *a, const struct api_identity *who);
/* A copy that outlives the request. */
struct api_identity access_who(const struct api_identity *who, struct arena *arena);
/* Who asks, as the rows name it; strings are copied into the arena. */
struct actor access_actor(const struct api_request *request, struct arena *arena);

/* Rows are durable. */
void access_committed(struct access *a, const struct change *changes, size_t len);

/* ---- tokens ---- */

/* The row as a change, with its strings in the arena. */
struct change *access_token_change(const struct access_token *t, struct arena *arena);

/* NULL if there is none; revoked ones too. */
struct access_token *access_token_find(const struct access *a, int64_t key);
/* Not revoked or expired, by name. */
struct access_token *access_token_named(const struct access *a, const char *name);
/* It lets in: there, not revoked, not expired. */
bool access_token_valid(const struct access *a, const struct access_token *t);
/* The one whose secret this is, if it lets in. */
struct access_token *access_token_of(const struct access *a, const char *secret);
/* It let somebody in just now; the row follows by itself, at most every ACCESS_USED_EVERY. */
void access_token_used(struct access *a, struct access_token *t);
/* How many aren't revoked or expired. */
size_t access_tokens_live(const struct access *a);
/* Copies the row, and gives it its key. */
struct access_token *access_token_add(struct access *a, const struct token_row *row);

/* ---- sessions ---- */

struct change *access_session_change(const struct access_session *s, struct arena *arena);

struct access_session *access_session_find(const struct access *a, int64_t key);
bool access_session_valid(const struct access *a, const struct access_session *s);
/* When it ends if it isn't used any more, or its token does. */
instant access_session_end(const struct access *a, const struct access_session *s);
struct access_session *access_session_add(struct access *a, const struct session_row *row);
/* The one to make room for a fresh one, if there are too many: its row is revoked already. NULL if there is room. */
struct access_session *access_session_crowded(struct access *a, const struct session_row *fresh);

#endif
