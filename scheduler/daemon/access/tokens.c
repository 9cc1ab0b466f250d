#include "scheduler/daemon/access/tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/utf8.h"
#include "scheduler/daemon/access/secret.h"
#include "scheduler/daemon/handlers/body.h"

#define NAME_MAX_BYTES 64
#define LIMIT_DEFAULT  100
#define LIMIT_MAX      500

static const char *const role_words[] = {"viewer", "operator", "admin", NULL};

static bool refuse(struct refusal *why, int status, const char *title, const char *detail) {
  *why = (struct refusal){status, title, detail};
  return false;
}

/* 0 if it is no key. */
static int64_t key_of(const char *text) {
  char *end;
  errno = 0;
  long long key = strtoll(text, &end, 10);
  return *end || end == text || errno || key < 0 ? 0 : key;
}

static void answer_with(struct engine_record *out, struct arena *arena, int status, struct buf *body) {
  out->status = status;
  out->body = arena_strndup(arena, buf_cstr(body), body->len);
  out->body_len = body->len;
  buf_release(body);
}

static void answer_done(struct engine_record *out, struct arena *arena, const char *did) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_bool(&j, "ok", true);
  jsonw_member_string(&j, "did", did);
  jsonw_object_end(&j);
  answer_with(out, arena, 200, &body);
}

/* ---- making a token ---- */

struct token_wish {
  const char *name, *role;
  instant expires_at;
};

/* A name stands in lists, in the audit and on the command line, where a number would be a key. */
static const char *name_fault(const char *name) {
  size_t len = strlen(name);
  if (len > NAME_MAX_BYTES) return "'name' is longer than 64 bytes";
  if (strspn(name, "0123456789") == len) return "'name' must not be a number: ids are numbers";
  if (name[0] == ' ' || name[len - 1] == ' ' || name[0] == '-')
    return "'name' must not begin with ' ' or '-' or end with ' '";
  for (size_t i = 0; i < len;) {
    uint32_t point;
    size_t step = utf8_read(name + i, len - i, &point);
    if (!step || utf8_control(point)) return "'name' must not hold control characters";
    i += step;
  }
  return NULL;
}

static void *read_create(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)request;
  struct token_wish *w = arena_new(arena, struct token_wish);
  w->name = body_text(body, "name", true);
  int role = body_word(body, "role", role_words, true);
  w->expires_at = body_instant(body, "expires_at");
  if (body->fault) return w;
  w->role = role_words[role];
  body->fault = name_fault(w->name);
  return w;
}

static void token_body(struct buf *body, const struct token_row *row, const char *secret) {
  struct json j;
  char id[24];
  snprintf(id, sizeof id, "%" PRId64, row->key);
  jsonw_init(&j, body);
  jsonw_object(&j);
  jsonw_member_string(&j, "id", id);
  jsonw_member_string(&j, "name", row->name);
  jsonw_member_string(&j, "role", row->role);
  jsonw_member_string(&j, "token", secret);
  jsonw_member_instant(&j, "expires_at", row->expires_at);
  jsonw_object_end(&j);
}

static bool make_create(void *ctx, void *wish, const struct actor *actor, struct arena *arena,
                        struct engine_record *out, struct refusal *why) {
  struct access *a = ctx;
  const struct token_wish *w = wish;
  if (w->expires_at != INSTANT_NONE && w->expires_at <= a->clock())
    return refuse(why, 422, "Bad request", "'expires_at' is over already");
  if (access_token_named(a, w->name))
    return refuse(why, 409, "Exists",
                  arena_fmt(arena, "there is a token '%s' already: revoke it or take another name", w->name));
  if (access_tokens_live(a) >= ACCESS_TOKENS)
    return refuse(why, 409, "Too many", "there are 1,000 tokens: revoke some that nobody uses");
  struct secret secret = secret_make(true);
  struct token_row row = {.name = w->name,
                          .role = w->role,
                          .created_at = a->clock(),
                          .created_by = actor->name,
                          .expires_at = w->expires_at,
                          .used_at = INSTANT_NONE,
                          .revoked_at = INSTANT_NONE};
  sha256_hex(secret.text, strlen(secret.text), row.sha256);
  const struct access_token *t = access_token_add(a, &row);
  row.key = t->row.key;
  out->changes = access_token_change(t, arena);
  out->changes_len = 1;
  out->action = "token create";
  out->object = w->name;
  out->detail = w->role;
  struct buf body = {0};
  token_body(&body, &row, NULL);
  out->kept = arena_strdup(arena, buf_cstr(&body));
  buf_reset(&body);
  token_body(&body, &row, secret.text);
  answer_with(out, arena, 201, &body);
  explicit_bzero(&secret, sizeof secret);
  return true;
}

/* ---- revoking ---- */

static void *read_token(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)body;
  return arena_strdup(arena, api_path(request, "token"));
}

static bool make_token_revoke(void *ctx, void *wish, const struct actor *actor, struct arena *arena,
                              struct engine_record *out, struct refusal *why) {
  (void)actor;
  struct access *a = ctx;
  const char *which = wish;
  struct access_token *t = access_token_find(a, key_of(which));
  if (!t) t = access_token_named(a, which);
  if (!t)
    return refuse(why, 404, "No such token", "no token has this id or name: `rota token list` shows all of them");
  if (t->row.revoked_at != INSTANT_NONE)
    return refuse(why, 409, "Revoked", arena_fmt(arena, "the token '%s' is revoked already", t->row.name));
  t->row.revoked_at = a->clock();
  out->changes = access_token_change(t, arena);
  out->changes_len = 1;
  out->action = "token revoke";
  out->object = out->changes->token.name;
  answer_done(out, arena, arena_fmt(arena, "the token '%s' and its sessions are revoked", t->row.name));
  return true;
}

/* The sessions that someone may see and revoke: all, or those that came the same way as the asker. */
static bool session_own(const struct access *a, const struct access_session *s, const struct api_identity *who) {
  if (who->role == API_ROLE_ADMIN) return true;
  int64_t key = key_of(who->id), token = 0;
  if (strcmp(who->kind, "token") == 0) token = key;
  if (strcmp(who->kind, "session") == 0) {
    const struct access_session *own = access_session_find(a, key);
    if (own == s) return true;
    token = own ? own->row.token : 0;
  }
  return token ? s->row.token == token : !s->row.token && strcmp(s->row.name, who->name) == 0;
}

struct session_wish {
  int64_t key;
  struct api_identity who;
};

static void *read_session(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)body;
  struct session_wish *w = arena_new(arena, struct session_wish);
  w->key = key_of(api_path(request, "session"));
  w->who = access_who(&request->who, arena);
  return w;
}

static bool make_session_revoke(void *ctx, void *wish, const struct actor *actor, struct arena *arena,
                                struct engine_record *out, struct refusal *why) {
  (void)actor;
  struct access *a = ctx;
  const struct session_wish *w = wish;
  struct access_session *s = access_session_find(a, w->key);
  if (!s || !access_session_valid(a, s) || !w->who.kind || !session_own(a, s, &w->who))
    return refuse(why, 404, "No such session", "no session of yours has this id: `rota session list` shows them");
  if (s->row.revoked_at != INSTANT_NONE) return refuse(why, 409, "Revoked", "the session is being revoked already");
  s->row.revoked_at = a->clock();
  out->changes = access_session_change(s, arena);
  out->changes_len = 1;
  out->action = "session revoke";
  out->object = out->changes->session.name;
  out->detail = out->changes->session.address;
  answer_done(out, arena, arena_fmt(arena, "the session of %s is revoked", s->row.name));
  return true;
}

static const struct recorder recorders[] = {
    {API_TOKEN_CREATE, read_create, make_create, .members = {"name", "role", "expires_at"}},
    {API_TOKEN_REVOKE, read_token, make_token_revoke, .members = {NULL}},
    {API_SESSION_REVOKE, read_session, make_session_revoke, .members = {NULL}},
};

void tokens_register(struct access *a, struct requests *requests) {
  requests_record(requests, recorders, sizeof recorders / sizeof recorders[0], a);
}

/* ---- lists, newest first ---- */

static void write_token(struct json *j, const struct access_token *t) {
  char id[24];
  snprintf(id, sizeof id, "%" PRId64, t->row.key);
  jsonw_object(j);
  jsonw_member_string(j, "id", id);
  jsonw_member_string(j, "name", t->row.name);
  jsonw_member_string(j, "role", t->row.role);
  jsonw_member_instant(j, "created_at", t->row.created_at);
  jsonw_member_string(j, "created_by", t->row.created_by);
  jsonw_member_instant(j, "expires_at", t->row.expires_at);
  jsonw_member_instant(j, "used_at", t->used_at);
  jsonw_member_instant(j, "revoked_at", t->row.revoked_at);
  jsonw_object_end(j);
}

static void write_session(struct json *j, const struct access_session *s, bool current) {
  char id[24];
  snprintf(id, sizeof id, "%" PRId64, s->row.key);
  jsonw_object(j);
  jsonw_member_string(j, "id", id);
  jsonw_member_string(j, "name", s->row.name);
  jsonw_member_string(j, "role", s->row.role);
  jsonw_member_string(j, "address", s->row.address);
  jsonw_member_string(j, "agent", s->row.agent);
  jsonw_member_instant(j, "created_at", s->row.created_at);
  jsonw_member_instant(j, "used_at", s->used_at);
  jsonw_member_bool(j, "current", current);
  jsonw_object_end(j);
}

/* Writes at most `limit` items with keys below `before`; returns the cursor, 0 at the end. */
static int64_t write_tokens(struct json *j, const struct access *a, int64_t before, int64_t limit) {
  int64_t written = 0, last = 0;
  for (size_t i = a->tokens.len; i-- > 0;) {
    const struct access_token *t = a->tokens.items[i];
    if (!t->there || t->row.key >= before) continue;
    if (written++ == limit) return last;
    write_token(j, t);
    last = t->row.key;
  }
  return 0;
}

static int64_t write_sessions(struct json *j, const struct access *a, const struct api_identity *who, int64_t before,
                              int64_t limit) {
  int64_t written = 0, last = 0;
  bool of_session = strcmp(who->kind, "session") == 0;
  for (size_t i = a->sessions.len; i-- > 0;) {
    const struct access_session *s = a->sessions.items[i];
    if (s->row.key >= before || !access_session_valid(a, s) || !session_own(a, s, who)) continue;
    if (written++ == limit) return last;
    write_session(j, s, of_session && key_of(who->id) == s->row.key);
    last = s->row.key;
  }
  return 0;
}

/* False for a value of the query that is no number from `min` to `max`. */
static bool number_of(const struct api_request *request, const char *name, int64_t min, int64_t max, int64_t *out) {
  const char *text = api_query(request, name);
  if (!text) return true;
  *out = key_of(text);
  return *out >= min && *out <= max;
}

bool tokens_take(struct access *a, struct server *server, const struct api_request *request) {
  if (request->route != API_TOKENS && request->route != API_SESSIONS) return false;
  struct api *api = server_api(server);
  int64_t before = INT64_MAX, limit = LIMIT_DEFAULT;
  if (!number_of(request, "after", 1, INT64_MAX, &before) || !number_of(request, "limit", 1, LIMIT_MAX, &limit)) {
    api_problem(api, request->handle, 422, "Bad query",
                "'after' must be the 'next' of a former page, 'limit' a whole number from 1 to 500");
    return true;
  }
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_key(&j, "items");
  jsonw_array(&j);
  int64_t next = request->route == API_TOKENS ? write_tokens(&j, a, before, limit)
                                              : write_sessions(&j, a, &request->who, before, limit);
  char cursor[24];
  snprintf(cursor, sizeof cursor, "%" PRId64, next);
  jsonw_array_end(&j);
  jsonw_member_string(&j, "next", next ? cursor : NULL);
  jsonw_object_end(&j);
  api_reply(api, request->handle, 200, NULL, NULL, 0, body.bytes, body.len);
  buf_release(&body);
  return true;
}
