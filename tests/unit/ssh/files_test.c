/* The files of a launch on this machine; what a hostile task or host makes up among it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/ssh/files.h"

#define SUM   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define OTHER "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"

struct place {
  char root[64];
  char *work, *source;
  struct file_plan plan;
};

static int setup(void **state) {
  struct place *p = alloc_new(struct place);
  strcpy(p->root, "/tmp/rota-files-XXXXXX");
  assert_non_null(mkdtemp(p->root));
  p->work = path_join(p->root, "work");
  p->source = path_join(p->root, "source");
  assert_int_equal(dir_make(p->work, 0700), 0);
  assert_int_equal(dir_make(p->source, 0700), 0);
  *state = p;
  return 0;
}

static int teardown(void **state) {
  struct place *p = *state;
  file_plan_release(&p->plan);
  assert_int_equal(dir_remove_at(AT_FDCWD, p->root), 0);
  free(p->work);
  free(p->source);
  free(p);
  return 0;
}

static void put(const char *dir, const char *name, const char *text, mode_t mode) {
  char *path = path_join(dir, name), *folder = path_folder(path);
  assert_int_equal(dir_make(folder, 0700), 0);
  assert_int_equal(file_write(path, text, strlen(text), mode, false), 0);
  assert_int_equal(chmod(path, mode), 0);
  free(folder);
  free(path);
}

static bool has_text(const char *dir, const char *name, const char *text) {
  struct buf b = {0};
  char *path = path_join(dir, name);
  const bool same = file_read(path, 1u << 20, &b) == 0 && strcmp(buf_cstr(&b), text) == 0;
  buf_release(&b);
  free(path);
  return same;
}

static int take(struct place *p, const char *path, const char *body) {
  file_plan_release(&p->plan);
  const struct launch_file files[] = {{path, false}};
  return file_plan_take(&p->plan, files, 1, body, strlen(body));
}

/* ---- paths ---- */

static void a_path_is_below_the_folder(void **state) {
  (void)state;
  static const struct {
    const char *from, *to;
  } good[] = {{"a", "a"},     {"a/b", "a/b"}, {"./a", "a"},   {"a//b/", "a/b"}, {".", ""},
              {"./././", ""}, {"...", "..."}, {"..a", "..a"}, {"a/./b", "a/b"}, {" ", " "}};
  static const char *const bad[] = {"", "/", "/a", "..", "../a", "a/..", "a/../b", "./..", "a//../b"};
  char out[OPS_PATH];
  for (size_t i = 0; i < COUNT(good); i++) {
    assert_true(file_path_clean(good[i].from, out));
    assert_string_equal(out, good[i].to);
  }
  for (size_t i = 0; i < COUNT(bad); i++) assert_false(file_path_clean(bad[i], out));
  char *name = alloc_zeroed(1, 2000);
  memset(name, 'x', 256);
  assert_false(file_path_clean(name, out));
  name[255] = '\0';
  assert_true(file_path_clean(name, out));
  for (size_t i = 0; i < 1999; i++) name[i] = i % 2 ? '/' : 'x';
  assert_false(file_path_clean(name, out));
  free(name);
}

static void a_host_cannot_name_what_was_not_asked_for(void **state) {
  struct place *p = *state;
  static const char *const bad[] = {"file 3 644 " SUM " ../a\n",
                                    "file 3 644 " SUM " /etc/passwd\n",
                                    "file 3 644 " SUM " out/../../a\n",
                                    "file 3 644 " SUM " other\n",
                                    "file 3 644 " SUM " outside\n",
                                    "file 3 644 " SUM " ou\n",
                                    "dir 0 755 - other\n",
                                    "file 3 644 " SUM " .\n",
                                    "missing 0 0 - ../out\n",
                                    "file 3 644 " SUM " out/a\\x\n",
                                    "file -3 644 " SUM " out\n",
                                    "nonsense\n",
                                    "file 3 644 abc out\n",
                                    "file 3 644 " SUM " \n",
                                    "file 3 944 " SUM " out\n"};
  for (size_t i = 0; i < COUNT(bad); i++) {
    assert_int_equal(take(p, "out", bad[i]), ERR_CORRUPT);
    assert_null(p->plan.text);
  }
  assert_int_equal(take(p, "out", "file 3 644 " SUM " out/a\nfile 3 644 " SUM " out/./b\ndir 0 755 - out\n"), 0);
  assert_int_equal(p->plan.entries.len, 3);
  assert_int_equal(take(p, "out", "file 3 7777 " SUM " out\nfile 3 644 " SUM " out/.rota-put.x\n"), 0);
  assert_int_equal(p->plan.entries.len, 1);
  assert_int_equal(p->plan.entries.items[0].mode, 0777);
}

static void what_cannot_be_fetched_is_told(void **state) {
  struct place *p = *state;
  assert_int_equal(take(p, "out", "missing 0 0 - out\n"), ERR_INVALID);
  assert_non_null(strstr(p->plan.text, "didn't make it"));
  assert_int_equal(take(p, "out", "other 0 644 - out/socket\n"), ERR_INVALID);
  assert_non_null(strstr(p->plan.text, "out/socket"));
  assert_int_equal(take(p, "out", "file 3 644 - out\n"), ERR_INVALID);
  file_plan_release(&p->plan);
  const struct launch_file files[] = {{"a", true}, {"a/b", false}};
  const char *body = "missing 0 0 - a\nmissing 0 0 - a/b\n";
  assert_int_equal(file_plan_take(&p->plan, files, 2, body, strlen(body)), ERR_INVALID);
  assert_non_null(strstr(p->plan.text, "a/b"));
}

static void too_many_files_are_told(void **state) {
  struct place *p = *state;
  struct buf body = {0};
  for (int i = 0; i < FILES_MAX; i++) buf_fmt(&body, "file 3 644 " SUM " d/%d\n", i);
  assert_int_equal(take(p, "d", buf_cstr(&body)), 0);
  buf_str(&body, "file 3 644 " SUM " d/more\n");
  assert_int_equal(take(p, "d", buf_cstr(&body)), ERR_INVALID);
  assert_non_null(strstr(p->plan.text, "10000"));
  buf_release(&body);
  file_plan_release(&p->plan);
  for (int i = 0; i <= FILES_MAX; i++) {
    char name[32];
    snprintf(name, sizeof name, "d/%d/%d", i % 3, i);
    put(p->source, name, "", 0600);
  }
  const struct launch_file files[] = {{"d", false}};
  assert_int_equal(file_plan_list(&p->plan, p->work, p->source, files, 1), ERR_INVALID);
  assert_non_null(strstr(p->plan.text, "10000"));
}

/* ---- the list ---- */

static void the_runs_folder_comes_first_and_each_path_once(void **state) {
  struct place *p = *state;
  put(p->source, "d/a", "source", 0644);
  put(p->source, "d/only", "source", 0644);
  put(p->source, "b", "source", 0644);
  put(p->work, "d/a", "abc", 0600);
  put(p->work, "d/.rota-fetch.x", "left over", 0600);
  const struct launch_file files[] = {{"d", false}, {"b", false}, {"d/a", false}, {"none", true}};
  assert_int_equal(file_plan_list(&p->plan, p->work, p->source, files, 4), 0);
  assert_int_equal(p->plan.entries.len, 2);
  assert_string_equal(p->plan.entries.items[0].path, "b");
  assert_string_equal(p->plan.entries.items[0].base, p->source);
  assert_string_equal(p->plan.entries.items[1].path, "d/a");
  assert_string_equal(p->plan.entries.items[1].base, p->work);
  assert_int_equal(p->plan.entries.items[1].size, 3);
  assert_int_equal(p->plan.entries.items[1].mode, 0600);
}

static void only_what_is_the_same_is_in_place(void **state) {
  struct place *p = *state;
  static const struct {
    const char *line;
    bool in_place;
  } cases[] = {{"file 3 644 " SUM " a\n", true},  {"file 3 644 " OTHER " a\n", false},
               {"file 4 644 " SUM " a\n", false}, {"file 3 600 " SUM " a\n", false},
               {"file 3 644 - a\n", false},       {"dir 0 644 - a\n", false},
               {"file 3 644 " SUM " b\n", false}, {"nonsense\nfile 3 644 " SUM " a\n", false},
               {"file 3 644 " SUM " ./a\n", true}};
  put(p->source, "a", "abc", 0644);
  const struct launch_file files[] = {{"a", false}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    file_plan_release(&p->plan);
    assert_int_equal(file_plan_list(&p->plan, p->work, p->source, files, 1), 0);
    file_plan_compare(&p->plan, cases[i].line, strlen(cases[i].line));
    int more;
    while ((more = file_plan_check(&p->plan, NULL, 1)) > 0) continue;
    assert_int_equal(more, 0);
    assert_int_equal(p->plan.entries.items[0].in_place, cases[i].in_place);
    assert_int_equal(p->plan.entries.items[0].sha256[0] != '\0', cases[i].in_place);
  }
}

static void a_large_file_is_summed_in_pieces(void **state) {
  struct place *p = *state;
  char *text = alloc_zeroed(1, 1000001), sum[SHA256_HEX_SIZE];
  memset(text, 'x', 1000000);
  put(p->work, "big", text, 0640);
  sha256_hex(text, 1000000, sum);
  char *line = alloc_fmt("file 1000000 640 %s big\n", sum);
  assert_int_equal(take(p, "big", line), 0);
  int more, times = 0;
  for (; (more = file_plan_check(&p->plan, p->work, 200000)) > 0; times++) continue;
  assert_int_equal(more, 0);
  assert_in_range(times, 2, 10);
  assert_true(p->plan.entries.items[0].in_place);
  /* Given up in the middle. */
  assert_int_equal(take(p, "big", line), 0);
  assert_int_equal(file_plan_check(&p->plan, p->work, 200000), 1);
  free(line);
  free(text);
}

static void what_is_here_as_a_link_is_not_in_place(void **state) {
  struct place *p = *state;
  put(p->source, "a", "abc", 0644);
  char *link = path_join(p->work, "a");
  assert_int_equal(symlink("../source/a", link), 0);
  assert_int_equal(take(p, "a", "file 3 644 " SUM " a\n"), 0);
  assert_int_equal(file_plan_check(&p->plan, p->work, 1000), 0);
  assert_false(p->plan.entries.items[0].in_place);
  free(link);
}

/* ---- reading and writing ---- */

static void a_source_tells_when_it_was_changed(void **state) {
  struct place *p = *state;
  struct file_source s;
  char bytes[10], sum[SHA256_HEX_SIZE];
  size_t got;
  put(p->source, "a", "abc", 0644);
  assert_int_equal(file_source_open(&s, p->source, "a"), 0);
  assert_int_equal(file_source_read(&s, bytes, sizeof bytes, &got), 0);
  assert_int_equal(got, 3);
  assert_int_equal(file_source_end(&s, sum), 0);
  assert_string_equal(sum, SUM);
  assert_int_equal(file_source_open(&s, p->source, "a"), 0);
  char *path = path_join(p->source, "a");
  assert_int_equal(truncate(path, 2), 0);
  assert_int_equal(file_source_read(&s, bytes, sizeof bytes, &got), 0);
  assert_int_equal(file_source_end(&s, sum), ERR_CONFLICT);
  free(path);
  assert_int_equal(file_source_open(&s, p->source, "none"), ERR_NOT_FOUND);
  assert_int_equal(file_source_open(&s, p->source, "../source/a"), 0); /* who asks has cleaned the path */
  assert_int_equal(s.fd >= 0, true);
  file_source_close(&s);
  assert_int_equal(file_source_open(&s, p->work, "../source/a"), ERR_DENIED);
  assert_int_equal(file_source_open(&s, p->source, "."), ERR_INVALID);
}

static int sink(const struct place *p, const char *path, const char *text, size_t size, const char *sum) {
  struct file_sink s;
  int err = file_sink_open(&s, p->work, path, "token.0", size);
  if (err) return err;
  err = file_sink_write(&s, text, strlen(text));
  if (err)
    file_sink_close(&s);
  else
    err = file_sink_end(&s, sum, 0751);
  return err;
}

static void a_sink_is_there_whole_or_not_at_all(void **state) {
  struct place *p = *state;
  assert_int_equal(sink(p, "d/e/a", "abc", 3, SUM), 0);
  assert_true(has_text(p->work, "d/e/a", "abc"));
  assert_int_equal(sink(p, "d/e/a", "abd", 3, SUM), ERR_CONFLICT);
  assert_int_equal(sink(p, "d/e/a", "ab", 3, SUM), ERR_CONFLICT);
  assert_int_equal(sink(p, "d/e/a", "abcd", 3, SUM), ERR_CONFLICT);
  assert_true(has_text(p->work, "d/e/a", "abc"));
  char *left = path_join(p->work, "d/e/" FILES_TEMPORARY "token.0");
  assert_int_equal(access(left, F_OK), -1);
  /* What a crash left is replaced, also if it's a link. */
  assert_int_equal(symlink("../../../source/evil", left), 0);
  assert_int_equal(sink(p, "d/e/b", "abc", 3, SUM), 0);
  assert_int_equal(access(left, F_OK), -1);
  assert_false(has_text(p->source, "evil", "abc"));
  free(left);
}

static void a_sink_goes_through_no_link(void **state) {
  struct place *p = *state;
  char *link = path_join(p->work, "link"), *deep = path_join(p->work, "d/link"), *d = path_join(p->work, "d");
  assert_int_equal(dir_make(d, 0700), 0);
  assert_int_equal(symlink(p->source, link), 0);
  assert_int_equal(symlink("../../source", deep), 0);
  assert_int_equal(sink(p, "link/a", "abc", 3, SUM), ERR_DENIED);
  assert_int_equal(sink(p, "d/link/a", "abc", 3, SUM), ERR_DENIED);
  assert_int_equal(sink(p, "d/link/x/a", "abc", 3, SUM), ERR_DENIED);
  assert_int_equal(file_place_make(p->work, "d/link"), ERR_DENIED);
  put(p->work, "file", "x", 0600);
  assert_int_equal(sink(p, "file/a", "abc", 3, SUM), ERR_EXISTS);
  assert_int_equal(sink(p, "d", "abc", 3, SUM), ERR_EXISTS);
  assert_false(has_text(p->source, "a", "abc"));
  /* In the place of the file itself it's replaced. */
  assert_int_equal(sink(p, "link", "abc", 3, SUM), 0);
  assert_true(has_text(p->work, "link", "abc"));
  free(link);
  free(deep);
  free(d);
}

/* ---- the note ---- */

static void a_note_has_both_directions_and_survives_damage(void **state) {
  struct place *p = *state;
  char *dir = path_join(p->root, "runs/r/a");
  const char *const sent = "[{\"path\":\"a\",\"direction\":\"send\",\"size\":3,\"sha256\":\"" SUM "\"}]\n";
  const char *const both = "[{\"path\":\"a\",\"direction\":\"send\",\"size\":3,\"sha256\":\"" SUM "\"},"
                           "{\"path\":\"b\",\"direction\":\"fetch\",\"size\":4,\"sha256\":\"" OTHER "\"}]\n";
  struct file_entry a = {.path = "a", .size = 3, .sha256 = SUM}, b = {.path = "b", .size = 4, .sha256 = OTHER};
  struct file_plan one = {.entries = {&a, 1, 1}}, other = {.entries = {&b, 1, 1}};
  assert_int_equal(file_note_write(dir, "send", &one), 0);
  assert_true(has_text(dir, "files.json", sent));
  assert_int_equal(file_note_write(dir, "fetch", &other), 0);
  assert_true(has_text(dir, "files.json", both));
  assert_int_equal(file_note_write(dir, "fetch", &other), 0);
  assert_true(has_text(dir, "files.json", both));
  put(dir, "files.json", "[{\"path\":", 0600);
  assert_int_equal(file_note_write(dir, "send", &one), 0);
  assert_true(has_text(dir, "files.json", sent));
  put(dir, "files.json", "{\"path\": 3}", 0600);
  assert_int_equal(file_note_write(dir, "send", &one), 0);
  assert_true(has_text(dir, "files.json", sent));
  free(dir);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      test(a_path_is_below_the_folder),
      test(a_host_cannot_name_what_was_not_asked_for),
      test(what_cannot_be_fetched_is_told),
      test(too_many_files_are_told),
      test(the_runs_folder_comes_first_and_each_path_once),
      test(only_what_is_the_same_is_in_place),
      test(a_large_file_is_summed_in_pieces),
      test(what_is_here_as_a_link_is_not_in_place),
      test(a_source_tells_when_it_was_changed),
      test(a_sink_is_there_whole_or_not_at_all),
      test(a_sink_goes_through_no_link),
      test(a_note_has_both_directions_and_survives_damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
