/* The writer of logs, taken up again after it died at any moment, against the reader. The model is the whole text. */
#include "tests/unit/worker/harness.h"

#include "worker/log_resume.h"
#include "worker/logfile.h"

#define CAP   UINT64_C(65536)
#define STEPS 400

struct fixture {
  char dir[512];
  int fd;
  struct log_writer w;
  struct buf printed; /* all of it, the lost bytes as zeros */
  uint64_t random;
};

static uint64_t roll(struct fixture *f, uint64_t below) {
  f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (f->random >> 33) % below;
}

static void begin(struct fixture *f, uint64_t seed, uint64_t cap) {
  static int n;
  *f = (struct fixture){.random = seed};
  snprintf(f->dir, sizeof f->dir, "%s/w%d", scratch(), ++n);
  assert_int_equal(mkdir(f->dir, 0700), 0);
  f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(f->fd >= 0);
  log_writer_init(&f->w, f->fd, cap);
}

/* As after kill -9: nothing more is written, and only the files remain. */
static void die(struct fixture *f) {
  if (f->w.file >= 0) close(f->w.file);
  if (f->w.index >= 0) close(f->w.index);
}

static void resume(struct fixture *f, uint64_t cap) {
  assert_int_equal(log_writer_resume(&f->w, f->dir, f->fd, cap), 0);
}

static void finish(struct fixture *f) {
  log_writer_end(&f->w, 1);
  close(f->fd);
  buf_release(&f->printed);
}

static void print(struct fixture *f, size_t len) {
  static char bytes[40000];
  int error;
  for (size_t i = 0; i < len; i++) bytes[i] = roll(f, 20) ? (char)('a' + roll(f, 26)) : '\n';
  assert_int_equal(log_writer_put(&f->w, bytes, len, 1000, &error), len);
  assert_int_equal(error, 0);
  buf_add(&f->printed, bytes, len);
}

static void lose(struct fixture *f, size_t len) {
  log_writer_skip(&f->w, len);
  for (size_t i = 0; i < len; i++) buf_char(&f->printed, '\0');
}

/* What the reader has is what was printed, and all of the head and of the last quarter of the cap is there. */
static void compare(struct fixture *f, uint64_t lost) {
  static char chunk[5000];
  struct logfile_extent e;
  uint64_t offset = 0, at = 0, kept = 0;
  int64_t n;
  int err;
  struct logfile *lf = logfile_open(f->dir, &err);
  assert_int_equal(logfile_extent(lf, &e), 0);
  assert_int_equal(e.size, f->printed.len);
  while ((n = logfile_read(lf, offset, chunk, sizeof chunk, &at)) > 0) {
    assert_memory_equal(chunk, f->printed.bytes + at, (size_t)n);
    kept += (uint64_t)n;
    offset = at + (uint64_t)n;
  }
  assert_int_equal(n, 0);
  assert_int_equal(e.dropped, e.size - kept);
  uint64_t room = f->w.head_cap + f->w.tail_cap;
  assert_true(kept + lost >= (e.size < room ? e.size : room));
  logfile_close(lf);
}

static void a_log_goes_on_after_its_writer_died(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct fixture f;
    uint64_t lines = 0;
    begin(&f, seed, CAP);
    for (int i = 0; i < STEPS; i++) {
      print(&f, 1 + roll(&f, roll(&f, 10) ? 300 : 20000));
      if (roll(&f, 8)) continue;
      die(&f);
      resume(&f, CAP);
      assert_int_equal(f.w.total, f.printed.len);
    }
    for (size_t i = 0; i < f.printed.len; i++) lines += f.printed.bytes[i] == '\n';
    assert_int_equal(f.w.lines, lines);
    compare(&f, 0);
    finish(&f);
  }
}

static void what_was_lost_elsewhere_is_a_gap_with_an_offset(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct fixture f;
    uint64_t lost = 0;
    begin(&f, seed, CAP);
    for (int i = 0; i < STEPS; i++) {
      uint64_t len = roll(&f, 6) ? 0 : 1 + roll(&f, 3000);
      lose(&f, len);
      lost += len;
      print(&f, 1 + roll(&f, 500));
      if (roll(&f, 10)) continue;
      die(&f);
      resume(&f, CAP);
      assert_int_equal(f.w.total, f.printed.len);
    }
    compare(&f, lost);
    finish(&f);
  }
}

static void a_record_that_is_half_there_is_taken_away(void **state) {
  (void)state;
  struct fixture f;
  struct stat st;
  begin(&f, 3, UINT64_C(10) << 20);
  for (int i = 0; i < 10; i++) print(&f, 40000);
  die(&f);
  int fd = openat(f.fd, "log.idx", O_WRONLY | O_APPEND | O_CLOEXEC);
  assert_int_equal(write(fd, "half a rec", 10), 10);
  close(fd);
  resume(&f, UINT64_C(10) << 20);
  assert_int_equal(fstatat(f.fd, "log.idx", &st, 0), 0);
  assert_int_equal(st.st_size % (off_t)sizeof(struct log_index_record), 0);
  for (int i = 0; i < 10; i++) print(&f, 40000);
  compare(&f, 0);
  finish(&f);
}

static void an_index_that_was_only_just_made_is_made_anew(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, 4, CAP);
  print(&f, 100);
  die(&f);
  int fd = openat(f.fd, "log.idx", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, "\0\0\0\0\0", 5), 5);
  close(fd);
  resume(&f, CAP);
  for (int i = 0; i < 50; i++) print(&f, 3000);
  compare(&f, 0);
  finish(&f);
}

/* What a full disk gives back is written later, and nothing is dropped. */
static void what_can_not_be_written_is_given_back(void **state) {
  (void)state;
  struct fixture f;
  int error;
  begin(&f, 5, CAP);
  print(&f, 100);
  close(f.w.file);
  f.w.file = open("/dev/full", O_WRONLY | O_CLOEXEC);
  assert_int_equal(log_writer_put(&f.w, "more\n", 5, 1000, &error), 0);
  assert_int_equal(error, ENOSPC);
  assert_int_equal(f.w.total, 100);
  die(&f);
  resume(&f, CAP);
  print(&f, 100);
  compare(&f, 0);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_log_goes_on_after_its_writer_died),
      cmocka_unit_test(what_was_lost_elsewhere_is_a_gap_with_an_offset),
      cmocka_unit_test(a_record_that_is_half_there_is_taken_away),
      cmocka_unit_test(an_index_that_was_only_just_made_is_made_anew),
      cmocka_unit_test(what_can_not_be_written_is_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
