/* The reader of logs, on logs that the real supervisor wrote and on files made by hand. */
#include "tests/unit/worker/harness.h"

#include <inttypes.h>
#include <time.h>

#include "worker/attempt_dir.h"
#include "worker/logfile.h"

struct fixture {
  char dir[512];
  struct logfile *lf;
};

static void dir_new(struct fixture *f) {
  static int n;
  *f = (struct fixture){0};
  snprintf(f->dir, sizeof f->dir, "%s/l%d", scratch(), ++n);
  assert_int_equal(mkdir(f->dir, 0700), 0);
}

/* Runs a script under the supervisor and opens what it printed. */
static void run(struct fixture *f, const char *script, const char *cap) {
  struct buf spec = {0};
  char path[600];
  int status;
  pid_t pid;
  dir_new(f);
  const char *parts[] = {"rota=1",      "id=01hzzzzzzzzzzzzzzzzzzzzzzz", "dir=/", "argument=/bin/sh",
                         "argument=-c", "env=PATH=/usr/bin:/bin"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) buf_add(&spec, parts[i], strlen(parts[i]) + 1);
  buf_fmt(&spec, "log_cap=%s", cap);
  buf_char(&spec, '\0');
  buf_fmt(&spec, "argument=%s", script);
  buf_char(&spec, '\0');
  snprintf(path, sizeof path, "%s/spec", f->dir);
  assert_int_equal(file_write(path, spec.bytes, spec.len, 0600, false), 0);
  buf_release(&spec);
  const char *argv[] = {"rota-supervise", f->dir, NULL};
  char *envp[] = {NULL};
  assert_int_equal(posix_spawn(&pid, supervisor(), NULL, NULL, (char *const *)(uintptr_t)argv, envp), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  int err;
  f->lf = logfile_open(f->dir, &err);
  assert_int_equal(err, 0);
}

/* Everything that can be read, in order; `gaps` counts the jumps. */
static void read_all(struct logfile *lf, struct buf *out, int *gaps) {
  static char chunk[10000];
  uint64_t offset = 0, at;
  int64_t n;
  *gaps = 0;
  buf_reset(out);
  while ((n = logfile_read(lf, offset, chunk, sizeof chunk, &at)) > 0) {
    *gaps += at != offset;
    buf_add(out, chunk, (size_t)n);
    offset = at + (uint64_t)n;
  }
  assert_int_equal(n, 0);
}

static uint64_t line_start(struct logfile *lf, uint64_t line) {
  uint64_t offset = 0;
  assert_int_equal(logfile_line(lf, line, &offset), 0);
  return offset;
}

/* The number that stands at an offset, as `seq` wrote it. */
static uint64_t number_at(struct logfile *lf, uint64_t offset) {
  char text[32] = "";
  uint64_t at;
  assert_true(logfile_read(lf, offset, text, sizeof text - 1, &at) > 0);
  assert_int_equal(at, offset);
  return strtoull(text, NULL, 10);
}

static void silent_task_has_an_empty_log(void **state) {
  (void)state;
  struct fixture f;
  struct logfile_extent e;
  char c;
  uint64_t at, offset = 7;
  run(&f, ":", "1000000");
  assert_int_equal(logfile_extent(f.lf, &e), 0);
  assert_int_equal(e.size, 0);
  assert_int_equal(logfile_read(f.lf, 0, &c, 1, &at), 0);
  assert_int_equal(logfile_tail(f.lf, 10, 1000, &offset), 0);
  assert_int_equal(offset, 0);
  assert_int_equal(logfile_line(f.lf, 0, &offset), ERR_NOT_FOUND);
  logfile_close(f.lf);
  int err = 0;
  assert_null(logfile_open("/no/such/attempt", &err));
  assert_int_equal(err, ERR_NOT_FOUND);
}

static void tail_begins_at_a_line(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t lines, offset;
  } rows[] = {
      {"a\\nb\\nc\\n", 1, 4}, {"a\\nb\\nc\\n", 2, 2}, {"a\\nb\\nc\\n", 3, 0}, {"a\\nb\\nc\\n", 9, 0},
      {"a\\nb\\nc", 1, 4},    {"a\\nb\\nc", 2, 2},    {"\\n\\n\\n", 1, 2},    {"\\n\\n\\n", 3, 0},
      {"abc", 1, 0},          {"a\\nb\\n", 0, 4},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fixture f;
    char script[64];
    uint64_t offset = 99;
    snprintf(script, sizeof script, "printf '%s'", rows[i].text);
    run(&f, script, "1000000");
    assert_int_equal(logfile_tail(f.lf, rows[i].lines, UINT64_MAX, &offset), 0);
    assert_int_equal(offset, rows[i].offset);
    logfile_close(f.lf);
  }
}

static void tail_looks_back_no_further_than_its_limit(void **state) {
  (void)state;
  struct fixture f;
  uint64_t offset;
  run(&f, "head -c 500000 /dev/zero", "1000000");
  assert_int_equal(logfile_tail(f.lf, 1, 1000, &offset), 0);
  assert_int_equal(offset, 499000);
  logfile_close(f.lf);
}

static void lines_are_found_by_the_index(void **state) {
  (void)state;
  struct fixture f;
  struct logfile_extent e;
  struct buf all = {0};
  int gaps;
  instant at;
  run(&f, "seq 1 200000", "100000000");
  assert_true(there(f.dir, "log.idx"));
  logfile_extent(f.lf, &e);
  assert_int_equal(e.size, 1288895);
  assert_int_equal(e.dropped, 0);
  static const uint64_t lines[] = {0, 1, 9, 10, 5000, 13106, 99999, 150000, 199999};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    uint64_t offset = line_start(f.lf, lines[i]), back;
    assert_int_equal(number_at(f.lf, offset), lines[i] + 1);
    assert_int_equal(logfile_line_at(f.lf, offset, &back), 0);
    assert_int_equal(back, lines[i]);
    if (offset > 0) {
      assert_int_equal(logfile_line_at(f.lf, offset - 1, &back), 0);
      assert_int_equal(back, lines[i] - 1);
    }
  }
  uint64_t none;
  assert_int_equal(logfile_line(f.lf, 200000, &none), ERR_NOT_FOUND);
  assert_int_equal(logfile_time_at(f.lf, 0, &at), 0);
  assert_true(at > clock_now() - USEC_PER_MIN && at <= clock_now());
  read_all(f.lf, &all, &gaps);
  assert_int_equal(gaps, 0);
  assert_int_equal(all.len, 1288895);
  buf_release(&all);
  logfile_close(f.lf);
}

static void capped_log_reads_as_head_gap_and_tail(void **state) {
  (void)state;
  static const struct {
    const char *script, *cap;
    uint64_t total, last;
  } rows[] = {
      {"seq 1 400000", "262144", 2688895, 400000},
      {"seq 1 30000", "262144", 168894, 30000}, /* into log.1 alone: nothing is dropped */
      {"seq 1 45000", "262144", 258894, 45000}, /* both tails, nothing dropped */
      {"seq 1 60000", "262144", 348894, 60000}, /* log.1 emptied once */
      {"seq 1 400000", "1", 2688895, 400000},   /* the smallest cap that there is */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fixture f;
    struct logfile_extent e;
    struct buf all = {0};
    int gaps;
    uint64_t offset, line;
    run(&f, rows[i].script, rows[i].cap);
    assert_int_equal(logfile_extent(f.lf, &e), 0);
    assert_int_equal(e.size, rows[i].total);
    read_all(f.lf, &all, &gaps);
    assert_int_equal(all.len, e.size - e.dropped);
    assert_int_equal(gaps, e.dropped > 0);
    assert_memory_equal(all.bytes, "1\n2\n3\n", 6);
    assert_int_equal(logfile_tail(f.lf, 1, UINT64_MAX, &offset), 0);
    assert_int_equal(number_at(f.lf, offset), rows[i].last);
    assert_int_equal(logfile_line_at(f.lf, offset, &line), 0);
    assert_int_equal(line, rows[i].last - 1);
    assert_int_equal(line_start(f.lf, rows[i].last - 10), offset - (rows[i].last > 99999 ? 63U : 54U));
    buf_release(&all);
    logfile_close(f.lf);
  }
}

static void reader_follows_a_writer_that_turns_over(void **state) {
  (void)state;
  struct fixture f;
  int err;
  dir_new(&f);
  /* The writer goes round its small tails many times while we read; whatever is read must be the true bytes. */
  pid_t writer = fork();
  if (writer == 0) {
    struct fixture own;
    snprintf(own.dir, sizeof own.dir, "%s", f.dir);
    char spec_path[600];
    snprintf(spec_path, sizeof spec_path, "%s/spec", own.dir);
    static const char spec[] =
        "rota=1\0id=01hzzzzzzzzzzzzzzzzzzzzzzz\0dir=/\0argument=/usr/bin/seq\0argument=10000000"
        "\0argument=13000000\0log_cap=65536";
    file_write(spec_path, spec, sizeof spec, 0600, false);
    execl(supervisor(), "rota-supervise", own.dir, (char *)NULL);
    _exit(1);
  }
  f.lf = logfile_open(f.dir, &err);
  int checked = 0, status;
  uint64_t offset = 0;
  while (waitpid(writer, &status, WNOHANG) == 0) {
    char text[4096];
    uint64_t at;
    int64_t n = logfile_read(f.lf, offset, text, sizeof text, &at);
    assert_true(n >= 0 || n == ERR_AGAIN);
    if (n <= 0) continue;
    /* Line k is "1000000k\n", nine bytes: every byte is known from its offset. */
    for (int64_t i = 0; i < n; i++) {
      char line[32];
      snprintf(line, sizeof line, "%08" PRIu64 "\n", 10000000 + (at + (uint64_t)i) / 9);
      if (text[i] != line[(at + (uint64_t)i) % 9]) fail_msg("a wrong byte at %llu", (unsigned long long)at);
    }
    checked++;
    offset = at + (uint64_t)n;
  }
  assert_true(checked > 0);
  logfile_close(f.lf);
}

static void record(struct buf *b, uint64_t offset, uint64_t value, uint32_t kind, uint32_t lines) {
  struct log_index_record r = {.offset = offset, .value = value, .kind = kind, .lines = lines};
  buf_add(b, &r, sizeof r);
}

static void dropped_ranges_keep_offsets_true(void **state) {
  (void)state;
  struct fixture f;
  struct buf index = {0}, all = {0};
  char path[600];
  int err, gaps;
  struct logfile_extent e;
  uint64_t at, line;
  char text[16] = "";
  dir_new(&f);
  /* "one\ntwo\n", then 100 bytes with 5 newlines that found no room, then "end\n", then 50 more without room. */
  snprintf(path, sizeof path, "%s/log", f.dir);
  file_write(path, "one\ntwo\nend\n", 12, 0644, false);
  record(&index, LOG_INDEX_MAGIC, LOG_INDEX_NONE, LOG_INDEX_HEADER, 0);
  record(&index, LOG_INDEX_NONE, 0, LOG_INDEX_TAIL, 0);
  record(&index, LOG_INDEX_NONE, 0, LOG_INDEX_TAIL, 0);
  record(&index, 150, 2, LOG_INDEX_DROPS, 0);
  record(&index, 8, 100, LOG_INDEX_DROP, 5);
  record(&index, 112, 50, LOG_INDEX_DROP, 1);
  buf_add(&index, "half a record", 13);
  snprintf(path, sizeof path, "%s/log.idx", f.dir);
  file_write(path, index.bytes, index.len, 0644, false);
  f.lf = logfile_open(f.dir, &err);
  assert_int_equal(logfile_extent(f.lf, &e), 0);
  assert_int_equal(e.size, 162);
  assert_int_equal(e.dropped, 150);
  assert_int_equal(logfile_read(f.lf, 50, text, sizeof text, &at), 4);
  assert_int_equal(at, 108);
  assert_memory_equal(text, "end\n", 4);
  read_all(f.lf, &all, &gaps);
  assert_string_equal(buf_cstr(&all), "one\ntwo\nend\n");
  assert_int_equal(logfile_line_at(f.lf, 108, &line), 0);
  assert_int_equal(line, 7);
  buf_release(&all);
  buf_release(&index);
  logfile_close(f.lf);
}

/* Every second byte was dropped. The map is laid once and a walk goes on where the last one ended: who looks at all
 * gaps anew before each of them needs minutes, or hours with the index of a million records that a task can write. */
static void log_of_many_gaps_is_read_in_a_time_that_grows_with_them(void **state) {
  (void)state;
  enum { GAPS = 200000, FIRST = 50000, LAST = 56000 };
  struct fixture f;
  struct buf index = {0}, log = {0};
  char path[600], byte;
  int err;
  uint64_t at = 0, line = 0;
  dir_new(&f);
  record(&index, LOG_INDEX_MAGIC, LOG_INDEX_NONE, LOG_INDEX_HEADER, 0);
  record(&index, LOG_INDEX_NONE, 0, LOG_INDEX_TAIL, 0);
  record(&index, LOG_INDEX_NONE, 0, LOG_INDEX_TAIL, 0);
  record(&index, GAPS, GAPS, LOG_INDEX_DROPS, 0);
  for (uint64_t i = 0; i < GAPS; i++) record(&index, 2 * i + 1, 1, LOG_INDEX_DROP, i % 2);
  for (size_t i = 0; i < GAPS; i++) buf_char(&log, '\n');
  snprintf(path, sizeof path, "%s/log.idx", f.dir);
  file_write(path, index.bytes, index.len, 0644, false);
  snprintf(path, sizeof path, "%s/log", f.dir);
  file_write(path, log.bytes, log.len, 0644, false);
  f.lf = logfile_open(f.dir, &err);
  const clock_t begun = clock();
  for (uint64_t i = FIRST; i < LAST; i++) {
    assert_int_equal(logfile_read(f.lf, 2 * i - 1, &byte, 1, &at), 1); /* behind the byte before */
    assert_int_equal(at, 2 * i);
    assert_int_equal(logfile_line_at(f.lf, at, &line), 0);
    assert_int_equal(line, i + i / 2);
    assert_true(clock() - begun < 5 * CLOCKS_PER_SEC);
  }
  buf_release(&log);
  buf_release(&index);
  logfile_close(f.lf);
}

static void damaged_index_is_an_error_not_a_guess(void **state) {
  (void)state;
  struct fixture f;
  struct logfile_extent e;
  char path[600], junk[256];
  int err;
  dir_new(&f);
  memset(junk, 'j', sizeof junk);
  snprintf(path, sizeof path, "%s/log.idx", f.dir);
  file_write(path, junk, sizeof junk, 0644, false);
  f.lf = logfile_open(f.dir, &err);
  assert_int_equal(logfile_extent(f.lf, &e), ERR_CORRUPT);
  logfile_close(f.lf);
}

/* The task can write the index as well: whatever it claims, what is read lies within the log and goes forward. */
static void index_that_contradicts_itself_tells_of_no_more_than_there_is(void **state) {
  (void)state;
  static const struct {
    uint64_t tail, drop, drop_len;
    uint64_t size, dropped;
  } table[] = {
      {2, 900, 0, 900, 894},       /* the tail begins within the head, which is 6 bytes */
      {0, 900, 0, 900, 896},       /* and at its beginning */
      {INT64_MAX - 1, 3, 2, 8, 2}, /* where no log ends; its head has a gap */
      {UINT64_MAX - 1, 3, 2, 8, 2},
      {6, UINT64_MAX - 2, 10, 10, 0},                  /* a gap that ends before it begins */
      {6, 8, INT64_MAX - 8, INT64_MAX, INT64_MAX - 8}, /* the last bytes would lie behind all that there can be */
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct fixture f;
    struct buf index = {0}, all = {0};
    struct logfile_extent e;
    char path[600];
    int err, gaps;
    dir_new(&f);
    snprintf(path, sizeof path, "%s/log", f.dir);
    file_write(path, "head\n1", 6, 0644, false);
    snprintf(path, sizeof path, "%s/log.1", f.dir);
    file_write(path, "2\n34", 4, 0644, false);
    record(&index, LOG_INDEX_MAGIC, 6, LOG_INDEX_HEADER, 0);
    record(&index, table[i].tail, 1, LOG_INDEX_TAIL, 0);
    record(&index, LOG_INDEX_NONE, 0, LOG_INDEX_TAIL, 0);
    record(&index, 0, 0, LOG_INDEX_DROPS, 0);
    record(&index, table[i].drop, table[i].drop_len, LOG_INDEX_DROP, 0);
    snprintf(path, sizeof path, "%s/log.idx", f.dir);
    file_write(path, index.bytes, index.len, 0644, false);
    f.lf = logfile_open(f.dir, &err);
    assert_int_equal(logfile_extent(f.lf, &e), 0);
    assert_int_equal(e.size, table[i].size);
    assert_int_equal(e.dropped, table[i].dropped);
    read_all(f.lf, &all, &gaps);
    assert_int_equal(all.len, e.size - e.dropped);
    buf_release(&all);
    buf_release(&index);
    logfile_close(f.lf);
  }
}

/* A task may put anything in the place of its log; a reader never waits for it. */
static void log_that_is_no_file_is_an_error(void **state) {
  (void)state;
  static const char *const names[] = {"log", "log.1", "log.idx"};
  alarm(20); /* a reader that waits for a writer would wait for ever */
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct fixture f;
    struct logfile_extent e;
    char path[600], bytes[16];
    uint64_t at;
    int err;
    dir_new(&f);
    snprintf(path, sizeof path, "%s/%s", f.dir, names[i]);
    assert_int_equal(mkfifo(path, 0600), 0);
    f.lf = logfile_open(f.dir, &err);
    assert_int_equal(logfile_extent(f.lf, &e), ERR_INVALID);
    assert_int_equal(logfile_read(f.lf, 0, bytes, sizeof bytes, &at), ERR_INVALID);
    logfile_close(f.lf);
  }
  alarm(0);
}

/* Nor does it read what a link leads to, be it the file's or a directory's. */
static void log_behind_a_link_is_an_error(void **state) {
  (void)state;
  struct fixture f, other;
  char path[600], bytes[16];
  uint64_t at;
  int err;
  dir_new(&f);
  dir_new(&other);
  snprintf(path, sizeof path, "%s/log", f.dir);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  f.lf = logfile_open(f.dir, &err);
  assert_int_equal(logfile_read(f.lf, 0, bytes, sizeof bytes, &at), ERR_INVALID);
  logfile_close(f.lf);
  snprintf(path, sizeof path, "%s-link", f.dir);
  assert_int_equal(symlink(other.dir, path), 0);
  assert_null(logfile_open(path, &err));
  assert_int_equal(err, ERR_DENIED);
}

static void whole_files_of_an_attempt_are_read_without_links(void **state) {
  (void)state;
  struct fixture f;
  struct buf text = {0};
  char path[600];
  dir_new(&f);
  snprintf(path, sizeof path, "%s/summary.md", f.dir);
  file_write(path, "told", 4, 0600, false);
  assert_int_equal(attempt_file_read(f.dir, "summary.md", 4, &text), 0);
  assert_string_equal(buf_cstr(&text), "told");
  assert_int_equal(attempt_file_read(f.dir, "summary.md", 3, &text), ERR_TOO_LARGE);
  assert_string_equal(buf_cstr(&text), "told");
  assert_int_equal(attempt_file_read(f.dir, "progress", 3, &text), ERR_NOT_FOUND);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  assert_int_equal(attempt_file_read(f.dir, "summary.md", 1 << 20, &text), ERR_DENIED);
  assert_int_equal(attempt_file_read(f.dir, "../../etc/passwd", 1 << 20, &text), ERR_DENIED);
  buf_release(&text);
}

/* A sparse file costs nothing to make: nobody is to count the lines of a terabyte. */
static void endless_log_is_an_error(void **state) {
  (void)state;
  struct fixture f;
  uint64_t line, offset;
  char path[600];
  int err;
  dir_new(&f);
  snprintf(path, sizeof path, "%s/log", f.dir);
  file_write(path, "x\n", 2, 0600, false);
  assert_int_equal(truncate(path, (off_t)1 << 42), 0);
  f.lf = logfile_open(f.dir, &err);
  assert_int_equal(logfile_line_at(f.lf, UINT64_C(1) << 42, &line), ERR_TOO_LARGE);
  assert_int_equal(logfile_line(f.lf, 7, &offset), ERR_TOO_LARGE);
  assert_int_equal(logfile_tail(f.lf, 7, 1 << 20, &offset), 0);
  logfile_close(f.lf);
}

static void gaps_and_stamps_are_told(void **state) {
  (void)state;
  struct fixture f;
  struct logfile_extent e;
  struct logfile_gap gaps[4];
  run(&f, "seq 1000000", "65536");
  assert_int_equal(logfile_extent(f.lf, &e), 0);
  assert_int_equal(logfile_gaps(f.lf, gaps, 4), 1);
  assert_int_equal(gaps[0].offset, 32768);
  assert_int_equal(gaps[0].bytes, e.dropped);
  assert_int_equal(logfile_gaps(f.lf, gaps, 0), 0);
  assert_true(logfile_stamp(f.lf, 0, e.size) != INSTANT_NONE);
  assert_true(logfile_stamp(f.lf, e.size, e.size + 10) == INSTANT_NONE);
  assert_true(logfile_stamp(f.lf, 0, 10) == INSTANT_NONE);
  logfile_close(f.lf);
}

static int teardown(void **state) {
  (void)state;
  scratch_remove();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(silent_task_has_an_empty_log),
      cmocka_unit_test(tail_begins_at_a_line),
      cmocka_unit_test(tail_looks_back_no_further_than_its_limit),
      cmocka_unit_test(lines_are_found_by_the_index),
      cmocka_unit_test(capped_log_reads_as_head_gap_and_tail),
      cmocka_unit_test(reader_follows_a_writer_that_turns_over),
      cmocka_unit_test(dropped_ranges_keep_offsets_true),
      cmocka_unit_test(log_of_many_gaps_is_read_in_a_time_that_grows_with_them),
      cmocka_unit_test(damaged_index_is_an_error_not_a_guess),
      cmocka_unit_test(index_that_contradicts_itself_tells_of_no_more_than_there_is),
      cmocka_unit_test(log_that_is_no_file_is_an_error),
      cmocka_unit_test(log_behind_a_link_is_an_error),
      cmocka_unit_test(whole_files_of_an_attempt_are_read_without_links),
      cmocka_unit_test(endless_log_is_an_error),
      cmocka_unit_test(gaps_and_stamps_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
