#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

static const struct table_column columns[] = {
    {"NAME", false, false}, {"COUNT", true, false}, {"REASON", false, true}, {0}};

static void render(int width, bool colour, struct buf *out) {
  struct table t;
  table_init(&t, columns);
  table_add(&t, PAINT_BOLD, "nightly");
  table_fmt(&t, PAINT_NONE, "%d", 7);
  table_add(&t, PAINT_NONE, "the slot gpu 0 is held by another run");
  table_add(&t, PAINT_NONE, "gr\xc3\xbcn");
  table_fmt(&t, PAINT_BAD, "%d", 123456);
  table_add(&t, PAINT_NONE, NULL);
  buf_reset(out);
  table_render(&t, width, colour, out);
  table_release(&t);
}

static void columns_are_aligned_by_what_is_seen(void **state) {
  (void)state;
  struct buf out = {0};
  render(0, false, &out);
  assert_string_equal(out.bytes, "NAME      COUNT  REASON\n"
                                 "nightly       7  the slot gpu 0 is held by another run\n"
                                 "gr\xc3\xbcn     123456  -\n");
  buf_release(&out);
}

static void a_narrow_terminal_cuts_the_one_column_that_may_be(void **state) {
  (void)state;
  struct buf out = {0};
  render(30, false, &out);
  assert_string_equal(out.bytes, "NAME      COUNT  REASON\n"
                                 "nightly       7  the slot gpu\xe2\x80\xa6\n"
                                 "gr\xc3\xbcn     123456  -\n");
  render(10, false, &out); /* not below eight columns */
  assert_non_null(strstr(out.bytes, "the slo\xe2\x80\xa6\n"));
  buf_release(&out);
}

static void what_would_be_cut_goes_on_below_if_asked(void **state) {
  (void)state;
  struct table t;
  struct buf out = {0};
  table_init(&t, columns);
  t.wrap = true;
  table_add(&t, PAINT_NONE, "gpu01");
  table_add(&t, PAINT_NONE, "2");
  table_add(&t, PAINT_NONE, "the key is SHA256:0123456789 there, and it is in none of the files");
  table_render(&t, 25, false, &out);
  assert_string_equal(out.bytes, "NAME   COUNT  REASON\n"
                                 "gpu01      2\n"
                                 "    the key is\n"
                                 "    SHA256:0123456789\n"
                                 "    there, and it is in\n"
                                 "    none of the files\n");
  buf_reset(&out);
  table_render(&t, 58, false, &out);
  assert_string_equal(out.bytes, "NAME   COUNT  REASON\n"
                                 "gpu01      2  the key is SHA256:0123456789 there, and it\n"
                                 "              is in none of the files\n");
  buf_reset(&out);
  table_render(&t, 16, false, &out);
  assert_non_null(strstr(out.bytes, "    SHA256:01234\n    56789 there,\n"));
  table_release(&t);
  buf_release(&out);
}

static void colours_are_around_the_text_alone(void **state) {
  (void)state;
  struct buf out = {0};
  render(0, true, &out);
  assert_non_null(strstr(out.bytes, "\033[1mnightly\033[0m       7  the slot"));
  assert_non_null(strstr(out.bytes, "  \033[31m123456\033[0m  -\n"));
  buf_release(&out);
}

static void nothing_in_a_cell_steers_the_terminal(void **state) {
  (void)state;
  struct table t;
  struct buf out = {0};
  table_init(&t, columns);
  table_add(&t, PAINT_NONE, "a\033[2Jb");
  table_add(&t, PAINT_NONE, "\xff");
  table_add(&t, PAINT_NONE, "x\ny");
  table_render(&t, 0, false, &out);
  assert_non_null(strstr(out.bytes, "a?[2Jb      ?  x?y\n"));
  table_release(&t);
  buf_release(&out);
}

static void a_table_without_rows_is_nothing(void **state) {
  (void)state;
  struct table t;
  struct buf out = {0};
  table_init(&t, columns);
  table_render(&t, 80, true, &out);
  assert_int_equal(out.len, 0);
  table_release(&t);
}

static void wide_letters_take_two_columns(void **state) {
  (void)state;
  assert_int_equal(text_width("abc"), 3);
  assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
  assert_int_equal(text_width("e\xcc\x81"), 1);
  assert_int_equal(text_width("\xff"), 1);
}

static void states_have_their_paint_and_unknown_words_none(void **state) {
  (void)state;
  assert_int_equal(paint_state("succeeded"), PAINT_GOOD);
  assert_int_equal(paint_state("lost"), PAINT_BAD);
  assert_int_equal(paint_state("unheard"), PAINT_NONE);
}

static void a_file_gets_no_colours(void **state) {
  (void)state;
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_false(paint_wanted(file));
  assert_int_equal(paint_width(file), 0);
  fclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_aligned_by_what_is_seen),
      cmocka_unit_test(a_narrow_terminal_cuts_the_one_column_that_may_be),
      cmocka_unit_test(what_would_be_cut_goes_on_below_if_asked),
      cmocka_unit_test(colours_are_around_the_text_alone),
      cmocka_unit_test(nothing_in_a_cell_steers_the_terminal),
      cmocka_unit_test(a_table_without_rows_is_nothing),
      cmocka_unit_test(wide_letters_take_two_columns),
      cmocka_unit_test(states_have_their_paint_and_unknown_words_none),
      cmocka_unit_test(a_file_gets_no_colours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
