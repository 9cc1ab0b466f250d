#include "scheduler/daemon/access/login.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "scheduler/daemon/access/secret.h"
#include "scheduler/daemon/access/tries.h"
#include "scheduler/daemon/handlers/body.h"

#define AGENT_MAX   200
#define BURST_EVERY (10 * USEC_PER_SEC) /* refused logins are told no more often, whoever tries */

/* What a link lets someone in as. */
struct code {
  char sha256[SHA256_HEX_SIZE];
  instant expires_at;
  char *name, *role;
  int64_t token;   /* that whoever asked for it came with; 0 */
  int64_t session; /* that asked for it; 0 */
};

/* An answer that waits for its rows. */
struct waiting {
  uint64_t handle;
  char *cookie;
};

struct login {
  struct access *access;
  struct server *server;
  struct tries tries;
  VEC(struct code) codes; /* oldest first */
  VEC(struct waiting) waiting;
  int64_t burst_at; /* monotonic, of the last one that was told; 0: never */
};

static struct api *api_of(const struct login *l) {
  return server_api(l->server);
}

static void problem(const struct login *l, uint64_t handle, int status, const char *title, const char *detail) {
  api_problem(api_of(l), handle, status, title, detail);
}

/* ---- cookies ---- */

/* With an empty value it is taken back. */
static char *cookie_text(const struct api_request *request, const char *value) {
  long long age = *value ? (long long)(ACCESS_SESSION_LIFE / USEC_PER_SEC) : 0;
  return alloc_fmt("%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", request->cookie, value, age,
                   request->secure ? "; Secure" : "");
}

/* ---- codes ---- */

static void code_remove(struct login *l, size_t at) {
  free(l->codes.items[at].name);
  free(l->codes.items[at].role);
  memmove(&l->codes.items[at], &l->codes.items[at + 1], (l->codes.len - at - 1) * sizeof(struct code));
  l->codes.len--;
}

static void codes_expire(struct login *l) {
  while (l->codes.len && l->codes.items[0].expires_at <= l->access->clock()) code_remove(l, 0);
}

struct link_wish {
  const char *kind, *name, *role;
  int64_t id;
};

static void *link_read(const struct api_request *request, struct body *body, struct arena *arena) {
  (void)body;
  struct link_wish *w = arena_new(arena, struct link_wish);
  if (!request->who.kind) return w;
  w->kind = arena_strdup(arena, request->who.kind);
  w->name = arena_strdup(arena, request->who.name);
  w->role = api_role_word(request->who.role);
  w->id = strtoll(request->who.id, NULL, 10);
  return w;
}

/* The token that the session behind the link is to end with. */
static int64_t link_token(const struct access *a, const struct link_wish *w) {
  if (strcmp(w->kind, "token") == 0) return w->id;
  const struct access_session *s = strcmp(w->kind, "session") == 0 ? access_session_find(a, w->id) : NULL;
  return s ? s->row.token : 0;
}

/* Whoever asked for the link would still be let in: what was revoked leaves no way back. */
static bool code_holds(const struct access *a, const struct code *code) {
  const struct access_token *t = code->token ? access_token_find(a, code->token) : NULL;
  const struct access_session *s = code->session ? access_session_find(a, code->session) : NULL;
  return (!code->token || (t && access_token_valid(a, t))) && (!code->session || (s && access_session_valid(a, s)));
}

static void link_answer(struct engine_record *out, struct arena *arena, const char *url, instant expires_at) {
  for (int told = 0; told < 2; told++) { /* what is kept for a repetition is without the link */
    struct buf body = {0};
    struct json j;
    jsonw_init(&j, &body);
    jsonw_object(&j);
    jsonw_member_string(&j, "url", told ? url : NULL);
    jsonw_member_instant(&j, "expires_at", expires_at);
    jsonw_object_end(&j);
    const char *text = arena_strndup(arena, buf_cstr(&body), body.len);
    if (told) {
      out->body = text;
      out->body_len = body.len;
    } else {
      out->kept = text;
    }
    buf_release(&body);
  }
}

/* Without the slash at its end. */
static int url_len(const char *url) {
  size_t len = strlen(url);
  return (int)(len && url[len - 1] == '/' ? len - 1 : len);
}

static bool link_make(void *ctx, void *wish, const struct actor *actor, struct arena *arena,
                      struct engine_record *out, struct refusal *why) {
  (void)actor;
  struct login *l = ctx;
  const struct link_wish *w = wish;
  const char *url = api_url(api_of(l));
  if (!w->kind || !url) {
    *why = (struct refusal){409, "No port",
                            "no port is open for browsers: set `listen:` in rota.yaml, as in "
                            "`listen: 127.0.0.1:8080`, and start the daemon anew"};
    return false;
  }
  codes_expire(l);
  if (l->codes.len == LOGIN_CODES) code_remove(l, 0);
  struct secret secret = secret_make(false);
  struct code code = {.expires_at = l->access->clock() + LOGIN_CODE_LIFE,
                      .name = alloc_strdup(w->name),
                      .role = alloc_strdup(w->role),
                      .token = link_token(l->access, w),
                      .session = strcmp(w->kind, "session") == 0 ? w->id : 0};
  sha256_hex(secret.text, strlen(secret.text), code.sha256);
  vec_push(&l->codes, code);
  out->status = 201;
  out->action = "login link";
  out->object = w->name;
  out->detail = w->role;
  link_answer(out, arena, arena_fmt(arena, "%.*s/login#code=%s", url_len(url), url, secret.text), code.expires_at);
  return true;
}

static const struct recorder recorders[] = {{API_LOGIN_LINK, link_read, link_make, .members = {NULL}}};

/* ---- login ---- */

/* Who comes in; strings are borrowed. */
struct entrant {
  int64_t token;
  const char *name, *role, *way;
};

static bool entrant_by_token(const struct login *l, const char *secret, struct entrant *out) {
  struct access_token *t = access_token_of(l->access, secret);
  if (!t) return false;
  access_token_used(l->access, t);
  *out = (struct entrant){t->row.key, t->row.name, t->row.role, "token"};
  return true;
}

/* Whatever comes of it, the code is used up. */
static bool entrant_by_code(struct login *l, const char *secret, struct arena *arena, struct entrant *out) {
  char sha256[SHA256_HEX_SIZE];
  sha256_hex(secret, strlen(secret), sha256);
  codes_expire(l);
  for (size_t i = 0; i < l->codes.len; i++) {
    const struct code *code = &l->codes.items[i];
    if (!sha256_hex_equal(code->sha256, sha256)) continue;
    *out = (struct entrant){code->token, arena_strdup(arena, code->name), arena_strdup(arena, code->role), "link"};
    bool holds = code_holds(l->access, code);
    code_remove(l, i);
    return holds;
  }
  return false;
}

/* A header may hold anything; what isn't plain text is no use in a list. */
static const char *agent_text(const char *agent, struct arena *arena) {
  if (!agent) return NULL;
  char *text = arena_strndup(arena, agent, strnlen(agent, AGENT_MAX));
  for (char *c = text; *c; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  return text;
}

static void wait_for_rows(struct login *l, uint64_t handle, char *cookie) {
  vec_push(&l->waiting, ((struct waiting){handle, cookie}));
}

static void login_body(struct engine_record *out, struct arena *arena, const struct entrant *who) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_string(&j, "name", who->name);
  jsonw_member_string(&j, "role", who->role);
  jsonw_object_end(&j);
  out->status = 200;
  out->body = arena_strndup(arena, buf_cstr(&body), body.len);
  out->body_len = body.len;
  buf_release(&body);
}

/* Into the inbox at once: the arena is the inbox's. */
static void let_in(struct login *l, const struct api_request *request, const struct entrant *who) {
  struct access *a = l->access;
  struct inbox *in = core_inbox(a->core);
  struct arena *arena = inbox_arena(in);
  struct secret secret = secret_make(false);
  struct session_row row = {.token = who->token,
                            .name = arena_strdup(arena, who->name),
                            .role = arena_strdup(arena, who->role),
                            .address = arena_strdup(arena, request->address),
                            .agent = agent_text(request->agent, arena),
                            .created_at = a->clock(),
                            .used_at = a->clock(),
                            .revoked_at = INSTANT_NONE};
  sha256_hex(secret.text, strlen(secret.text), row.sha256);
  struct change *changes = arena_new_array(arena, 2, struct change);
  struct access_session *crowded = access_session_crowded(a, &row);
  struct engine_record record = {.changes = changes, .changes_len = 1 + (crowded != NULL)};
  row.key = access_session_add(a, &row)->row.key;
  changes[0] = (struct change){CHANGE_SESSION, .session = row};
  if (crowded) changes[1] = *access_session_change(crowded, arena);
  record.asker.handle = request->handle;
  record.asker.actor = (struct actor){"session", arena_fmt(arena, "%" PRId64, row.key), row.name, row.address};
  record.action = "login";
  record.object = row.name;
  record.detail = arena_fmt(arena, "%s, %s", who->way, row.role);
  login_body(&record, arena, who);
  wait_for_rows(l, request->handle, cookie_text(request, secret.text));
  explicit_bzero(&secret, sizeof secret);
  inbox_add(in, ENGINE_RECORD)->record = record;
}

static void burst_record(struct login *l, const char *address) {
  int64_t now = clock_monotonic();
  if (l->burst_at && now < l->burst_at + BURST_EVERY) return;
  l->burst_at = now;
  LOG(LOG_WARNING, "too many wrong logins", {"address", address});
  struct inbox *in = core_inbox(l->access->core);
  struct arena *arena = inbox_arena(in);
  struct engine_record *record = &inbox_add(in, ENGINE_RECORD)->record;
  record->asker.actor = (struct actor){.kind = "nobody", .address = arena_strdup(arena, address)};
  record->action = "login refused";
  record->object = record->asker.actor.address;
  record->detail = "10 wrong tries within a minute";
}

static void send_away(struct login *l, const struct api_request *request, int wait_s) {
  char seconds[16];
  snprintf(seconds, sizeof seconds, "%d", wait_s);
  const struct api_header header = {"Retry-After", seconds};
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  api_problem_begin(&j, 429, "Too many tries", "too many wrong logins from this address: wait a minute");
  jsonw_object_end(&j);
  api_reply(api_of(l), request->handle, 429, API_PROBLEM_TYPE, &header, 1, body.bytes, body.len);
  buf_release(&body);
}

static void login_enter(struct login *l, const struct api_request *request) {
  static const char *const members[] = {"token", "code", NULL};
  struct arena arena = {0};
  struct body body;
  struct entrant who;
  body_open(&body, &arena, request->body, request->body_len, members);
  const char *token = body_text(&body, "token", false), *code = body_text(&body, "code", false);
  int wait_s = tries_wait_s(&l->tries, request->address, clock_monotonic());
  if (wait_s) {
    send_away(l, request, wait_s);
  } else if (body.fault || !token == !code) {
    problem(l, request->handle, 422, "Bad request", body.fault ? body.fault : "give either 'token' or 'code'");
  } else if (core_degraded(l->access->core)) {
    problem(l, request->handle, 503, "Degraded", "nothing can be recorded right now, so nobody is let in: try later");
  } else if (token ? entrant_by_token(l, token, &who) : entrant_by_code(l, code, &arena, &who)) {
    let_in(l, request, &who);
  } else {
    if (tries_count(&l->tries, request->address, clock_monotonic())) burst_record(l, request->address);
    problem(l, request->handle, 401, "Not let in",
            token ? "this token isn't known, is revoked or has expired: ask for another with `rota token create`"
                  : "this link was used before or is over after 5 minutes: `rota open` gives another");
  }
  body_close(&body);
  arena_release(&arena);
}

/* ---- logout ---- */

static void login_leave(struct login *l, const struct api_request *request) {
  struct access *a = l->access;
  struct access_session *s = request->who.kind && strcmp(request->who.kind, "session") == 0
                                 ? access_session_find(a, strtoll(request->who.id, NULL, 10))
                                 : NULL;
  if (!s || s->row.revoked_at != INSTANT_NONE) {
    problem(l, request->handle, 409, "No session",
            "only a browser's session can be ended so: `rota token revoke` ends a token");
    return;
  }
  if (core_degraded(a->core)) {
    problem(l, request->handle, 503, "Degraded", "nothing can be recorded right now: try later");
    return;
  }
  struct inbox *in = core_inbox(a->core);
  struct arena *arena = inbox_arena(in);
  s->row.revoked_at = a->clock();
  struct engine_record record = {.changes = access_session_change(s, arena),
                                 .changes_len = 1,
                                 .action = "logout",
                                 .object = arena_strdup(arena, s->row.name),
                                 .status = 200,
                                 .body = "{\"ok\":true}",
                                 .body_len = strlen("{\"ok\":true}")};
  record.asker.handle = request->handle;
  record.asker.actor = access_actor(request, arena);
  wait_for_rows(l, request->handle, cookie_text(request, ""));
  inbox_add(in, ENGINE_RECORD)->record = record;
}

/* ---- me ---- */

static void login_me(struct login *l, const struct api_request *request) {
  const struct api_identity *who = &request->who;
  const struct access_session *s = NULL;
  instant end = INSTANT_NONE;
  int64_t key = strtoll(who->id, NULL, 10);
  if (strcmp(who->kind, "session") == 0) s = access_session_find(l->access, key);
  if (s) end = access_session_end(l->access, s);
  const struct access_token *t = strcmp(who->kind, "token") == 0 ? access_token_find(l->access, key) : NULL;
  if (t) end = t->row.expires_at;
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_string(&j, "kind", who->kind);
  jsonw_member_string(&j, "id", who->id);
  jsonw_member_string(&j, "name", who->name);
  jsonw_member_string(&j, "role", api_role_word(who->role));
  jsonw_member_string(&j, "session", s ? who->id : NULL);
  jsonw_member_instant(&j, "expires_at", end);
  jsonw_object_end(&j);
  /* The browser is to keep the cookie for as long again: the session slides, and so must it. */
  char *cookie = s && request->session ? cookie_text(request, request->session) : NULL;
  const struct api_header header = {"Set-Cookie", cookie};
  api_reply(api_of(l), request->handle, 200, NULL, &header, cookie ? 1 : 0, body.bytes, body.len);
  if (cookie) explicit_bzero(cookie, strlen(cookie));
  free(cookie);
  buf_release(&body);
}

/* ---- the whole ---- */

bool login_take(struct login *l, const struct api_request *request) {
  switch (request->route) {
  case API_LOGIN: login_enter(l, request); return true;
  case API_LOGOUT: login_leave(l, request); return true;
  case API_ME: login_me(l, request); return true;
  default: return false;
  }
}

static void waiting_end(struct login *l, size_t at) {
  char *cookie = l->waiting.items[at].cookie;
  explicit_bzero(cookie, strlen(cookie));
  free(cookie);
  vec_swap_remove(&l->waiting, at);
}

void login_reply(struct login *l, const struct decision_reply *reply) {
  for (size_t i = 0; i < l->waiting.len; i++) {
    if (l->waiting.items[i].handle != reply->handle) continue;
    const struct api_header header = {"Set-Cookie", l->waiting.items[i].cookie};
    api_reply(api_of(l), reply->handle, reply->status, NULL, &header, 1, reply->body, reply->body_len);
    server_pump(l->server);
    waiting_end(l, i);
    return;
  }
}

/* The session may come to be when the disk has room again; nobody has its secret then, and it ends unused. */
void login_degraded(struct login *l) {
  for (size_t i = l->waiting.len; i-- > 0;) {
    problem(l, l->waiting.items[i].handle, 503, "Degraded", "nothing can be recorded right now: try later");
    waiting_end(l, i);
  }
  server_pump(l->server);
}

struct login *login_new(struct access *a, struct server *server, struct requests *requests) {
  struct login *l = alloc_new(struct login);
  l->access = a;
  l->server = server;
  requests_record(requests, recorders, sizeof recorders / sizeof recorders[0], l);
  return l;
}

void login_free(struct login *l) {
  if (!l) return;
  while (l->codes.len) code_remove(l, l->codes.len - 1);
  while (l->waiting.len) waiting_end(l, l->waiting.len - 1);
  vec_release(&l->codes);
  vec_release(&l->waiting);
  tries_release(&l->tries);
  free(l);
}
