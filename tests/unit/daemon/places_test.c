/* Where the configuration is found, and what flags and the environment change in it. */
#include "tests/unit/daemon/temp.h"

#include "scheduler/daemon/daemon.h"

struct fixture {
  struct temp temp;
  char *cwd, *before;
};

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  temp_make(&f->temp);
  f->before = getcwd(NULL, 0);
  assert_int_equal(mkdir(f->cwd = temp_path(&f->temp, "cwd"), 0700), 0);
  assert_int_equal(chdir(f->cwd), 0);
  char *home = temp_path(&f->temp, "home");
  assert_int_equal(mkdir(home, 0700), 0);
  setenv("HOME", home, 1);
  unsetenv("ROTA_HOME");
  free(home);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  assert_int_equal(chdir(f->before), 0);
  temp_release(&f->temp);
  free(f->before);
  free(f->cwd);
  free(f);
  return 0;
}

static void assert_path(const struct fixture *f, const char *path, const char *below) {
  char *expected = temp_path(&f->temp, below);
  assert_string_equal(path, expected);
  free(expected);
}

static void the_nearest_configuration_wins(void **state) {
  struct fixture *f = *state;
  const struct daemon_places nothing = {0};
  struct config *c = daemon_config(&nothing);
  assert_null(c->file);
  assert_path(f, c->state, "home/.local/state/rota");
  config_free(c);

  temp_write(&f->temp, "home/.config/rota/rota.yaml", "dags: of_home\n");
  c = daemon_config(&nothing);
  assert_path(f, c->dags, "home/.config/rota/of_home"); /* relative to its file */
  config_free(c);

  temp_write(&f->temp, "cwd/rota.yaml", "dags: of_cwd\n");
  c = daemon_config(&nothing);
  assert_path(f, c->dags, "cwd/of_cwd");
  config_free(c);

  temp_write(&f->temp, "named/my.yaml", "dags: of_named\nstate: ~/its_state\n");
  const struct daemon_places named = {.config = "../named/my.yaml"};
  c = daemon_config(&named);
  assert_non_null(c);
  assert_non_null(strstr(c->dags, "of_named"));
  assert_path(f, c->state, "home/its_state");
  config_free(c);
}

static void flags_win_over_the_environment_and_that_over_the_file(void **state) {
  struct fixture *f = *state;
  temp_write(&f->temp, "cwd/rota.yaml", "state: of_file\ndags: of_file\n");
  const struct daemon_places nothing = {0}, flags = {.state = "of_flag", .dags = "~/of_flag"};
  struct config *c = daemon_config(&nothing);
  assert_path(f, c->state, "cwd/of_file");
  config_free(c);

  setenv("ROTA_HOME", "of_env", 1);
  c = daemon_config(&nothing);
  assert_path(f, c->state, "cwd/of_env");
  assert_path(f, c->dags, "cwd/of_file");
  config_free(c);

  c = daemon_config(&flags);
  assert_path(f, c->state, "cwd/of_flag");
  assert_path(f, c->dags, "home/of_flag");
  config_free(c);

  setenv("ROTA_HOME", "", 1); /* as if it weren't set */
  c = daemon_config(&nothing);
  assert_path(f, c->state, "cwd/of_file");
  config_free(c);
}

static void a_configuration_that_is_named_must_be_there_and_one_that_is_found_must_be_right(void **state) {
  struct fixture *f = *state;
  const struct daemon_places nothing = {0}, missing = {.config = "missing.yaml"};
  assert_null(daemon_config(&missing));
  temp_write(&f->temp, "cwd/rota.yaml", "slotz: {cpu: 1}\n");
  assert_null(daemon_config(&nothing)); /* the next one isn't taken in its place */
  temp_remove(&f->temp, "cwd/rota.yaml");
  assert_int_equal(mkdir("rota.yaml", 0700), 0);
  assert_null(daemon_config(&nothing));
}

#define PLACES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      PLACES_TEST(the_nearest_configuration_wins),
      PLACES_TEST(flags_win_over_the_environment_and_that_over_the_file),
      PLACES_TEST(a_configuration_that_is_named_must_be_there_and_one_that_is_found_must_be_right),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
