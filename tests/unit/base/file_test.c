#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/unit.h"

/* Each test has a fresh directory, which is also its working directory. */
static char home[64];

static int enter(void **state) {
  (void)state;
  strcpy(home, "/tmp/rota-file-test-XXXXXX");
  return mkdtemp(home) && chdir(home) == 0 ? 0 : -1;
}

static int leave(void **state) {
  (void)state;
  return chdir("/") == 0 && dir_remove_at(AT_FDCWD, home) == 0 ? 0 : -1;
}

static bool there(const char *path) {
  return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_was_written_is_read(void **state) {
  (void)state;
  struct buf b = {0};
  buf_str(&b, "kept ");
  assert_int_equal(file_write("a", "one\0two", 7, 0600, true), 0);
  assert_int_equal(file_read("a", 7, &b), 0);
  assert_int_equal(b.len, 12);
  assert_memory_equal(b.bytes, "kept one\0two", 13);
  struct stat st;
  assert_int_equal(stat("a", &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  buf_release(&b);
}

static void a_file_over_the_limit_is_not_read(void **state) {
  (void)state;
  struct buf b = {0};
  buf_str(&b, "kept");
  assert_int_equal(file_write("a", "12345678", 8, 0600, false), 0);
  assert_int_equal(file_read("a", 7, &b), ERR_TOO_LARGE);
  assert_string_equal(buf_cstr(&b), "kept");
  assert_int_equal(file_read("a", 8, &b), 0);
  assert_string_equal(buf_cstr(&b), "kept12345678");
  /* Files of /proc say that they have no bytes. */
  assert_int_equal(file_read("/proc/self/stat", 3, &b), ERR_TOO_LARGE);
  assert_string_equal(buf_cstr(&b), "kept12345678");
  assert_int_equal(file_read("/proc/self/stat", 100000, &b), 0);
  buf_release(&b);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state) {
  (void)state;
  struct buf b = {0};
  assert_int_equal(mkfifo("pipe", 0600), 0);
  alarm(10);
  assert_int_equal(file_read("pipe", 100, &b), ERR_INVALID);
  assert_int_equal(file_read("/dev/zero", 100, &b), ERR_INVALID);
  assert_int_equal(file_read(".", 100, &b), ERR_INVALID);
  assert_int_equal(file_read("nothing", 100, &b), ERR_NOT_FOUND);
  alarm(0);
  assert_int_equal(b.len, 0);
  buf_release(&b);
}

static void a_write_replaces_as_a_whole_and_leaves_nothing_beside(void **state) {
  (void)state;
  struct buf b = {0};
  assert_int_equal(file_write("a", "old", 3, 0600, false), 0);
  int reader = open("a", O_RDONLY | O_CLOEXEC);
  assert_int_equal(file_write("a.tmp", "left over by a crash", 20, 0600, false), 0);
  assert_int_equal(file_write("a", "new", 3, 0600, false), 0);
  char old[4] = "";
  assert_int_equal(read(reader, old, 3), 3);
  assert_string_equal(old, "old");
  assert_int_equal(file_read("a", 100, &b), 0);
  assert_string_equal(buf_cstr(&b), "new");
  assert_false(there("a.tmp"));
  close(reader);
  buf_release(&b);
}

static void a_failed_write_leaves_the_old_file(void **state) {
  (void)state;
  struct buf b = {0};
  static const char big[100000];
  assert_int_equal(file_write("a", "old", 3, 0600, false), 0);
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 10000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  int rc = file_write("a", big, sizeof big, 0600, false);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(rc, ERR_TOO_LARGE);
  assert_int_equal(file_read("a", 100, &b), 0);
  assert_string_equal(buf_cstr(&b), "old");
  assert_false(there("a.tmp"));
  assert_int_equal(file_write("no/such/dir/a", "x", 1, 0600, false), ERR_NOT_FOUND);
  buf_release(&b);
}

static void directories_are_made_with_their_parents(void **state) {
  (void)state;
  struct stat st;
  assert_int_equal(dir_make("a/b//c/", 0700), 0);
  assert_int_equal(dir_make("a/b/c", 0700), 0);
  assert_int_equal(stat("a/b/c", &st), 0);
  assert_true(S_ISDIR(st.st_mode));
  assert_int_equal(dir_make("/", 0700), 0);
  assert_int_equal(dir_make("", 0700), ERR_INVALID);
  assert_int_equal(file_write("a/file", "x", 1, 0600, false), 0);
  assert_int_equal(dir_make("a/file", 0700), ERR_EXISTS);
  assert_true(dir_make("a/file/below", 0700) < 0);
  assert_int_equal(dir_sync("a"), 0);
  assert_int_equal(dir_sync("nothing"), ERR_NOT_FOUND);
}

static void a_tree_is_removed_without_following_links(void **state) {
  (void)state;
  assert_int_equal(dir_make("keep/inner", 0700), 0);
  assert_int_equal(file_write("keep/file", "x", 1, 0600, false), 0);
  assert_int_equal(dir_make("tree/a/b/c", 0700), 0);
  assert_int_equal(file_write("tree/a/file", "x", 1, 0600, false), 0);
  assert_int_equal(symlink("../../keep", "tree/a/link"), 0);
  assert_int_equal(symlink("nowhere", "tree/dangling"), 0);
  assert_int_equal(chmod("tree/a/b", 0), 0);
  assert_int_equal(chmod("tree/a", 0500), 0);
  assert_int_equal(dir_remove_at(AT_FDCWD, "tree"), 0);
  assert_false(there("tree"));
  assert_true(there("keep/inner") && there("keep/file"));
  assert_int_equal(dir_remove_at(AT_FDCWD, "tree"), 0); /* gone already */
  assert_int_equal(symlink("keep", "link"), 0);
  assert_int_equal(dir_remove_at(AT_FDCWD, "link"), 0);
  assert_false(there("link"));
  assert_true(there("keep/inner"));
}

static void a_tree_of_any_depth_is_removed(void **state) {
  (void)state;
  assert_int_equal(mkdir("deep", 0700), 0);
  int fd = open("deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 3000; i++) {
    assert_int_equal(mkdirat(fd, "d", 0700), 0);
    int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(file);
    int below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(below >= 0);
    close(fd);
    fd = below;
  }
  close(fd);
  struct rlimit before, few;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  few.rlim_cur = 64;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  int rc = dir_remove_at(AT_FDCWD, "deep");
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(rc, 0);
  assert_false(there("deep"));
}

static void paths_are_joined(void **state) {
  (void)state;
  setenv("HOME", "/home/me", 1);
  static const struct {
    const char *dir, *name, *want;
  } rows[] = {
      {"a/b", "c", "a/b/c"},   {"a/", "c", "a/c"},      {"/", "c", "/c"},           {"a", "/c", "/c"},
      {"", "c", "c"},          {"a", "", "a"},          {"a", "~/c", "/home/me/c"}, {"a", "~", "/home/me"},
      {"a", "~you", "a/~you"}, {"a", "../c", "a/../c"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char *got = path_join(rows[i].dir, rows[i].name);
    assert_string_equal(got, rows[i].want);
    free(got);
  }
  char *plain = path_expand_home("x/~/y");
  assert_string_equal(plain, "x/~/y");
  free(plain);
}

static void a_folder_is_what_stands_before_the_last_slash(void **state) {
  (void)state;
  static const struct {
    const char *path, *want;
  } rows[] = {{"/a/b", "/a"}, {"/b", "/"}, {"b", "."}, {"./b", "."}, {"a/b/c", "a/b"}, {"../b", ".."}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    char *got = path_folder(rows[i].path);
    assert_string_equal(got, rows[i].want);
    free(got);
  }
}

static void absolute_paths_begin_at_the_working_directory(void **state) {
  (void)state;
  char *here = getcwd(NULL, 0), *want = path_join(here, "a"), *got = path_absolute("a"), *same = path_absolute("/a");
  assert_string_equal(got, want);
  assert_string_equal(same, "/a");
  free(here);
  free(want);
  free(got);
  free(same);
}

int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_written_is_read, enter, leave),
      cmocka_unit_test_setup_teardown(a_file_over_the_limit_is_not_read, enter, leave),
      cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused_without_waiting, enter, leave),
      cmocka_unit_test_setup_teardown(a_write_replaces_as_a_whole_and_leaves_nothing_beside, enter, leave),
      cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file, enter, leave),
      cmocka_unit_test_setup_teardown(directories_are_made_with_their_parents, enter, leave),
      cmocka_unit_test_setup_teardown(a_tree_is_removed_without_following_links, enter, leave),
      cmocka_unit_test_setup_teardown(a_tree_of_any_depth_is_removed, enter, leave),
      cmocka_unit_test(paths_are_joined),
      cmocka_unit_test(a_folder_is_what_stands_before_the_last_slash),
      cmocka_unit_test(absolute_paths_begin_at_the_working_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
