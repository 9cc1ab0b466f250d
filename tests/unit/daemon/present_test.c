/* What people and programs are shown: rows as JSON, names, the end of a log. */
#include "tests/unit/daemon/temp.h"

#include <jansson.h>

#include "scheduler/daemon/foreground/log_tail.h"
#include "scheduler/daemon/names.h"
#include "scheduler/daemon/pages/present.h"
#include "worker/local.h"

#define NOON INT64_C(1774785600000000) /* 2026-03-29T12:00:00Z */

/* The names of the members of an object, in order, as docs/api.md lists them. */
static void assert_members(const struct buf *text, const char *expected) {
  json_error_t error;
  json_t *root = json_loadb(text->bytes, text->len, JSON_REJECT_DUPLICATES, &error);
  if (!root) fail_msg("%s: %s", error.text, text->bytes);
  struct buf names = {0};
  const char *name;
  json_t *value;
  json_object_foreach(root, name, value) buf_fmt(&names, "%s%s", names.len ? " " : "", name);
  assert_string_equal(buf_cstr(&names), expected);
  buf_release(&names);
  json_decref(root);
}

static void assert_has(const struct buf *text, const char *part) {
  if (!strstr(text->bytes, part)) fail_msg("'%s' isn't in %s", part, text->bytes);
}

static const struct run_row a_run = {.key = 5,
                                     .id = {"01hzzzzzzzzzzzzzzzzzzzzzzz"},
                                     .number = 412,
                                     .state = RUN_RUNNING,
                                     .trigger = TRIGGER_MANUAL,
                                     .actor = {"user", "1000", "anna", "unix socket"},
                                     .params = "{\"n\": 1}",
                                     .scheduled_for = NOON,
                                     .interval_start = INSTANT_NONE,
                                     .zone = "Europe/Berlin",
                                     .date = 20541,
                                     .created_at = NOON,
                                     .started_at = NOON,
                                     .ended_at = INSTANT_NONE,
                                     .round = 1,
                                     .tasks = 3,
                                     .tasks_done = 1};

static void a_run_has_the_members_that_are_documented(void **state) {
  (void)state;
  struct buf text = {0};
  struct json j;
  const struct present_run shown = {
      .row = &a_run, .pipeline = "nightly", .version = "abc", .now = NOON + 1500 * USEC_PER_MS};
  jsonw_init(&j, &text);
  present_run_begin(&j, &shown);
  jsonw_object_end(&j);
  assert_members(&text,
                 "id name pipeline number state reason trigger actor params version scheduled_for "
                 "interval_start date zone created_at started_at ended_at duration_ms round failed_before keep "
                 "may_have_run_twice linked_from tasks_total tasks_done tasks_failed");
  assert_has(&text, "\"name\":\"nightly#412\"");
  assert_has(&text, "\"date\":\"2026-03-29\"");
  assert_has(&text, "\"started_at\":\"2026-03-29T12:00:00.000000Z\"");
  assert_has(&text, "\"interval_start\":null");
  assert_has(&text, "\"duration_ms\":1500"); /* up to now, as it hasn't ended */
  assert_has(&text, "\"params\":{\"n\": 1}");
  buf_release(&text);
}

static void a_task_shows_the_outputs_of_the_attempt_that_counts(void **state) {
  (void)state;
  const struct output_row outputs[] = {{7, "rows", "5"}, {8, "rows", "6"}, {8, "name", "\"x\""}};
  const struct task_row row = {.name = "train",
                               .label = "train[0.1]",
                               .state = TASK_WAITING,
                               .wait = WAIT_RETRY,
                               .attempts = 2,
                               .output_attempt = 8,
                               .started_at = INSTANT_NONE,
                               .ended_at = INSTANT_NONE,
                               .not_before = NOON};
  const struct task_told told = {.progress = "50% epoch 3", .last_output_at = INSTANT_NONE, .usual_ms = -1};
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  present_task(&j, &row, outputs, 3, &told, NOON);
  assert_members(&text,
                 "task label index state wait reason round attempts started_at ended_at duration_ms not_before "
                 "marked allow_failure outputs progress summary last_output_at expected_end why");
  assert_has(&text, "\"outputs\":{\"rows\":6,\"name\":\"x\"}");
  assert_has(&text, "\"wait\":\"retry\"");
  assert_has(&text, "\"duration_ms\":null");
  assert_has(&text, "\"progress\":\"50% epoch 3\",\"summary\":null");
  buf_release(&text);
}

static void what_is_unknown_of_an_attempt_is_null(void **state) {
  (void)state;
  const struct attempt_row row = {.number = 1,
                                  .state = TASK_RUNNING,
                                  .host = "local",
                                  .exit_code = -1,
                                  .created_at = NOON,
                                  .started_at = NOON,
                                  .ended_at = INSTANT_NONE,
                                  .max_rss_kb = -1,
                                  .cpu_us = -1,
                                  .log_bytes = -1,
                                  .git_dirty = -1};
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  present_attempt(&j, &row, "train", "python train.py", NOON);
  static const char *const unknown[] = {"exit_code", "signal", "pid",        "ended_at", "max_rss_kb",
                                        "cpu_ms",    "dir",    "git_commit", "git_dirty"};
  for (size_t i = 0; i < COUNT(unknown); i++) {
    char part[64];
    snprintf(part, sizeof part, "\"%s\":null", unknown[i]);
    assert_has(&text, part);
  }
  buf_release(&text);
}

static void an_exit_of_zero_is_known(void **state) {
  (void)state;
  const struct attempt_row row = {.exit_code = 0, .signal = 9, .pid = 7, .git_commit = "abc", .git_dirty = 1};
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  present_attempt(&j, &row, NULL, NULL, NOON);
  assert_members(
      &text,
      "id task attempt round state reason host unreachable_at exit_code signal pid created_at started_at ended_at "
      "duration_ms max_rss_kb cpu_ms log_bytes slots dir git_commit git_dirty command");
  assert_has(&text, "\"exit_code\":0,\"signal\":9,\"pid\":7");
  assert_has(&text, "\"git_commit\":\"abc\",\"git_dirty\":true");
  buf_release(&text);
}

/* ---- names ---- */

static void names_come_from_the_rows_that_pass(void **state) {
  (void)state;
  struct names n = {0};
  struct run_row row = a_run;
  row.pipeline = 3;
  assert_string_equal(names_pipeline(&n, 3), "?");
  assert_null(names_run(&n, 5));
  struct pipeline_row nightly = {.key = 3, .name = "nightly", .present = true}, other = {.key = 4, .name = "other"};
  names_pipeline_put(&n, &nightly);
  names_pipeline_put(&n, &nightly);
  names_pipeline_put(&n, &other);
  assert_int_equal(n.present, 1);
  nightly.present = false;
  names_pipeline_put(&n, &nightly);
  assert_int_equal(n.present, 0);
  names_run_put(&n, &row);
  row.state = RUN_SUCCEEDED;
  names_run_put(&n, &row); /* the row again, as it ends */
  assert_string_equal(names_pipeline(&n, 3), "nightly");
  assert_string_equal(names_run(&n, 5)->text, "nightly#412");
  assert_string_equal(names_run(&n, 5)->id.text, row.id.text);
  assert_int_equal(names_run(&n, 5)->state, RUN_SUCCEEDED);
  names_run_forget(&n, 5);
  names_run_forget(&n, 5);
  assert_null(names_run(&n, 5));
  names_release(&n);
}

/* ---- the end of a log ---- */

static void write_log(const struct temp *t, const char *text, size_t len) {
  char *dir = local_attempt_dir(t->dir, "run", "attempt"), *path = path_join(dir, "log");
  assert_int_equal(dir_make(dir, 0700), 0);
  assert_int_equal(file_write(path, text, len, 0600, false), 0);
  free(path);
  free(dir);
}

static void the_end_of_a_log_is_harmless_to_a_terminal(void **state) {
  (void)state;
  static const struct {
    const char *log;
    unsigned lines;
    const char *shown;
  } table[] = {
      {"one\ntwo\nthree\n", 2, "two\nthree\n"},
      {"one\ntwo", 5, "one\ntwo\n"}, /* an unfinished line gets its end */
      {"", 5, ""},
      {"50%\r100%\r\ndone\n", 5, "50%100%\ndone\n"},
      {"\x1b[31mred\x1b[0m\a\tx\x7f\n", 1, "?[31mred?[0m?\tx?\n"},
      {"gr\xc3\xbc\xc3\x9f\n", 1, "gr\xc3\xbc\xc3\x9f\n"},
      {"\n\n\n", 2, "\n\n"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct temp t;
    struct buf out = {0};
    temp_make(&t);
    write_log(&t, table[i].log, strlen(table[i].log));
    log_tail(t.dir, "run", "attempt", table[i].lines, &out);
    assert_string_equal(buf_cstr(&out), table[i].shown);
    buf_release(&out);
    temp_release(&t);
  }
}

static void of_a_long_log_only_the_end_is_shown(void **state) {
  (void)state;
  struct temp t;
  struct buf text = {0}, out = {0};
  temp_make(&t);
  for (int i = 0; i < 100000; i++) buf_fmt(&text, "%d\n", i);
  write_log(&t, text.bytes, text.len);
  log_tail(t.dir, "run", "attempt", 100000, &out);
  assert_in_range(out.len, 1, 64 * 1024);
  assert_string_equal(out.bytes + out.len - 6, "99999\n");
  buf_release(&text);
  buf_release(&out);
  temp_release(&t);
}

static void without_a_log_nothing_is_shown(void **state) {
  (void)state;
  struct temp t;
  struct buf out = {0};
  temp_make(&t);
  log_tail(t.dir, "run", "attempt", 10, &out);
  assert_int_equal(out.len, 0);
  buf_release(&out);
  temp_release(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_has_the_members_that_are_documented),
      cmocka_unit_test(a_task_shows_the_outputs_of_the_attempt_that_counts),
      cmocka_unit_test(what_is_unknown_of_an_attempt_is_null),
      cmocka_unit_test(an_exit_of_zero_is_known),
      cmocka_unit_test(names_come_from_the_rows_that_pass),
      cmocka_unit_test(the_end_of_a_log_is_harmless_to_a_terminal),
      cmocka_unit_test(of_a_long_log_only_the_end_is_shown),
      cmocka_unit_test(without_a_log_nothing_is_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
