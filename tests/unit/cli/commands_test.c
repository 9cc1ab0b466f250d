/* The tables of all commands, and what is made from them. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "scheduler/spec/pipeline.h"

#define MANUAL_MAX (256 * 1024)

static bool option_known(const struct arg_option *options, const char *name) {
  for (; options && options->name; options++)
    if (strcmp(options->name, name) == 0) return true;
  return false;
}

static void check_options(const struct command *c) {
  for (const struct arg_option *o = c->options; o && o->name; o++) {
    assert_false(option_known(args_common, o->name));
    assert_false(option_known(o + 1, o->name));
    assert_true((o->kind == ARG_FLAG) == (o->value == NULL));
    assert_true((o->kind == ARG_WORD) == (o->words != NULL));
    assert_true(o->help && *o->help && o->help[strlen(o->help) - 1] != '.');
    for (const struct arg_option *other = o + 1; other->name; other++)
      assert_true(!o->letter || o->letter != other->letter);
    assert_int_not_equal(o->letter, 'h');
  }
}

static void check_operands(const struct command *c) {
  bool optional = false;
  for (const struct arg_operand *o = c->operands; o && o->name; o++) {
    assert_true(!optional || o->optional); /* what must be there comes first */
    optional = o->optional;
    assert_true(!o->many || !o[1].name);
    assert_true(o->help && *o->help);
  }
}

static void every_command_has_a_table_that_makes_sense(void **state) {
  (void)state;
  size_t len;
  const struct command *const *all = commands_all(&len, NULL);
  for (size_t i = 0; i < len; i++) {
    const struct command *c = all[i];
    struct buf help = {0};
    assert_ptr_equal(command_find(c->name), c);
    assert_true(c->run && c->summary[strlen(c->summary) - 1] != '.');
    check_options(c);
    check_operands(c);
    args_help(c, &help);
    assert_non_null(strstr(help.bytes, c->summary));
    buf_release(&help);
  }
}

static void every_command_of_the_requirements_is_there(void **state) {
  (void)state;
  static const char *const names[] = {
      "serve",  "run",  "validate", "new",    "schema",  "doctor",    "version", "status",    "list",  "runs",
      "show",   "logs", "trigger",  "rerun",  "cancel",  "retry-now", "mark",    "note",      "pause", "resume",
      "reload", "next", "why",      "backup", "restore", "keep",      "help",    "completion"};
  for (size_t i = 0; i < COUNT(names); i++) assert_non_null(command_find(names[i]));
  assert_null(command_find("nonsense"));
}

static void the_man_page_is_made_from_the_tables(void **state) {
  (void)state;
  struct buf made = {0}, kept = {0};
  manual_page(&made);
  if (file_read("docs/rota.1", MANUAL_MAX, &kept) != 0) {
    print_message("docs/rota.1 isn't there: the tests run in the repository's folder\n");
    skip();
  }
  if (strcmp(made.bytes, kept.bytes) != 0) fail_msg("docs/rota.1 is old: build/rota manual > docs/rota.1");
  buf_release(&made);
  buf_release(&kept);
}

static void each_subject_of_the_help_has_a_text(void **state) {
  (void)state;
  struct buf text = {0};
  for (size_t i = 0; help_subject(i); i++) {
    buf_reset(&text);
    assert_null(command_find(help_subject(i)));
    assert_true(help_text(help_subject(i), &text));
    assert_true(text.len > 100);
  }
  assert_non_null(help_subject(0));
  assert_false(help_text("nonsense", &text));
  buf_release(&text);
}

/* Runs a command on the words and gives its exit code; what it prints goes to a file that is dropped. */
static int run_quietly(const char *name, int argc, char *const *argv) {
  struct args args;
  struct buf error = {0};
  const struct command *c = command_find(name);
  assert_int_equal(args_read(c, argc, argv, &args, &error), ARGS_OK);
  fflush(stdout);
  int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  int code = c->run(&args);
  fflush(stdout);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  close(out);
  close(err);
  close(null);
  args_release(&args);
  buf_release(&error);
  return code;
}

static void a_new_pipeline_validates_and_is_never_overwritten(void **state) {
  (void)state;
  char top[] = "/tmp/rota-new-XXXXXX", name[] = "forecast/nightly", option[] = "--dir";
  assert_non_null(mkdtemp(top));
  char *path = path_join(top, "forecast/nightly.yaml");
  char *const words[] = {name, option, top};
  assert_int_equal(run_quietly("new", 3, words), EXIT_OK);
  assert_int_equal(run_quietly("new", 3, words), EXIT_FAILED);
  struct buf text = {0};
  struct diag_list diags;
  assert_int_equal(file_read(path, PIPELINE_TEXT_MAX, &text), 0);
  diag_init(&diags, path, text.bytes, text.len);
  const struct pipeline_source source = {.name = name, .file = path, .text = text.bytes, .len = text.len};
  struct pipeline *p = pipeline_read(&source, &diags);
  assert_non_null(p);
  assert_int_equal(diags.warnings, 0);
  assert_int_equal(p->tasks_len, 3);
  pipeline_release(p);
  diag_release(&diags);
  char *const files[] = {path};
  assert_int_equal(run_quietly("validate", 1, files), EXIT_OK);
  assert_int_equal(file_write(path, "tasks: [", 8, 0644, false), 0);
  assert_int_equal(run_quietly("validate", 1, files), EXIT_FAILED);
  char *const folders[] = {top};
  assert_int_equal(run_quietly("validate", 1, folders), EXIT_FAILED);
  buf_release(&text);
  free(path);
  int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal(dir_remove_at(tmp, top + 5), 0);
  close(tmp);
}

static void firings_of_an_expression_need_no_daemon(void **state) {
  (void)state;
  char cron[] = "--cron", good[] = "30 2 * * *", bad[] = "61 * * * *", zone[] = "--zone", nowhere[] = "No/Where";
  assert_int_equal(run_quietly("next", 2, (char *const[]){cron, good}), EXIT_OK);
  assert_int_equal(run_quietly("next", 2, (char *const[]){cron, bad}), EXIT_USAGE);
  assert_int_equal(run_quietly("next", 4, (char *const[]){cron, good, zone, nowhere}), EXIT_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_command_has_a_table_that_makes_sense),
      cmocka_unit_test(every_command_of_the_requirements_is_there),
      cmocka_unit_test(the_man_page_is_made_from_the_tables),
      cmocka_unit_test(each_subject_of_the_help_has_a_text),
      cmocka_unit_test(a_new_pipeline_validates_and_is_never_overwritten),
      cmocka_unit_test(firings_of_an_expression_need_no_daemon),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
