/* The supervisor program alone: directories written by hand, processes started without the executor. */
#include "tests/unit/worker/supervised.h"

#include <sys/mount.h>
#include <sys/resource.h>

static void exit_file_says_how_it_ended(void **state) {
  (void)state;
  static const struct {
    const char *script, *file;
  } rows[] = {
      {"exit 0", "exit.0.exited"},          {"exit 3", "exit.3.exited"},
      {"exit 127", "exit.127.exited"},      {"exit 255", "exit.255.exited"},
      {"kill -9 $$", "exit.137.exited"},    {"kill -TERM $$", "exit.143.exited"},
      {"kill -SEGV $$", "exit.139.exited"}, {"nosuch_command", "exit.127.exited"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    setup_init(&s, NULL);
    shell(&s, rows[i].script);
    run_to_end(&s, 20000);
    assert_string_equal(exit_file(s.dir), rows[i].file);
  }
}

static void failed_launch_names_stage_and_errno(void **state) {
  (void)state;
  char plain[PATH_MAX];
  snprintf(plain, sizeof plain, "%s/plain", scratch());
  assert_int_equal(file_write(plain, "no program\n", 11, 0755, false), 0);
  char *big = alloc_zeroed(1, 200001);
  memset(big, 'x', 200000);
  const struct {
    const char *argument, *dir, *file, *stage;
    int errnum;
  } rows[] = {
      {"/no/such/program", "/", "exit.127.launch_failed", "stage=exec\n", ENOENT},
      {"no_such_program", "/", "exit.127.launch_failed", "stage=exec\n", ENOENT},
      {"/etc/passwd", "/", "exit.126.launch_failed", "stage=exec\n", EACCES},
      {"/", "/", "exit.126.launch_failed", "stage=exec\n", EACCES},
      {plain, "/", "exit.126.launch_failed", "stage=exec\n", ENOEXEC},
      {"/bin/true", "/no/such/dir", "exit.127.launch_failed", "stage=dir\n", ENOENT},
      {"/bin/true", "/etc/passwd", "exit.126.launch_failed", "stage=dir\n", ENOTDIR},
      {big, "/", "exit.126.launch_failed", "stage=exec\n", ENAMETOOLONG},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    char errno_line[32];
    setup_init(&s, NULL);
    put(&s, "dir", rows[i].dir);
    put(&s, "argument", rows[i].argument);
    run_to_end(&s, 20000);
    snprintf(errno_line, sizeof errno_line, "errno=%d\n", rows[i].errnum);
    if (rows[i].argument != big) assert_string_equal(exit_file(s.dir), rows[i].file);
    assert_true(result_has(&s, rows[i].stage));
    if (rows[i].argument != big) assert_true(result_has(&s, errno_line));
    assert_false(there(s.dir, "log"));
  }
  free(big);
}

static void one_variable_that_is_too_long_is_a_failed_exec(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, NULL);
  char *big = alloc_zeroed(1, 140001);
  memset(big, 'x', 140000);
  buf_fmt(&s.spec, "env=BIG=%s", big);
  buf_char(&s.spec, '\0');
  free(big);
  put(&s, "argument", "/bin/true");
  run_to_end(&s, 20000);
  assert_string_equal(exit_file(s.dir), "exit.126.launch_failed");
  char line[32];
  snprintf(line, sizeof line, "errno=%d\n", E2BIG);
  assert_true(result_has(&s, line));
}

static void unusable_spec_is_a_failed_launch(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
    int errnum;
  } rows[] = {
#define ROW(text, err) {text, sizeof text, err}
      ROW("rota=2\0id=" ID "\0dir=/\0argument=/bin/true", EPROTONOSUPPORT),
      ROW("rota=0\0id=" ID "\0dir=/\0argument=/bin/true", EPROTONOSUPPORT),
      ROW("nonsense", EINVAL),
      ROW("rota=1\0id=" ID "\0dir=/", EINVAL),
      ROW("rota=1\0id=short\0dir=/\0argument=/bin/true", EINVAL),
      ROW("rota=1\0id=" ID "\0dir=/\0argument=/bin/true\0timeout_us=abc", EINVAL),
      ROW("rota=1\0id=" ID "\0dir=/\0argument=/bin/true\0unheard_of=1", EINVAL),
      {"rota=1\0id=" ID "\0dir=/\0argument=/bin/true", 40, EINVAL},
      {"", 0, EINVAL},
#undef ROW
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    char line[32];
    setup_init(&s, NULL);
    buf_reset(&s.spec);
    buf_add(&s.spec, rows[i].bytes, rows[i].len);
    run_to_end(&s, 20000);
    assert_string_equal(exit_file(s.dir), "exit.126.launch_failed");
    assert_true(result_has(&s, "stage=spec\n"));
    snprintf(line, sizeof line, "errno=%d\n", rows[i].errnum);
    assert_true(result_has(&s, line));
  }
}

static void few_files_are_left(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, NULL);
  put(&s, "argument", "true");
  run_to_end(&s, 20000);
  int n = 0;
  DIR *d = opendir(s.dir);
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  closedir(d);
  assert_int_equal(n, 3); /* spec, owner, exit.0.exited */
}

static void task_gets_a_clean_world(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, (const char *[]){"env=A=1", "env=B=2", "env=A=3", NULL});
  shell(&s, "echo A=$A B=$B; umask; pwd; cat /proc/self/oom_score_adj; ls /proc/self/fd | tr '\\n' ' '; "
            "read x || echo eof; grep -E 'Sig(Blk|Ign)' /proc/self/status; env | wc -l");
  run_to_end(&s, 20000);
  const char *log = content(s.dir, "log");
  assert_non_null(strstr(log, "A=3 B=2\n0022\n/\n500\n0 1 2 3 eof\n"));
  const char *ignored = strstr(log, "SigBlk:\t0000000000000000\nSigIgn:\t");
  assert_non_null(ignored);
  /* posix_spawn leaves the C library's own signals 32 and 33 ignored in whatever it starts. */
  assert_int_equal(strtoull(ignored + strlen("SigBlk:\t0000000000000000\nSigIgn:\t"), NULL, 16) & 0x7fffffff, 0);
}

static void both_streams_come_in_their_order(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, NULL);
  shell(&s, "echo a; echo b >&2; echo c; printf d >&2");
  run_to_end(&s, 20000);
  assert_string_equal(content(s.dir, "log"), "a\nb\nc\nd");
  assert_true(result_has(&s, "log_bytes=7\n"));
}

static void of_twenty_supervisors_one_runs(void **state) {
  (void)state;
  struct setup s;
  char script[PATH_MAX];
  pid_t pids[20];
  setup_init(&s, NULL);
  snprintf(script, sizeof script, "echo run >> %s/runs; sleep 0.3", s.dir);
  shell(&s, script);
  write_spec(&s);
  for (size_t i = 0; i < 20; i++) pids[i] = spawn_on(s.dir);
  for (size_t i = 0; i < 20; i++) assert_int_equal(wait_for(pids[i], 20000), 0);
  assert_string_equal(content(s.dir, "runs"), "run\n");
  assert_string_equal(exit_file(s.dir), "exit.0.exited");
  assert_int_equal(wait_for(spawn_on(s.dir), 20000), 0); /* and one that comes late */
  assert_string_equal(content(s.dir, "runs"), "run\n");
  assert_false(there(s.dir, "result"));
}

static void fenced_directory_is_left_alone(void **state) {
  (void)state;
  struct setup s;
  char path[PATH_MAX];
  setup_init(&s, NULL);
  put(&s, "argument", "true");
  snprintf(path, sizeof path, "%s/owner", s.dir);
  assert_int_equal(file_write(path, RUNDIR_FENCED, strlen(RUNDIR_FENCED), 0644, false), 0);
  run_to_end(&s, 20000);
  assert_string_equal(exit_file(s.dir), "");
  assert_string_equal(content(s.dir, "owner"), RUNDIR_FENCED);
}

static void missing_spec_is_no_claim(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, NULL);
  buf_release(&s.spec);
  assert_int_equal(wait_for(spawn_on(s.dir), 20000), ENOENT);
  assert_false(there(s.dir, "owner"));
}

static void claim_is_given_back_when_no_process_can_be_made(void **state) {
  (void)state;
  struct setup s;
  int status;
  if (getuid() != 0) {
    print_message("skipped: needs root to become a user with a limit\n");
    skip();
  }
  setup_init(&s, NULL);
  put(&s, "argument", "true");
  write_spec(&s);
  const uid_t nobody = 54321; /* a uid that runs nothing else */
  assert_int_equal(chown(s.dir, nobody, nobody), 0);
  char spec[PATH_MAX];
  snprintf(spec, sizeof spec, "%s/spec", s.dir);
  assert_int_equal(chown(spec, nobody, nobody), 0);
  pid_t pid = fork();
  if (pid == 0) {
    int program = open(supervisor(), O_PATH | O_CLOEXEC);
    char here[] = ".", *argv[] = {here, here, NULL}, *envp[] = {NULL};
    if (chdir(s.dir)) _exit(97); /* as that user the folders above may be closed */
    setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1});
    if (setgid(nobody) || setuid(nobody)) _exit(99);
    fexecve(program, argv, envp);
    _exit(98);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), EAGAIN);
  assert_false(there(s.dir, "owner"));
  assert_int_equal(wait_for(spawn_on(s.dir), 20000), 0); /* and the same id can be started later */
  assert_string_equal(exit_file(s.dir), "exit.0.exited");
}

static void env_file_is_read_when_the_task_starts(void **state) {
  (void)state;
  struct setup s;
  char file[PATH_MAX], entry[PATH_MAX + 16];
  snprintf(file, sizeof file, "%s/secrets.env", scratch());
  const char text[] = "# tokens\n\nTOKEN=s3cret=x \"y\"\r\nA=file\nB=file\n_c9=ok";
  assert_int_equal(file_write(file, text, sizeof text - 1, 0600, false), 0);
  snprintf(entry, sizeof entry, "env_file=%s", file);
  setup_init(&s, (const char *[]){"env=A=before", entry, "env=B=after", NULL});
  shell(&s, "echo \"[$TOKEN] $A $B $_c9\"");
  run_to_end(&s, 20000);
  assert_string_equal(content(s.dir, "log"), "[s3cret=x \"y\"] file after ok\n");
  assert_null(strstr(content(s.dir, "owner"), "s3cret"));
  assert_null(strstr(content(s.dir, exit_file(s.dir)), "s3cret"));
}

static void unfit_env_file_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    mode_t mode;
    int errnum;
    const char *says;
  } rows[] = {
      {"open.env", "A=1\n", 0644, EACCES, "why=is open to others\n"},
      {"group.env", "A=1\n", 0640, EACCES, "why=is open to others\n"},
      {"bad.env", "A=1\nnot a pair\n", 0600, EINVAL, "line=2\n"},
      {"name.env", "9A=1\n", 0600, EINVAL, "line=1\n"},
      {"none.env", NULL, 0, ENOENT, "file="},
      {"fifo.env", NULL, 1, EINVAL, "why=is not a regular file\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup s;
    char file[PATH_MAX], line[32];
    snprintf(file, sizeof file, "%s/%s", scratch(), rows[i].name);
    if (rows[i].text)
      assert_int_equal(file_write(file, rows[i].text, strlen(rows[i].text), rows[i].mode, false), 0);
    else if (rows[i].mode)
      assert_int_equal(mkfifo(file, 0600), 0);
    setup_init(&s, NULL);
    put(&s, "env_file", file);
    put(&s, "argument", "true");
    run_to_end(&s, 20000);
    snprintf(line, sizeof line, "errno=%d\n", rows[i].errnum);
    assert_non_null(strstr(exit_file(s.dir), ".launch_failed"));
    assert_true(result_has(&s, "stage=env_file\n"));
    assert_true(result_has(&s, line));
    assert_true(result_has(&s, rows[i].says));
  }
}

static void hundred_megabytes_pass_quickly_and_whole(void **state) {
  (void)state;
  struct setup s;
  setup_init(&s, (const char *[]){"log_cap=1073741824", NULL});
  shell(&s, "head -c 104857600 /dev/zero");
  int64_t from = now_ms();
  run_to_end(&s, 20000);
  struct stat st;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/log", s.dir);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_size, 104857600);
  assert_true(result_has(&s, "log_bytes=104857600\n"));
  assert_in_range((uint64_t)(now_ms() - from), 0, 10000);
}

static void log_over_its_cap_keeps_head_and_tail(void **state) {
  (void)state;
  struct setup s;
  struct stat st;
  char path[PATH_MAX];
  setup_init(&s, (const char *[]){"log_cap=262144", NULL});
  shell(&s, "seq 1 400000");
  run_to_end(&s, 20000);
  const char *files[] = {"log", "log.1", "log.2"};
  off_t sum = 0;
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", s.dir, files[i]);
    assert_int_equal(stat(path, &st), 0);
    sum += st.st_size;
  }
  assert_in_range((uint64_t)sum, 131072 + 65536, 262144);
  assert_memory_equal(content(s.dir, "log"), "1\n2\n3\n", 6);
  bool last = strstr(content(s.dir, "log.1"), "\n400000\n") || strstr(content(s.dir, "log.2"), "\n400000\n");
  assert_true(last);
}

static void full_disk_blocks_nothing_and_is_counted(void **state) {
  (void)state;
  char mount_point[512];
  struct setup s;
  snprintf(mount_point, sizeof mount_point, "%s/small", scratch());
  mkdir(mount_point, 0700);
  if (mount("none", mount_point, "tmpfs", 0, "size=256k")) {
    print_message("skipped: a small tmpfs can't be mounted here\n");
    skip();
  }
  setup_init(&s, (const char *[]){"log_cap=10000000", NULL});
  snprintf(s.dir, sizeof s.dir, "%s/a", mount_point);
  mkdir(s.dir, 0700);
  shell(&s, "head -c 3000000 /dev/zero; exit 6");
  run_to_end(&s, 20000);
  bool ended = strcmp(exit_file(s.dir), "exit.6.exited") == 0;
  bool counted = result_has(&s, "log_bytes=3000000\n") && result_has(&s, "note=output_dropped\n");
  umount2(mount_point, MNT_DETACH);
  assert_true(ended);
  assert_true(counted);
}

/* Its time-out and a stop hold whatever the task puts in the place of its files. */
static void pipes_in_place_of_the_log_block_nothing(void **state) {
  (void)state;
  static const char *const names[] = {"log", "log.1", "log.idx"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct setup s;
    char script[1200];
    setup_init(&s, (const char *[]){"log_cap=65536", NULL});
    snprintf(script, sizeof script, "mkfifo %s/%s && head -c 200000 /dev/zero; exit 6", s.dir, names[i]);
    shell(&s, script);
    run_to_end(&s, 20000);
    assert_string_equal(exit_file(s.dir), "exit.6.exited");
    assert_true(result_has(&s, "log_bytes=200000\n"));
    assert_true(result_has(&s, "note=output_dropped\n"));
  }
}

static void pipe_in_place_of_the_stop_file_blocks_nothing(void **state) {
  (void)state;
  struct setup s;
  char script[2200];
  setup_init(&s, NULL);
  snprintf(script, sizeof script, "mkfifo %s/stop && : >%s/ready; exec sleep 30", s.dir, s.dir);
  shell(&s, script);
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "ready", 20000));
  kill(pid, SIGTERM);
  assert_int_equal(wait_for(pid, 20000), 0);
  assert_string_equal(exit_file(s.dir), "exit.143.stopped");
}

static void supervisor_is_small(void **state) {
  (void)state;
  struct setup s;
  char path[64], status[4096] = "";
  setup_init(&s, NULL);
  shell(&s, "echo up; sleep 30");
  pid_t pid = begin(&s);
  assert_true(wait_there(s.dir, "log", 20000));
  pause_ms(50);
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  int fd = open(path, O_RDONLY);
  ssize_t n = read(fd, status, sizeof status - 1);
  close(fd);
  stop_file(s.dir, "");
  kill(pid, SIGTERM);
  wait_for(pid, 20000);
  assert_true(n > 0);
  const char *rss = strstr(status, "VmRSS:");
  assert_non_null(rss);
  assert_in_range(strtoul(rss + 6, NULL, 10), 1, 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exit_file_says_how_it_ended),
      cmocka_unit_test(failed_launch_names_stage_and_errno),
      cmocka_unit_test(one_variable_that_is_too_long_is_a_failed_exec),
      cmocka_unit_test(unusable_spec_is_a_failed_launch),
      cmocka_unit_test(few_files_are_left),
      cmocka_unit_test(task_gets_a_clean_world),
      cmocka_unit_test(both_streams_come_in_their_order),
      cmocka_unit_test(of_twenty_supervisors_one_runs),
      cmocka_unit_test(fenced_directory_is_left_alone),
      cmocka_unit_test(missing_spec_is_no_claim),
      cmocka_unit_test(claim_is_given_back_when_no_process_can_be_made),
      cmocka_unit_test(env_file_is_read_when_the_task_starts),
      cmocka_unit_test(unfit_env_file_is_refused),
      cmocka_unit_test(hundred_megabytes_pass_quickly_and_whole),
      cmocka_unit_test(log_over_its_cap_keeps_head_and_tail),
      cmocka_unit_test(full_disk_blocks_nothing_and_is_counted),
      cmocka_unit_test(pipes_in_place_of_the_log_block_nothing),
      cmocka_unit_test(pipe_in_place_of_the_stop_file_blocks_nothing),
      cmocka_unit_test(supervisor_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
