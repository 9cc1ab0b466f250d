/* What the doctor makes of answers. */
#include "tests/unit/unit.h"

#include <string.h>

#include "worker/ssh/doctor_judge.h"

static const struct doctor_check *check_of(const struct doctor_findings *f, const char *name) {
  for (size_t i = 0; i < f->checks.len; i++)
    if (strcmp(f->checks.items[i].name, name) == 0) return &f->checks.items[i];
  fail_msg("no check %s", name);
  return NULL;
}

static void assert_check(const struct doctor_findings *f, const char *name, enum doctor_result result,
                         const char *part, const char *todo) {
  const struct doctor_check *c = check_of(f, name);
  assert_int_equal(c->result, result);
  if (!strstr(c->text, part)) fail_msg("'%s' isn't in '%s'", part, c->text);
  if (!todo) assert_null(c->todo);
  if (todo && (!c->todo || !strstr(c->todo, todo))) fail_msg("'%s' isn't in '%s'", todo, c->todo ? c->todo : "");
}

static struct ops_hello a_hello(void) {
  struct ops_hello h = {.disk_free_kb = 50 * 1024 * 1024,
                        .disk_size_kb = 100 * 1024 * 1024,
                        .inodes_free = 1000000,
                        .fifo = true,
                        .now = 1000};
  strcpy(h.root, "/home/ml/.rota/s/m");
  strcpy(h.user, "ml");
  strcpy(h.login_shell, "/usr/bin/fish");
  strcpy(h.sh, "dash");
  strcpy(h.os, "Debian");
  strcpy(h.kernel, "6.1");
  strcpy(h.tools, " setsid sha256sum ");
  return h;
}

static void a_key_that_is_not_known_is_told_with_the_line_to_run(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  const struct transport_end end = {
      TRANSPORT_UNTRUSTED, "its key (ED25519, SHA256:abc) isn't known. Compare it, then: ssh-keyscan gpu01 >>known"};
  judge_down(&f, &end);
  assert_int_equal(f.checks.len, 1);
  assert_check(&f, "key", DOCTOR_FAIL, "SHA256:abc", "ssh-keyscan gpu01 >>known");
  assert_string_equal(check_of(&f, "key")->todo, "ssh-keyscan gpu01 >>known");
  findings_release(&f);
}

static void a_refused_login_means_that_the_key_of_the_host_is_well(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  const struct transport_end end = {TRANSPORT_DENIED, "no key was taken"};
  judge_down(&f, &end);
  assert_check(&f, "key", DOCTOR_OK, "known", NULL);
  assert_check(&f, "login", DOCTOR_FAIL, "no key was taken", "authorized_keys");
  findings_release(&f);
}

static void a_host_that_is_well_has_nothing_to_do(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  const struct ops_hello h = a_hello();
  struct doctor_look look;
  static const char body[] = "zone CET+0100\n";
  judge_noise(&f, "");
  judge_hello(&f, &h);
  look_read(body, sizeof body - 1, &look);
  judge_time(&f, &h, &look, 1000 * USEC_PER_SEC);
  judge_detaching(&f, &h, &look, true, 20);
  for (size_t i = 0; i < f.checks.len; i++) {
    assert_int_equal(f.checks.items[i].result, DOCTOR_OK);
    assert_null(f.checks.items[i].todo);
  }
  assert_check(&f, "time", DOCTOR_OK, "CET+0100", NULL);
  assert_check(&f, "shell", DOCTOR_OK, "/usr/bin/fish", NULL);
  findings_release(&f);
}

static void what_is_short_or_noisy_or_late_is_told(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  struct ops_hello h = a_hello();
  const struct doctor_look look = {.zone = "UTC+0000"};
  h.disk_free_kb = 1024;
  h.inodes_free = 50;
  h.fifo = false;
  h.now += 86400;
  strcpy(h.tools, " setsid ");
  judge_noise(&f, "Welcome!");
  judge_hello(&f, &h);
  judge_time(&f, &h, &look, 1000 * USEC_PER_SEC);
  assert_check(&f, "rc files", DOCTOR_WARN, "Welcome!", "interactive");
  assert_check(&f, "space", DOCTOR_FAIL, "free", "root:");
  assert_check(&f, "inodes", DOCTOR_FAIL, "50", "root:");
  assert_check(&f, "ends of tasks", DOCTOR_WARN, "each second", "local disk");
  assert_check(&f, "tools", DOCTOR_WARN, "sha256sum", "coreutils");
  assert_check(&f, "time", DOCTOR_WARN, "ahead", "time server");
  findings_release(&f);
}

static void a_host_whose_clock_lies_beyond_measure_is_told_of(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  struct ops_hello h = a_hello();
  const struct doctor_look look = {.zone = "UTC+0000"};
  h.now = INT64_C(999999999999999999); /* as many digits as ops_read_hello takes */
  judge_time(&f, &h, &look, 1000 * USEC_PER_SEC);
  assert_check(&f, "time", DOCTOR_WARN, "ahead", "time server");
  findings_release(&f);
}

static void who_ends_what_a_login_leaves_behind_is_named(void **state) {
  (void)state;
  struct doctor_findings f = {0};
  const struct ops_hello h = a_hello();
  struct doctor_look look;
  static const char body[] = "zone UTC+0000\nkills yes\n";
  look_read(body, sizeof body - 1, &look);
  judge_detaching(&f, &h, &look, false, 2);
  assert_check(&f, "detaching", DOCTOR_FAIL, "after 2 s", "loginctl enable-linger ml");
  findings_release(&f);
  f = (struct doctor_findings){0};
  look.linger = true;
  judge_detaching(&f, &h, &look, false, -1);
  assert_check(&f, "detaching", DOCTOR_FAIL, "come up", "batch system");
  findings_release(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_that_is_not_known_is_told_with_the_line_to_run),
      cmocka_unit_test(a_refused_login_means_that_the_key_of_the_host_is_well),
      cmocka_unit_test(a_host_that_is_well_has_nothing_to_do),
      cmocka_unit_test(what_is_short_or_noisy_or_late_is_told),
      cmocka_unit_test(a_host_whose_clock_lies_beyond_measure_is_told_of),
      cmocka_unit_test(who_ends_what_a_login_leaves_behind_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
