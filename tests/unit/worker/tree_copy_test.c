/* A tree is copied while somebody still works in it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/instant.h"
#include "worker/tree_copy.h"

#define COPIES_MAX 2000
#define TIME_MAX   USEC_PER_SEC

struct place {
  char dir[64];
  char *from, *to, *comes_and_goes;
  atomic_bool quit;
};

static void *come_and_go(void *arg) {
  struct place *p = arg;
  while (!p->quit) {
    int fd = open(p->comes_and_goes, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    unlink(p->comes_and_goes);
  }
  return NULL;
}

/* To leave out all of it would be told as a tree that was never there. */
static void what_vanishes_meanwhile_takes_nothing_else_with_it(void **state) {
  (void)state;
  struct place p = {.dir = "/tmp/rota-tree-XXXXXX"};
  assert_non_null(mkdtemp(p.dir));
  p.from = path_join(p.dir, "from");
  p.to = path_join(p.dir, "to");
  p.comes_and_goes = path_join(p.from, "b");
  char *stays = path_join(p.from, "a"), *copied = path_join(p.to, "a");
  assert_int_equal(dir_make(p.from, 0700), 0);
  assert_int_equal(file_write(stays, "x", 1, 0600, false), 0);
  pthread_t other;
  assert_int_equal(pthread_create(&other, NULL, come_and_go, &p), 0);
  int64_t until = clock_monotonic() + TIME_MAX;
  int err = 0;
  for (int i = 0; !err && i < COPIES_MAX && clock_monotonic() < until; i++) err = tree_copy(p.from, p.to, NULL, NULL);
  p.quit = true;
  pthread_join(other, NULL);
  assert_int_equal(err, 0);
  assert_int_equal(access(copied, F_OK), 0);
  assert_int_equal(dir_remove_at(AT_FDCWD, p.dir), 0);
  char *all[] = {p.from, p.to, p.comes_and_goes, stays, copied};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_vanishes_meanwhile_takes_nothing_else_with_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
