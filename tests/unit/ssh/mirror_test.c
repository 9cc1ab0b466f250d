/* The copy of a log: appended to in turn, taken up by another one, freed at any moment. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/logfile.h"
#include "worker/ssh/mirror.h"

#define CAP (UINT64_C(1) << 20)

struct fixture {
  uv_loop_t loop;
  struct crew *crew;
  char dir[64];
  char *attempt;
  struct mirror *m;
  int ready, written, err;
  uint64_t position;
};

static void on_ready(void *ctx, int err, uint64_t position) {
  struct fixture *f = ctx;
  f->ready++;
  f->err = err;
  f->position = position;
}

static void on_written(void *ctx, int err, uint64_t position) {
  struct fixture *f = ctx;
  f->written++;
  f->err = err;
  f->position = position;
}

static const struct mirror_events events = {on_ready, on_written};

static void open_mirror(struct fixture *f) {
  f->m = mirror_new(
      &(struct mirror_options){.crew = f->crew, .attempt_dir = f->attempt, .cap = CAP, .events = &events, .ctx = f});
  f->ready = 0;
  while (!f->ready) uv_run(&f->loop, UV_RUN_ONCE);
}

static void append(struct fixture *f, uint64_t offset, const char *text) {
  struct buf bytes = {0};
  buf_str(&bytes, text);
  f->written = 0;
  mirror_append(f->m, offset, &bytes);
  assert_int_equal(bytes.len, 0);
  buf_release(&bytes);
  while (!f->written) uv_run(&f->loop, UV_RUN_ONCE);
}

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  int err;
  strcpy(f->dir, "/tmp/rota-mirror-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  uv_loop_init(&f->loop);
  f->crew = crew_new(&f->loop, 1, -1, &err);
  f->attempt = alloc_fmt("%s/run/attempt", f->dir);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  mirror_free(f->m);
  crew_free(f->crew, NULL, NULL);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  char *command = alloc_fmt("rm -rf %s", f->dir);
  assert_int_equal(system(command), 0);
  free(command);
  free(f->attempt);
  free(f);
  return 0;
}

static void assert_log(struct fixture *f, const char *text) {
  struct buf got = {0};
  char *path = path_join(f->attempt, "log");
  assert_int_equal(file_read(path, CAP, &got), 0);
  assert_string_equal(buf_cstr(&got), text);
  buf_release(&got);
  free(path);
}

static void a_copy_is_made_and_taken_up_where_it_was(void **state) {
  struct fixture *f = *state;
  open_mirror(f);
  assert_int_equal(f->err, 0);
  assert_int_equal(f->position, 0);
  append(f, 0, "one\n");
  append(f, 4, "two\n");
  assert_int_equal(f->position, 8);
  mirror_free(f->m);
  open_mirror(f);
  assert_int_equal(f->position, 8);
  append(f, 8, "three\n");
  assert_log(f, "one\ntwo\nthree\n");
}

static void what_the_host_dropped_is_a_gap(void **state) {
  struct fixture *f = *state;
  struct logfile_gap gap;
  int err;
  open_mirror(f);
  append(f, 0, "one\n");
  append(f, 1004, "two\n");
  assert_int_equal(f->position, 1008);
  struct logfile *lf = logfile_open(f->attempt, &err);
  struct logfile_extent e;
  assert_int_equal(logfile_extent(lf, &e), 0);
  assert_int_equal(e.size, 1008);
  assert_int_equal(logfile_gaps(lf, &gap, 1), 1);
  assert_int_equal(gap.offset, 4);
  assert_int_equal(gap.bytes, 1000);
  logfile_close(lf);
}

static void a_mirror_may_be_freed_while_it_works(void **state) {
  struct fixture *f = *state;
  f->m = mirror_new(
      &(struct mirror_options){.crew = f->crew, .attempt_dir = f->attempt, .cap = CAP, .events = &events, .ctx = f});
  mirror_free(f->m);
  open_mirror(f);
  struct buf bytes = {0};
  buf_str(&bytes, "one\n");
  f->written = 0;
  mirror_append(f->m, 0, &bytes);
  buf_release(&bytes);
  mirror_free(f->m);
  open_mirror(f);
  assert_int_equal(f->written, 0);
  assert_int_equal(f->position, 4);
}

static void a_place_that_can_not_be_made_is_told(void **state) {
  struct fixture *f = *state;
  char *run = alloc_fmt("%s/run", f->dir);
  assert_int_equal(file_write(run, "", 0, 0600, false), 0);
  open_mirror(f);
  assert_true(f->err < 0);
  free(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_copy_is_made_and_taken_up_where_it_was, setup, teardown),
      cmocka_unit_test_setup_teardown(what_the_host_dropped_is_a_gap, setup, teardown),
      cmocka_unit_test_setup_teardown(a_mirror_may_be_freed_while_it_works, setup, teardown),
      cmocka_unit_test_setup_teardown(a_place_that_can_not_be_made_is_told, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
