/* What has one cause is one row; the newest is first. */
#include "tests/unit/daemon/temp.h"

#include "scheduler/daemon/pages/attention.h"

#define NOON INT64_C(1774785600000000)

static const char *written(struct attention *t, struct arena *a) {
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  attention_write(t, &j);
  const char *copy = arena_strdup(a, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

static struct history_failure failure(const char *pipeline, int64_t number, const char *why, int exit_code) {
  struct history_failure f = {.pipeline = pipeline,
                              .number = number,
                              .ended_at = NOON + number,
                              .label = "train[2]",
                              .task = "train",
                              .state = TASK_FAILED,
                              .why = why,
                              .host = "gpu01",
                              .exit_code = exit_code};
  snprintf(f.id.text, sizeof f.id.text, "%s%lld", pipeline, (long long)number);
  return f;
}

static void own_failures_are_apart_and_those_of_the_machinery_together(void **state) {
  (void)state;
  struct arena a = {0};
  struct attention t = {.arena = &a};
  struct history_failure items[] = {
      failure("nightly", 3, "exit status 1", 1), failure("weekly", 4, "exit status 1", 1),
      failure("nightly", 2, "exit status 1", 1), failure("nightly", 5, "host rebooted", -1),
      failure("weekly", 6, "host rebooted", -1)};
  attention_failures(&t, items, 5);
  assert_int_equal(t.rows.len, 3);
  const char *text = written(&t, &a);
  assert_non_null(strstr(text, "\"title\":\"nightly failed 2 times in train\""));
  assert_non_null(strstr(text, "\"title\":\"weekly#4 failed in train\""));
  assert_non_null(strstr(text, "\"title\":\"2 runs failed alike\",\"pipeline\":null,\"run\":\"weekly6\""));
  assert_true(strstr(text, "failed alike") < strstr(text, "weekly#4 failed"));
  assert_true(strstr(text, "weekly#4 failed") < strstr(text, "nightly failed"));
  arena_release(&a);
}

static void one_outage_of_many_pipelines_is_one_row(void **state) {
  (void)state;
  struct arena a = {0};
  for (size_t pipelines = 5; pipelines <= 6; pipelines++) {
    struct attention t = {.arena = &a};
    struct history_missed items[6] = {0};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < pipelines; i++) {
      items[i].pipeline = names[i];
      items[i].schedule = "0 3 * * * UTC";
      items[i].row = (struct firing_row){
          .scheduled_for = NOON, .until = NOON + (instant)i, .count = 2, .reason = "the daemon wasn't there"};
    }
    attention_missed(&t, items, pipelines);
    assert_int_equal(t.rows.len, pipelines == 5 ? 5 : 1);
    const char *text = written(&t, &a);
    assert_non_null(strstr(text, pipelines == 5 ? "e missed 2 firings" : "6 pipelines missed 12 firings"));
  }
  arena_release(&a);
}

static void a_broken_file_says_its_first_mistake(void **state) {
  (void)state;
  struct arena a = {0};
  struct attention t = {.arena = &a};
  static const char json[] =
      "[{\"file\":\"x.yaml\",\"pipeline\":\"x\",\"diagnostics\":[{\"line\":3,\"message\":\"no\"},"
      "{\"line\":9,\"message\":\"nor\"}]},{\"file\":\"y.yaml\",\"pipeline\":null,\"diagnostics\":[]}]";
  attention_broken(&t, json, sizeof json - 1);
  const char *text = written(&t, &a);
  assert_non_null(strstr(text, "\"title\":\"x.yaml doesn't load\""));
  assert_non_null(strstr(text, "\"why\":\"line 3: no\""));
  assert_non_null(strstr(text, "y.yaml doesn't load"));
  arena_release(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(own_failures_are_apart_and_those_of_the_machinery_together),
      cmocka_unit_test(one_outage_of_many_pipelines_is_one_row),
      cmocka_unit_test(a_broken_file_says_its_first_mistake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
