/* The commit of the work tree that attempts run in, and the zones that schedules name. */
#include "tests/unit/daemon/rig.h"

#include <stdatomic.h>

#include "scheduler/daemon/code.h"
#include "scheduler/daemon/work_tree.h"
#include "scheduler/daemon/zones.h"

struct answer {
  int calls, dirty;
  char commit[80];
};

static void on_found(void *ctx, const char *run_id, const char *dir, const char *commit, int dirty) {
  struct answer *a = ctx;
  (void)run_id;
  (void)dir;
  a->calls++;
  a->dirty = dirty;
  snprintf(a->commit, sizeof a->commit, "%s", commit ? commit : "none");
}

static bool git(const struct temp *t, const char *arguments) {
  char *command = alloc_fmt("cd '%s' && git -c user.name=a -c user.email=a@b -c init.defaultBranch=main %s "
                            ">/dev/null 2>&1",
                            t->dir, arguments);
  int status = system(command);
  free(command);
  return status == 0;
}

static bool make_work_tree(const struct temp *t) {
  temp_write(t, "a", "1");
  bool made = git(t, "init") && git(t, "add a") && git(t, "commit -m x");
  if (!made) print_message("skipped: there is no git\n");
  return made;
}

static struct answer look_up(uv_loop_t *loop, const char *dir, bool stopped) {
  struct answer a = {0};
  atomic_bool stop = stopped;
  work_tree_look_up(loop, "01hzzzzzzzzzzzzzzzzzzzzzzz", dir, &stop, on_found, &a);
  uv_run(loop, UV_RUN_DEFAULT);
  assert_int_equal(a.calls, 1);
  return a;
}

static void a_work_tree_has_a_commit_and_may_be_dirty(void **state) {
  struct rig *r = *state;
  struct temp t;
  temp_make(&t);
  uv_loop_t loop;
  uv_loop_init(&loop);
  (void)r;
  assert_string_equal(look_up(&loop, t.dir, false).commit, "none");
  if (make_work_tree(&t)) {
    struct answer a = look_up(&loop, t.dir, false);
    assert_int_equal(strlen(a.commit), 40);
    assert_int_equal(a.dirty, 0);
    temp_write(&t, "untracked", "1");
    assert_int_equal(look_up(&loop, t.dir, false).dirty, 0);
    temp_write(&t, "a", "22");
    assert_int_equal(look_up(&loop, t.dir, false).dirty, 1);
    assert_string_equal(look_up(&loop, t.dir, true).commit, "none"); /* given up */
  }
  uv_loop_close(&loop);
  temp_release(&t);
}

/* ---- which attempts are looked up ---- */

static struct change attempt_of(int64_t run, const char *dir) {
  struct change c = {CHANGE_ATTEMPT, .attempt = {.run = run, .dir = dir}};
  return c;
}

static struct change run_of(int64_t key, enum run_state state) {
  struct change c = {CHANGE_RUN, .run = {.key = key, .pipeline = 1, .number = key, .state = state}};
  snprintf(c.run.id.text, sizeof c.run.id.text, "01hzzzzzzzzzzzzzzzzzzzzzzz");
  return c;
}

static size_t code_events(const struct change *changes, size_t len) {
  size_t count = 0;
  for (size_t i = 0; i < len; i++) count += changes[i].kind == CHANGE_CODE;
  return count;
}

static void count_codes(struct rig *r, const struct change *changes, size_t len) {
  *(size_t *)r->more += code_events(changes, len);
}

static void each_run_and_directory_is_looked_up_once(void **state) {
  struct rig *r = *state;
  if (!make_work_tree(&r->temp)) return;
  struct names names = {0};
  size_t codes = 0;
  struct code_lookups *l = code_new(&r->loop, r->core);
  r->more = &codes;
  r->on_committed = count_codes;
  names_pipeline_put(&names, &(struct pipeline_row){.key = 1, .name = "one"});
  struct change c[] = {run_of(1, RUN_RUNNING), attempt_of(1, r->temp.dir), attempt_of(1, r->temp.dir),
                       attempt_of(2, r->temp.dir)}; /* of a run that nobody knows */
  names_run_put(&names, &c[0].run);
  code_committed(l, &names, c, COUNT(c));
  code_committed(l, &names, c, COUNT(c));
  assert_false(code_settled(l));
  rig_until(r, code_settled(l) && rig_quiet(r));
  assert_int_equal(codes, 1); /* the engine knows no such run, so the event becomes one row for its attempts */
  code_free(l);
  names_release(&names);
}

static void a_run_that_has_ended_is_forgotten(void **state) {
  struct rig *r = *state;
  struct names names = {0};
  struct code_lookups *l = code_new(&r->loop, r->core);
  names_pipeline_put(&names, &(struct pipeline_row){.key = 1, .name = "one"});
  for (int64_t key = 1; key <= 9; key++) {
    struct change c[] = {attempt_of(key, "/nowhere"), run_of(key, RUN_SUCCEEDED)};
    names_run_put(&names, &c[1].run);
    code_committed(l, &names, c, COUNT(c));
  }
  rig_until(r, code_settled(l));
  code_free(l); /* the sanitizer looks on */
  names_release(&names);
}

static void the_end_gives_up_what_is_looked_up(void **state) {
  struct rig *r = *state;
  struct names names = {0};
  struct code_lookups *l = code_new(&r->loop, r->core);
  names_pipeline_put(&names, &(struct pipeline_row){.key = 1, .name = "one"});
  struct change run = run_of(1, RUN_RUNNING);
  names_run_put(&names, &run.run);
  for (int i = 0; i < 10; i++) {
    char *dir = alloc_fmt("%s/%d", r->temp.dir, i);
    struct change c = attempt_of(1, dir);
    code_committed(l, &names, &c, 1);
    free(dir);
  }
  code_free(l);
  names_release(&names);
}

/* ---- zones ---- */

static void a_zone_is_loaded_once_and_one_that_is_missing_is_none(void **state) {
  (void)state;
  struct zones z = {0};
  const struct zone *utc = zones_get(&z, "UTC");
  assert_non_null(utc);
  assert_ptr_equal(zones_get(&z, "UTC"), utc);
  assert_null(zones_get(&z, "Nowhere/Land"));
  assert_null(zones_get(&z, "../../etc/passwd"));
  assert_int_equal(zones_refresh(&z), 0); /* nothing changed, nothing was installed */
  assert_ptr_equal(zones_get(&z, "UTC"), utc);
  zones_release(&z);
}

#define CODE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CODE_TEST(a_work_tree_has_a_commit_and_may_be_dirty),
      CODE_TEST(each_run_and_directory_is_looked_up_once),
      CODE_TEST(a_run_that_has_ended_is_forgotten),
      CODE_TEST(the_end_gives_up_what_is_looked_up),
      cmocka_unit_test(a_zone_is_loaded_once_and_one_that_is_missing_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
