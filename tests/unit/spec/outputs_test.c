/* What a task wrote into $ROTA_OUTPUT and $ROTA_PROGRESS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "scheduler/spec/outputs.h"

static const struct output_spec declared[] = {
    {"rows", VALUE_INT, VALUE_ANY}, {"rmse", VALUE_FLOAT, VALUE_ANY}, {"note", VALUE_STRING, VALUE_ANY}};
static const struct task_spec task = {.name = "t", .outputs = declared, .outputs_len = 3};
static const struct task_spec bare = {.name = "t"};

/* "name=text|..." of what was read, or the message. */
static const char *outcome(struct arena *a, const struct task_spec *t, const char *text, size_t len, bool check) {
  struct output_value *out;
  size_t count;
  const char *message = NULL;
  if (outputs_parse(t, text, len, check, a, &out, &count, &message) < 0) {
    assert_int_equal(count, 0);
    return message;
  }
  struct buf b = {0};
  for (size_t i = 0; i < count; i++) {
    buf_fmt(&b, "%s%s%s=", i ? "|" : "", out[i].name, out[i].index < 0 ? "?" : "");
    value_text(&out[i].value, &b);
  }
  const char *shown = arena_strdup(a, buf_cstr(&b));
  buf_release(&b);
  return shown;
}

#define TEXT(s) (s), sizeof(s) - 1

static void lines_and_blocks_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t len;
    const char *outcome;
  } rows[] = {
      {TEXT(""), ""},
      {TEXT("a=1"), "a?=1"},
      {TEXT("a=1\nb=2\n"), "a?=1|b?=2"},
      {TEXT("a=1\r\nb=2\r\n"), "a?=1|b?=2"},
      {TEXT("\xef\xbb\xbf"
            "a=1\n"),
       "a?=1"},
      {TEXT("\n\na=1\n\n"), "a?=1"},
      {TEXT("a=\n"), "a?="},
      {TEXT("Z_9-.b=5\n_z=6\n"), "Z_9-.b?=5|_z?=6"},
      {TEXT("-a=1\n"), "line 1: '-a' can't be the name of an output; write key=value without spaces before the '='"},
      {TEXT("a/b=1\n"),
       "line 1: 'a/b' can't be the name of an output; write key=value without spaces before the '='"},
      {TEXT("a= x = y <<Z \n"), "a?= x = y <<Z "},
      {TEXT("a=1\na=2\n"), "a?=2"},
      {TEXT("a<<END\none\ntwo\nEND\nb=1\n"), "a?=one\ntwo|b?=1"},
      {TEXT("a<<END\r\none\r\ntwo\r\nEND\r\n"), "a?=one\ntwo"},
      {TEXT("a<<END\nEND\n"), "a?="},
      {TEXT("a<<END\n\nEND"), "a?="},
      {TEXT("a<<END\nx END\n END\nENDE\nEND\n"), "a?=x END\n END\nENDE"},
      {TEXT("a<<=\nx\n=\n"), "a?=x"},
      {TEXT("a<<END\nb=1\n"), "line 1: the block of 'a' isn't ended by a line with 'END' alone"},
      {TEXT("a<<\nx\n"), "line 1: a word that ends the block must follow '<<'"},
      {TEXT("b=1\nhello\n"), "line 2: expected key=value or key<<END, not 'hello'"},
      {TEXT("a =1\n"), "line 1: 'a ' can't be the name of an output; write key=value without spaces before the '='"},
      {TEXT("=1\n"), "line 1: '' can't be the name of an output; write key=value without spaces before the '='"},
      {TEXT("1a=1\n"), "line 1: '1a' can't be the name of an output; write key=value without spaces before the '='"},
      {TEXT("a=1\nb=\xff\n"), "line 2: the text isn't UTF-8"},
      {TEXT("a=\0\n"), "the outputs hold a NUL byte"},
  };
  struct arena a = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(outcome(&a, &bare, rows[i].text, rows[i].len, true), rows[i].outcome);
  arena_release(&a);
}

static void declared_outputs_are_checked(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool check;
    const char *outcome;
  } rows[] = {
      {"rmse=0.5\nrows= 12 \nnote= n\nmore=x\n", true, "rows=12|rmse=0.5|note= n|more?=x"},
      {"rmse=1\nrows=1\nnote=\n", true, "rows=1|rmse=1|note="},
      {"rows=1\nnote=\n", true, "output 'rmse' is declared, but the task didn't write it to $ROTA_OUTPUT"},
      {"rows=x\nrmse=1\nnote=\n", true, "output 'rows': expected a whole number, not 'x'"},
      {"rows=1\nrmse=nan\nnote=\n", true, "output 'rmse': expected a finite decimal number, not 'nan'"},
      {"", true, "output 'rows' is declared, but the task didn't write it to $ROTA_OUTPUT"},
      {"rows=x\nrmse=1\n", false, "rmse=1"},
      {"", false, ""},
  };
  struct arena a = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(outcome(&a, &task, rows[i].text, strlen(rows[i].text), rows[i].check), rows[i].outcome);
  arena_release(&a);
}

static void overwrite(char *at, const char *with) {
  while (*with) *at++ = *with++;
}

static void sizes_are_limited(void **state) {
  (void)state;
  struct arena a = {0};
  char *text = arena_alloc(&a, OUTPUT_FILE_MAX + 16);
  memset(text, 'x', OUTPUT_FILE_MAX + 8);
  overwrite(text, "a=");
  assert_int_equal(strlen(outcome(&a, &bare, text, 2 + OUTPUT_VALUE_MAX, true)), 3 + OUTPUT_VALUE_MAX);
  assert_string_equal(outcome(&a, &bare, text, 3 + OUTPUT_VALUE_MAX, true),
                      "line 1: the value of 'a' is over 65536 bytes");
  overwrite(text, "a<<E\n");
  overwrite(text + 5 + OUTPUT_VALUE_MAX, "\nE");
  assert_int_equal(strlen(outcome(&a, &bare, text, 7 + OUTPUT_VALUE_MAX, true)), 3 + OUTPUT_VALUE_MAX);
  overwrite(text + 5 + OUTPUT_VALUE_MAX, "x\nE");
  assert_string_equal(outcome(&a, &bare, text, 8 + OUTPUT_VALUE_MAX, true),
                      "line 3: the value of 'a' is over 65536 bytes");
  assert_string_equal(outcome(&a, &bare, text, OUTPUT_FILE_MAX + 1, true),
                      "the outputs are over 1048576 bytes together");
  arena_release(&a);
}

static void progress_is_a_fraction_and_a_text(void **state) {
  (void)state;
  static const struct {
    const char *text, *outcome;
  } rows[] = {
      {"0.42 epoch 21/50\n", "0.42 epoch 21/50"},
      {"21/50 text", "0.42 text"},
      {"0.1 a\n0.2 b\n\n", "0.20 b"},
      {"1\r\n", "1.00 "},
      {"0/50", "0.00 "},
      {" \t0.5\t x \r\n", "0.50 x"},
      {"1/1\n", "1.00 "},
      {"0.5x", NULL},
      {"0.5", "0.50 "},
      {"0.5 a\x1b[31m\xff", "0.50 a?[31m?"},
      {"", NULL},
      {"\n\n", NULL},
      {"epoch 1\n", NULL},
      {"1.5 x", NULL},
      {"-0.5 x", NULL},
      {"5/0", NULL},
      {"6/5", NULL},
      {"1/2/3", NULL},
      {"nan", NULL},
      {"0x1", NULL},
      {"0.1 good\nhalf", NULL},
      {"0.0000000000000000000000000000000000000000001", NULL},
  };
  struct arena a = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double fraction;
    const char *rest;
    bool ok = progress_parse(rows[i].text, strlen(rows[i].text), &fraction, &rest, &a);
    if (ok != (rows[i].outcome != NULL)) fail_msg("'%s' was %s", rows[i].text, ok ? "taken" : "refused");
    if (ok) assert_string_equal(arena_fmt(&a, "%.2f %s", fraction, rest), rows[i].outcome);
  }
  arena_release(&a);
}

static void any_bytes_are_survived(void **state) {
  (void)state;
  static const char bytes[] = "ab=<\n\r_1/.\xef\xbb\xbf\xc3\xa9\xff\0 ";
  unsigned seed = 7;
  for (int round = 0; round < 50000; round++) {
    struct arena a = {0};
    char text[64] = "";
    size_t len = (size_t)rand_r(&seed) % sizeof text;
    for (size_t i = 0; i < len; i++) text[i] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
    char *exact = malloc(len ? len : 1); /* so that a sanitizer sees one byte too far */
    memcpy(exact, text, len);
    assert_non_null(outcome(&a, round % 2 ? &task : &bare, exact, len, round % 3));
    double fraction;
    const char *rest;
    if (progress_parse(exact, len, &fraction, &rest, &a)) assert_true(fraction >= 0 && fraction <= 1);
    free(exact);
    arena_release(&a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_and_blocks_are_read), cmocka_unit_test(declared_outputs_are_checked),
      cmocka_unit_test(sizes_are_limited),         cmocka_unit_test(progress_is_a_fraction_and_a_text),
      cmocka_unit_test(any_bytes_are_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
