#include "scheduler/daemon/access/access.h"

#include <assert.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/digest.h"

/* ---- rows on the heap ---- */

static const char *keep(const char *text) {
  return text ? alloc_strdup(text) : NULL;
}

static void drop(const char *text) {
  free((void *)(uintptr_t)text);
}

static struct access_token *token_put(struct access *a, const struct token_row *row, bool there) {
  struct access_token *t = alloc_new(struct access_token);
  t->row = *row;
  t->row.name = keep(row->name);
  t->row.role = keep(row->role);
  t->row.created_by = keep(row->created_by);
  t->used_at = row->used_at;
  t->there = there;
  t->revoked = there && row->revoked_at != INSTANT_NONE;
  vec_push(&a->tokens, t);
  map_put(&a->tokens_by_sha256, t->row.sha256, t);
  return t;
}

static void token_free(struct access_token *t) {
  drop(t->row.name);
  drop(t->row.role);
  drop(t->row.created_by);
  free(t);
}

static struct access_session *session_put(struct access *a, const struct session_row *row, bool there) {
  struct access_session *s = alloc_new(struct access_session);
  s->row = *row;
  s->row.name = keep(row->name);
  s->row.role = keep(row->role);
  s->row.address = keep(row->address);
  s->row.agent = keep(row->agent);
  s->used_at = row->used_at;
  s->there = there;
  vec_push(&a->sessions, s);
  map_put(&a->sessions_by_sha256, s->row.sha256, s);
  return s;
}

static void session_free(struct access_session *s) {
  drop(s->row.name);
  drop(s->row.role);
  drop(s->row.address);
  drop(s->row.agent);
  free(s);
}

static void session_remove(struct access *a, size_t at) {
  struct access_session *s = a->sessions.items[at];
  map_remove(&a->sessions_by_sha256, s->row.sha256);
  memmove(a->sessions.items + at, a->sessions.items + at + 1,
          (a->sessions.len - at - 1) * sizeof(*a->sessions.items));
  a->sessions.len--;
  session_free(s);
}

/* ---- the whole ---- */

static int tokens_by_key(const void *x, const void *y) {
  const struct access_token *const *a = x, *const *b = y;
  return ((*a)->row.key > (*b)->row.key) - ((*a)->row.key < (*b)->row.key);
}

static int sessions_by_key(const void *x, const void *y) {
  const struct access_session *const *a = x, *const *b = y;
  return ((*a)->row.key > (*b)->row.key) - ((*a)->row.key < (*b)->row.key);
}

struct access *access_new(struct core *core, const struct store_loaded *loaded, instant (*clock)(void)) {
  struct access *a = alloc_new(struct access);
  a->core = core;
  a->clock = clock;
  a->socket_peers = API_ROLE_PUBLIC;
  if (!loaded) return a;
  for (size_t i = 0; i < loaded->tokens_len; i++) token_put(a, &loaded->tokens[i], true);
  for (size_t i = 0; i < loaded->revoked_len; i++) token_put(a, &loaded->revoked[i], true);
  for (size_t i = 0; i < loaded->sessions_len; i++) session_put(a, &loaded->sessions[i], true);
  if (a->tokens.len) qsort(a->tokens.items, a->tokens.len, sizeof *a->tokens.items, tokens_by_key);
  if (a->sessions.len) qsort(a->sessions.items, a->sessions.len, sizeof *a->sessions.items, sessions_by_key);
  return a;
}

void access_free(struct access *a) {
  if (!a) return;
  for (size_t i = 0; i < a->tokens.len; i++) token_free(a->tokens.items[i]);
  for (size_t i = 0; i < a->sessions.len; i++) session_free(a->sessions.items[i]);
  for (size_t i = 0; i < a->user_names.len; i++) free(a->user_names.entries[i].value);
  vec_release(&a->tokens);
  vec_release(&a->sessions);
  map_release(&a->tokens_by_sha256);
  map_release(&a->sessions_by_sha256);
  map_release(&a->user_names);
  free(a);
}

/* ---- by key; both lists rise with it ---- */

struct access_token *access_token_find(const struct access *a, int64_t key) {
  size_t low = 0, high = a->tokens.len;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (a->tokens.items[mid]->row.key < key)
      low = mid + 1;
    else
      high = mid;
  }
  return low < a->tokens.len && a->tokens.items[low]->row.key == key ? a->tokens.items[low] : NULL;
}

static size_t session_at(const struct access *a, int64_t key) {
  size_t low = 0, high = a->sessions.len;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (a->sessions.items[mid]->row.key < key)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

struct access_session *access_session_find(const struct access *a, int64_t key) {
  size_t at = session_at(a, key);
  return at < a->sessions.len && a->sessions.items[at]->row.key == key ? a->sessions.items[at] : NULL;
}

/* ---- tokens ---- */

static bool expired(const struct access *a, const struct token_row *row) {
  return row->expires_at != INSTANT_NONE && a->clock() >= row->expires_at;
}

static bool token_live(const struct access *a, const struct access_token *t) {
  return t->row.revoked_at == INSTANT_NONE && !expired(a, &t->row);
}

bool access_token_valid(const struct access *a, const struct access_token *t) {
  return t->there && !t->revoked && !expired(a, &t->row);
}

struct access_token *access_token_named(const struct access *a, const char *name) {
  for (size_t i = 0; i < a->tokens.len; i++)
    if (token_live(a, a->tokens.items[i]) && strcmp(a->tokens.items[i]->row.name, name) == 0)
      return a->tokens.items[i];
  return NULL;
}

size_t access_tokens_live(const struct access *a) {
  size_t live = 0;
  for (size_t i = 0; i < a->tokens.len; i++) live += token_live(a, a->tokens.items[i]);
  return live;
}

struct access_token *access_token_of(const struct access *a, const char *secret) {
  char sha256[SHA256_HEX_SIZE];
  sha256_hex(secret, strlen(secret), sha256);
  struct access_token *t = map_get(&a->tokens_by_sha256, sha256);
  return t && sha256_hex_equal(t->row.sha256, sha256) && access_token_valid(a, t) ? t : NULL;
}

/* The oldest of those that are no use any more leave memory; their rows stay. */
static void tokens_thin(struct access *a) {
  size_t over = 0, kept = 0;
  for (size_t i = 0; i < a->tokens.len; i++) over += !token_live(a, a->tokens.items[i]);
  over = over > STORE_TOKENS_REVOKED ? over - STORE_TOKENS_REVOKED : 0;
  for (size_t i = 0; i < a->tokens.len; i++) {
    struct access_token *t = a->tokens.items[i];
    bool unsettled = !t->there || (t->row.revoked_at != INSTANT_NONE && !t->revoked);
    if (over && !token_live(a, t) && !unsettled) {
      map_remove(&a->tokens_by_sha256, t->row.sha256);
      token_free(t);
      over--;
    } else {
      a->tokens.items[kept++] = t;
    }
  }
  a->tokens.len = kept;
}

struct access_token *access_token_add(struct access *a, const struct token_row *row) {
  struct token_row fresh = *row;
  fresh.key = engine_key_reserve(core_engine(a->core));
  tokens_thin(a);
  return token_put(a, &fresh, false);
}

static const char *copy(struct arena *arena, const char *text) {
  return text ? arena_strdup(arena, text) : NULL;
}

struct change *access_token_change(const struct access_token *t, struct arena *arena) {
  struct change *change = arena_new(arena, struct change);
  *change = (struct change){CHANGE_TOKEN, .token = t->row};
  change->token.name = copy(arena, t->row.name);
  change->token.role = copy(arena, t->row.role);
  change->token.created_by = copy(arena, t->row.created_by);
  return change;
}

/* ---- sessions ---- */

struct change *access_session_change(const struct access_session *s, struct arena *arena) {
  struct change *change = arena_new(arena, struct change);
  *change = (struct change){CHANGE_SESSION, .session = s->row};
  change->session.name = copy(arena, s->row.name);
  change->session.role = copy(arena, s->row.role);
  change->session.address = copy(arena, s->row.address);
  change->session.agent = copy(arena, s->row.agent);
  return change;
}

bool access_session_valid(const struct access *a, const struct access_session *s) {
  if (!s->there || s->revoked || a->clock() >= s->used_at + ACCESS_SESSION_LIFE) return false;
  if (!s->row.token) return true;
  const struct access_token *t = access_token_find(a, s->row.token);
  return t && access_token_valid(a, t);
}

instant access_session_end(const struct access *a, const struct access_session *s) {
  instant end = s->used_at + ACCESS_SESSION_LIFE;
  const struct access_token *t = s->row.token ? access_token_find(a, s->row.token) : NULL;
  return t && t->row.expires_at != INSTANT_NONE && t->row.expires_at < end ? t->row.expires_at : end;
}

static struct access_session *session_of(const struct access *a, const char *secret) {
  char sha256[SHA256_HEX_SIZE];
  sha256_hex(secret, strlen(secret), sha256);
  struct access_session *s = map_get(&a->sessions_by_sha256, sha256);
  return s && sha256_hex_equal(s->row.sha256, sha256) && access_session_valid(a, s) ? s : NULL;
}

struct access_session *access_session_add(struct access *a, const struct session_row *row) {
  struct session_row fresh = *row;
  fresh.key = engine_key_reserve(core_engine(a->core));
  return session_put(a, &fresh, false);
}

/* Let in by the same token, or without one as the same user. */
static bool same_entrant(const struct session_row *a, const struct session_row *b) {
  return a->token == b->token && (a->token || strcmp(a->name, b->name) == 0);
}

struct access_session *access_session_crowded(struct access *a, const struct session_row *fresh) {
  struct access_session *oldest = NULL, *oldest_own = NULL;
  size_t open = 0, own = 0;
  for (size_t i = 0; i < a->sessions.len; i++) {
    struct access_session *s = a->sessions.items[i];
    if (s->row.revoked_at != INSTANT_NONE) continue;
    bool is_own = same_entrant(&s->row, fresh);
    open++;
    own += is_own;
    if (s->there && (!oldest || s->used_at < oldest->used_at)) oldest = s;
    if (s->there && is_own && (!oldest_own || s->used_at < oldest_own->used_at)) oldest_own = s;
  }
  /* Whoever logs in over and over puts an end to sessions of his own. */
  if (own >= ACCESS_SESSIONS_EACH && oldest_own)
    oldest = oldest_own;
  else if (open < ACCESS_SESSIONS || !oldest)
    return NULL;
  oldest->row.revoked_at = a->clock();
  return oldest;
}

/* ---- who asks ---- */

static void used_record(struct access *a, struct change *change) {
  struct engine_record *record = &inbox_add(core_inbox(a->core), ENGINE_RECORD)->record;
  record->changes = change;
  record->changes_len = 1;
}

void access_token_used(struct access *a, struct access_token *t) {
  t->used_at = a->clock();
  if (t->row.used_at != INSTANT_NONE && t->used_at < t->row.used_at + ACCESS_USED_EVERY) return;
  t->row.used_at = t->used_at;
  used_record(a, access_token_change(t, inbox_arena(core_inbox(a->core))));
}

static void session_used(struct access *a, struct access_session *s) {
  s->used_at = a->clock();
  if (s->used_at < s->row.used_at + ACCESS_USED_EVERY) return;
  s->row.used_at = s->used_at;
  used_record(a, access_session_change(s, inbox_arena(core_inbox(a->core))));
}

static const char *user_name(struct access *a, uid_t uid) {
  char *name = map_get_n(&a->user_names, (const char *)&uid, sizeof uid);
  if (name) return name;
  const struct passwd *user = getpwuid(uid);
  name = user ? alloc_strdup(user->pw_name) : alloc_fmt("%u", (unsigned)uid);
  map_put_n(&a->user_names, (const char *)&uid, sizeof uid, name);
  return name;
}

/* The schema holds no other words; one of a later version lets nobody in. */
static enum api_role role_of(const char *word) {
  int role = api_role_from_word(word);
  return role < 0 ? API_ROLE_PUBLIC : (enum api_role)role;
}

static struct api_identity identity(struct arena *arena, const char *kind, int64_t id, const char *name,
                                    enum api_role role) {
  return (struct api_identity){
      .role = role, .kind = kind, .id = arena_fmt(arena, "%" PRId64, id), .name = arena_strdup(arena, name)};
}

struct api_identity access_authenticate(void *access, const struct api_credentials *credentials,
                                        struct arena *arena) {
  struct access *a = access;
  if (credentials->local) {
    bool own = credentials->uid == 0 || credentials->uid == geteuid();
    return identity(arena, "user", credentials->uid, user_name(a, credentials->uid),
                    own ? API_ROLE_ADMIN : a->socket_peers);
  }
  if (credentials->bearer) {
    struct access_token *t = access_token_of(a, credentials->bearer);
    if (!t) return (struct api_identity){0};
    access_token_used(a, t);
    return identity(arena, "token", t->row.key, t->row.name, role_of(t->row.role));
  }
  struct access_session *s = credentials->session ? session_of(a, credentials->session) : NULL;
  if (!s) return (struct api_identity){0};
  session_used(a, s);
  return identity(arena, "session", s->row.key, s->row.name, role_of(s->row.role));
}

bool access_holds(const struct access *a, const struct api_identity *who) {
  if (who->role == API_ROLE_PUBLIC || !who->kind) return false;
  int64_t key = strtoll(who->id, NULL, 10);
  if (strcmp(who->kind, "token") == 0) {
    const struct access_token *t = access_token_find(a, key);
    return t && access_token_valid(a, t);
  }
  if (strcmp(who->kind, "session") == 0) {
    const struct access_session *s = access_session_find(a, key);
    return s && access_session_valid(a, s);
  }
  return key == 0 || (uid_t)key == geteuid() || a->socket_peers >= who->role;
}

struct api_identity access_who(const struct api_identity *who, struct arena *arena) {
  return (struct api_identity){who->role, copy(arena, who->kind), copy(arena, who->id), copy(arena, who->name)};
}

struct actor access_actor(const struct api_request *request, struct arena *arena) {
  const struct api_identity *who = &request->who;
  const char *address = request->address ? request->address : "unix socket";
  if (!who->kind) return (struct actor){"nobody", NULL, NULL, arena_strdup(arena, address)};
  return (struct actor){arena_strdup(arena, who->kind), arena_strdup(arena, who->id), arena_strdup(arena, who->name),
                        arena_strdup(arena, address)};
}

/* ---- rows become durable ---- */

static void token_committed(struct access *a, const struct token_row *row) {
  struct access_token *t = access_token_find(a, row->key);
  if (!t) return;
  t->there = true;
  if (row->revoked_at != INSTANT_NONE) t->revoked = true;
}

static void session_committed(struct access *a, const struct session_row *row) {
  size_t at = session_at(a, row->key);
  if (at == a->sessions.len || a->sessions.items[at]->row.key != row->key) return;
  a->sessions.items[at]->there = true;
  if (row->revoked_at != INSTANT_NONE) session_remove(a, at);
}

void access_committed(struct access *a, const struct change *changes, size_t len) {
  for (size_t i = 0; a && i < len; i++) {
    if (changes[i].kind == CHANGE_TOKEN) token_committed(a, &changes[i].token);
    if (changes[i].kind == CHANGE_SESSION) session_committed(a, &changes[i].session);
  }
}
