/* The queue of events between the loop's callbacks and the engine's steps. */
#include "tests/unit/unit.h"

#include <string.h>

#include "scheduler/daemon/inbox.h"
#include "scheduler/spec/pipeline.h"

static void put_gone(struct inbox *in, const char *name) {
  inbox_add(in, ENGINE_GONE)->gone.name = arena_strdup(inbox_arena(in), name);
}

static void events_come_out_in_the_order_in_which_they_were_put(void **state) {
  (void)state;
  struct inbox in = {0};
  size_t len;
  put_gone(&in, "a");
  put_gone(&in, "b");
  assert_int_equal(inbox_len(&in), 2);
  const struct engine_event *events = inbox_take(&in, &len);
  assert_int_equal(len, 2);
  assert_string_equal(events[0].gone.name, "a");
  assert_string_equal(events[1].gone.name, "b");
  inbox_done(&in);
  assert_int_equal(inbox_len(&in), 0);
  inbox_release(&in);
}

static void what_comes_while_events_are_in_use_waits_for_the_next_take(void **state) {
  (void)state;
  struct inbox in = {0};
  size_t len;
  for (int round = 0; round < 3; round++) {
    put_gone(&in, "now");
    const struct engine_event *events = inbox_take(&in, &len);
    for (int i = 0; i < 1000; i++) put_gone(&in, "later"); /* a burst, which is given back */
    assert_int_equal(len, 1);
    assert_string_equal(events[0].gone.name, "now");
    inbox_done(&in);
    events = inbox_take(&in, &len);
    assert_int_equal(len, 1000);
    assert_string_equal(events[999].gone.name, "later");
    inbox_done(&in);
  }
  inbox_release(&in);
}

static void an_event_begins_zeroed(void **state) {
  (void)state;
  static const struct engine_trigger nothing;
  struct inbox in = {0};
  size_t len;
  memset(inbox_add(&in, ENGINE_TRIGGER), 0xff, sizeof(struct engine_event));
  inbox_take(&in, &len);
  inbox_done(&in);
  inbox_take(&in, &len);
  inbox_done(&in);
  struct engine_event *e = inbox_add(&in, ENGINE_TRIGGER);
  assert_memory_equal(&e->trigger, &nothing, sizeof nothing);
  e->kind = ENGINE_GONE;
  inbox_release(&in);
}

static void a_loaded_pipeline_lives_until_its_step_is_over(void **state) {
  (void)state;
  static const char json[] =
      "{\"name\":\"a\",\"folder\":\"\",\"params\":{},\"schedule\":[],\"tasks\":{\"t\":{\"run\":"
      "\"true\",\"shell\":[\"/bin/sh\",\"-e\"],\"leftovers\":\"kill\"}}}";
  struct inbox in = {0};
  size_t len;
  struct pipeline *p = pipeline_from_json(json, sizeof json - 1);
  assert_non_null(p);
  inbox_add(&in, ENGINE_LOADED)->loaded.pipeline = pipeline_retain(p);
  inbox_add(&in, ENGINE_LOADED)->loaded.pipeline = pipeline_retain(p);
  inbox_take(&in, &len);
  assert_int_equal(p->refs, 3);
  inbox_done(&in);
  assert_int_equal(p->refs, 1);
  inbox_add(&in, ENGINE_LOADED)->loaded.pipeline = pipeline_retain(p);
  inbox_release(&in); /* never taken */
  assert_int_equal(p->refs, 1);
  pipeline_release(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_come_out_in_the_order_in_which_they_were_put),
      cmocka_unit_test(what_comes_while_events_are_in_use_waits_for_the_next_take),
      cmocka_unit_test(an_event_begins_zeroed),
      cmocka_unit_test(a_loaded_pipeline_lives_until_its_step_is_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
