/* From scans of the folder to events for the engine, on the loop. */
#include "tests/unit/daemon/temp.h"

#include "base/digest.h"
#include "scheduler/daemon/loader.h"
#include "scheduler/spec/pipeline.h"

#define GOOD "tasks: {a: {run: \"true\"}}\n"
#define BAD  "tasks: {a: {rum: \"true\"}}\n"
#define GPU  "tasks: {a: {run: \"true\", slots: {gpu: 1}}}\n"

struct fixture {
  struct temp temp;
  struct config *config, *next;
  uv_loop_t loop;
  struct inbox inbox;
  struct loader *loader;
  int calls;
  struct loader_result result;
};

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  temp_make(&f->temp);
  f->config = temp_config(&f->temp, "slots: {cpu: 4}\n");
  f->next = temp_config(&f->temp, "slots: {cpu: 4, gpu: 1}\n");
  assert_int_equal(dir_make(f->config->dags, 0755), 0);
  uv_loop_init(&f->loop);
  f->loader = loader_new(&f->inbox, f->config);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  loader_free(f->loader);
  inbox_release(&f->inbox);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  config_free(f->config);
  config_free(f->next);
  temp_release(&f->temp);
  free(f);
  return 0;
}

static void done(void *ctx, const struct loader_result *result) {
  struct fixture *f = ctx;
  f->calls++;
  f->result = *result;
}

/* The kinds of the events in the inbox, "LBG", which are taken. */
static const char *events(struct fixture *f) {
  static char text[64];
  size_t len;
  const struct engine_event *taken = inbox_take(&f->inbox, &len);
  for (size_t i = 0; i < len; i++) {
    text[i] = taken[i].kind == ENGINE_LOADED ? 'L' : taken[i].kind == ENGINE_BROKEN ? 'B' : 'G';
  }
  text[len] = '\0';
  inbox_done(&f->inbox);
  return text;
}

static void a_scan_tells_the_engine_what_the_files_say(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  static const char sha256[SHA256_HEX_SIZE];
  loader_know(f->loader, "gone", sha256, NULL);
  struct loader_result result = loader_scan(f->loader);
  assert_int_equal(result.files, 1);
  assert_int_equal(result.loaded, 1);
  assert_int_equal(result.gone, 1);
  size_t len;
  const struct engine_event *taken = inbox_take(&f->inbox, &len);
  assert_int_equal(len, 2);
  assert_int_equal(taken[0].kind, ENGINE_LOADED);
  assert_string_equal(taken[0].loaded.name, "a");
  assert_string_equal(taken[0].loaded.text, GOOD);
  assert_int_equal(taken[0].loaded.text_len, strlen(GOOD));
  assert_string_equal(taken[0].loaded.pipeline->name, "a");
  assert_int_equal(taken[1].kind, ENGINE_GONE);
  assert_string_equal(taken[1].gone.name, "gone");
  inbox_done(&f->inbox);
}

static void what_is_wrong_stays_listed_between_scans(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", BAD);
  temp_write(&f->temp, "dags/b.yaml", BAD);
  loader_scan(f->loader);
  assert_string_equal(events(f), "BB");
  loader_scan(f->loader);
  assert_string_equal(events(f), "");
  struct buf text = {0};
  struct json j;
  jsonw_init(&j, &text);
  jsonw_array(&j);
  loader_broken_json(f->loader, &j);
  jsonw_array_end(&j);
  assert_non_null(strstr(text.bytes, "\"a.yaml\""));
  assert_non_null(strstr(text.bytes, "]},{\"file\":"));
  buf_release(&text);
  const char *const *folders;
  assert_int_equal(loader_folders(f->loader, &folders), 1);
  assert_string_equal(folders[0], f->config->dags);
}

static void a_scan_in_the_background_calls_back_after_its_events_are_there(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  loader_rescan(f->loader, &f->loop, done, f);
  assert_int_equal(f->calls, 0);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(f->calls, 1);
  assert_int_equal(f->result.loaded, 1);
  assert_string_equal(events(f), "L");
}

static void a_change_before_the_call_is_seen_though_a_scan_is_under_way(void **state) {
  struct fixture *f = *state;
  loader_rescan(f->loader, &f->loop, done, f);
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  loader_rescan(f->loader, &f->loop, done, f);
  temp_write(&f->temp, "dags/b.yaml", GOOD);
  loader_rescan(f->loader, &f->loop, done, f);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(f->calls, 3);
  assert_string_equal(events(f), "LL");
}

static void a_loaded_pipeline_outlives_the_next_scan_while_its_event_waits(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  loader_scan(f->loader);
  temp_write(&f->temp, "dags/a.yaml", GOOD "# again\n");
  loader_scan(f->loader);
  temp_remove(&f->temp, "dags/a.yaml");
  loader_scan(f->loader);
  size_t len;
  const struct engine_event *taken = inbox_take(&f->inbox, &len);
  assert_int_equal(len, 3);
  assert_string_equal(taken[0].loaded.pipeline->name, "a");
  assert_string_equal(taken[1].loaded.pipeline->tasks[0].name, "a");
  inbox_done(&f->inbox);
}

static void another_configuration_is_for_the_scans_that_begin_after_it(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GPU);
  loader_rescan(f->loader, &f->loop, done, f);
  loader_configure(f->loader, f->next);
  loader_rescan(f->loader, &f->loop, done, f);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_string_equal(events(f), "BL");
  loader_scan(f->loader);
  assert_string_equal(events(f), ""); /* anew only once */
}

static void the_end_may_come_while_a_scan_is_under_way(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  loader_rescan(f->loader, &f->loop, done, f);
  loader_rescan(f->loader, &f->loop, done, f);
  loader_free(f->loader);
  f->loader = NULL;
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(f->calls, 0);
  assert_int_equal(inbox_len(&f->inbox), 0);
}

#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOADER_TEST(a_scan_tells_the_engine_what_the_files_say),
      LOADER_TEST(what_is_wrong_stays_listed_between_scans),
      LOADER_TEST(a_scan_in_the_background_calls_back_after_its_events_are_there),
      LOADER_TEST(a_change_before_the_call_is_seen_though_a_scan_is_under_way),
      LOADER_TEST(a_loaded_pipeline_outlives_the_next_scan_while_its_event_waits),
      LOADER_TEST(another_configuration_is_for_the_scans_that_begin_after_it),
      LOADER_TEST(the_end_may_come_while_a_scan_is_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
