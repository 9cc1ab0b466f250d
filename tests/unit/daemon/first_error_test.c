/* Which line of a log is its error, and of what kind. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/buf.h"
#include "base/exit_words.h"
#include "scheduler/daemon/logs/first_error.h"
#include "scheduler/daemon/logs/log_pattern.h"
#include "scheduler/daemon/logs/log_text.h"

#define TRACE                                                                                                        \
  "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    raise X('No space left')\n"

/* A log, the kind of its first error and the line that says it. */
static const struct {
  const char *log, *kind, *line;
} logs[] = {
    {"all is well\nan error of 3 % is fine\nfatalities: 0\n", "", ""},
    {"no errors found\n0 failed, ERRORS_TOTAL 0\nthe ERROR level is set\n", "", ""},
    {TRACE "ValueError: bad\nafter\n", "exception", "ValueError: bad"},
    {TRACE "pkg.mod.Oops\n", "exception", "pkg.mod.Oops"},
    {TRACE "KeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\n" TRACE
           "Second: y\n",
     "exception", "KeyError: 'x'"},
    {TRACE "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n", "gpu_memory",
     "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"},
    {TRACE "ModuleNotFoundError: No module named 'numpy'\n", "module",
     "ModuleNotFoundError: No module named 'numpy'"},
    {TRACE "FileNotFoundError: [Errno 2] No such file or directory: 'x.csv'\n", "no_file",
     "FileNotFoundError: [Errno 2] No such file or directory: 'x.csv'"},
    {TRACE "ConnectionRefusedError: [Errno 111] Connection refused\n", "network",
     "ConnectionRefusedError: [Errno 111] Connection refused"},
    {TRACE "requests.exceptions.ReadTimeout: timed out after 30\n", "network",
     "requests.exceptions.ReadTimeout: timed out after 30"},
    {TRACE "SystemExit: 1\n", "exception", "SystemExit: 1"},
    {TRACE "MemoryError\n", "memory", "MemoryError"},
    {"2026-11-28 03:00:00 ERROR could not load\ncp: cannot create 'x': No space left on device\n", "disk_full",
     "cp: cannot create 'x': No space left on device"},
    {"curl: (7) Connection refused\nERROR giving up\n", "network", "curl: (7) Connection refused"},
    {"Connection refused, again\n" TRACE "ValueError: bad\n", "exception", "ValueError: bad"},
    {"sh: 1: frob: not found\n", "command", "sh: 1: frob: not found"},
    {"bash: line 1: frob: command not found\n", "command", "bash: line 1: frob: command not found"},
    {"./run.sh: Permission denied\n", "permission", "./run.sh: Permission denied"},
    {"Killed\n", "memory", "Killed"},
    {"x.sh: line 3:  4711 Killed                  python train.py\n", "memory",
     "x.sh: line 3:  4711 Killed                  python train.py"},
    {"He Killed the process\nKilledByTest: 3\n", "", ""},
    {"Segmentation fault (core dumped)\n", "crash", "Segmentation fault (core dumped)"},
    {"thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\n", "panic",
     "thread 'main' panicked at src/main.rs:2:5:"},
    {"panic: runtime error: index out of range [5]\n\ngoroutine 1 [running]:\n", "panic",
     "panic: runtime error: index out of range [5]"},
    {"Exception in thread \"main\" java.lang.NullPointerException: x\n\tat Main.main(Main.java:3)\n", "exception",
     "Exception in thread \"main\" java.lang.NullPointerException: x"},
    {"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n", "memory",
     "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space"},
    {"Error in library(dplyr) : there is no package called 'dplyr'\nExecution halted\n", "module",
     "Error in library(dplyr) : there is no package called 'dplyr'"},
    {"Error in f(x) : object 'y' not found\nExecution halted\n", "exception", "Error in f(x) : object 'y' not found"},
    {"a.c:3:5: error: 'x' undeclared\nmake: *** [Makefile:2: a.o] Error 1\n", "build",
     "a.c:3:5: error: 'x' undeclared"},
    {"make: *** [Makefile:2: all] Error 2\n", "build", "make: *** [Makefile:2: all] Error 2"},
    {"fatal: not a git repository (or any of the parent directories): .git\n", "git",
     "fatal: not a git repository (or any of the parent directories): .git"},
    {"npm ERR! code ELIFECYCLE\n", "build", "npm ERR! code ELIFECYCLE"},
    {"[ERROR] something\n", "error", "[ERROR] something"},
    {"2026-11-28T03:00:00Z [FATAL] something\n", "error", "2026-11-28T03:00:00Z [FATAL] something"},
    {"app.main: ERROR: something\n", "error", "app.main: ERROR: something"},
    {"{\"level\":\"error\",\"msg\":\"x\"}\n", "error", "{\"level\":\"error\",\"msg\":\"x\"}"},
    {"ERROR first\nERROR second\n", "error", "ERROR first"},
    {"ERROR without an end", "error", "ERROR without an end"},
};

/* As failure_look.c does it: the first of the highest rank. */
static void first_of_the_highest_rank_is_the_error_of_a_log(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
    struct first_error *f = first_error_new();
    struct log_finder finder = first_error_finder(f);
    struct log_hit hit;
    const char *log = logs[i].log;
    size_t len = strlen(log), end;
    struct buf line = {0};
    struct first_error_found best = {0};
    for (size_t from = 0; from < len && finder.next(finder.ctx, log, len, from, &hit); from = end + 1) {
      size_t begin = log_line_bounds(log, len, hit.begin, &end);
      assert_true(hit.begin >= begin && hit.end <= end && hit.begin < hit.end);
      if (first_error_last(f).rank <= best.rank) continue;
      best = first_error_last(f);
      buf_reset(&line);
      buf_add(&line, log + begin, end - begin);
    }
    assert_string_equal(error_kind_word(best.kind), logs[i].kind);
    assert_string_equal(buf_cstr(&line), logs[i].line);
    buf_release(&line);
    first_error_free(f);
  }
}

static void frames_of_a_traceback_are_no_errors(void **state) {
  (void)state;
  struct first_error *f = first_error_new();
  static const char *const lines[] = {"Traceback (most recent call last):", "  File \"x.py\", line 3, in <module>",
                                      "    raise MemoryError('No space left on device')", ""};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    assert_int_equal(first_error_line(f, lines[i], strlen(lines[i])).kind, ERROR_KIND_NONE);
  struct first_error_found found = first_error_line(f, "app.Oops: text", 14);
  assert_int_equal(found.kind, ERROR_KIND_EXCEPTION);
  assert_int_equal(found.hit.end, 8);
  assert_int_equal(first_error_line(f, "plain text", 10).kind, ERROR_KIND_NONE);
  first_error_free(f);
}

static void any_bytes_are_a_line(void **state) {
  (void)state;
  struct first_error *f = first_error_new();
  char line[256];
  for (int i = 0; i < 256; i++) line[i] = (char)i;
  assert_int_equal(first_error_line(f, line, sizeof line).kind, ERROR_KIND_NONE);
  assert_int_equal(first_error_line(f, "", 0).kind, ERROR_KIND_NONE);
  first_error_free(f);
}

static void ends_of_processes_are_told_in_words(void **state) {
  (void)state;
  static const struct {
    int code, signal;
    const char *words;
  } ends[] = {
      {1, 0, "exit code 1"},
      {0, 0, "exit code 0"},
      {-1, 0, ""},
      {126, 0, "exit code 126: a command can't be executed"},
      {127, 0, "exit code 127: a command wasn't found"},
      {137, 9, "killed by SIGKILL (9): often out of memory"},
      {137, 0, "exit code 137: a process of it was killed by SIGKILL (9): often out of memory"},
      {139, 11, "killed by SIGSEGV (11): a crash: memory that isn't its own"},
      {163, 35, "killed by signal 35"},
      {255, 0, "exit code 255: often ssh, or an exit code out of range"},
  };
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    struct buf out = {0};
    exit_words(ends[i].code, ends[i].signal, &out);
    assert_string_equal(buf_cstr(&out), ends[i].words);
    buf_release(&out);
  }
}

/* ---- patterns ---- */

static const struct {
  const char *pattern;
  bool regex, match_case;
  const char *text, *hits; /* the hits, each followed by `;` */
} patterns[] = {
    {"ab", false, true, "ab AB xab\nab", "ab;ab;ab;"},
    {"ab", false, false, "ab AB xab\naB", "ab;AB;ab;aB;"},
    {"a.b", false, false, "axb a.b", "a.b;"},
    {"é", false, false, "É é e", "É;é;"},
    {"a.b", true, true, "axb\nA.b\na\nb", "axb;"},
    {"^x", true, true, "x x\nyx\nx", "x;x;"},
    {"x$", true, true, "x x\r\nyx\nx", "x;x;x;"},
    {"[^a]+", true, true, "ab\nb", "b;b;"},
    {"\\s+b", true, true, "a  b\n b\nb", "  b; b;"},
    {"fo+|ba?r", true, false, "FOO br bar", "FOO;br;bar;"},
    {"abc?", true, true, "ab abc", "ab;abc;"},
    {"(abc)?d", true, true, "d abcd", "d;abcd;"},
    {"abc{0}d", true, true, "abd abcd", "abd;"},
    {"a\\.bc+", true, true, "a.bcc axbc", "a.bcc;"},
    {"\\Qa.b\\E", true, true, "a.b axb", "a.b;"},
    {"[]x]yz", true, true, "]yz xyz ayz", "]yz;xyz;"},
    {"\\x41bc", true, true, "Abc x41bc", "Abc;"},
    {"(?i)abc", true, true, "ABC", "ABC;"},
    {".", true, true, "\xff\xc3\xa9", "\xc3\xa9;"},
    {"x*", true, true, "yyy", ""},
    {"(?<=a)b", true, true, "ab b\nb", "b;"},
    {"foo.*bar", true, true, "foo 1\nbar\nfoo 2 bar", "foo 2 bar;"},
    {"k", true, false, "\xe2\x84\xaa K", "\xe2\x84\xaa;K;"},
};

static void patterns_match_within_their_lines(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    struct log_pattern_fault fault;
    struct log_pattern *p = log_pattern_new(patterns[i].pattern, patterns[i].regex, patterns[i].match_case, &fault);
    assert_non_null(p);
    struct log_finder finder = log_pattern_finder(p);
    struct buf hits = {0};
    struct log_hit hit = {0, 0};
    const char *text = patterns[i].text;
    while (finder.next(finder.ctx, text, strlen(text), hit.end, &hit)) {
      buf_add(&hits, text + hit.begin, hit.end - hit.begin);
      buf_char(&hits, ';');
    }
    assert_string_equal(buf_cstr(&hits), patterns[i].hits);
    assert_int_equal(log_pattern_gave_up(p), 0);
    buf_release(&hits);
    log_pattern_free(p);
  }
}

static void bad_patterns_name_their_column(void **state) {
  (void)state;
  struct log_pattern_fault fault;
  assert_null(log_pattern_new("ab(c", true, true, &fault));
  assert_int_equal(fault.column, 5);
  assert_true(strlen(fault.text) > 5);
  assert_null(log_pattern_new("", false, true, &fault));
  assert_int_equal(fault.column, 0);
  assert_null(log_pattern_new("a\nb", false, true, &fault));
  assert_null(log_pattern_new("a\\C", true, true, &fault));
}

static void expression_that_goes_astray_is_given_up(void **state) {
  (void)state;
  struct log_pattern_fault fault;
  struct log_pattern *p = log_pattern_new("(a+)+$", true, true, &fault);
  struct log_finder finder = log_pattern_finder(p);
  struct log_hit hit;
  struct buf text = {0};
  for (int i = 0; i < 5000; i++) buf_str(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n");
  assert_false(finder.next(finder.ctx, text.bytes, text.len, 0, &hit));
  assert_true(log_pattern_gave_up(p) > 0);
  buf_release(&text);
  log_pattern_free(p);
}

static void text_is_cut_between_characters(void **state) {
  (void)state;
  assert_int_equal(log_text_cut("abc", 3, 5), 3);
  assert_int_equal(log_text_cut("a\xc3\xa9", 3, 2), 1);
  assert_int_equal(log_text_cut("a\xc3\xa9z", 4, 3), 3);
  assert_int_equal(log_text_cut("\xf0\x9f\x98\x80", 4, 3), 0);
  assert_int_equal(log_text_cut("\xff\xff\xff\xff", 4, 3), 3);
  assert_int_equal(log_text_begin("\xc3\xa9z", 3, 1), 2);
  assert_int_equal(log_text_units("a\xc3\xa9\xf0\x9f\x98\x80\xff", 8), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_of_the_highest_rank_is_the_error_of_a_log),
      cmocka_unit_test(frames_of_a_traceback_are_no_errors),
      cmocka_unit_test(any_bytes_are_a_line),
      cmocka_unit_test(ends_of_processes_are_told_in_words),
      cmocka_unit_test(patterns_match_within_their_lines),
      cmocka_unit_test(bad_patterns_name_their_column),
      cmocka_unit_test(expression_that_goes_astray_is_given_up),
      cmocka_unit_test(text_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
