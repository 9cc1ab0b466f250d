/* Without a descriptor left nothing can be looked at; and nothing may be taken for gone because of that. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/look.h"
#include "worker/remains.h"

static struct rlimit before;

static void take_descriptors(void) {
  int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_true(lowest >= 0);
  close(lowest);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), -1);
}

static void give_descriptors(void) {
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* To take this boot for another one would be to take every live attempt for a dead one. */
static void the_machine_isnt_told_wrongly(void **state) {
  (void)state;
  struct machine here, again;
  assert_int_equal(machine_here(&here), 0);
  take_descriptors();
  int err = machine_here(&again);
  give_descriptors();
  assert_int_equal(err, ERR_AGAIN);
  assert_int_equal(machine_here(&again), 0);
  assert_string_equal(here.boot, again.boot);
}

static void a_process_that_cant_be_looked_at_isnt_gone(void **state) {
  (void)state;
  struct process_stat st;
  take_descriptors();
  int err = process_stat(getpid(), &st);
  give_descriptors();
  assert_int_equal(err, ERR_AGAIN);
  assert_int_equal(process_stat(getpid(), &st), 0);
}

static void what_is_left_of_an_attempt_isnt_said_to_be_gone(void **state) {
  (void)state;
  static const char id[] = "01h0000000000000000shortage";
  pid_t child = fork();
  if (child == 0) {
    setenv("ROTA_ATTEMPT_ID", id, 1);
    execlp("sleep", "sleep", "60", NULL);
    _exit(127);
  }
  char path[64], name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
  for (int i = 0; i < 1000 && strncmp(name, "sleep", 5) != 0; i++) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, name, sizeof name - 1);
    name[n > 0 ? n : 0] = '\0';
    close(fd);
    usleep(5000);
  }
  bool found = true;
  take_descriptors();
  int left = remains_kill(id, 0, 50 * USEC_PER_MS, NULL, NULL, &found);
  give_descriptors();
  assert_true(left > 0);
  assert_false(found);
  assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
  remains_kill(id, 0, 50 * USEC_PER_MS, NULL, NULL, &found);
  assert_true(found);
  assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_machine_isnt_told_wrongly),
      cmocka_unit_test(a_process_that_cant_be_looked_at_isnt_gone),
      cmocka_unit_test(what_is_left_of_an_attempt_isnt_said_to_be_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
