/* What an event of the stream says of the rows that became durable. */
#include "tests/unit/unit.h"

#include <string.h>

#include "scheduler/daemon/events/event_batch.h"

#define RUN "01aaaaaaaaaaaaaaaaaaaaaaaa"

struct world {
  struct names names;
  struct event_batch batch;
};

static struct run_row run_row(enum run_state state, int64_t done) {
  return (struct run_row){.key = 7,
                          .id = {RUN},
                          .pipeline = 1,
                          .number = 412,
                          .state = state,
                          .tasks = 3,
                          .tasks_done = done,
                          .started_at = 1000000,
                          .ended_at = run_state_ended(state) ? 3000000 : INSTANT_NONE};
}

static struct change task(uint32_t index, enum task_state state) {
  return (struct change){.kind = CHANGE_TASK,
                         .task = {.run = 7,
                                  .index = index,
                                  .label = "train[1]",
                                  .state = state,
                                  .wait = WAIT_SLOT,
                                  .attempts = 2,
                                  .started_at = INSTANT_NONE,
                                  .ended_at = INSTANT_NONE}};
}

static void world_make(struct world *w) {
  *w = (struct world){0};
  const struct pipeline_row pipeline = {.key = 1, .name = "nightly", .present = true};
  const struct run_row run = run_row(RUN_RUNNING, 0);
  names_pipeline_put(&w->names, &pipeline);
  names_run_put(&w->names, &run);
}

static void world_release(struct world *w) {
  event_batch_release(&w->batch);
  names_release(&w->names);
}

static void add(struct world *w, struct change c) {
  event_batch_add(&w->batch, &w->names, &c, 1);
}

static void says(const struct world *w, const char *want) {
  struct buf out = {0};
  event_batch_json(&w->batch, false, 9000000, &out);
  assert_string_equal(out.bytes, want);
  buf_release(&out);
}

static void each_run_and_task_is_told_once_as_it_is(void **state) {
  (void)state;
  struct world w;
  world_make(&w);
  add(&w, (struct change){.kind = CHANGE_RUN, .run = run_row(RUN_RUNNING, 1)});
  add(&w, task(4, TASK_WAITING));
  add(&w, task(4, TASK_RUNNING));
  add(&w, task(5, TASK_WAITING));
  add(&w, (struct change){.kind = CHANGE_RUN, .run = run_row(RUN_SUCCEEDED, 3)});
  names_run_forget(&w.names, 7); /* it has ended: what was taken in stays */
  says(&w,
       "{\"runs\":[{\"id\":\"" RUN
       "\",\"pipeline\":\"nightly\",\"number\":412,\"state\":\"succeeded\",\"reason\":null,"
       "\"tasks_total\":3,\"tasks_done\":3,\"tasks_failed\":0,\"started_at\":\"1970-01-01T00:00:01.000000Z\","
       "\"ended_at\":\"1970-01-01T00:00:03.000000Z\",\"duration_ms\":2000}],\"tasks\":["
       "{\"run\":\"" RUN "\",\"index\":4,\"label\":\"train[1]\",\"state\":\"running\",\"wait\":null,\"attempts\":2,"
       "\"started_at\":null,\"ended_at\":null},"
       "{\"run\":\"" RUN
       "\",\"index\":5,\"label\":\"train[1]\",\"state\":\"waiting\",\"wait\":\"slot\",\"attempts\":2,"
       "\"started_at\":null,\"ended_at\":null}],\"pipelines\":[],\"firings\":[],\"notes\":[],\"hosts\":[],\"paused\":"
       "false}");
  event_batch_reset(&w.batch);
  assert_false(w.batch.changed);
  says(&w, "{\"runs\":[],\"tasks\":[],\"pipelines\":[],\"firings\":[],\"notes\":[],\"hosts\":[],\"paused\":false}");
  world_release(&w);
}

static void names_are_told_once(void **state) {
  (void)state;
  struct world w;
  world_make(&w);
  for (int i = 0; i < 2; i++) {
    add(&w, (struct change){.kind = CHANGE_PIPELINE, .pipeline = {.key = 1, .name = "nightly"}});
    add(&w, (struct change){.kind = CHANGE_SCHEDULE, .schedule = {.pipeline = 1}});
    add(&w, (struct change){.kind = CHANGE_FIRING, .firing = {.pipeline = 1}});
    add(&w, (struct change){.kind = CHANGE_EVENT, .event = {.kind = EVENT_ROW_NOTE, .run = 99, .run_id = RUN}});
  }
  says(&w, "{\"runs\":[],\"tasks\":[],\"pipelines\":[\"nightly\"],\"firings\":[\"nightly\"],\"notes\":[\"" RUN
           "\"],\"hosts\":[],\"paused\":false}");
  world_release(&w);
}

static void a_note_of_a_pipeline_names_it(void **state) {
  (void)state;
  struct world w;
  world_make(&w);
  add(&w, (struct change){.kind = CHANGE_EVENT, .event = {.kind = EVENT_ROW_NOTE, .pipeline = 1}});
  says(&w, "{\"runs\":[],\"tasks\":[],\"pipelines\":[\"nightly\"],\"firings\":[],\"notes\":[],\"hosts\":[],"
           "\"paused\":false}");
  world_release(&w);
}

static void other_rows_are_nobody_s_business(void **state) {
  (void)state;
  struct world w;
  world_make(&w);
  add(&w, (struct change){.kind = CHANGE_AUDIT});
  add(&w, (struct change){.kind = CHANGE_STAT});
  add(&w, (struct change){.kind = CHANGE_EVENT, .event = {.kind = EVENT_ROW_TASK, .run = 7}});
  assert_false(w.batch.changed);
  add(&w, (struct change){.kind = CHANGE_PAUSE});
  assert_true(w.batch.changed);
  world_release(&w);
}

static void too_much_is_not_kept(void **state) {
  (void)state;
  struct world w;
  world_make(&w);
  for (uint32_t i = 0; i < 3 * EVENT_BATCH_MAX; i++) add(&w, task(i, TASK_WAITING));
  assert_true(w.batch.over);
  assert_true(w.batch.tasks.len <= EVENT_BATCH_MAX + 1);
  event_batch_reset(&w.batch);
  assert_false(w.batch.over);
  world_release(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_run_and_task_is_told_once_as_it_is),
      cmocka_unit_test(names_are_told_once),
      cmocka_unit_test(a_note_of_a_pipeline_names_it),
      cmocka_unit_test(other_rows_are_nobody_s_business),
      cmocka_unit_test(too_much_is_not_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
