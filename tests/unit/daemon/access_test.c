/* Who is let in: tokens and sessions by their rows, their time and their secret; how often one may be wrong. */
#include "tests/unit/daemon/rig.h"

#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/access/secret.h"
#include "scheduler/daemon/access/tries.h"

static instant now;

static instant test_clock(void) {
  return now;
}

struct door {
  struct access *access;
  struct arena arena;
  size_t tokens, sessions; /* rows that were committed */
};

static struct door *door_of(struct rig *r) {
  return r->more;
}

static void on_rows(struct rig *r, const struct change *changes, size_t len) {
  struct door *d = door_of(r);
  for (size_t i = 0; i < len; i++) {
    d->tokens += changes[i].kind == CHANGE_TOKEN;
    d->sessions += changes[i].kind == CHANGE_SESSION;
  }
  access_committed(d->access, changes, len);
}

static int setup(void **state) {
  rig_setup(state);
  struct rig *r = *state;
  now = INT64_C(1774785600000000);
  struct door *d = alloc_new(struct door);
  d->access = access_new(r->core, NULL, test_clock);
  r->more = d;
  r->on_committed = on_rows;
  return 0;
}

static int teardown(void **state) {
  struct rig *r = *state;
  struct door *d = door_of(r);
  rig_until(r, rig_quiet(r));
  r->on_committed = NULL;
  access_free(d->access);
  arena_release(&d->arena);
  free(d);
  return rig_teardown(state);
}

static void put(struct rig *r, struct change *change) {
  struct engine_record *record = &inbox_add(core_inbox(r->core), ENGINE_RECORD)->record;
  record->changes = change;
  record->changes_len = 1;
}

static struct access_token *token_make(struct rig *r, const char *name, const char *role, instant expires_at,
                                       const char *secret) {
  struct token_row row = {.name = name,
                          .role = role,
                          .created_at = now,
                          .expires_at = expires_at,
                          .used_at = INSTANT_NONE,
                          .revoked_at = INSTANT_NONE};
  sha256_hex(secret, strlen(secret), row.sha256);
  struct access_token *t = access_token_add(door_of(r)->access, &row);
  put(r, access_token_change(t, inbox_arena(core_inbox(r->core))));
  return t;
}

static struct access_session *session_make(struct rig *r, int64_t token, const char *secret) {
  struct session_row row = {.token = token,
                            .name = "anna",
                            .role = "operator",
                            .created_at = now,
                            .used_at = now,
                            .revoked_at = INSTANT_NONE};
  sha256_hex(secret, strlen(secret), row.sha256);
  struct access_session *s = access_session_add(door_of(r)->access, &row);
  put(r, access_session_change(s, inbox_arena(core_inbox(r->core))));
  return s;
}

static struct api_identity by_token(struct rig *r, const char *secret) {
  const struct api_credentials c = {.bearer = secret, .address = "10.0.0.7"};
  return access_authenticate(door_of(r)->access, &c, &door_of(r)->arena);
}

static struct api_identity by_session(struct rig *r, const char *secret) {
  const struct api_credentials c = {.session = secret, .address = "10.0.0.7"};
  return access_authenticate(door_of(r)->access, &c, &door_of(r)->arena);
}

static void a_token_counts_when_its_row_is_durable(void **state) {
  struct rig *r = *state;
  token_make(r, "ci", "operator", INSTANT_NONE, "rota_one");
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_PUBLIC);
  rig_until(r, rig_quiet(r));
  struct api_identity who = by_token(r, "rota_one");
  assert_int_equal(who.role, API_ROLE_OPERATOR);
  assert_string_equal(who.kind, "token");
  assert_string_equal(who.name, "ci");
  assert_int_equal(by_token(r, "rota_two").role, API_ROLE_PUBLIC);
  assert_int_equal(by_token(r, "").role, API_ROLE_PUBLIC);
}

static void a_revoked_token_ends_with_its_sessions_when_that_is_durable(void **state) {
  struct rig *r = *state;
  struct access *a = door_of(r)->access;
  struct access_token *t = token_make(r, "ci", "operator", INSTANT_NONE, "rota_one");
  session_make(r, t->row.key, "cookie");
  rig_until(r, rig_quiet(r));
  struct api_identity who = by_token(r, "rota_one"), browser = by_session(r, "cookie");
  assert_int_equal(browser.role, API_ROLE_OPERATOR);
  assert_string_equal(browser.kind, "session");
  rig_until(r, rig_quiet(r));
  t->row.revoked_at = now;
  put(r, access_token_change(t, inbox_arena(core_inbox(r->core))));
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_OPERATOR);
  assert_true(access_holds(a, &who));
  assert_null(access_token_named(a, "ci")); /* its name is free */
  rig_until(r, rig_quiet(r));
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_PUBLIC);
  assert_int_equal(by_session(r, "cookie").role, API_ROLE_PUBLIC);
  assert_false(access_holds(a, &who));
  assert_false(access_holds(a, &browser));
}

static void a_revoked_session_leaves_memory(void **state) {
  struct rig *r = *state;
  struct access_session *s = session_make(r, 0, "cookie");
  int64_t key = s->row.key;
  rig_until(r, rig_quiet(r));
  assert_int_equal(by_session(r, "cookie").role, API_ROLE_OPERATOR);
  s->row.revoked_at = now;
  put(r, access_session_change(s, inbox_arena(core_inbox(r->core))));
  rig_until(r, rig_quiet(r));
  assert_null(access_session_find(door_of(r)->access, key));
  assert_int_equal(by_session(r, "cookie").role, API_ROLE_PUBLIC);
}

static void an_expired_token_lets_nobody_in(void **state) {
  struct rig *r = *state;
  token_make(r, "short", "viewer", now + USEC_PER_MIN, "rota_one");
  rig_until(r, rig_quiet(r));
  now += USEC_PER_MIN - 1;
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_VIEWER);
  now += 1;
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_PUBLIC);
  assert_int_equal(access_tokens_live(door_of(r)->access), 0);
}

static void a_session_slides_and_ends_unused(void **state) {
  struct rig *r = *state;
  session_make(r, 0, "cookie");
  rig_until(r, rig_quiet(r));
  for (int i = 0; i < 3; i++) {
    now += ACCESS_SESSION_LIFE - 1;
    assert_int_equal(by_session(r, "cookie").role, API_ROLE_OPERATOR);
  }
  now += ACCESS_SESSION_LIFE;
  assert_int_equal(by_session(r, "cookie").role, API_ROLE_PUBLIC);
}

static void the_last_use_is_recorded_once_an_hour(void **state) {
  struct rig *r = *state;
  struct door *d = door_of(r);
  token_make(r, "ci", "viewer", INSTANT_NONE, "rota_one");
  session_make(r, 0, "cookie");
  rig_until(r, rig_quiet(r));
  for (int i = 0; i < 3; i++) {
    by_token(r, "rota_one");
    by_session(r, "cookie");
    now += USEC_PER_MIN;
  }
  rig_until(r, rig_quiet(r));
  assert_int_equal(d->tokens, 2);   /* made, used for the first time */
  assert_int_equal(d->sessions, 1); /* made, and that was its use */
  now += USEC_PER_HOUR;
  for (int i = 0; i < 3; i++) {
    by_token(r, "rota_one");
    by_session(r, "cookie");
  }
  rig_until(r, rig_quiet(r));
  assert_int_equal(d->tokens, 3);
  assert_int_equal(d->sessions, 2);
}

/* A use between the revocation and its commit writes a row too: it must not bring the token back. */
static void a_use_does_not_undo_a_revocation_under_way(void **state) {
  struct rig *r = *state;
  struct access_token *t = token_make(r, "ci", "viewer", INSTANT_NONE, "rota_one");
  rig_until(r, rig_quiet(r));
  t->row.revoked_at = now;
  put(r, access_token_change(t, inbox_arena(core_inbox(r->core))));
  by_token(r, "rota_one");
  rig_until(r, rig_quiet(r));
  struct store_loaded loaded;
  rig_close(r);
  assert_int_equal(store_open(r->config->state, clock_now(), &r->store, NULL), 0);
  assert_int_equal(store_load(r->store, &loaded, NULL), 0);
  assert_int_equal(loaded.tokens_len, 0);
  assert_int_equal(loaded.revoked_len, 1);
  assert_int_equal(loaded.revoked[0].used_at, now);
  store_loaded_release(&loaded);
  store_close(r->store);
  rig_open(r);
}

static void what_was_recorded_lets_in_after_a_restart(void **state) {
  struct rig *r = *state;
  struct door *d = door_of(r);
  struct access_token *t = token_make(r, "ci", "viewer", INSTANT_NONE, "rota_one");
  session_make(r, t->row.key, "cookie");
  rig_until(r, rig_quiet(r));
  rig_close(r);
  access_free(d->access);
  struct store_loaded loaded;
  assert_int_equal(store_open(r->config->state, clock_now(), &r->store, NULL), 0);
  assert_int_equal(store_load(r->store, &loaded, NULL), 0);
  store_close(r->store);
  rig_open(r);
  d->access = access_new(r->core, &loaded, test_clock);
  store_loaded_release(&loaded);
  assert_int_equal(by_token(r, "rota_one").role, API_ROLE_VIEWER);
  assert_int_equal(by_session(r, "cookie").role, API_ROLE_OPERATOR);
}

static void the_longest_unused_session_makes_room(void **state) {
  struct rig *r = *state;
  struct access *a = door_of(r)->access;
  struct session_row row = {.name = "anna", .role = "viewer", .created_at = now, .revoked_at = INSTANT_NONE};
  for (int i = 0; i < ACCESS_SESSIONS - 1; i++) {
    row.token = 1 + i / ACCESS_SESSIONS_EACH;
    row.used_at = i == 77 ? now : now + i + 1;
    snprintf(row.sha256, sizeof row.sha256, "%d", i);
    access_session_add(a, &row)->there = true;
  }
  assert_null(access_session_crowded(a, &row));
  snprintf(row.sha256, sizeof row.sha256, "last");
  access_session_add(a, &row)->there = true;
  row.token = 0;
  const struct access_session *oldest = access_session_crowded(a, &row);
  assert_non_null(oldest);
  assert_string_equal(oldest->row.sha256, "77");
  assert_int_equal(oldest->row.revoked_at, now);
}

static void who_logs_in_over_and_over_ends_sessions_of_his_own(void **state) {
  struct rig *r = *state;
  struct access *a = door_of(r)->access;
  struct session_row row = {
      .name = "anna", .role = "viewer", .created_at = now, .used_at = now, .revoked_at = INSTANT_NONE};
  snprintf(row.sha256, sizeof row.sha256, "anna"); /* the longest unused of all */
  access_session_add(a, &row)->there = true;
  row.name = "bo";
  for (int i = 0; i < ACCESS_SESSIONS_EACH; i++) {
    assert_null(access_session_crowded(a, &row));
    row.used_at = now + 1 + i;
    snprintf(row.sha256, sizeof row.sha256, "%d", i);
    access_session_add(a, &row)->there = true;
  }
  const struct access_session *oldest = access_session_crowded(a, &row);
  assert_non_null(oldest);
  assert_string_equal(oldest->row.sha256, "0");
  row.token = 5; /* another way in, by whatever name */
  assert_null(access_session_crowded(a, &row));
}

static void the_socket_is_the_owners_and_its_groups(void **state) {
  struct rig *r = *state;
  struct access *a = door_of(r)->access;
  struct api_credentials c = {.local = true, .uid = geteuid(), .address = "unix socket"};
  assert_int_equal(access_authenticate(a, &c, &door_of(r)->arena).role, API_ROLE_ADMIN);
  c.uid = 54321;
  c.bearer = "rota_one"; /* over the socket the kernel's word counts */
  assert_int_equal(access_authenticate(a, &c, &door_of(r)->arena).role, API_ROLE_PUBLIC);
  a->socket_peers = API_ROLE_OPERATOR;
  struct api_identity who = access_authenticate(a, &c, &door_of(r)->arena);
  assert_int_equal(who.role, API_ROLE_OPERATOR);
  assert_string_equal(who.kind, "user");
  assert_string_equal(who.name, "54321");
}

/* ---- secrets and tries ---- */

static void a_secret_is_32_bytes_in_base64url_and_never_the_same(void **state) {
  (void)state;
  struct secret token = secret_make(true), code = secret_make(false), other = secret_make(false);
  assert_int_equal(strlen(token.text), 48);
  assert_memory_equal(token.text, "rota_", 5);
  assert_int_equal(strlen(code.text), 43);
  assert_int_equal(strspn(code.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
  assert_string_not_equal(code.text, other.text);
}

static void ten_wrong_tries_within_a_minute_fill_the_measure(void **state) {
  (void)state;
  struct tries t = {0};
  int64_t at = USEC_PER_SEC;
  for (int i = 0; i < TRIES_MAX - 1; i++) assert_false(tries_count(&t, "10.0.0.7", at + i * USEC_PER_SEC));
  assert_int_equal(tries_wait_s(&t, "10.0.0.7", at + 9 * USEC_PER_SEC), 0);
  assert_true(tries_count(&t, "10.0.0.7", at + 9 * USEC_PER_SEC));
  assert_int_equal(tries_wait_s(&t, "10.0.0.7", at + 10 * USEC_PER_SEC), 50);
  assert_int_equal(tries_wait_s(&t, "10.0.0.8", at + 10 * USEC_PER_SEC), 0);
  assert_int_equal(tries_wait_s(&t, "10.0.0.7", at + USEC_PER_MIN), 0);
  assert_true(tries_count(&t, "10.0.0.7", at + USEC_PER_MIN)); /* nine of the last minute, and this one */
  tries_release(&t);
}

static void a_network_of_ipv6_is_one_address(void **state) {
  (void)state;
  struct tries t = {0};
  char address[64];
  for (int i = 0; i < TRIES_MAX; i++) {
    snprintf(address, sizeof address, "2001:db8:1:2::%d", i + 1);
    tries_count(&t, address, USEC_PER_SEC);
  }
  assert_true(tries_wait_s(&t, "2001:db8:1:2:ffff::1", USEC_PER_SEC) > 0);
  assert_int_equal(tries_wait_s(&t, "2001:db8:1:3::1", USEC_PER_SEC), 0);
  tries_release(&t);
}

static void the_number_of_addresses_is_bounded(void **state) {
  (void)state;
  struct tries t = {0};
  char address[64];
  for (int i = 0; i < TRIES_ADDRESSES + 10; i++) {
    snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
    tries_count(&t, address, i + 1);
  }
  assert_int_equal(t.by_address.len, TRIES_ADDRESSES);
  tries_release(&t);
}

#define DOOR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      DOOR_TEST(a_token_counts_when_its_row_is_durable),
      DOOR_TEST(a_revoked_token_ends_with_its_sessions_when_that_is_durable),
      DOOR_TEST(a_revoked_session_leaves_memory),
      DOOR_TEST(an_expired_token_lets_nobody_in),
      DOOR_TEST(a_session_slides_and_ends_unused),
      DOOR_TEST(the_last_use_is_recorded_once_an_hour),
      DOOR_TEST(a_use_does_not_undo_a_revocation_under_way),
      DOOR_TEST(what_was_recorded_lets_in_after_a_restart),
      DOOR_TEST(the_longest_unused_session_makes_room),
      DOOR_TEST(who_logs_in_over_and_over_ends_sessions_of_his_own),
      DOOR_TEST(the_socket_is_the_owners_and_its_groups),
      cmocka_unit_test(a_secret_is_32_bytes_in_base64url_and_never_the_same),
      cmocka_unit_test(ten_wrong_tries_within_a_minute_fill_the_measure),
      cmocka_unit_test(a_network_of_ipv6_is_one_address),
      cmocka_unit_test(the_number_of_addresses_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
