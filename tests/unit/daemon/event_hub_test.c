/* The event stream from a core's commits to sockets: who listens, who lags, who comes back, who is cut. */
#include "tests/unit/daemon/rig.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "scheduler/api/stream.h"
#include "scheduler/daemon/backup_schedule.h"
#include "scheduler/daemon/events/event_hub.h"
#include "scheduler/daemon/health/health.h"
#include "scheduler/daemon/names.h"

#define MANY "tasks: {t: {matrix: {n: [%s]}, run: \"true\"}}\n"

struct scene {
  struct rig *rig;
  struct server *server;
  struct event_hub *hub;
  struct names names;
  struct degraded degraded;
  struct backup_standing backup;
  const char *revoked; /* id of the token that isn't one any more */
};

static bool holds(void *ctx, const struct api_identity *who) {
  const struct scene *s = ctx;
  assert_string_equal(who->kind, "token");
  return !s->revoked || strcmp(who->id, s->revoked) != 0;
}

static void on_request(void *ctx, const struct api_request *request) {
  struct scene *s = ctx;
  struct api_request with = *request;
  with.who = (struct api_identity){API_ROLE_VIEWER, "token", "t1", "anna"};
  event_hub_take(s->hub, &with);
}

static void on_gone(void *ctx, uint64_t handle) {
  event_hub_gone(((struct scene *)ctx)->hub, handle);
}

static void on_committed(struct rig *r, const struct change *changes, size_t len) {
  struct scene *s = r->more;
  for (size_t i = 0; i < len; i++) {
    if (changes[i].kind == CHANGE_PIPELINE) names_pipeline_put(&s->names, &changes[i].pipeline);
    if (changes[i].kind == CHANGE_RUN) names_run_put(&s->names, &changes[i].run);
  }
  event_hub_committed(s->hub, changes, len);
}

static void scene_open(struct scene *s, struct rig *r, int linger_ms) {
  *s = (struct scene){.rig = r};
  const struct api_options api = {.state_dir = r->config->state, .handler = on_request, .gone = on_gone, .ctx = s};
  assert_int_equal(server_new(&r->loop, &api, &s->server), 0);
  const struct event_hub_options options = {.loop = &r->loop,
                                            .server = s->server,
                                            .core = r->core,
                                            .names = &s->names,
                                            .degraded = &s->degraded,
                                            .backup = &s->backup,
                                            .state_id = "s",
                                            .holds = holds,
                                            .ctx = s,
                                            .beat_ms = 500,
                                            .flush_ms = 20,
                                            .linger_ms = linger_ms};
  s->hub = event_hub_new(&options);
  r->more = s;
  r->on_committed = on_committed;
}

static void scene_close(struct scene *s) {
  s->rig->on_committed = NULL;
  event_hub_free(s->hub);
  server_free(s->server);
  names_release(&s->names);
}

static int listen_to(struct scene *s, const char *last) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/rota.sock", s->rig->config->state);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  size_t before = event_hub_listeners(s->hub);
  dprintf(fd, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", last ? "Last-Event-ID: " : "",
          last ? last : "", last ? "\r\n" : "");
  rig_until(s->rig, event_hub_listeners(s->hub) == before + 1);
  return fd;
}

static char text_heard[4 * 1024 * 1024];

/* What has come by now. */
static char *heard_now(int fd) {
  ssize_t n = recv(fd, text_heard, sizeof text_heard - 1, 0);
  text_heard[n > 0 ? n : 0] = '\0';
  return text_heard;
}

/* The same after the loop has turned for a while, and until `word` has come: a busy machine may be slow to send it.
 */
static char *heard_until(struct scene *s, int fd, const char *word) {
  const int64_t end = clock_monotonic() + 20 * USEC_PER_SEC;
  char *text = text_heard;
  size_t len = 0;
  *text = '\0';
  rig_wait(s->rig, 120);
  for (;;) {
    ssize_t n = recv(fd, text + len, sizeof text_heard - 1 - len, 0);
    if (n > 0) len += (size_t)n;
    text[len] = '\0';
    if (n <= 0 && (strstr(text, word) || clock_monotonic() > end)) return text;
    rig_wait(s->rig, 10);
  }
}

static char *heard(struct scene *s, int fd) {
  return heard_until(s, fd, "");
}

static size_t count(const char *text, const char *word) {
  size_t n = 0;
  for (; (text = strstr(text, word)); text++) n++;
  return n;
}

static void once(struct scene *s) {
  static int n;
  char text[128];
  snprintf(text, sizeof text, "tasks: {a: {run: \"echo %d\"}}\n", n++);
  size_t before = s->rig->commits;
  rig_load(s->rig, "p", text);
  rig_until(s->rig, s->rig->commits > before && rig_quiet(s->rig));
}

static void all_who_listen_are_told(void **state) {
  struct scene s;
  scene_open(&s, *state, 0);
  int a = listen_to(&s, NULL), b = listen_to(&s, NULL);
  once(&s);
  for (int i = 0; i < 2; i++) {
    const char *text = heard(&s, i ? a : b);
    assert_int_equal(count(text, "event: hello\n"), 1);
    assert_int_equal(count(text, "event: health\n"), 1);
    assert_int_equal(count(text, "event: change\n"), 1);
    assert_non_null(strstr(text, "\"pipelines\":[\"p\"]"));
  }
  close(a);
  rig_until(s.rig, event_hub_listeners(s.hub) == 1);
  close(b);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
}

static void the_health_is_told_when_it_changes(void **state) {
  struct scene s;
  scene_open(&s, *state, 0);
  int fd = listen_to(&s, NULL);
  heard(&s, fd);
  char why[] = "the disk is full";
  s.degraded = (struct degraded){.err = ERR_FULL, .why = why};
  event_hub_health(s.hub);
  assert_non_null(strstr(heard(&s, fd), "data: {\"degraded\":{\"kind\":\"full\",\"reason\":\"the disk is full\""));
  s.degraded.err = 0;
  event_hub_health(s.hub);
  assert_non_null(strstr(heard(&s, fd), "data: {\"degraded\":null,\"paused\":null,\"backup\":null}"));
  s.backup = (struct backup_standing){.dir = "/b", .last = 0, .next = INSTANT_NONE, .failing = 0, .why = "no room"};
  event_hub_health(s.hub);
  assert_non_null(strstr(heard(&s, fd), "\"failing\":{\"since\":\"1970-01-01T00:00:00"));
  close(fd);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
}

static void who_comes_back_soon_gets_what_it_missed(void **state) {
  struct scene s;
  char last[24];
  scene_open(&s, *state, 0);
  int fd = listen_to(&s, NULL);
  once(&s);
  heard(&s, fd);
  snprintf(last, sizeof last, "%lld", (long long)core_commit_number(s.rig->core));
  close(fd);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  once(&s);
  once(&s);
  fd = listen_to(&s, last);
  const char *text = heard_until(&s, fd, "event: change\n");
  assert_int_equal(count(text, "event: resync\n"), 0);
  assert_true(count(text, "event: change\n") >= 1);
  close(fd);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
}

static void nothing_is_kept_when_nobody_comes_back(void **state) {
  struct scene s;
  char last[24];
  scene_open(&s, *state, 1);
  int fd = listen_to(&s, NULL);
  once(&s);
  heard(&s, fd);
  snprintf(last, sizeof last, "%lld", (long long)core_commit_number(s.rig->core));
  close(fd);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  rig_wait(s.rig, 20);
  once(&s);
  fd = listen_to(&s, last);
  const char *text = heard_until(&s, fd, "event: resync\n");
  assert_int_equal(count(text, "event: resync\n"), 1);
  assert_int_equal(count(text, "event: change\n"), 0);
  close(fd);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
}

static void who_does_not_read_is_told_to_fetch_anew(void **state) {
  struct scene s;
  struct buf items = {0}, text = {0};
  scene_open(&s, *state, 0);
  for (int i = 0; i < 120; i++) buf_fmt(&items, "%s%d", i ? ", " : "", i);
  buf_fmt(&text, MANY, items.bytes);
  rig_load(s.rig, "many", text.bytes);
  int slow = listen_to(&s, NULL), quick = listen_to(&s, NULL);
  for (int i = 0; i < 30; i++) {
    rig_trigger(s.rig, 0, "many");
    const char *told = heard_until(&s, quick, "event: change\n");
    assert_int_equal(count(told, "event: resync\n"), 0);
    assert_true(count(told, "event: change\n") > 0);
  }
  const char *told = heard_until(&s, slow, "event: resync\n");
  assert_true(count(told, "event: resync\n") >= 1);
  once(&s); /* and from there on it is told as the others are */
  assert_int_equal(count(heard_until(&s, slow, "event: change\n"), "event: change\n"), 1);
  close(slow);
  close(quick);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
  buf_release(&items);
  buf_release(&text);
}

static void who_is_not_let_in_any_more_is_cut(void **state) {
  struct scene s;
  scene_open(&s, *state, 0);
  int fd = listen_to(&s, NULL);
  const struct change token = {.kind = CHANGE_TOKEN}, pause = {.kind = CHANGE_PAUSE};
  event_hub_committed(s.hub, &token, 1);
  assert_int_equal(event_hub_listeners(s.hub), 1);
  s.revoked = "t1";
  event_hub_committed(s.hub, &pause, 1);
  assert_int_equal(event_hub_listeners(s.hub), 1);
  event_hub_committed(s.hub, &token, 1);
  assert_int_equal(event_hub_listeners(s.hub), 0);
  const char *text = heard(&s, fd);
  assert_non_null(strstr(text, "\r\n0\r\n\r\n"));
  close(fd);
  rig_wait(s.rig, 20);
  scene_close(&s);
}

static void a_token_that_expires_is_noticed_at_the_beat(void **state) {
  struct scene s;
  scene_open(&s, *state, 0);
  s.revoked = "t1";
  int fd = listen_to(&s, NULL);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  close(fd);
  rig_wait(s.rig, 20);
  scene_close(&s);
}

#define CROWD 200

static size_t crowd_hears(const int *fds) {
  size_t n = 0;
  char byte;
  for (int i = 0; i < CROWD; i++) n += fds[i] >= 0 && recv(fds[i], &byte, 1, MSG_PEEK) == 1;
  return n;
}

static void a_crowd_is_told_slice_by_slice(void **state) {
  struct scene s;
  int fds[CROWD];
  scene_open(&s, *state, 0);
  for (int i = 0; i < CROWD; i++) fds[i] = listen_to(&s, NULL);
  for (int i = 0; i < CROWD; i++) assert_int_equal(count(heard_now(fds[i]), "event: hello\n"), 1);
  event_hub_health(s.hub);
  uv_run(&s.rig->loop, UV_RUN_NOWAIT);
  assert_in_range(crowd_hears(fds), 1, CROWD - 1);
  int late = listen_to(&s, NULL); /* its greeting says it */
  close(fds[0]);
  fds[0] = -1;
  rig_until(s.rig, crowd_hears(fds) == CROWD - 1);
  rig_until(s.rig, event_hub_listeners(s.hub) == CROWD);
  once(&s);
  rig_wait(s.rig, 100);
  for (int i = 1; i < CROWD; i++) {
    const char *text = heard_now(fds[i]);
    const char *health = strstr(text, "event: health\n"), *change = strstr(text, "event: change\n");
    assert_int_equal(count(text, "event: health\n"), 1);
    assert_true(health && change && health < change);
  }
  const char *text = heard_now(late);
  assert_int_equal(count(text, "event: health\n"), 1);
  assert_true(count(text, "event: change\n") > 0);
  for (int i = 1; i < CROWD; i++) close(fds[i]);
  close(late);
  rig_until(s.rig, event_hub_listeners(s.hub) == 0);
  scene_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(all_who_listen_are_told, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(the_health_is_told_when_it_changes, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(who_comes_back_soon_gets_what_it_missed, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(nothing_is_kept_when_nobody_comes_back, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(who_does_not_read_is_told_to_fetch_anew, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(a_crowd_is_told_slice_by_slice, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(who_is_not_let_in_any_more_is_cut, rig_setup, rig_teardown),
      cmocka_unit_test_setup_teardown(a_token_that_expires_is_noticed_at_the_beat, rig_setup, rig_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
