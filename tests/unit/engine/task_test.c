/* The table of a task's transitions, cell by cell, against the drawing in task.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "scheduler/engine/task.h"

#define X(name) #name,
static const char *const event_names[] = {TASK_EVENT_LIST(X)};
#undef X

/* A cell of the drawing: a state's word, perhaps cut, "=" or "!". */
static int cell_value(const char *cell) {
  if (strcmp(cell, "=") == 0) return TASK_STAYS;
  if (strcmp(cell, "!") == 0) return TASK_NEVER;
  if (strcmp(cell, "unreach.") == 0) return TASK_UNREACHABLE;
  if (strcmp(cell, "upstream_f") == 0) return TASK_UPSTREAM_FAILED;
  return task_state_from_word(cell);
}

static void check_cell(int event, int column, int wanted) {
  int first = column, last = column < TASK_SUCCEEDED ? column : TASK_STATES - 1;
  for (int state = first; state <= last; state++)
    if (task_next((enum task_state)state, (enum task_event)event) != wanted)
      fail_msg("%s in %s gives %d, drawn is %d", event_names[event], task_state_word((enum task_state)state),
               task_next((enum task_state)state, (enum task_event)event), wanted);
}

static void every_cell_is_as_drawn_in_the_header(void **state) {
  (void)state;
  struct buf text = {0};
  assert_int_equal(file_read("scheduler/engine/task.h", 64 * 1024, &text), 0);
  int rows = 0;
  for (char *line = strtok(text.bytes, "\n"); line; line = strtok(NULL, "\n")) {
    char name[32], cells[6][32];
    if (sscanf(line, " * %31s %31s %31s %31s %31s %31s %31s", name, cells[0], cells[1], cells[2], cells[3], cells[4],
               cells[5]) != 7)
      continue;
    for (int event = 0; event < TASK_EVENTS; event++) {
      if (strcmp(event_names[event], name) != 0) continue;
      rows++;
      for (int c = 0; c < 6; c++) check_cell(event, c, cell_value(cells[c]));
    }
  }
  assert_int_equal(rows, TASK_EVENTS);
  buf_release(&text);
}

static void an_end_is_left_only_by_a_new_round_or_a_mark(void **state) {
  (void)state;
  for (int s = TASK_SUCCEEDED; s < TASK_STATES; s++)
    for (int ev = 0; ev < TASK_EVENTS; ev++) {
      bool leaves = task_next((enum task_state)s, (enum task_event)ev) >= 0;
      assert_int_equal(leaves, ev == TASK_ON_REOPEN || ev == TASK_ON_MARK_SUCCEEDED || ev == TASK_ON_MARK_SKIPPED);
    }
}

static void every_state_has_a_word_that_reads_back(void **state) {
  (void)state;
  for (int s = 0; s < TASK_STATES; s++) {
    assert_int_equal(task_state_from_word(task_state_word((enum task_state)s)), s);
    assert_true(strlen(task_state_sentence((enum task_state)s)) > 10);
  }
  for (int s = 0; s < RUN_STATES; s++) assert_int_equal(run_state_from_word(run_state_word((enum run_state)s)), s);
  assert_int_equal(task_state_from_word("asleep"), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cell_is_as_drawn_in_the_header),
      cmocka_unit_test(an_end_is_left_only_by_a_new_round_or_a_mark),
      cmocka_unit_test(every_state_has_a_word_that_reads_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
