#include "tests/unit/unit.h"

#include <string.h>

#include "cli/args.h"

static const struct arg_option options[] = {
    {"param", 'p', ARG_LIST, "K=V", NULL, WHAT_ANY, false, "a parameter; may be given again"},
    {"for", 0, ARG_INSTANT, "INSTANT", NULL, WHAT_ANY, false, "the instant"},
    {"count", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "how many"},
    {"version", 0, ARG_WORD, "VERSION", "same|newest", WHAT_ANY, false, "which"},
    {"follow", 'f', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "go on"},
    {"wait", 'w', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "wait"},
    {0},
};
static const struct arg_operand operands[] = {
    {"RUN", WHAT_RUN, false, false, NULL, "the run"},
    {"STATE", WHAT_ANY, true, false, "succeeded|skipped", "the state"},
    {"TEXT", WHAT_ANY, true, true, NULL, "text"},
    {0},
};
static const struct command command = {
    .name = "probe", .summary = "A probe", .about = "More of it.", .options = options, .operands = operands};

static const struct arg_option needed_options[] = {
    {"reason", 0, ARG_TEXT, "TEXT", NULL, WHAT_ANY, true, "why"},
    {0},
};
static const struct command needing = {.name = "needing", .summary = "It needs", .options = needed_options};

/* Reads the words, up to a NULL. */
static enum args_outcome read_words(const struct command *c, const char *const *words, struct args *out,
                                    struct buf *error) {
  char *argv[16] = {NULL};
  int argc = 0;
  while (words[argc]) {
    argv[argc] = (char *)(uintptr_t)words[argc];
    argc++;
  }
  return args_read(c, argc, argv, out, error);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_stand_anywhere(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  size_t len;
  assert_int_equal(
      read_words(&command, WORDS("-p", "a=1", "nightly", "--param=b=2", "-pc=3", "--wait"), &args, &error), ARGS_OK);
  const char *const *params = args_list(&args, "param", &len);
  assert_int_equal(len, 3);
  assert_string_equal(params[0], "a=1");
  assert_string_equal(params[1], "b=2");
  assert_string_equal(params[2], "c=3");
  assert_string_equal(args_operand(&args, 0), "nightly");
  assert_null(args_operand(&args, 1));
  assert_true(args_flag(&args, "wait"));
  assert_false(args_flag(&args, "follow"));
  assert_null(args_text(&args, "for"));
  assert_int_equal(args_count(&args, "count", 7), 7);
  args_release(&args);
  buf_release(&error);
}

static void letters_of_flags_can_be_joined(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  assert_int_equal(read_words(&command, WORDS("x", "-fwn12"), &args, &error), ARGS_OK);
  assert_true(args_flag(&args, "follow"));
  assert_true(args_flag(&args, "wait"));
  assert_int_equal(args_count(&args, "count", 0), 12);
  args_release(&args);
  buf_release(&error);
}

static void two_dashes_end_the_options(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  assert_int_equal(read_words(&command, WORDS("x", "skipped", "--", "--wait", "-"), &args, &error), ARGS_OK);
  assert_false(args_flag(&args, "wait"));
  assert_string_equal(args_operand(&args, 2), "--wait");
  assert_string_equal(args_operand(&args, 3), "-");
  args_release(&args);
  buf_release(&error);
}

static void every_command_takes_the_common_options(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  assert_int_equal(read_words(&command, WORDS("x", "--state", "/s", "--json"), &args, &error), ARGS_OK);
  assert_string_equal(args_text(&args, "state"), "/s");
  assert_true(args_flag(&args, "json"));
  args_release(&args);
  assert_int_equal(read_words(&command, WORDS("-h"), &args, &error), ARGS_HELP);
  args_release(&args);
  assert_int_equal(read_words(&needing, WORDS("--help"), &args, &error), ARGS_HELP);
  args_release(&args);
  buf_release(&error);
}

static void mistakes_name_the_argument(void **state) {
  (void)state;
  static const struct {
    const char *words[6], *message;
  } rows[] = {
      {{"x", "--wiat"}, "unknown option '--wiat'; did you mean '--wait'?"},
      {{"x", "--zzzzzz"}, "unknown option '--zzzzzz'\n"},
      {{"x", "-z"}, "unknown option '-z'"},
      {{"x", "--wait=1"}, "'--wait' takes no value"},
      {{"x", "--for"}, "'--for' needs a value: INSTANT"},
      {{"x", "--for="}, "'--for' needs a value: INSTANT"},
      {{"x", "-p"}, "'-p' needs a value: K=V"},
      {{"x", "--for", "tomorrow"}, "'--for tomorrow' isn't an instant like"},
      {{"x", "-n", "0"}, "'--count 0' isn't a whole number from 1"},
      {{"x", "-n", "-3"}, "'--count -3' isn't a whole number from 1"},
      {{"x", "-n", "5x"}, "'--count 5x' isn't a whole number from 1"},
      {{"x", "-n", "99999999999999999999"}, "isn't a whole number from 1"},
      {{"x", "--version", "old"}, "'--version old' is none of: same, newest"},
      {{"x", "--wait", "--wait"}, "'--wait' is given twice"},
      {{"x", "-n", "1", "-n2"}, "'--count' is given twice"},
      {{"x", "done"}, "'done' is none of: succeeded, skipped"},
      {{"--wait"}, "RUN is missing"},
      {{""}, "RUN is empty"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct args args;
    struct buf error = {0};
    assert_int_equal(read_words(&command, rows[i].words, &args, &error), ARGS_WRONG);
    if (!strstr(buf_cstr(&error), rows[i].message)) print_error("got: %s\n", buf_cstr(&error));
    assert_non_null(strstr(buf_cstr(&error), rows[i].message));
    assert_non_null(strstr(buf_cstr(&error), "rota probe: "));
    args_release(&args);
    buf_release(&error);
  }
}

static void what_is_required_must_be_there(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  assert_int_equal(read_words(&needing, (const char *const[]){NULL}, &args, &error), ARGS_WRONG);
  assert_non_null(strstr(error.bytes, "'--reason TEXT' is missing"));
  args_release(&args);
  buf_reset(&error);
  assert_int_equal(read_words(&needing, WORDS("--reason", "so", "extra"), &args, &error), ARGS_WRONG);
  assert_non_null(strstr(error.bytes, "'extra' is one argument too many"));
  args_release(&args);
  buf_release(&error);
}

static void options_can_exclude_each_other(void **state) {
  (void)state;
  struct args args;
  struct buf error = {0};
  assert_int_equal(read_words(&command, WORDS("x", "-f"), &args, &error), ARGS_OK);
  assert_true(args_one_of(&args, "follow", "wait", NULL));
  args_release(&args);
  assert_int_equal(read_words(&command, WORDS("x", "-f", "-w"), &args, &error), ARGS_OK);
  assert_false(args_one_of(&args, "follow", "wait", NULL));
  args_release(&args);
  buf_release(&error);
}

static void the_help_comes_from_the_table(void **state) {
  (void)state;
  struct buf text = {0};
  args_help(&command, &text);
  static const char *const parts[] = {
      "usage: rota probe RUN [STATE] [TEXT...] [-p K=V]... [--for INSTANT] [-n N] [--version VERSION] [-f] [-w]\n",
      "\nA probe.\n",
      "\nMore of it.\n",
      "\n  -p, --param K=V         a parameter; may be given again\n",
      "\n      --for INSTANT       the instant\n",
      "\n      --state DIR         the state directory",
      "\n  -h, --help              print this help\n",
  };
  for (size_t i = 0; i < COUNT(parts); i++) {
    if (!strstr(text.bytes, parts[i])) print_error("missing: %s\nin: %s\n", parts[i], text.bytes);
    assert_non_null(strstr(text.bytes, parts[i]));
  }
  for (const char *line = text.bytes; *line; line += strcspn(line, "\n") + 1) assert_true(strcspn(line, "\n") <= 110);
  buf_release(&text);
}

static void words_are_cut_at_bars(void **state) {
  (void)state;
  size_t len;
  assert_memory_equal(args_word("same|newest", 1, &len), "newest", 6);
  assert_int_equal(len, 6);
  args_word("same|newest", 2, &len);
  assert_int_equal(len, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_stand_anywhere),         cmocka_unit_test(letters_of_flags_can_be_joined),
      cmocka_unit_test(two_dashes_end_the_options),     cmocka_unit_test(every_command_takes_the_common_options),
      cmocka_unit_test(mistakes_name_the_argument),     cmocka_unit_test(what_is_required_must_be_there),
      cmocka_unit_test(options_can_exclude_each_other), cmocka_unit_test(the_help_comes_from_the_table),
      cmocka_unit_test(words_are_cut_at_bars),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
