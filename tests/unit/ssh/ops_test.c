#include "worker/ssh/remote/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/unit.h"

#define NONCE "0123456789abcdef0123456789abcdef"
#define A     "01arz3ndektsv4rrffq69g5fav"

static bool has(const struct buf *b, const char *text) {
  return strstr(buf_cstr(b), text) != NULL;
}

static void a_request_is_one_compound_command(void **state) {
  (void)state;
  struct buf b = {0};
  ops_fence(&b, NONCE, A);
  assert_string_equal(buf_cstr(&b),
                      "{\nrota_nonce=" NONCE "\nrota_fence '" A "' </dev/null\nrota_end " NONCE " $?\n}\n");
  buf_release(&b);
}

static void what_comes_from_outside_stands_in_single_quotes(void **state) {
  (void)state;
  struct buf b = {0};
  ops_hello(&b, NONCE, "~/it's $(id) `id` \"\\", "s\nt", "h");
  assert_true(has(&b, "rota_hello '~/it'\\''s $(id) `id` \"\\' 's\nt' 'h' </dev/null\n"));
  buf_release(&b);
}

static struct launch launch_of(const char *script) {
  return (struct launch){.run_id = "01arz3ndektsv4rrffq69g5fax",
                         .attempt_id = A,
                         .state_key = "train.3",
                         .label = "n#1/train",
                         .script = script,
                         .script_len = script ? strlen(script) : 0,
                         .grace = 5000000,
                         .log_cap = 1 << 20};
}

static const struct ops_hello here = {
    .root = "/r/s/m", .host = "gpu01", .home = "/home/u", .user = "u", .login_shell = "/bin/bash"};

static void a_start_makes_the_folders_of_all_at_once(void **state) {
  (void)state;
  struct launch one = launch_of("true"), two = one;
  two.attempt_id = "01arz3ndektsv4rrffq69g5faw";
  two.fresh_state = true;
  struct buf b = {0};
  ops_start(&b, NONCE, &here, (const struct launch *const[]){&one, &two}, 2);
  assert_true(has(&b, "rota_make '" A "' '01arz3ndektsv4rrffq69g5fax' 'train.3' 0 '01arz3ndektsv4rrffq69g5faw' "));
  const char *first = strstr(buf_cstr(&b), "\nrota_start ");
  assert_non_null(first);
  assert_non_null(strstr(first + 1, "\nrota_start "));
  buf_release(&b);
}

static void a_script_is_run_by_its_first_line(void **state) {
  (void)state;
  static const struct {
    const char *script, *command;
  } rows[] = {
      {"echo", " '\\''/bin/sh'\\'' '\\''/r/s/m/a/" A "/script'\\''\n}"},
      {"#!/usr/bin/env python3 -u\nx",
       " '\\''/usr/bin/env'\\'' '\\''python3 -u'\\'' '\\''/r/s/m/a/" A "/script'\\''\n}"},
      {"#!  /bin/x \r\n", " '\\''/bin/x'\\'' '\\''/r/s/m/a/" A "/script'\\''\n}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct launch l = launch_of(rows[i].script);
    struct buf b = {0};
    ops_start(&b, NONCE, &here, (const struct launch *const[]){&l}, 1);
    assert_true(has(&b, rows[i].command));
    buf_release(&b);
  }
}

static void what_is_large_goes_before_in_pieces(void **state) {
  (void)state;
  size_t len = 300u << 10;
  char *text = malloc(len + 1);
  memset(text, 'x', len);
  text[len] = '\0';
  struct launch l = launch_of(text);
  assert_int_equal(ops_pieces(&l), 3);
  size_t got = 0;
  for (size_t i = 0; i < 3; i++) {
    struct buf b = {0};
    ops_piece(&b, NONCE, &l, i);
    for (const char *at = buf_cstr(&b); (at = strchr(at, 'x')); at++) got++;
    assert_true(b.len < (256u << 10));
    buf_release(&b);
  }
  assert_int_equal(got, len);
  struct buf b = {0};
  ops_start(&b, NONCE, &here, (const struct launch *const[]){&l}, 1);
  assert_true(has(&b, " '@3'"));
  assert_true(b.len < 8192);
  buf_release(&b);
  free(text);
}

static void the_supervisor_is_named_by_its_text(void **state) {
  (void)state;
  assert_int_equal(strlen(ops_supervisor_hash()), 16);
  struct buf b = {0};
  ops_bootstrap(&b);
  assert_true(has(&b, "rota_start() {\n"));
  assert_false(has(&b, "\n#"));
  assert_true(b.len < 48 << 10);
  buf_release(&b);
}

static void a_hello_is_read_and_an_unfinished_one_refused(void **state) {
  (void)state;
  static const char text[] =
      "protocol 1\nroot /r/s/m\nhost gpu01\nmachine m\nboot b\nuptime 12.34\nuser u\nhome /home/u\n"
      "fifo yes\nsupervise no\ntools setsid timeout\ndisk_free_kb 77\nstrange thing\nnow x\n";
  struct ops_hello h;
  assert_int_equal(ops_read_hello(text, strlen(text), &h), 0);
  assert_int_equal(h.uptime_us, 12340000);
  assert_int_equal(h.disk_free_kb, 77);
  assert_int_equal(h.now, -1);
  assert_true(h.fifo && !h.supervise);
  assert_true(ops_has_tool(&h, "setsid") && ops_has_tool(&h, "timeout") && !ops_has_tool(&h, "time"));
  assert_int_equal(ops_read_hello(text, strlen(text) / 3, &h), ERR_INVALID);
}

static void every_word_of_an_answer_is_read(void **state) {
  (void)state;
  static const struct {
    const char *words;
    int err;
    enum ops_state state;
  } rows[] = {
      {"start " A " launched", 0, OPS_LAUNCHED},
      {"look " A " running 12 34.50", 0, OPS_RUNNING},
      {"look " A " running 12 -", 0, OPS_RUNNING},
      {"look " A " running x 34.50", ERR_INVALID, 0},
      {"look " A " ended exit.3.exited", 0, OPS_ENDED},
      {"look " A " ended exit.3.tired", ERR_INVALID, 0},
      {"look " A " ended exit.999.exited", ERR_INVALID, 0},
      {"look " A " ended", ERR_INVALID, 0},
      {"look " A " dead the host was restarted", 0, OPS_DEAD},
      {"look " A " elsewhere m2", 0, OPS_ELSEWHERE},
      {"clear " A " left 3", 0, OPS_LEFT},
      {"clear " A " left -3", ERR_INVALID, 0},
      {"start " A " error no_room full", 0, OPS_ERROR},
      {"start short launched", ERR_INVALID, 0},
      {"start " A "/.. launched", ERR_INVALID, 0},
      {"start", ERR_INVALID, 0},
      {"", ERR_INVALID, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ops_answer a;
    assert_int_equal(ops_read_answer(rows[i].words, "", 0, &a), rows[i].err);
    if (rows[i].err) continue;
    assert_int_equal(a.state, rows[i].state);
    assert_string_equal(a.attempt, A);
  }
  struct ops_answer a;
  assert_int_equal(ops_read_answer("start " A " error no_room no \x1b[31mspace", "", 0, &a), 0);
  assert_string_equal(a.error.stage, "no_room");
  assert_string_equal(a.error.text, "no ?[31mspace");
}

static void an_end_is_read_with_what_its_file_says(void **state) {
  (void)state;
  static const char body[] = "rota=1\npid=7\nstarted_uptime=1.50\nended_uptime=2.75\ncpu_us=10\nlog_bytes=5\n"
                             "note=leftovers_killed\nnote=what\nstage=exec\nerrno=2\nline=x\n";
  struct ops_answer a;
  assert_int_equal(ops_read_answer("look " A " ended exit.127.launch_failed", body, strlen(body), &a), 0);
  assert_int_equal(a.result.how, ENDED_LAUNCH_FAILED);
  assert_int_equal(a.result.status, 127);
  assert_int_equal(a.result.ended_uptime_us - a.result.started_uptime_us, 1250000);
  assert_int_equal(a.result.notes, RUNDIR_NOTE_LEFTOVERS_KILLED);
  assert_int_equal(a.result.errnum, 2);
  assert_int_equal(a.result.line, 0);
  assert_int_equal(a.result.dropped_bytes, -1);
  assert_string_equal(a.result.stage, "exec");
}

static void a_path_that_leads_out_is_refused(void **state) {
  (void)state;
  static const char body[] = "file 12 644 - out/a b.txt\ndir 0 755 - out\nmissing 0 0 - x\nfile 1 644 - ../x\n";
  struct ops_path p;
  size_t at = 0;
  assert_int_equal(ops_read_path(body, strlen(body), &at, &p), 1);
  assert_string_equal(p.path, "out/a b.txt");
  assert_int_equal(p.mode, 0644);
  assert_int_equal(ops_read_path(body, strlen(body), &at, &p), 1);
  assert_int_equal(p.kind, OPS_PATH_DIR);
  assert_int_equal(ops_read_path(body, strlen(body), &at, &p), 1);
  assert_int_equal(p.kind, OPS_PATH_MISSING);
  assert_int_equal(ops_read_path(body, strlen(body), &at, &p), ERR_INVALID);
  assert_int_equal(ops_read_path(body, strlen(body), &at, &p), 0);
  static const char *const bad[] = {"file 1 644 - /x", "file 1 644 - a/..", "file 1 644 - a/../b", "file 1 644 - ",
                                    "file 1 9 - a",    "file -1 644 - a",   "file 1 644 0g a",     "pipe 1 644 - a"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    at = 0;
    assert_int_equal(ops_read_path(bad[i], strlen(bad[i]), &at, &p), ERR_INVALID);
  }
}

static void what_is_kept_there_is_read(void **state) {
  (void)state;
  static const char body[] = A " 3 01arz3ndektsv4rrffq69g5fax ended exit.0.exited\n" A
                               " 0 - running 7 1.00\nlost+found 3\n" A " 31\n";
  struct ops_kept k;
  size_t at = 0;
  assert_int_equal(ops_read_kept(body, strlen(body), &at, &k), 1);
  assert_string_equal(k.id, A);
  assert_string_equal(k.run, "01arz3ndektsv4rrffq69g5fax");
  assert_true(k.days == 3 && k.state == OPS_ENDED);
  assert_int_equal(ops_read_kept(body, strlen(body), &at, &k), 1);
  assert_true(k.days == 0 && k.state == OPS_RUNNING && !k.run[0]);
  assert_int_equal(ops_read_kept(body, strlen(body), &at, &k), ERR_INVALID);
  assert_int_equal(ops_read_kept(body, strlen(body), &at, &k), 1);
  assert_int_equal(k.days, 31);
  assert_int_equal(ops_read_kept(body, strlen(body), &at, &k), 0);
  static const char *const bad[] = {A, A " x", A " -1 - ended", A " 1 - gone_mad", A " 1 ../x ended", A " 1 -"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    at = 0;
    assert_int_equal(ops_read_kept(bad[i], strlen(bad[i]), &at, &k), ERR_INVALID);
    assert_true(at > 0);
  }
}

static void events_logs_and_files_are_read(void **state) {
  (void)state;
  struct ops_event e;
  static const char ended[] = "ended " A " exit.1.exited 5.00", started[] = "started " A " 77 4.00";
  assert_int_equal(ops_read_event(ended, strlen(ended), &e), 0);
  assert_true(e.ended && e.status == 1 && e.how == ENDED_EXITED && e.uptime_us == 5000000);
  assert_int_equal(ops_read_event(started, strlen(started), &e), 0);
  assert_true(!e.ended && e.pid == 77);
  for (size_t cut = 0; cut < strlen(ended) - 3; cut++) assert_int_equal(ops_read_event(ended, cut, &e), ERR_INVALID);
  struct ops_log l;
  assert_int_equal(ops_read_log("log " A " 10 20", &l), 0);
  assert_true(l.offset == 10 && l.end == 20);
  assert_int_equal(ops_read_log("log " A " 10", &l), ERR_INVALID);
  struct ops_file f;
  assert_int_equal(ops_read_file("file " A " output 3", &f), 0);
  assert_int_equal(ops_read_file("file " A " ../output 3", &f), ERR_INVALID);
  struct ops_error err;
  ops_read_error("noise\nERR root it is full\n", 26, &err);
  assert_string_equal(err.stage, "root");
  assert_string_equal(err.text, "it is full");
  ops_read_error("", 0, &err);
  assert_string_equal(err.stage, "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_one_compound_command),
      cmocka_unit_test(what_comes_from_outside_stands_in_single_quotes),
      cmocka_unit_test(a_start_makes_the_folders_of_all_at_once),
      cmocka_unit_test(a_script_is_run_by_its_first_line),
      cmocka_unit_test(what_is_large_goes_before_in_pieces),
      cmocka_unit_test(the_supervisor_is_named_by_its_text),
      cmocka_unit_test(a_hello_is_read_and_an_unfinished_one_refused),
      cmocka_unit_test(every_word_of_an_answer_is_read),
      cmocka_unit_test(an_end_is_read_with_what_its_file_says),
      cmocka_unit_test(a_path_that_leads_out_is_refused),
      cmocka_unit_test(what_is_kept_there_is_read),
      cmocka_unit_test(events_logs_and_files_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
