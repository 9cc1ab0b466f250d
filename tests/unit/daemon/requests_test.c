/* Requests that change something: checked, looked up, made an event, answered when durable, and once for each key. */
#include "tests/unit/daemon/rig.h"

#include <stdatomic.h>

#include "scheduler/daemon/handlers/requests.h"
#include "scheduler/store/history.h"
#include "scheduler/store/retention.h"

#define ONE "params: {n: {type: int, default: 1}}\ntasks: {a: {run: \"true\"}}\n"

struct answers {
  struct requests *requests;
  struct history *history;
  int status[200];
  char body[200][1000];
};

static void take_answer(void *ctx, uint64_t handle, int status, const char *body, size_t len) {
  struct answers *a = ctx;
  assert_true(handle < COUNT(a->status));
  assert_int_equal(a->status[handle], 0); /* once */
  a->status[handle] = status;
  snprintf(a->body[handle], sizeof a->body[handle], "%.*s", (int)len, body);
}

static void to_requests(struct rig *r, const struct decision_reply *reply) {
  struct answers *a = r->more;
  if (a->requests) requests_reply(a->requests, reply);
}

static void open_requests(struct rig *r) {
  struct answers *a = r->more;
  a->history = history_new(r->config->state);
  a->requests = requests_new(&r->loop, r->core, a->history, take_answer, a);
}

static void close_requests(struct rig *r) {
  struct answers *a = r->more;
  requests_free(a->requests);
  a->requests = NULL;
}

static void changes_to_requests(struct rig *r, const struct change *changes, size_t len) {
  struct answers *a = r->more;
  if (a->requests) requests_committed(a->requests, changes, len);
}

static int setup(void **state) {
  rig_setup(state);
  struct rig *r = *state;
  r->more = alloc_new(struct answers);
  r->on_reply = to_requests;
  r->on_committed = changes_to_requests;
  open_requests(r);
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  return 0;
}

static int teardown(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  close_requests(r);
  rig_close(r);
  history_free(a->history);
  free(a);
  config_free(r->config);
  temp_release(&r->temp);
  free(r);
  return 0;
}

static void post(struct rig *r, uint64_t handle, enum api_route route, const char *what, const char *key,
                 const char *body) {
  struct answers *a = r->more;
  const struct api_pair path[2] = {{"name", what}, {"run", what}};
  const struct api_request request = {.handle = handle,
                                      .route = route,
                                      .path = path,
                                      .path_len = 2,
                                      .target = "/target",
                                      .idempotency_key = key,
                                      .body = body,
                                      .body_len = strlen(body),
                                      .who = {API_ROLE_ADMIN, "user", "1000", "anna"}};
  assert_true(requests_take(a->requests, &request));
}

static int status(struct rig *r, uint64_t handle) {
  return ((struct answers *)r->more)->status[handle];
}

static const char *body(struct rig *r, uint64_t handle) {
  return ((struct answers *)r->more)->body[handle];
}

static void each_bad_request_is_refused_and_changes_nothing(void **state) {
  struct rig *r = *state;
  static const struct {
    enum api_route route;
    const char *what, *body;
    int status;
    const char *detail;
  } table[] = {
      {API_TRIGGER, "one", "{\"parms\": {}}", 422, "unknown member 'parms'"},
      {API_TRIGGER, "one", "{", 422, "not well-formed"},
      {API_TRIGGER, "one", "{\"params\": {\"n\": \"x\"}}", 422, "n"},
      {API_TRIGGER, "two", "", 404, "two"},
      {API_CANCEL, "one#7", "", 404, ""},
      {API_RERUN, "one", "{\"mode\": \"failed\"}", 404, ""},
      {API_RERUN, "one", "{\"mode\": \"some\"}", 422, "one of failed, all, from, only"},
      {API_RERUN, "one", "{\"mode\": \"from\"}", 422, "'task' is missing"},
      {API_MARK, "one", "{\"task\": \"a\", \"state\": \"failed\", \"reason\": \"x\"}", 422,
       "one of succeeded, skipped"},
      {API_NOTE, "one", "{}", 422, "'text' is missing"},
      {API_PIPELINE_PAUSE, "one", "{}", 422, "'reason' is missing"},
      {API_PIPELINE_RESUME, "two", "", 404, "two"},
      {API_PIPELINE_NOTE, "two", "{\"text\": \"x\"}", 404, "two"},
      {API_PIPELINE_NOTE, "one", "{}", 422, "'text' is missing"},
  };
  size_t commits = r->commits;
  for (size_t i = 0; i < COUNT(table); i++) {
    uint64_t handle = i + 1;
    post(r, handle, table[i].route, table[i].what, NULL, table[i].body);
    rig_until(r, status(r, handle));
    if (status(r, handle) != table[i].status || !strstr(body(r, handle), table[i].detail))
      fail_msg("%s: %d %s, expected %d", table[i].body, status(r, handle), body(r, handle), table[i].status);
  }
  assert_int_equal(r->commits, commits);
}

static void other_routes_are_left_to_others(void **state) {
  struct rig *r = *state;
  const struct api_request request = {.handle = 1, .route = API_STATUS};
  assert_false(requests_take(((struct answers *)r->more)->requests, &request));
}

static void a_run_is_triggered_and_its_changes_find_it(void **state) {
  struct rig *r = *state;
  post(r, 1, API_TRIGGER, "one", NULL, "{\"params\": {\"n\": 5}}");
  rig_until(r, status(r, 1));
  assert_int_equal(status(r, 1), 201);
  post(r, 2, API_NOTE, "one#1", NULL, "{\"text\": \"hello\"}");
  post(r, 3, API_KEEP, "one", NULL, "{\"keep\": true}");
  post(r, 4, API_CANCEL, "one", NULL, "");
  rig_until(r, status(r, 2) && status(r, 3) && status(r, 4));
  assert_int_equal(status(r, 2), 200);
  assert_int_equal(status(r, 3), 200);
  assert_int_equal(status(r, 4), 200);
  rig_until(r, r->executor.stops == 1);
}

/* ---- idempotency keys ---- */

static void the_same_key_at_the_same_time_starts_one_run_and_answers_all(void **state) {
  struct rig *r = *state;
  for (uint64_t i = 1; i <= 50; i++) post(r, i, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 5}}");
  post(r, 51, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 6}}");
  assert_int_equal(status(r, 51), 422);
  rig_until(r, status(r, 50));
  for (uint64_t i = 1; i <= 50; i++) {
    assert_int_equal(status(r, i), 201);
    assert_string_equal(body(r, i), body(r, 1));
  }
  rig_until(r, rig_quiet(r));
  assert_int_equal(r->executor.starts, 1);
}

static void the_same_key_later_gets_the_stored_answer(void **state) {
  struct rig *r = *state;
  post(r, 1, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 5}}");
  rig_until(r, status(r, 1));
  post(r, 2, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 5}}");
  post(r, 3, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 6}}");
  rig_until(r, status(r, 2) && status(r, 3));
  assert_int_equal(status(r, 2), 201);
  assert_string_equal(body(r, 2), body(r, 1));
  assert_int_equal(status(r, 3), 422);
  post(r, 4, API_TRIGGER, "one", "k", "{\"params\": {\"n\": 6}}"); /* a refusal leaves the key as it was */
  post(r, 5, API_TRIGGER, "one", "other", "{\"params\": {\"n\": 6}}");
  rig_until(r, status(r, 4) && status(r, 5));
  assert_int_equal(status(r, 4), 422);
  assert_int_equal(status(r, 5), 201);
}

static void a_refused_body_does_not_take_the_key(void **state) {
  struct rig *r = *state;
  post(r, 1, API_TRIGGER, "one", "k", "{\"parms\": {}}");
  assert_int_equal(status(r, 1), 422);
  post(r, 2, API_TRIGGER, "one", "k", "{}");
  rig_until(r, status(r, 2));
  assert_int_equal(status(r, 2), 201);
}

/* ---- rows that change while they are read ---- */

/* Each is a change of what the one before made: none may be made of rows that are older, and be lost or undo it. */
static void changes_of_one_ended_run_at_the_same_time_are_all_kept(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  post(r, 1, API_TRIGGER, "one", NULL, "{}");
  post(r, 2, API_TRIGGER, "one", NULL, "{}");
  rig_until(r, status(r, 1) && status(r, 2));
  post(r, 3, API_CANCEL, "one#2", NULL, "");
  rig_until(r, status(r, 3));
  for (uint64_t i = 10; i < 30; i++)
    post(r, i, API_MARK, "one#2", NULL, "{\"task\": \"a\", \"state\": \"skipped\", \"reason\": \"x\"}");
  post(r, 30, API_KEEP, "one#2", NULL, "{\"keep\": true}");
  for (uint64_t i = 10; i <= 30; i++) {
    rig_until(r, status(r, i));
    assert_int_equal(status(r, i), 200);
  }
  struct arena arena = {0};
  struct buf why = {0};
  struct history_run run;
  assert_int_equal(history_find(a->history, "one#2", &arena, &run, &why), 0);
  assert_int_equal(run.run.round, 21);
  assert_true(run.run.keep);
  arena_release(&arena);
  buf_release(&why);
}

/* ---- runs that are removed ---- */

struct forgetting {
  atomic_bool may, done;
  struct retention walk;
  struct retention_removed removed;
};

static int wait_for_it(struct store *store, void *arg) {
  const struct forgetting *f = arg;
  (void)store;
  while (!f->may) usleep(1000);
  return 0;
}

static int forget(struct store *store, void *arg) {
  struct forgetting *f = arg;
  int rc;
  while ((rc = retention_step(store, &f->walk, clock_now() + 100 * USEC_PER_DAY, &f->removed, NULL)) == 1) continue;
  f->done = true;
  return rc;
}

static void finished_run(struct rig *r, uint64_t handle) {
  size_t starts = r->executor.starts;
  post(r, handle, API_TRIGGER, "one", NULL, "{}");
  rig_until(r, r->executor.starts > starts);
  rig_report(r, REPORT_ENDED, 0);
  rig_until(r, rig_quiet(r) && engine_runs(core_engine(r->core)) == 0);
}

static void nothing_is_changed_of_a_run_that_is_being_removed(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  struct forgetting f = {.walk = {.days = 1}};
  for (uint64_t i = 1; i <= 3; i++) finished_run(r, i);
  /* The rerun of one#1 waits for a commit before it; one#2 is looked up when the removal has been asked for. */
  committer_job(core_committer(r->core), wait_for_it, NULL, &f);
  post(r, 4, API_PIPELINE_NOTE, "one", NULL, "{\"text\": \"x\"}");
  rig_until(r, !rig_quiet(r));
  post(r, 5, API_RERUN, "one#1", NULL, "{\"mode\": \"all\"}");
  rig_until(r, inbox_len(core_inbox(r->core)) == 1);
  struct id *spared;
  f.walk.spared_len = requests_hold(a->requests, &spared);
  f.walk.spared = spared;
  assert_int_equal(f.walk.spared_len, 1);
  committer_job(core_committer(r->core), forget, NULL, &f);
  post(r, 6, API_KEEP, "one#2", NULL, "{\"keep\": true}");
  rig_wait(r, 100);
  f.may = true;
  while (!f.done) usleep(1000); /* the loop stands still: the rerun is recorded after the removal */
  rig_until(r, status(r, 5));
  assert_int_equal(status(r, 5), 200);
  assert_int_equal(status(r, 6), 0);
  assert_int_equal(f.removed.ids.len, 1);
  requests_let_go(a->requests, f.removed.ids.items, f.removed.ids.len);
  rig_until(r, status(r, 6));
  assert_int_equal(status(r, 6), 404);
  rig_until(r, r->executor.starts == 4);
  rig_report(r, REPORT_ENDED, 0);
  rig_until(r, rig_quiet(r));
  struct arena arena = {0};
  struct buf why = {0};
  struct history_run run;
  struct run_rows rows;
  assert_int_equal(history_find(a->history, "one#1", &arena, &run, &why), 0);
  assert_int_equal(run.run.round, 2);
  assert_int_equal(history_run_rows(a->history, run.run.id.text, &arena, &rows, &why), 0);
  assert_int_equal(rows.tasks_len, 1);
  pipeline_release(rows.pipeline);
  arena_release(&arena);
  buf_release(&why);
  vec_release(&f.removed.ids);
  free(spared);
}

static void a_removal_spares_what_others_ask_for_and_they_look_again(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  struct requests *clients = requests_new(&r->loop, r->core, a->history, take_answer, a);
  struct id *spared;
  requests_join(clients, a->requests);
  finished_run(r, 1);
  struct forgetting f = {0};
  committer_job(core_committer(r->core), wait_for_it, NULL, &f);
  post(r, 2, API_PIPELINE_NOTE, "one", NULL, "{\"text\": \"x\"}");
  rig_until(r, !rig_quiet(r));
  post(r, 3, API_RERUN, "one#1", NULL, "{\"mode\": \"all\"}");
  rig_until(r, inbox_len(core_inbox(r->core)) == 1);
  assert_int_equal(requests_hold(clients, &spared), 1);
  post(r, 4, API_KEEP, "one#1", NULL, "{\"keep\": true}");
  rig_wait(r, 50);
  f.may = true;
  rig_until(r, status(r, 3));
  assert_int_equal(status(r, 4), 0);
  requests_let_go(clients, spared, 1); /* as if it had been removed: it is looked up again, and found */
  rig_until(r, status(r, 4));
  assert_int_equal(status(r, 4), 200);
  rig_until(r, r->executor.starts == 2);
  rig_report(r, REPORT_ENDED, 0);
  rig_until(r, rig_quiet(r));
  free(spared);
  requests_join(clients, NULL);
  requests_free(clients);
}

static void what_waits_for_a_removal_is_let_go_at_the_end(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  struct id *named;
  finished_run(r, 1);
  assert_int_equal(requests_hold(a->requests, &named), 0);
  free(named);
  post(r, 2, API_KEEP, "one", "k", "{\"keep\": true}");
  rig_wait(r, 50);
  requests_degraded(a->requests);
  assert_int_equal(status(r, 2), 503);
  post(r, 3, API_KEEP, "one", "k", "{\"keep\": true}");
  rig_wait(r, 50);
  close_requests(r);
  assert_int_equal(status(r, 3), 0);
}

/* ---- one run for an instant ---- */

#define FOR_ONE "{\"for\": \"2026-03-01T03:00:00Z\"}"

static void triggers_for_one_instant_at_the_same_time_make_one_run(void **state) {
  struct rig *r = *state;
  for (uint64_t i = 1; i <= 20; i++) post(r, i, API_TRIGGER, "one", NULL, FOR_ONE);
  post(r, 30, API_TRIGGER, "one", NULL, "{\"for\": \"2026-03-02T03:00:00Z\"}");
  rig_until(r, status(r, 20) && status(r, 30));
  assert_int_equal(status(r, 30), 201);
  size_t made = 0;
  for (uint64_t i = 1; i <= 20; i++) {
    made += status(r, i) == 201;
    if (status(r, i) != 201) assert_non_null(strstr(body(r, i), "is for this instant already"));
  }
  assert_int_equal(made, 1);
  post(r, 40, API_TRIGGER, "one", NULL, FOR_ONE);
  post(r, 41, API_TRIGGER, "one", NULL, "{\"for\": \"2026-03-01T03:00:00Z\", \"force\": true}");
  rig_until(r, status(r, 40) && status(r, 41));
  assert_int_equal(status(r, 40), 409);
  assert_int_equal(status(r, 41), 201);
}

static void those_that_wait_for_their_turn_are_let_go_at_the_end(void **state) {
  struct rig *r = *state;
  for (uint64_t i = 1; i <= 20; i++) post(r, i, API_TRIGGER, "one", NULL, FOR_ONE);
  rig_until(r, !rig_quiet(r) || status(r, 1));
  close_requests(r);
  rig_wait(r, 50);
}

/* ---- the ends ---- */

static void what_is_looked_up_when_the_end_comes_is_let_go(void **state) {
  struct rig *r = *state;
  for (uint64_t i = 1; i <= 20; i++) post(r, i, API_CANCEL, "one", i % 2 ? "k" : NULL, "");
  close_requests(r);
  rig_wait(r, 100);
  for (uint64_t i = 1; i <= 20; i++) assert_int_equal(status(r, i), 0);
}

static void an_event_that_the_engine_has_when_the_end_comes_is_harmless(void **state) {
  struct rig *r = *state;
  post(r, 1, API_TRIGGER, "one", "k", "{}");
  rig_until(r, !rig_quiet(r) || status(r, 1));
  close_requests(r);
}

static void while_nothing_can_be_recorded_requests_are_refused(void **state) {
  struct rig *r = *state;
  struct answers *a = r->more;
  close_requests(r);
  rig_wait(r, 20);
  history_free(a->history);
  bool mounted = rig_small_disk(r);
  open_requests(r);
  if (!mounted) return;
  rig_load(r, "one", ONE);
  rig_until(r, rig_quiet(r));
  rig_fill_disk(r);
  uint64_t last = 0;
  while (!r->degraded && last < 150) {
    last++;
    post(r, last, API_TRIGGER, "one", NULL, "{}");
    rig_until(r, status(r, last) || r->degraded);
  }
  assert_int_equal(r->degraded, ERR_FULL);
  requests_degraded(a->requests);
  assert_int_equal(status(r, last), 503); /* in flight */
  assert_non_null(strstr(body(r, last), "unknown, repeat with the same key"));
  post(r, 160, API_TRIGGER, "one", "k", "{}");
  assert_int_equal(status(r, 160), 503);
  assert_non_null(strstr(body(r, 160), "nothing is taken on"));

  rig_free_disk(r);
  rig_until(r, r->degraded == 0 && rig_quiet(r));
  post(r, 161, API_TRIGGER, "one", "k", "{}");
  rig_until(r, status(r, 161));
  assert_int_equal(status(r, 161), 201);
  close_requests(r);
  rig_wait(r, 20);
  history_free(a->history);
  rig_large_disk(r);
  open_requests(r);
}

#define REQUESTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      REQUESTS_TEST(each_bad_request_is_refused_and_changes_nothing),
      REQUESTS_TEST(other_routes_are_left_to_others),
      REQUESTS_TEST(a_run_is_triggered_and_its_changes_find_it),
      REQUESTS_TEST(the_same_key_at_the_same_time_starts_one_run_and_answers_all),
      REQUESTS_TEST(the_same_key_later_gets_the_stored_answer),
      REQUESTS_TEST(a_refused_body_does_not_take_the_key),
      REQUESTS_TEST(changes_of_one_ended_run_at_the_same_time_are_all_kept),
      REQUESTS_TEST(nothing_is_changed_of_a_run_that_is_being_removed),
      REQUESTS_TEST(a_removal_spares_what_others_ask_for_and_they_look_again),
      REQUESTS_TEST(what_waits_for_a_removal_is_let_go_at_the_end),
      REQUESTS_TEST(triggers_for_one_instant_at_the_same_time_make_one_run),
      REQUESTS_TEST(those_that_wait_for_their_turn_are_let_go_at_the_end),
      REQUESTS_TEST(what_is_looked_up_when_the_end_comes_is_let_go),
      REQUESTS_TEST(an_event_that_the_engine_has_when_the_end_comes_is_harmless),
      REQUESTS_TEST(while_nothing_can_be_recorded_requests_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
