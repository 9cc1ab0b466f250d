/* The folder of pipelines: what a scan finds after each change of the files. */
#include "tests/unit/daemon/temp.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "scheduler/daemon/dags.h"
#include "scheduler/spec/pipeline.h"

#define GOOD  "tasks: {a: {run: \"true\"}}\n"
#define OTHER "tasks: {b: {run: \"true\"}}\n"
#define BAD   "tasks: {a: {rum: \"true\"}}\n"

struct fixture {
  struct temp temp;
  struct config *config;
  struct dags *dags;
  struct dags_scan scan;
};

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  temp_make(&f->temp);
  f->config = temp_config(&f->temp, "slots: {cpu: 4}\n");
  assert_int_equal(dir_make(f->config->dags, 0755), 0);
  f->dags = dags_new();
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  dags_scan_release(&f->scan);
  dags_free(f->dags);
  config_free(f->config);
  temp_release(&f->temp);
  free(f);
  return 0;
}

static void scan(struct fixture *f, bool anew) {
  dags_scan_release(&f->scan);
  dags_scan(f->dags, f->config, anew, &f->scan);
}

/* The findings as "loaded a, gone b", sorted. */
static const char *found(struct fixture *f) {
  static const char *const words[] = {[DAGS_LOADED] = "loaded", [DAGS_BROKEN] = "broken", [DAGS_GONE] = "gone"};
  static char text[1000];
  char lines[20][60];
  size_t len = 0;
  for (size_t i = 0; i < f->scan.findings.len; i++) {
    const struct dags_finding *x = &f->scan.findings.items[i];
    snprintf(lines[len++], sizeof lines[0], "%s %s", words[x->kind], x->name);
  }
  qsort(lines, len, sizeof lines[0], (int (*)(const void *, const void *))strcmp);
  text[0] = '\0';
  for (size_t i = 0; i < len; i++) {
    if (i) strcat(text, ", ");
    strcat(text, lines[i]);
  }
  return text;
}

#define assert_scan(f, anew, text) (scan((f), (anew)), assert_string_equal(found(f), (text)))

static const char *broken(const struct fixture *f) {
  return buf_cstr(&f->scan.broken_shown);
}

static void each_file_is_the_pipeline_that_its_path_names(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  temp_write(&f->temp, "dags/b.yml", GOOD);
  temp_write(&f->temp, "dags/sub/deep/c.yaml", GOOD);
  assert_scan(f, false, "loaded a, loaded b, loaded sub/deep/c");
  assert_int_equal(f->scan.files, 3);
  assert_int_equal(f->scan.folders.len, 3);
  assert_string_equal(f->scan.folders.items[0], f->config->dags);
  assert_int_equal(f->scan.broken.len, 0);
  assert_scan(f, false, "");
}

static void what_is_loaded_comes_with_its_text_and_its_definition(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/sub/a.yaml", GOOD);
  scan(f, false);
  const struct dags_finding *x = &f->scan.findings.items[0];
  char sha256[SHA256_HEX_SIZE];
  sha256_hex(GOOD, strlen(GOOD), sha256);
  assert_string_equal(buf_cstr(&x->text), GOOD);
  assert_string_equal(x->sha256, sha256);
  assert_non_null(strstr(buf_cstr(&x->json), "\"sub/a\""));
  char *folder = temp_path(&f->temp, "dags/sub");
  assert_string_equal(x->pipeline->folder, folder);
  free(folder);
}

static void hidden_names_other_endings_and_linked_folders_are_left_out(void **state) {
  struct fixture *f = *state;
  static const char *const files[] = {"dags/_a.yaml", "dags/.b.yaml",   "dags/c.txt",    "dags/d.yaml~",
                                      "dags/yaml",    "dags/_x/e.yaml", "dags/.g/f.yaml"};
  for (size_t i = 0; i < COUNT(files); i++) temp_write(&f->temp, files[i], GOOD);
  temp_write(&f->temp, "elsewhere/g.yaml", GOOD);
  char *link = temp_path(&f->temp, "dags/link"), *pipe = temp_path(&f->temp, "dags/pipe.yaml");
  char *file = temp_path(&f->temp, "dags/linked.yaml"), *lost = temp_path(&f->temp, "dags/lost.yaml");
  char *round = temp_path(&f->temp, "dags/round.yaml");
  assert_int_equal(symlink("../elsewhere", link), 0);
  assert_int_equal(symlink("../elsewhere/g.yaml", file), 0);
  assert_int_equal(symlink("nowhere", lost), 0);
  assert_int_equal(symlink("round.yaml", round), 0);
  assert_int_equal(mkfifo(pipe, 0600), 0);
  assert_scan(f, false, "loaded linked");
  assert_string_equal(broken(f), "");
  free(link);
  free(pipe);
  free(file);
  free(lost);
  free(round);
}

static void a_change_is_found_and_the_same_bytes_are_none(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  temp_write(&f->temp, "dags/a.yaml", GOOD); /* another file with the same bytes */
  assert_scan(f, false, "");
  temp_write(&f->temp, "dags/a.yaml", OTHER);
  assert_scan(f, false, "loaded a");
  temp_remove(&f->temp, "dags/a.yaml");
  assert_scan(f, false, "gone a");
  assert_scan(f, false, "");
}

static void a_change_that_leaves_size_and_time_as_they_were_is_found(void **state) {
  struct fixture *f = *state;
  char *path = temp_path(&f->temp, "dags/a.yaml");
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  struct stat before;
  assert_int_equal(stat(path, &before), 0);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  assert_int_equal(write(fd, OTHER, strlen(OTHER)), (ssize_t)strlen(OTHER));
  close(fd);
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
  assert_scan(f, false, "loaded a");
  free(path);
}

static void a_broken_file_is_told_once_and_listed_until_it_is_mended(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  temp_write(&f->temp, "dags/a.yaml", BAD);
  assert_scan(f, false, "broken a");
  assert_non_null(strstr(f->scan.findings.items[0].error, "rum"));
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "a.yaml:1:13"));
  assert_non_null(strstr(buf_cstr(&f->scan.broken), "\"pipeline\":\"a\""));
  temp_write(&f->temp, "dags/a.yaml", GOOD); /* back to what was in force */
  assert_scan(f, false, "loaded a");
  assert_string_equal(broken(f), "");
}

static void a_renamed_file_is_another_pipeline(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  temp_rename(&f->temp, "dags/a.yaml", "dags/b.yaml");
  assert_scan(f, false, "gone a, loaded b");
  temp_rename(&f->temp, "dags/b.yaml", "dags/b.yml"); /* the same pipeline in another file */
  assert_scan(f, false, "loaded b");
}

static void of_two_files_of_one_pipeline_the_first_is_it(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yml", OTHER);
  assert_scan(f, false, "loaded a");
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  assert_string_equal(buf_cstr(&f->scan.findings.items[0].text), GOOD);
  assert_non_null(strstr(broken(f), "a.yml: error: a.yaml is the pipeline 'a' already"));
  temp_write(&f->temp, "dags/a.yml", GOOD " # changed\n");
  assert_scan(f, false, "");
  temp_remove(&f->temp, "dags/a.yaml");
  assert_scan(f, false, "loaded a"); /* never gone */
  assert_string_equal(broken(f), "");
  temp_remove(&f->temp, "dags/a.yml");
  assert_scan(f, false, "gone a");
}

static void a_name_that_cannot_be_a_pipelines_is_listed_and_told_to_nobody(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/my pipeline.yaml", GOOD);
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "my pipeline.yaml"));
  assert_non_null(strstr(broken(f), "begin its name with _"));
  assert_non_null(strstr(buf_cstr(&f->scan.broken), "\"pipeline\":null"));
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "my pipeline.yaml"));
}

static void a_file_that_is_too_large_is_refused(void **state) {
  struct fixture *f = *state;
  char *text = alloc_zeroed(1, PIPELINE_TEXT_MAX + 2);
  memset(text, '#', PIPELINE_TEXT_MAX + 1);
  temp_write(&f->temp, "dags/a.yaml", text);
  assert_scan(f, false, "broken a");
  assert_non_null(strstr(broken(f), "at most 1 MiB"));
  free(text);
}

/* Whether modes bind this process: root reads everything. */
static bool modes_bind(const struct fixture *f) {
  temp_write(&f->temp, "probe", "x");
  temp_chmod(&f->temp, "probe", 0);
  struct buf text = {0};
  char *path = temp_path(&f->temp, "probe");
  bool bind = file_read(path, 10, &text) == ERR_DENIED;
  buf_release(&text);
  free(path);
  if (!bind) print_message("skipped: file modes don't bind this user\n");
  return bind;
}

/* Root's right to pass over modes. Without it root is bound by them as any owner is; another user's id would be as
 * well, but couldn't enter the folders above, which are private. */
static void root_passes_modes(bool passes) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  const uint32_t rights = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
  assert_int_equal(syscall(SYS_capget, &head, data), 0);
  if (passes) {
    data[0].effective |= rights & data[0].permitted;
  } else {
    data[0].effective &= ~rights;
  }
  assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

/* Runs where modes bind, if they can be made to. */
static bool with_modes(struct fixture *f, void (*test)(struct fixture *f)) {
  bool root = geteuid() == 0;
  if (root) root_passes_modes(false);
  bool bind = modes_bind(f);
  if (bind) test(f);
  if (root) root_passes_modes(true);
  return bind;
}

static void unreadable_things(struct fixture *f) {
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  temp_write(&f->temp, "dags/sub/b.yaml", GOOD);
  temp_write(&f->temp, "dags/sub/more/c.yaml", GOOD);
  assert_scan(f, false, "loaded a, loaded sub/b, loaded sub/more/c");

  temp_chmod(&f->temp, "dags/sub", 0); /* a folder */
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "sub: error: can't be read: not permitted"));
  assert_scan(f, true, "loaded a");
  temp_chmod(&f->temp, "dags/sub", 0444); /* names, but no files */
  assert_scan(f, false, "");
  temp_chmod(&f->temp, "dags/sub", 0755);
  temp_remove(&f->temp, "dags/sub/b.yaml");
  assert_scan(f, true, "gone sub/b, loaded a, loaded sub/more/c");
  assert_string_equal(broken(f), "");

  temp_chmod(&f->temp, "dags", 0); /* the whole */
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "stays in force"));
  temp_chmod(&f->temp, "dags", 0755);

  temp_write(&f->temp, "dags/d.yaml", GOOD); /* a file, whose time stamps don't change when it can be read again */
  temp_chmod(&f->temp, "dags/d.yaml", 0);
  assert_scan(f, false, "broken d");
  assert_non_null(strstr(broken(f), "d.yaml: error: the file can't be read: not permitted"));
  temp_chmod(&f->temp, "dags/d.yaml", 0644);
  assert_scan(f, false, "loaded d");
}

static void what_cannot_be_read_for_now_has_not_gone(void **state) {
  with_modes(*state, unreadable_things);
}

static void a_folder_that_vanished_takes_nothing_with_it(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  assert_scan(f, false, "loaded a");
  temp_rename(&f->temp, "dags", "moved");
  assert_scan(f, false, "");
  assert_int_equal(f->scan.folders.len, 0);
  assert_non_null(strstr(broken(f), "can't be read: not found"));
  temp_rename(&f->temp, "moved", "dags");
  assert_scan(f, false, "");
  assert_string_equal(broken(f), "");
  temp_remove(&f->temp, "dags/a.yaml"); /* an empty folder says something */
  assert_scan(f, false, "gone a");
}

static void what_the_rows_know_is_not_parsed_again(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", GOOD);
  temp_write(&f->temp, "dags/b.yaml", OTHER);
  scan(f, false);
  struct dags *second = dags_new();
  for (size_t i = 0; i < f->scan.findings.len; i++) {
    const struct dags_finding *x = &f->scan.findings.items[i];
    dags_know(second, x->name, x->sha256, x->pipeline);
  }
  dags_know(second, "c", f->scan.findings.items[0].sha256, NULL);
  temp_write(&f->temp, "dags/b.yaml", GOOD);
  struct dags_scan again = {0};
  dags_scan(second, f->config, false, &again);
  assert_int_equal(again.findings.len, 3);
  for (size_t i = 0; i < again.findings.len; i++) {
    const struct dags_finding *x = &again.findings.items[i];
    if (strcmp(x->name, "c") == 0) {
      assert_int_equal(x->kind, DAGS_GONE);
      continue;
    }
    assert_int_equal(x->kind, DAGS_LOADED);
    const struct dags_finding *known = &f->scan.findings.items[strcmp(f->scan.findings.items[0].name, x->name) != 0];
    assert_string_equal(known->name, x->name);
    assert_int_equal(known->pipeline == x->pipeline, strcmp(x->name, "a") == 0);
  }
  dags_scan_release(&again);
  dags_free(second);
}

static void what_the_rows_know_outlives_a_folder_that_is_missing_at_the_start(void **state) {
  struct fixture *f = *state;
  char sha256[SHA256_HEX_SIZE];
  sha256_hex(GOOD, strlen(GOOD), sha256);
  dags_know(f->dags, "a", sha256, NULL);
  temp_rename(&f->temp, "dags", "moved");
  assert_scan(f, false, "");
  temp_rename(&f->temp, "moved", "dags");
  assert_scan(f, false, "gone a");
}

static void a_scan_anew_reads_all_with_the_new_configuration(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", "tasks: {a: {run: \"true\", slots: {gpu: 1}}}\n");
  assert_scan(f, false, "broken a");
  config_free(f->config);
  f->config = temp_config(&f->temp, "slots: {cpu: 4, gpu: 1}\n");
  assert_scan(f, true, "loaded a");
  assert_scan(f, false, "");
}

static void a_pipeline_outlives_the_configuration_that_it_was_read_with(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "dags/a.yaml", "schedule: \"0 5 * * *\"\n" GOOD);
  assert_scan(f, false, "loaded a");
  config_free(f->config);
  f->config = temp_config(&f->temp, "");
  assert_string_equal(f->scan.findings.items[0].pipeline->schedules[0].zone, "UTC"); /* the sanitizer looks on */
}

static void folders_below_the_limit_of_depth_are_listed(void **state) {
  struct fixture *f = *state;
  struct buf path = {0};
  buf_str(&path, "dags");
  for (int i = 0; i <= DAGS_DEPTH_MAX; i++) buf_str(&path, "/x");
  buf_str(&path, "/a.yaml");
  temp_write(&f->temp, path.bytes, GOOD);
  assert_scan(f, false, "");
  assert_non_null(strstr(broken(f), "over the limit"));
  buf_release(&path);
}

#define DAGS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      DAGS_TEST(each_file_is_the_pipeline_that_its_path_names),
      DAGS_TEST(what_is_loaded_comes_with_its_text_and_its_definition),
      DAGS_TEST(hidden_names_other_endings_and_linked_folders_are_left_out),
      DAGS_TEST(a_change_is_found_and_the_same_bytes_are_none),
      DAGS_TEST(a_change_that_leaves_size_and_time_as_they_were_is_found),
      DAGS_TEST(a_broken_file_is_told_once_and_listed_until_it_is_mended),
      DAGS_TEST(a_renamed_file_is_another_pipeline),
      DAGS_TEST(of_two_files_of_one_pipeline_the_first_is_it),
      DAGS_TEST(a_name_that_cannot_be_a_pipelines_is_listed_and_told_to_nobody),
      DAGS_TEST(a_file_that_is_too_large_is_refused),
      DAGS_TEST(what_cannot_be_read_for_now_has_not_gone),
      DAGS_TEST(a_folder_that_vanished_takes_nothing_with_it),
      DAGS_TEST(what_the_rows_know_is_not_parsed_again),
      DAGS_TEST(what_the_rows_know_outlives_a_folder_that_is_missing_at_the_start),
      DAGS_TEST(a_scan_anew_reads_all_with_the_new_configuration),
      DAGS_TEST(a_pipeline_outlives_the_configuration_that_it_was_read_with),
      DAGS_TEST(folders_below_the_limit_of_depth_are_listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
