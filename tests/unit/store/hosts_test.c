/* Rows of hosts: what is kept of each, what its pages read. */
#include "sandbox.h"

#include "scheduler/store/history.h"

struct fixture {
  struct sandbox *s;
  struct history *h;
  struct arena a;
};

static int setup(void **state) {
  if (sandbox_setup(state)) return -1;
  struct fixture *f = alloc_new(struct fixture);
  f->s = *state;
  f->h = history_new(f->s->dir);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  history_free(f->h);
  arena_release(&f->a);
  *state = f->s;
  free(f);
  return sandbox_teardown(state);
}

static struct change host(const char *name, enum host_contact contact) {
  return (struct change){CHANGE_HOST, .host = {.name = name,
                                               .order = HOST_ORDER_DRAIN,
                                               .order_reason = "a new disk",
                                               .order_by = "anna",
                                               .order_at = NOON,
                                               .contact = contact,
                                               .since = NOON + 1,
                                               .text = contact == HOST_CONTACT_UP ? NULL : "no route to host",
                                               .machine = "m1",
                                               .boot = "b1",
                                               .booted_at = NOON - USEC_PER_DAY,
                                               .facts = "{\"cpus\": 8}",
                                               .doctor_at = INSTANT_NONE}};
}

static struct change doctor(const char *name, const char *json) {
  return (struct change){CHANGE_HOST_DOCTOR, .host_doctor = {name, json, NOON + 2}};
}

static struct change remnant(int64_t attempt, const char *at, bool gone) {
  static struct id ids[100];
  ids[attempt] = sample_id(attempt);
  return (struct change){CHANGE_REMNANT, .remnant = {.attempt = attempt,
                                                     .host = at,
                                                     .run_id = ids[attempt].text,
                                                     .attempt_id = ids[attempt].text,
                                                     .what = "nightly#3 train",
                                                     .reason = "gpu01 was declared down by anna: fire",
                                                     .since = NOON,
                                                     .run = 10,
                                                     .task = 4,
                                                     .unsure = true,
                                                     .gone = gone}};
}

static void what_is_known_of_a_host_is_read_as_it_was_written(void **state) {
  struct fixture *f = *state;
  struct change c[] = {host("gpu01", HOST_CONTACT_UNREACHABLE), host("gpu02", HOST_CONTACT_UP)};
  sandbox_commit(f->s, c, 2);
  struct host_row *rows, row;
  size_t len;
  assert_int_equal(history_hosts(f->h, &f->a, &rows, &len), 0);
  assert_int_equal(len, 2);
  assert_string_equal(rows[1].name, "gpu02");
  assert_null(rows[1].text);
  assert_int_equal(history_host(f->h, "gpu01", &f->a, &row), 0);
  assert_int_equal(row.order, HOST_ORDER_DRAIN);
  assert_string_equal(row.order_reason, "a new disk");
  assert_string_equal(row.order_by, "anna");
  assert_int_equal(row.order_at, NOON);
  assert_int_equal(row.contact, HOST_CONTACT_UNREACHABLE);
  assert_int_equal(row.since, NOON + 1);
  assert_string_equal(row.text, "no route to host");
  assert_string_equal(row.machine, "m1");
  assert_string_equal(row.boot, "b1");
  assert_int_equal(row.booted_at, NOON - USEC_PER_DAY);
  assert_string_equal(row.facts, "{\"cpus\": 8}");
  assert_null(row.doctor);
  assert_true(row.doctor_at == INSTANT_NONE);
  assert_int_equal(history_host(f->h, "gpu09", &f->a, &row), ERR_NOT_FOUND);
}

static void an_examination_stays_while_the_host_changes(void **state) {
  struct fixture *f = *state;
  struct change first = doctor("gpu01", "{\"checks\": []}"), then = host("gpu01", HOST_CONTACT_UP);
  struct host_row row;
  sandbox_commit(f->s, &first, 1); /* before anything else was said of it */
  assert_int_equal(history_host(f->h, "gpu01", &f->a, &row), 0);
  assert_int_equal(row.order, HOST_ORDER_UP);
  sandbox_commit(f->s, &then, 1);
  assert_int_equal(history_host(f->h, "gpu01", &f->a, &row), 0);
  assert_string_equal(row.doctor, "{\"checks\": []}");
  assert_int_equal(row.doctor_at, NOON + 2);
  assert_int_equal(row.order, HOST_ORDER_DRAIN);
  struct change again = doctor("gpu01", "{\"checks\": [1]}");
  sandbox_commit(f->s, &again, 1);
  assert_int_equal(history_host(f->h, "gpu01", &f->a, &row), 0);
  assert_string_equal(row.doctor, "{\"checks\": [1]}");
  assert_int_equal(row.order, HOST_ORDER_DRAIN);
}

static void the_facts_of_a_time_are_those_seen_last_before_it(void **state) {
  struct fixture *f = *state;
  struct change c[4];
  static const char *const boots[] = {"b1", "b2", "b3"};
  for (int i = 0; i < 3; i++)
    c[i] = (struct change){CHANGE_HOST_BOOT, .host_boot = {.key = 30 + i,
                                                           .host = "gpu01",
                                                           .boot = boots[i],
                                                           .booted_at = INSTANT_NONE,
                                                           .seen_at = NOON + i * USEC_PER_HOUR}};
  c[3] = c[0];
  c[3].host_boot.key = 33;
  c[3].host_boot.host = "gpu02";
  sandbox_commit(f->s, c, 4);
  struct host_boot_row row, *rows;
  size_t len;
  assert_int_equal(history_boot_at(f->h, "gpu01", NOON + USEC_PER_HOUR, &f->a, &row), 0);
  assert_string_equal(row.boot, "b2");
  assert_int_equal(history_boot_at(f->h, "gpu01", NOON + 30 * USEC_PER_DAY, &f->a, &row), 0);
  assert_string_equal(row.boot, "b3");
  assert_int_equal(history_boot_at(f->h, "gpu01", NOON - 1, &f->a, &row), 0);
  assert_string_equal(row.boot, "b1");
  assert_int_equal(history_boot_at(f->h, "gpu03", NOON, &f->a, &row), ERR_NOT_FOUND);
  assert_int_equal(history_boots(f->h, "gpu01", &f->a, &rows, &len), 0);
  assert_int_equal(len, 3);
  assert_string_equal(rows[0].boot, "b3");
  assert_int_equal(history_boots(f->h, NULL, &f->a, &rows, &len), 0);
  assert_int_equal(len, 4);
  assert_string_equal(rows[0].host, "gpu02");
}

static void a_remnant_is_there_until_nothing_is_left(void **state) {
  struct fixture *f = *state;
  struct change c[] = {remnant(41, "gpu01", false), remnant(42, "gpu02", false), host("gpu01", HOST_CONTACT_UP)};
  sandbox_commit(f->s, c, 3);
  struct store_loaded loaded;
  assert_int_equal(store_load(f->s->store, &loaded, NULL), 0);
  assert_int_equal(loaded.state.hosts_len, 1);
  assert_int_equal(loaded.state.remnants_len, 2);
  const struct remnant_row *m = &loaded.state.remnants[0];
  assert_int_equal(m->attempt, 41);
  assert_string_equal(m->host, "gpu01");
  assert_string_equal(m->attempt_id, sample_id(41).text);
  assert_string_equal(m->what, "nightly#3 train");
  assert_int_equal(m->run, 10);
  assert_int_equal(m->task, 4);
  assert_true(m->unsure);
  assert_false(m->gone);
  store_loaded_release(&loaded);
  struct change gone = remnant(41, "gpu01", true);
  sandbox_commit(f->s, &gone, 1);
  struct remnant_row *rows;
  size_t len;
  assert_int_equal(history_remnants(f->h, "gpu01", &f->a, &rows, &len), 0);
  assert_int_equal(len, 0);
  assert_int_equal(history_remnants(f->h, NULL, &f->a, &rows, &len), 0);
  assert_int_equal(len, 1);
  assert_string_equal(rows[0].host, "gpu02");
}

static void failures_of_a_host_are_those_of_all_pipelines_the_last_first(void **state) {
  struct fixture *f = *state;
  sandbox_pipeline(f->s);
  struct change c[32];
  size_t n = 0;
  static const struct {
    enum task_state state;
    const char *host;
    int64_t run;
  } made[] = {{TASK_FAILED, "gpu01", 10},    {TASK_SUCCEEDED, "gpu01", 10}, {TASK_LOST, "gpu01", 11},
              {TASK_TIMED_OUT, "gpu01", 11}, {TASK_FAILED, "gpu02", 11},    {TASK_RUNNING, "gpu01", 11},
              {TASK_FAILED, "gpu01", 99},    {TASK_LOST, "gpu01", 11}};
  c[n++] = sample_run(10, 1, 1, 2, RUN_FAILED);
  c[n++] = sample_run(11, 1, 2, 2, RUN_RUNNING);
  c[n++] = sample_task(10, 0, "train", TASK_FAILED, 20);
  c[n++] = sample_task(11, 0, "eval", TASK_FAILED, 22);
  for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
    c[n] = sample_attempt(20 + (int64_t)i, made[i].run, 0, made[i].state);
    c[n].attempt.host = made[i].host;
    if (made[i].state != TASK_RUNNING) c[n].attempt.ended_at = NOON + (int64_t)i;
    n++;
  }
  c[n - 1].attempt.started_at = INSTANT_NONE; /* kept from starting */
  sandbox_commit(f->s, c, n);
  struct history_host_failure *rows;
  size_t len;
  assert_int_equal(history_host_failures(f->h, "gpu01", 50, &f->a, &rows, &len), 0);
  assert_int_equal(len, 3); /* the run of the fourth was taken away by retention */
  assert_int_equal(rows[0].attempt.state, TASK_TIMED_OUT);
  assert_string_equal(rows[0].attempt.label, "eval");
  assert_int_equal(rows[0].number, 2);
  assert_string_equal(rows[0].pipeline, "nightly");
  assert_string_equal(rows[0].run_id.text, sample_id(11).text);
  assert_int_equal(rows[2].attempt.key, 20);
  assert_int_equal(history_host_failures(f->h, "gpu01", 1, &f->a, &rows, &len), 0);
  assert_int_equal(len, 1);
}

static void events_of_a_host_are_read_by_its_name(void **state) {
  struct fixture *f = *state;
  struct change c[] = {sample_event(70, EVENT_ROW_HOST, 0, "unreachable"), sample_event(71, EVENT_ROW_HOST, 0, "up"),
                       sample_event(72, EVENT_ROW_HOST, 0, "up")};
  c[0].event.host = c[1].event.host = "gpu01";
  c[2].event.host = "gpu02";
  sandbox_commit(f->s, c, 3);
  struct event_row *rows;
  size_t len;
  assert_int_equal(history_host_events(f->h, "gpu01", 0, 10, &f->a, &rows, &len), 0);
  assert_int_equal(len, 2);
  assert_int_equal(rows[0].key, 71);
  assert_string_equal(rows[0].host, "gpu01");
  assert_int_equal(history_host_events(f->h, "gpu01", 71, 10, &f->a, &rows, &len), 0);
  assert_int_equal(len, 1);
  assert_string_equal(rows[0].state, "unreachable");
}

#define HOSTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      HOSTS_TEST(what_is_known_of_a_host_is_read_as_it_was_written),
      HOSTS_TEST(an_examination_stays_while_the_host_changes),
      HOSTS_TEST(the_facts_of_a_time_are_those_seen_last_before_it),
      HOSTS_TEST(a_remnant_is_there_until_nothing_is_left),
      HOSTS_TEST(failures_of_a_host_are_those_of_all_pipelines_the_last_first),
      HOSTS_TEST(events_of_a_host_are_read_by_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
