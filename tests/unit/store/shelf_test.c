/* The folder of scheduled backups: what is ours there, and that nothing else is ever removed. */
#include "sandbox.h"

#include <sys/stat.h>

#include "scheduler/store/shelf.h"

static char *shelf_of(struct sandbox *s) {
  char *dir = sandbox_path(s, "shelf");
  assert_int_equal(mkdir(dir, 0700), 0);
  return dir;
}

static bool there(const char *dir, const char *name) {
  char *path = path_join(dir, name);
  bool is = access(path, F_OK) == 0;
  free(path);
  return is;
}

static void put(const char *dir, const char *name, const char *text) {
  char *path = path_join(dir, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
  free(path);
}

static void put_backup(struct sandbox *s, const char *dir, const char *name) {
  char *path = path_join(dir, name);
  int rc = sandbox_backup(s, path);
  if (rc) fail_msg("%s: %s", err_name(rc), buf_cstr(&s->why));
  free(path);
}

static void names_sort_by_time_and_name_the_state(void **state) {
  (void)state;
  char a[SHELF_NAME_SIZE], b[SHELF_NAME_SIZE];
  shelf_name("01JQG3V0WEXAMPLE00005K2J8A", NOON, a);
  assert_string_equal(a, "rota-20260329T120000Z-5K2J8A.db");
  static const duration steps[] = {USEC_PER_SEC, USEC_PER_MIN, USEC_PER_DAY, 400 * USEC_PER_DAY};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    shelf_name("01JQG3V0WEXAMPLE00005K2J8A", NOON + steps[i], b);
    assert_true(strcmp(a, b) < 0);
  }
}

static void the_newest_is_told_and_only_ours_counts(void **state) {
  struct sandbox *s = *state;
  char *dir = shelf_of(s), name[SHELF_NAME_SIZE];
  const char *id = store_state_id(s->store);
  instant newest = 0;
  assert_int_equal(shelf_look(dir, id, NOON, &newest, &s->why), 0);
  assert_true(newest == INSTANT_NONE);
  shelf_name(id, NOON - USEC_PER_DAY, name);
  put_backup(s, dir, name);
  shelf_name(id, NOON - 2 * USEC_PER_DAY, name);
  put_backup(s, dir, name);
  shelf_name(id, NOON + USEC_PER_DAY, name); /* of a clock that was wrong */
  put_backup(s, dir, name);
  shelf_name("01JQG3V0WEXAMPLE0000OTHER0", NOON - USEC_PER_HOUR, name);
  put_backup(s, dir, name);
  shelf_name(id, NOON - USEC_PER_HOUR, name);
  put(dir, name, "this is no database");
  assert_int_equal(shelf_look(dir, id, NOON, &newest, &s->why), 0);
  assert_true(newest == NOON - USEC_PER_DAY);
  free(dir);
}

static void what_a_crash_left_half_made_goes(void **state) {
  struct sandbox *s = *state;
  char *dir = shelf_of(s), name[SHELF_NAME_SIZE], *left, *journal, *other;
  const char *id = store_state_id(s->store);
  instant newest;
  shelf_name(id, NOON, name);
  left = alloc_fmt("%s.tmp", name);
  journal = alloc_fmt("%s.tmp-journal", name);
  shelf_name("01JQG3V0WEXAMPLE0000OTHER0", NOON, name);
  other = alloc_fmt("%s.tmp", name);
  put(dir, left, "half");
  put(dir, journal, "half");
  put(dir, other, "another installation works on this one");
  put(dir, "rota-1.db.tmp", "somebody's");
  assert_int_equal(shelf_look(dir, id, NOON, &newest, &s->why), 0);
  assert_false(there(dir, left) || there(dir, journal));
  assert_true(there(dir, other) && there(dir, "rota-1.db.tmp"));
  free(left);
  free(journal);
  free(other);
  free(dir);
}

static void the_oldest_go_and_nothing_that_isnt_ours(void **state) {
  struct sandbox *s = *state;
  char *dir = shelf_of(s), names[6][SHELF_NAME_SIZE], other[SHELF_NAME_SIZE], text[SHELF_NAME_SIZE];
  char link[SHELF_NAME_SIZE], folder[SHELF_NAME_SIZE];
  const char *id = store_state_id(s->store);
  for (int i = 0; i < 6; i++) {
    shelf_name(id, NOON + i * USEC_PER_HOUR, names[i]);
    put_backup(s, dir, names[i]);
  }
  shelf_name("01JQG3V0WEXAMPLE0000OTHER0", NOON - USEC_PER_DAY, other);
  put_backup(s, dir, other);
  put_backup(s, dir, "rota-2026-03-01.db");
  shelf_name(id, NOON - USEC_PER_DAY, text);
  put(dir, text, "notes of somebody with a strange taste in names, long enough to have a header: .............");
  shelf_name(id, NOON - 2 * USEC_PER_DAY, link);
  char *path = path_join(dir, link);
  assert_int_equal(symlink(names[5], path), 0);
  free(path);
  shelf_name(id, NOON - 3 * USEC_PER_DAY, folder);
  path = path_join(dir, folder);
  assert_int_equal(mkdir(path, 0700), 0);
  free(path);
  assert_int_equal(shelf_tidy(dir, id, 2, names[5], &s->why), 0);
  for (int i = 0; i < 6; i++) assert_int_equal(there(dir, names[i]), i >= 4);
  assert_true(there(dir, other) && there(dir, "rota-2026-03-01.db") && there(dir, text) && there(dir, link) &&
              there(dir, folder));
  /* The one that was just made stays, whatever a clock that was wrong has named before. */
  assert_int_equal(shelf_tidy(dir, id, 1, names[4], &s->why), 0);
  assert_true(there(dir, names[4]));
  free(dir);
}

static void a_folder_that_isnt_there_is_told_and_not_made(void **state) {
  struct sandbox *s = *state;
  char *dir = sandbox_path(s, "nowhere");
  instant newest;
  buf_reset(&s->why);
  assert_int_equal(shelf_look(dir, store_state_id(s->store), NOON, &newest, &s->why), ERR_NOT_FOUND);
  assert_non_null(strstr(buf_cstr(&s->why), "mount its disk"));
  assert_int_not_equal(access(dir, F_OK), 0);
  assert_true(newest == INSTANT_NONE);
  put(s->dir, "nowhere", "a file");
  assert_true(shelf_look(dir, store_state_id(s->store), NOON, &newest, NULL) < 0);
  free(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_sort_by_time_and_name_the_state),
      cmocka_unit_test_setup_teardown(the_newest_is_told_and_only_ours_counts, sandbox_setup, sandbox_teardown),
      cmocka_unit_test_setup_teardown(what_a_crash_left_half_made_goes, sandbox_setup, sandbox_teardown),
      cmocka_unit_test_setup_teardown(the_oldest_go_and_nothing_that_isnt_ours, sandbox_setup, sandbox_teardown),
      cmocka_unit_test_setup_teardown(a_folder_that_isnt_there_is_told_and_not_made, sandbox_setup, sandbox_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
