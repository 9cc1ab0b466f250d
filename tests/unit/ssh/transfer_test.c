/* Files of a launch go to a host and come back, over a link whose shells are local. */
#include "tests/unit/ssh/link_bench.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/digest.h"
#include "worker/ssh/transfer.h"

#define RUN     "01hzzzzzzzzzzzzzzzzzzzzzzr"
#define ATTEMPT "01hzzzzzzzzzzzzzzzzzzzzzza"

struct fixture {
  struct bench b;
  struct crew *crew;
  struct transfer *t;
  char here[64]; /* the state directory */
  char *work, *source, *there;
  bool done, free_in_done, crew_closed;
  int err;
  char text[1024];
};

static void on_done(void *ctx, int err, const char *text) {
  struct fixture *f = ctx;
  assert_false(f->done);
  assert_int_equal(err == 0, text == NULL);
  f->done = true;
  f->err = err;
  snprintf(f->text, sizeof f->text, "%s", text ? text : "");
  if (f->free_in_done) {
    transfer_free(f->t);
    f->t = NULL;
    bench_unlink(&f->b);
  }
}

static int setup(void **state) {
  struct fixture *f = alloc_new(struct fixture);
  int err;
  bench_begin(&f->b);
  f->crew = crew_new(&f->b.loop, 1, -1, &err);
  assert_non_null(f->crew);
  strcpy(f->here, "/tmp/rota-transfer-XXXXXX");
  assert_non_null(mkdtemp(f->here));
  f->work = alloc_fmt("%s/work/" RUN, f->here);
  f->source = alloc_fmt("%s/source", f->here);
  assert_int_equal(dir_make(f->work, 0700), 0);
  assert_int_equal(dir_make(f->source, 0700), 0);
  bench_up(&f->b);
  f->there = alloc_fmt("%s/w/" RUN, link_hello(f->b.l)->root);
  assert_int_equal(dir_make(f->there, 0700), 0);
  *state = f;
  return 0;
}

static void crew_closed(void *ctx) {
  ((struct fixture *)ctx)->crew_closed = true;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  transfer_free(f->t);
  bench_unlink(&f->b);
  crew_free(f->crew, crew_closed, f);
  until(&f->b, f->crew_closed);
  bench_end(&f->b);
  assert_int_equal(dir_remove_at(AT_FDCWD, f->here), 0);
  free(f->work);
  free(f->source);
  free(f->there);
  free(f);
  return 0;
}

static void begin(struct fixture *f, enum transfer_direction direction, const struct launch_file *files, size_t len) {
  transfer_free(f->t);
  f->done = false;
  f->t = transfer_new(&(struct transfer_options){.link = f->b.l,
                                                 .crew = f->crew,
                                                 .direction = direction,
                                                 .state_dir = f->here,
                                                 .run_id = RUN,
                                                 .attempt_id = ATTEMPT,
                                                 .files = files,
                                                 .len = len,
                                                 .source_dir = direction == TRANSFER_SEND ? f->source : NULL,
                                                 .done = on_done,
                                                 .ctx = f});
  assert_false(f->done);
}

static int run(struct fixture *f, enum transfer_direction direction, const struct launch_file *files, size_t len) {
  begin(f, direction, files, len);
  until(&f->b, f->done);
  if (f->err) print_message("    %s: %s\n", err_name(f->err), f->text);
  return f->err;
}

#define send_(f, ...)                                                                                                \
  run(f, TRANSFER_SEND, (const struct launch_file[]){__VA_ARGS__},                                                   \
      sizeof((const struct launch_file[]){__VA_ARGS__}) / sizeof(struct launch_file))
#define fetch_(f, ...)                                                                                               \
  run(f, TRANSFER_FETCH, (const struct launch_file[]){__VA_ARGS__},                                                  \
      sizeof((const struct launch_file[]){__VA_ARGS__}) / sizeof(struct launch_file))

static void put(const char *dir, const char *name, const void *bytes, size_t len, mode_t mode) {
  char *path = path_join(dir, name), *folder = path_folder(path);
  assert_int_equal(dir_make(folder, 0700), 0);
  assert_int_equal(file_write(path, bytes, len, 0600, false), 0);
  assert_int_equal(chmod(path, mode), 0);
  free(folder);
  free(path);
}

static void put_text(const char *dir, const char *name, const char *text) {
  put(dir, name, text, strlen(text), 0640);
}

static bool has(const char *dir, const char *name, const void *bytes, size_t len) {
  struct buf b = {0};
  char *path = path_join(dir, name);
  const bool same = file_read(path, 256u << 20, &b) == 0 && b.len == len && memcmp(buf_cstr(&b), bytes, len) == 0;
  buf_release(&b);
  free(path);
  return same;
}

static bool has_text(const char *dir, const char *name, const char *text) {
  return has(dir, name, text, strlen(text));
}

static bool there_is(const char *dir, const char *name) {
  char *path = path_join(dir, name);
  struct stat st;
  const bool is = lstat(path, &st) == 0;
  free(path);
  return is;
}

static unsigned mode_of(const char *dir, const char *name) {
  char *path = path_join(dir, name);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  free(path);
  return st.st_mode & 07777;
}

static char *big_new(size_t len) {
  char *big = alloc_zeroed(1, len);
  uint64_t x = 88172645463325252u;
  for (size_t i = 0; i + 8 <= len; i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy(big + i, &x, 8);
  }
  return big;
}

static void note_read(struct fixture *f, struct buf *out) {
  char *path = alloc_fmt("%s/runs/" RUN "/" ATTEMPT "/files.json", f->here);
  assert_int_equal(file_read(path, 1u << 20, out), 0);
  free(path);
}

/* ---- tests ---- */

static void nothing_to_move_is_done_at_once(void **state) {
  struct fixture *f = *state;
  assert_int_equal(run(f, TRANSFER_SEND, NULL, 0), 0);
  assert_int_equal(run(f, TRANSFER_FETCH, NULL, 0), 0);
  assert_int_equal(send_(f, {"none", true}), 0);
  assert_int_equal(fetch_(f, {"none", true}), 0);
}

static void a_file_goes_there_with_its_mode_and_is_noted(void **state) {
  struct fixture *f = *state;
  char sum[SHA256_HEX_SIZE];
  struct buf note = {0};
  put(f->source, "bin/train.sh", "echo hi\n", 8, 0755);
  put_text(f->source, "both", "of the source");
  put_text(f->work, "both", "of the run");
  put_text(f->work, "empty", "");
  assert_int_equal(send_(f, {"bin/train.sh", false}, {"both", false}, {"./empty", false}, {"none", true}), 0);
  assert_true(has_text(f->there, "bin/train.sh", "echo hi\n"));
  assert_int_equal(mode_of(f->there, "bin/train.sh"), 0755);
  assert_true(has_text(f->there, "both", "of the run"));
  assert_true(has_text(f->there, "empty", ""));
  sha256_hex("echo hi\n", 8, sum);
  note_read(f, &note);
  assert_non_null(strstr(buf_cstr(&note), sum));
  assert_non_null(strstr(buf_cstr(&note), "\"path\":\"bin/train.sh\",\"direction\":\"send\",\"size\":8"));
  /* What comes back is noted beside it. */
  put_text(f->there, "out/model", "weights");
  assert_int_equal(fetch_(f, {"out/model", false}), 0);
  buf_reset(&note);
  note_read(f, &note);
  assert_non_null(strstr(buf_cstr(&note), sum));
  assert_non_null(strstr(buf_cstr(&note), "\"path\":\"out/model\",\"direction\":\"fetch\",\"size\":7"));
  buf_release(&note);
}

static void a_large_file_goes_there_and_comes_back(void **state) {
  struct fixture *f = *state;
  const size_t len = (24u << 20) + 12345;
  char *big = big_new(len);
  put(f->source, "data/big.bin", big, len, 0444);
  assert_int_equal(send_(f, {"data", false}), 0);
  assert_true(has(f->there, "data/big.bin", big, len));
  assert_int_equal(mode_of(f->there, "data/big.bin"), 0444);
  assert_int_equal(fetch_(f, {"data/big.bin", false}), 0);
  assert_true(has(f->work, "data/big.bin", big, len));
  assert_int_equal(mode_of(f->work, "data/big.bin"), 0444);
  free(big);
}

static const char *const odd[] = {
    "with a space", "it's", "\"quoted\"", "line\nfeed", "two\n\nfeeds\n",     "back\\slash",    "back\\n",
    "$(id)",        "`id`", "-rf",        "*",          "gr\xc3\xbc\xc3\x9f", "\xff\xfe latin", " leading",
    "trailing ",    "a\tb", "%s%n",       "~"};

static void names_may_be_odd(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < COUNT(odd); i++) {
    char *deep = alloc_fmt("folder/%s/%s", odd[i], odd[i]);
    put_text(f->source, deep, odd[i]);
    free(deep);
  }
  assert_int_equal(send_(f, {"folder", false}), 0);
  for (size_t i = 0; i < COUNT(odd); i++) {
    char *deep = alloc_fmt("folder/%s/%s", odd[i], odd[i]);
    assert_true(has_text(f->there, deep, odd[i]));
    free(deep);
  }
  const unsigned opens = f->b.w->opens;
  assert_int_equal(send_(f, {"folder", false}), 0); /* all is in place: one question */
  assert_int_equal(f->b.w->opens - opens, 1);
  assert_int_equal(fetch_(f, {"folder", false}), 0);
  for (size_t i = 0; i < COUNT(odd); i++) {
    char *deep = alloc_fmt("folder/%s/%s", odd[i], odd[i]);
    assert_true(has_text(f->work, deep, odd[i]));
    assert_int_equal(send_(f, {deep, false}), 0);
    assert_int_equal(fetch_(f, {deep, false}), 0);
    free(deep);
  }
}

static void what_is_the_same_is_not_moved(void **state) {
  struct fixture *f = *state;
  put_text(f->source, "d/a", "one");
  put_text(f->source, "d/b", "two");
  put_text(f->source, "d/c", "three");
  assert_int_equal(send_(f, {"d", false}), 0);
  put_text(f->there, "d/b", "TWO"); /* of the same size */
  char *c = path_join(f->there, "d/c");
  assert_int_equal(chmod(c, 0600), 0);
  free(c);
  const unsigned opens = f->b.w->opens;
  assert_int_equal(send_(f, {"d", false}), 0);
  assert_int_equal(f->b.w->opens - opens, 3);
  assert_true(has_text(f->there, "d/b", "two"));
  assert_int_equal(mode_of(f->there, "d/c"), 0640);
}

static void what_is_missing_is_said_with_both_places(void **state) {
  struct fixture *f = *state;
  assert_int_equal(send_(f, {"no/such", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "no/such"));
  assert_non_null(strstr(f->text, f->work));
  assert_non_null(strstr(f->text, f->source));
  assert_int_equal(fetch_(f, {"no/such", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "no/such"));
}

static void a_cut_transfer_goes_on_where_it_was(void **state) {
  struct fixture *f = *state;
  const size_t len = 6u << 20;
  char *big = big_new(len);
  put_text(f->source, "d/1", "small");
  put(f->source, "d/2", big, len, 0600);
  put_text(f->source, "d/3", "small too");
  f->b.w->cut_to = 3 << 20;
  assert_int_equal(send_(f, {"d", false}), ERR_UNREACHABLE);
  assert_false(there_is(f->there, "d/2"));
  f->b.w->cut_to = -1;
  until(&f->b, f->b.contact == LINK_UP);
  assert_int_equal(send_(f, {"d", false}), 0);
  assert_true(has(f->there, "d/2", big, len));
  assert_true(has_text(f->there, "d/3", "small too"));
  put_text(f->there, "d/1", "other");
  f->b.w->cut_from = 3 << 20;
  assert_int_equal(fetch_(f, {"d", false}), ERR_UNREACHABLE);
  assert_false(there_is(f->work, "d/2"));
  f->b.w->cut_from = -1;
  until(&f->b, f->b.contact == LINK_UP);
  assert_int_equal(fetch_(f, {"d", false}), 0);
  assert_true(has(f->work, "d/2", big, len));
  assert_true(has_text(f->work, "d/1", "other"));
  char *leftover = path_join(f->work, "d/.rota-fetch." ATTEMPT ".0");
  assert_int_equal(access(leftover, F_OK), -1);
  free(leftover);
  free(big);
}

static void a_host_that_is_not_connected_is_for_later(void **state) {
  struct fixture *f = *state;
  put_text(f->source, "a", "one");
  f->b.w->refuse = true;
  pipe_cut(f->b.w->now, TRANSPORT_LOST, "cut");
  until(&f->b, f->b.contact != LINK_UP);
  assert_int_equal(send_(f, {"a", false}), ERR_UNREACHABLE);
  assert_int_equal(fetch_(f, {"a", false}), ERR_UNREACHABLE);
}

static void links_are_followed_only_within_the_folder(void **state) {
  struct fixture *f = *state;
  put_text(f->source, "d/a", "inside");
  char *in = path_join(f->source, "d/in"), *out = path_join(f->source, "d2"), *loop = path_join(f->source, "l/loop");
  char *dead = path_join(f->source, "dead");
  assert_int_equal(symlink("a", in), 0);
  assert_int_equal(symlink("/etc/hostname", out), 0);
  assert_int_equal(symlink("nowhere", dead), 0);
  assert_int_equal(send_(f, {"d", false}), 0);
  assert_true(has_text(f->there, "d/in", "inside"));
  assert_int_equal(send_(f, {"d2", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "elsewhere"));
  assert_int_equal(send_(f, {"dead", false}), ERR_INVALID);
  put_text(f->source, "l/x", "x");
  assert_int_equal(symlink(".", loop), 0);
  assert_int_equal(send_(f, {"l", false}), ERR_INVALID);
  free(in);
  free(out);
  free(loop);
  free(dead);
}

static void only_files_and_folders_are_sent(void **state) {
  struct fixture *f = *state;
  char *fifo = path_join(f->source, "d/fifo");
  put_text(f->source, "d/a", "one");
  assert_int_equal(mkfifo(fifo, 0600), 0);
  assert_int_equal(send_(f, {"d", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "d/fifo"));
  free(fifo);
  fifo = path_join(f->there, "fifo");
  assert_int_equal(mkfifo(fifo, 0600), 0);
  assert_int_equal(fetch_(f, {"fifo", false}), ERR_INVALID);
  free(fifo);
}

static void what_has_no_place_is_the_users_problem(void **state) {
  struct fixture *f = *state;
  put_text(f->source, "a", "one");
  put_text(f->there, "a/b", "a folder is in its place");
  assert_int_equal(send_(f, {"a", false}), ERR_INVALID);
  put_text(f->source, "x/y", "one");
  put_text(f->there, "x", "a file is in its folder's place");
  assert_int_equal(send_(f, {"x/y", false}), ERR_INVALID);
  put_text(f->there, "out", "one");
  put_text(f->work, "out/b", "a folder is in its place");
  assert_int_equal(fetch_(f, {"out", false}), ERR_INVALID);
}

static void nothing_is_written_through_a_link(void **state) {
  struct fixture *f = *state;
  char *link = path_join(f->work, "out"), *own = path_join(f->work, "file");
  put_text(f->source, "precious", "kept");
  put_text(f->there, "out/x", "evil");
  put_text(f->there, "file", "new");
  assert_int_equal(symlink(f->source, link), 0);
  assert_int_equal(symlink("../../source/precious", own), 0);
  assert_int_equal(fetch_(f, {"out/x", false}), ERR_INVALID);
  assert_false(there_is(f->source, "x"));
  /* A link in the place of the file itself is replaced. */
  assert_int_equal(fetch_(f, {"file", false}), 0);
  assert_true(has_text(f->work, "file", "new"));
  assert_true(has_text(f->source, "precious", "kept"));
  free(link);
  free(own);
}

static void a_folder_comes_back_with_empty_ones_in_it(void **state) {
  struct fixture *f = *state;
  put_text(f->there, "d/x/1", "one");
  char *empty = path_join(f->there, "d/empty/deep");
  assert_int_equal(dir_make(empty, 0700), 0);
  assert_int_equal(fetch_(f, {"d", false}), 0);
  assert_true(there_is(f->work, "d/empty/deep"));
  assert_true(has_text(f->work, "d/x/1", "one"));
  free(empty);
}

static void small_files_share_a_channel(void **state) {
  struct fixture *f = *state;
  char name[32];
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "many/%d/%d", i % 7, i);
    put_text(f->source, name, i % 10 ? name : "");
  }
  put_text(f->source, "many/-", "a name too");
  unsigned opens = f->b.w->opens;
  assert_int_equal(send_(f, {"many", false}), 0);
  assert_in_range(f->b.w->opens - opens, 1, 12);
  opens = f->b.w->opens;
  assert_int_equal(fetch_(f, {"many", false}), 0);
  assert_in_range(f->b.w->opens - opens, 1, 6);
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "many/%d/%d", i % 7, i);
    assert_true(has_text(f->there, name, i % 10 ? name : ""));
    assert_true(has_text(f->work, name, i % 10 ? name : ""));
  }
  assert_true(has_text(f->work, "many/-", "a name too"));
}

static void what_is_wrong_with_one_of_several_is_told(void **state) {
  struct fixture *f = *state;
  put_text(f->source, "d/a", "one");
  put_text(f->source, "d/b", "two");
  put_text(f->source, "d/c", "three");
  put_text(f->there, "d/b/x", "a folder is in its place");
  assert_int_equal(send_(f, {"d", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "d/b can't be sent"));
  put_text(f->there, "e/a", "one");
  put_text(f->there, "e/b", "two");
  put_text(f->work, "e/b/x", "a folder is in its place");
  assert_int_equal(fetch_(f, {"e", false}), ERR_INVALID);
  assert_non_null(strstr(f->text, "e/b can't be fetched"));
}

/* Its dd can't do what is needed. */
static void a_host_without_tools_gets_them_one_by_one(void **state) {
  struct fixture *f = *state;
  char *bin = path_join(f->here, "bin"), *sh = path_join(bin, "sh");
  char *script = alloc_fmt("#!/bin/sh\nPATH=%s:$PATH exec /bin/sh \"$@\"\n", bin);
  put(bin, "dd", "#!/bin/sh\nexit 1\n", 17, 0700);
  put(bin, "sh", script, strlen(script), 0700);
  f->b.w->sh = sh;
  put_text(f->source, "d/a", "one");
  put_text(f->source, "d/b", "two");
  const unsigned opens = f->b.w->opens;
  assert_int_equal(send_(f, {"d", false}), 0);
  assert_int_equal(f->b.w->opens - opens, 5); /* two lists, one that was refused, two files */
  assert_true(has_text(f->there, "d/a", "one"));
  assert_true(has_text(f->there, "d/b", "two"));
  assert_int_equal(fetch_(f, {"d/b", false}), 0);
  assert_true(has_text(f->work, "d/b", "two"));
  f->b.w->sh = NULL;
  free(script);
  free(sh);
  free(bin);
}

static void two_attempts_may_send_the_same(void **state) {
  struct fixture *f = *state;
  const size_t len = 3u << 20;
  char *big = big_new(len);
  struct fixture other = *f;
  put(f->source, "d/big", big, len, 0600);
  put_text(f->source, "d/small", "one");
  const struct launch_file d[] = {{"d", false}};
  begin(f, TRANSFER_SEND, d, 1);
  other.t = transfer_new(&(struct transfer_options){.link = f->b.l,
                                                    .crew = f->crew,
                                                    .state_dir = f->here,
                                                    .run_id = RUN,
                                                    .attempt_id = "01hzzzzzzzzzzzzzzzzzzzzzzb",
                                                    .files = d,
                                                    .len = 1,
                                                    .source_dir = f->source,
                                                    .done = on_done,
                                                    .ctx = &other});
  until(&f->b, f->done && other.done);
  assert_int_equal(f->err, 0);
  assert_int_equal(other.err, 0);
  assert_true(has(f->there, "d/big", big, len));
  transfer_free(other.t);
  free(big);
}

static void it_can_be_freed_at_any_moment(void **state) {
  struct fixture *f = *state;
  const size_t len = 2u << 20;
  char *big = big_new(len);
  put(f->source, "d/1", big, len, 0600);
  put(f->source, "d/2", big, len, 0600);
  put(f->source, "d/3", big, len, 0600);
  put(f->there, "e/1", big, len, 0600);
  put(f->there, "e/2", big, len, 0600);
  put(f->there, "e/3", big, len, 0600);
  const struct launch_file d[] = {{"d", false}}, e[] = {{"e", false}};
  for (int turns = 0; turns < 200; turns += 9) {
    begin(f, turns % 2 ? TRANSFER_FETCH : TRANSFER_SEND, turns % 2 ? e : d, 1);
    for (int i = 0; i < turns && !f->done; i++) uv_run(&f->b.loop, UV_RUN_ONCE);
    transfer_free(f->t);
    f->t = NULL;
  }
  assert_int_equal(run(f, TRANSFER_SEND, d, 1), 0);
  assert_true(has(f->there, "d/3", big, len));
  f->free_in_done = true;
  assert_int_equal(run(f, TRANSFER_FETCH, e, 1), 0);
  assert_true(has(f->work, "e/3", big, len));
  free(big);
}

/* Runs it while the file grows whenever the loop turns. */
static void run_while_it_grows(struct fixture *f, enum transfer_direction direction, const char *path) {
  begin(f, direction, (const struct launch_file[]){{"log", false}}, 1);
  while (!f->done) {
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputc('x', file);
    fclose(file);
    uv_run(&f->b.loop, UV_RUN_ONCE);
  }
}

static void a_file_that_keeps_changing_is_told(void **state) {
  struct fixture *f = *state;
  const size_t len = 4u << 20;
  char *big = big_new(len), *here = path_join(f->source, "log"), *there = path_join(f->there, "log");
  put(f->source, "log", big, len, 0600);
  run_while_it_grows(f, TRANSFER_SEND, here);
  assert_int_equal(f->err, ERR_INVALID);
  assert_non_null(strstr(f->text, "changed"));
  assert_int_equal(send_(f, {"log", false}), 0);
  run_while_it_grows(f, TRANSFER_FETCH, there);
  assert_int_equal(f->err, ERR_INVALID);
  assert_non_null(strstr(f->text, "changed on the host"));
  assert_false(there_is(f->work, "log"));
  assert_int_equal(fetch_(f, {"log", false}), 0);
  free(here);
  free(there);
  free(big);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      test(nothing_to_move_is_done_at_once),
      test(a_file_goes_there_with_its_mode_and_is_noted),
      test(a_large_file_goes_there_and_comes_back),
      test(names_may_be_odd),
      test(what_is_the_same_is_not_moved),
      test(what_is_missing_is_said_with_both_places),
      test(a_cut_transfer_goes_on_where_it_was),
      test(a_host_that_is_not_connected_is_for_later),
      test(links_are_followed_only_within_the_folder),
      test(only_files_and_folders_are_sent),
      test(what_has_no_place_is_the_users_problem),
      test(nothing_is_written_through_a_link),
      test(a_folder_comes_back_with_empty_ones_in_it),
      test(small_files_share_a_channel),
      test(what_is_wrong_with_one_of_several_is_told),
      test(a_host_without_tools_gets_them_one_by_one),
      test(two_attempts_may_send_the_same),
      test(it_can_be_freed_at_any_moment),
      test(a_file_that_keeps_changing_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
