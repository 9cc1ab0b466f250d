/* The transport by child processes against a real sshd on loopback. */
#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/ssh/sshd.h"
#include "tests/unit/unit.h"
#include "worker/ssh/transport/settings.h"
#include "worker/ssh/transport/transport.h"

static char dir[64];
static uv_loop_t loop;

/* A transport under test, and what became of it. */
struct rig {
  struct host_options host;
  struct ssh_settings *settings;
  struct transport *t;
  char address[128], identity[128], known[128];
  bool up, down;
  enum transport_fault fault;
  char text[2048];
};

struct pipe_end { /* a channel */
  struct channel *c;
  struct buf out, noise;
  size_t got;
  bool closed, drained, counts_only;
  char text[512];
};

static void on_up(void *ctx) {
  struct rig *r = ctx;
  r->up = true;
}

static void on_down(void *ctx, const struct transport_end *end) {
  struct rig *r = ctx;
  assert_false(r->down);
  r->down = true;
  r->fault = end->fault;
  snprintf(r->text, sizeof r->text, "%s", end->text);
}

static const struct transport_events transport_events = {.up = on_up, .down = on_down};

static void on_data(void *ctx, const char *bytes, size_t len) {
  struct pipe_end *p = ctx;
  p->got += len;
  if (!p->counts_only) buf_add(&p->out, bytes, len);
}

static void on_noise(void *ctx, const char *bytes, size_t len) {
  struct pipe_end *p = ctx;
  buf_add(&p->noise, bytes, len);
}

static void on_drained(void *ctx) {
  struct pipe_end *p = ctx;
  p->drained = true;
}

static void on_closed(void *ctx, const char *text) {
  struct pipe_end *p = ctx;
  assert_false(p->closed);
  p->closed = true;
  snprintf(p->text, sizeof p->text, "%s", text ? text : "");
}

static const struct channel_events channel_events = {
    .data = on_data, .noise = on_noise, .drained = on_drained, .closed = on_closed};

static void on_tick(uv_timer_t *timer) {
  (void)timer;
}

/* Turns the loop until `flag`, at most 40 s. */
static bool until(const bool *flag) {
  uv_timer_t tick;
  uv_timer_init(&loop, &tick);
  uv_timer_start(&tick, on_tick, 20, 20);
  uint64_t begin = uv_now(&loop);
  while (!*flag && uv_now(&loop) - begin < 20000) uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&tick, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  return *flag;
}

static void rig_start(struct rig *r) {
  r->settings = settings_load(&r->host, NULL);
  struct transport_options options = {.loop = &loop,
                                      .host = &r->host,
                                      .settings = r->settings,
                                      .state_dir = dir,
                                      .events = &transport_events,
                                      .ctx = r};
  r->t = openssh_transport_new(&options);
}

static struct rig *rig_of(const struct sshd *s) {
  struct rig *r = calloc(1, sizeof *r);
  snprintf(r->address, sizeof r->address, "%s@127.0.0.1:%d", user_name(), s->port);
  snprintf(r->identity, sizeof r->identity, "%s/id", dir);
  snprintf(r->known, sizeof r->known, "%s/known", dir);
  r->host = (struct host_options){.name = "h",
                                  .ssh = r->address,
                                  .identity = r->identity,
                                  .known_hosts = r->known,
                                  .transport = HOST_TRANSPORT_OPENSSH};
  return r;
}

static struct rig *rig_up(const struct sshd *s) {
  struct rig *r = rig_of(s);
  rig_start(r);
  until(&r->up);
  if (!r->up) print_error("down: %s\n", r->text);
  assert_true(r->up);
  return r;
}

static void rig_end(struct rig *r) {
  r->t->ops->free(r->t);
  settings_free(r->settings);
  free(r);
}

static void open_in(struct rig *r, struct pipe_end *p) {
  p->c = r->t->ops->open(r->t, &channel_events, p);
}

static void say(struct pipe_end *p, const char *text) {
  p->c->transport->ops->write(p->c, text, strlen(text));
}

static void shut(struct pipe_end *p) {
  p->c->transport->ops->channel_free(p->c);
  buf_release(&p->out);
  buf_release(&p->noise);
}

/* Makes a host and a user's key that it takes, and whose host key is known. */
static struct sshd host_new(const char *name, const char *type, const char *more) {
  struct sshd s = sshd_start(name, type, more);
  if (access("id", F_OK)) sh("ssh-keygen -q -t ed25519 -N '' -f id && cp id.pub authorized");
  return s;
}

static int enter(void **state) {
  (void)state;
  strcpy(dir, "/tmp/rota-openssh-test-XXXXXX");
  return mkdtemp(dir) && chdir(dir) == 0 ? uv_loop_init(&loop) : -1;
}

static int count_children(void) {
  char path[64], line[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *f = fopen(path, "r");
  if (f && !fgets(line, sizeof line, f)) line[0] = '\0';
  if (f) fclose(f);
  int n = 0;
  for (char *c = line; *c; c++) n += *c == ' ';
  return n;
}

/* Whether all that was freed goes by itself, within 5 s. A test that failed leaves its handles. */
static bool quiet(void) {
  for (int i = 0; i < 500 && uv_loop_alive(&loop); i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return uv_loop_close(&loop) == 0;
}

static int leave(void **state) {
  (void)state;
  if (!quiet()) return -1;
  if (count_children() != 0) return -1; /* none runs, none is a zombie */
  return chdir("/") == 0 && dir_remove_at(AT_FDCWD, dir) == 0 ? 0 : -1;
}

static void bytes_go_both_ways(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  struct pipe_end p = {0};
  open_in(r, &p);
  say(&p, "echo out; echo err >&2; exec cat\n");
  while (p.got < 4) uv_run(&loop, UV_RUN_ONCE);
  say(&p, "hello\n");
  p.c->transport->ops->finish(p.c);
  assert_true(until(&p.closed));
  assert_string_equal(buf_cstr(&p.out), "out\nhello\n");
  assert_string_equal(buf_cstr(&p.noise), "err\n");
  assert_string_equal(p.text, "");
  assert_false(r->down);
  shut(&p);
  struct pipe_end q = {0}; /* the end of one doesn't end the connection */
  open_in(r, &q);
  say(&q, "cat; echo end\n");
  q.c->transport->ops->finish(q.c);
  assert_true(until(&q.closed));
  shut(&q);
  rig_end(r);
  sshd_stop(&s);
}

static void eight_channels_share_a_connection(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  struct pipe_end p[8] = {0};
  for (size_t i = 0; i < 8; i++) open_in(r, &p[i]);
  for (size_t i = 0; i < 8; i++) say(&p[i], "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; exit\n");
  for (size_t i = 0; i < 8; i++) assert_true(until(&p[i].closed));
  for (size_t i = 0; i < 8; i++) {
    assert_int_equal(p[i].out.len, 10 * 2 + 90 * 3 + 900 * 4 + 1000 * 5);
    shut(&p[i]);
  }
  sh("test $(grep -c 'Accepted publickey' a/log) = 1");
  rig_end(r);
  sshd_stop(&s);
}

#define BIG (24u * 1024 * 1024)

static void much_goes_over_unharmed_and_waits_when_paused(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  sh("head -c %u /dev/urandom >big", BIG);
  struct rig *r = rig_up(&s);
  struct buf big = {0};
  assert_int_equal(file_read("big", BIG, &big), 0);
  struct pipe_end up = {0}, back = {0};
  open_in(r, &up);
  char line[256];
  snprintf(line, sizeof line, "echo go; exec cat >%s/copy\n", dir);
  say(&up, line);
  while (up.got < 3) uv_run(&loop, UV_RUN_ONCE);
  up.c->transport->ops->write(up.c, big.bytes, big.len);
  assert_true(up.c->transport->ops->waiting(up.c) > BIG / 2);
  assert_true(until(&up.drained));
  up.c->transport->ops->finish(up.c);
  assert_true(until(&up.closed));
  shut(&up);
  sh("cmp big copy");
  back.counts_only = true;
  open_in(r, &back);
  snprintf(line, sizeof line, "exec cat %s/copy\n", dir);
  back.c->transport->ops->pause(back.c, true);
  say(&back, line);
  bool never = false;
  uint64_t begin = uv_now(&loop);
  uv_timer_t tick;
  uv_timer_init(&loop, &tick);
  uv_timer_start(&tick, on_tick, 20, 20);
  while (!never && uv_now(&loop) - begin < 500) uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&tick, NULL);
  assert_int_equal(back.got, 0);
  assert_false(back.closed);
  back.counts_only = false;
  back.c->transport->ops->pause(back.c, false);
  assert_true(until(&back.closed));
  assert_int_equal(back.out.len, BIG);
  assert_memory_equal(back.out.bytes, big.bytes, BIG);
  shut(&back);
  buf_release(&big);
  rig_end(r);
  sshd_stop(&s);
}

/* The faults of connecting, each with the words that must be in the sentence. */
static void expect_down(struct rig *r, enum transport_fault fault, const char *const *words) {
  rig_start(r);
  assert_true(until(&r->down));
  assert_false(r->up);
  if (r->fault != fault) print_error("%d: %s\n", r->fault, r->text);
  assert_int_equal(r->fault, fault);
  for (; *words; words++) {
    if (!strstr(r->text, *words)) print_error("no '%s' in: %s\n", *words, r->text);
    assert_non_null(strstr(r->text, *words));
  }
  rig_end(r);
}

#define EXPECT_DOWN(r, fault, ...) expect_down(r, fault, (const char *const[]){__VA_ARGS__, NULL})

static void fingerprint_of(const char *pub, char out[64]) {
  char command[256], line[256] = "";
  snprintf(command, sizeof command, "ssh-keygen -lf %s", pub);
  FILE *f = popen(command, "r");
  assert_non_null(fgets(line, sizeof line, f));
  pclose(f);
  sscanf(line, "%*s %63s", out); /* NOLINT(cert-err34-c): no numbers */
}

static void keys_that_are_not_trusted_are_told_apart(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  char shown[64], stored[64], place[80];
  struct sshd s = host_new("a", "ed25519", "");
  fingerprint_of("a/host_key.pub", shown);
  EXPECT_DOWN(rig_of(&s), TRANSPORT_UNTRUSTED, "isn't known", shown, "ssh-keyscan -p");
  sh("ssh-keygen -q -t ed25519 -N '' -f other; echo '# first' >known");
  sshd_know(&s, "known", "other.pub");
  fingerprint_of("other.pub", stored);
  snprintf(place, sizeof place, "%s/known:2", dir);
  EXPECT_DOWN(rig_of(&s), TRANSPORT_UNTRUSTED, "CHANGED", shown, stored, place);
  sh("printf '@revoked * %%s\\n' \"$(cut -d' ' -f1,2 a/host_key.pub)\" >>known");
  EXPECT_DOWN(rig_of(&s), TRANSPORT_UNTRUSTED, "revoked");
  sh("rm known");
  struct rig *r = rig_of(&s);
  r->host.accept_new = true;
  rig_start(r);
  assert_true(until(&r->up));
  rig_end(r);
  sh("test $(grep -c ed25519 known) = 1");
  sshd_stop(&s);
}

static void logins_that_fail_are_told_apart(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  sh("echo >authorized");
  EXPECT_DOWN(rig_of(&s), TRANSPORT_DENIED, "doesn't let us in", "authorized_keys", "/id");
  sh("cp id.pub authorized && chmod 644 id");
  EXPECT_DOWN(rig_of(&s), TRANSPORT_DENIED, "chmod 600");
  sshd_stop(&s);
  EXPECT_DOWN(rig_of(&s), TRANSPORT_LOST, "refuses the connection");
  struct rig *r = rig_of(&s);
  r->host.ssh = "nobody@no-such-host.invalid";
  EXPECT_DOWN(r, TRANSPORT_LOST, "no-such-host.invalid can't be resolved");
  r = rig_of(&s);
  r->host.identity = "/no/such/key";
  EXPECT_DOWN(r, TRANSPORT_MISSING, "/no/such/key isn't there");
}

static void a_locked_key_is_opened_by_its_passphrase(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  sh("ssh-keygen -q -t ed25519 -N 'it is $ecret' -f id && cp id.pub authorized && echo 'it is $ecret' "
     ">\"pass'word\"");
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  EXPECT_DOWN(rig_of(&s), TRANSPORT_DENIED, "locked");
  char file[128];
  snprintf(file, sizeof file, "%s/pass'word", dir);
  setenv("ROTA_TEST_PASS", "it is $ecret", 1);
  for (int by_file = 0; by_file < 2; by_file++) {
    struct rig *r = rig_of(&s);
    r->host.passphrase_file = by_file ? file : NULL;
    r->host.passphrase_env = by_file ? NULL : "ROTA_TEST_PASS";
    rig_start(r);
    assert_true(until(&r->up));
    rig_end(r);
  }
  setenv("ROTA_TEST_PASS", "wrong", 1);
  struct rig *r = rig_of(&s);
  r->host.passphrase_env = "ROTA_TEST_PASS";
  EXPECT_DOWN(r, TRANSPORT_DENIED, "locked");
  sh("test -z \"$(ls ssh)\"");
  sshd_stop(&s);
}

/* The line that docs/hosts.md gives. */
static void a_key_that_may_run_only_the_shell_is_enough(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  sh("printf '%%s %%s\\n' 'restrict,from=\"127.0.0.1,::1\",command=\"/bin/sh -s\"' \"$(cat id.pub)\" >authorized");
  struct rig *r = rig_up(&s);
  struct pipe_end p[3] = {0};
  for (size_t i = 0; i < COUNT(p); i++) {
    open_in(r, &p[i]);
    say(&p[i], "echo there; exit\n");
    assert_true(until(&p[i].closed));
    assert_string_equal(buf_cstr(&p[i].out), "there\n");
    shut(&p[i]);
  }
  rig_end(r);
  sh("printf '%%s %%s\\n' 'restrict,from=\"192.0.2.1\",command=\"/bin/sh -s\"' \"$(cat id.pub)\" >authorized");
  EXPECT_DOWN(rig_of(&s), TRANSPORT_DENIED, "doesn't let us in");
  sshd_stop(&s);
}

static void put(const char *path, const char *text) {
  assert_int_equal(file_write(path, text, strlen(text), 0700, false), 0);
}

/* A script `ssh` before all others in the PATH, until path_restore. */
static char *old_path;

static void ssh_replace(const char *script) {
  char path[256];
  sh("mkdir -p bin");
  put("bin/ssh", script);
  snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", dir);
  old_path = strdup(getenv("PATH"));
  setenv("PATH", path, 1);
}

static void path_restore(void) {
  setenv("PATH", old_path, 1);
  free(old_path);
  old_path = NULL;
}

/* What people write for tunnels would leave us without a shell, on the way as at its end. */
static void a_configuration_for_tunnels_takes_no_shell_away(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  char script[256], jump[64];
  struct sshd outer = host_new("outer", "ed25519", ""), last = host_new("last", "ed25519", "");
  sshd_know(&outer, "known", NULL);
  sshd_know(&last, "known", NULL);
  put("config", "Host *\nSessionType none\nStdinNull yes\nForkAfterAuthentication yes\nRequestTTY force\n"
                "RemoteCommand date\nPermitLocalCommand yes\nLocalCommand date\n");
  snprintf(script, sizeof script, "#!/bin/sh\nexec /usr/bin/ssh -F %s/config \"$@\"\n", dir);
  bool known = system("/usr/bin/ssh -F config -G x >/dev/null 2>&1") == 0;
  if (!known) put("config", "Host *\nRequestTTY force\nRemoteCommand date\n"); /* ssh before 8.7 */
  snprintf(jump, sizeof jump, "%s@127.0.0.1:%d", user_name(), outer.port);
  ssh_replace(script);
  for (int i = 0; i < 2; i++) {
    struct rig *r = rig_of(&last);
    r->host.jump = i ? jump : NULL;
    rig_start(r);
    until(&r->up);
    if (!r->up) print_error("down: %s\n", r->text);
    assert_true(r->up);
    assert_int_equal(r->settings->plain_len, known ? 3 : 0);
    struct pipe_end p = {0};
    open_in(r, &p);
    say(&p, "echo there; exit\n");
    assert_true(until(&p.closed));
    assert_string_equal(buf_cstr(&p.out), "there\n");
    shut(&p);
    rig_end(r);
  }
  path_restore();
  sshd_stop(&outer);
  sshd_stop(&last);
}

/* 45 s are too long for a test: the script makes each interval one second. */
static void a_silent_host_is_given_up(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  ssh_replace("#!/bin/sh\n"
              "for word; do\n"
              "  shift\n"
              "  case $word in -oServerAliveInterval=15) word=-oServerAliveInterval=1 ;; esac\n"
              "  set -- \"$@\" \"$word\"\n"
              "done\n"
              "exec /usr/bin/ssh \"$@\"\n");
  struct rig *r = rig_up(&s);
  struct pipe_end p = {0};
  open_in(r, &p);
  say(&p, "echo $PPID; exec sleep 60\n");
  while (!p.out.len && !r->down) uv_run(&loop, UV_RUN_ONCE);
  assert_false(r->down);
  int pid = atoi(buf_cstr(&p.out)); /* NOLINT(cert-err34-c): the sshd of this connection */
  assert_true(pid > 1);
  kill(pid, SIGSTOP);
  assert_true(until(&r->down));
  assert_int_equal(r->fault, TRANSPORT_LOST);
  if (!strstr(r->text, "silent")) print_error("%s\n", r->text);
  assert_non_null(strstr(r->text, "silent"));
  kill(pid, SIGCONT);
  kill(pid, SIGTERM);
  shut(&p);
  rig_end(r);
  path_restore();
  sshd_stop(&s);
}

/* The daemon dies without a word: what it started must go by itself. */
static void children_end_when_we_die(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  int told[2];
  assert_int_equal(pipe(told), 0);
  pid_t pid = fork();
  if (pid == 0) {
    uv_loop_fork(&loop);
    struct rig *r = rig_up(&s);
    struct pipe_end p = {0};
    open_in(r, &p);
    say(&p, "echo there; exec sleep 1\n");
    while (p.got < 6) uv_run(&loop, UV_RUN_ONCE);
    if (write(told[1], "x", 1) == 1) pause();
    _exit(0);
  }
  char x;
  assert_int_equal(read(told[0], &x, 1), 1);
  sh("test $(pgrep -c -f '[C]ontrolPath=.%s') = 2", dir);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  sh("for i in $(seq 100); do pgrep -f '[C]ontrolPath=.%s' >/dev/null || exit 0; sleep 0.1; done; exit 1", dir);
  close(told[0]);
  close(told[1]);
  sshd_stop(&s);
}

static void rsa_alone_is_enough(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  sh("ssh-keygen -q -t rsa -b 2048 -N '' -f id && cp id.pub authorized");
  struct sshd s = host_new("a", "rsa -b 2048", "");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  assert_true(r->settings->rsa_only);
  rig_end(r);
  sshd_stop(&s);
}

static void a_certificate_vouches_for_the_host(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  sh("ssh-keygen -q -t ed25519 -N '' -f ca");
  struct sshd s = host_new("a", "ed25519", "");
  sshd_stop(&s);
  sh("ssh-keygen -q -s ca -I host -h -n 127.0.0.1 a/host_key.pub");
  sh("echo HostCertificate %s/a/host_key-cert.pub >>a/conf", dir);
  sh("printf '@cert-authority [127.0.0.1]:%d %%s\\n' \"$(cat ca.pub)\" >known", s.port);
  sshd_run(&s);
  struct rig *r = rig_up(&s);
  assert_non_null(strstr(r->settings->needs_openssh, "authority"));
  rig_end(r);
  sshd_stop(&s);
}

static void hosts_in_between_are_gone_through(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd outer = host_new("outer", "ed25519", ""), inner = host_new("inner", "ed25519", ""),
              last = host_new("last", "ed25519", "");
  sshd_know(&outer, "known", NULL);
  sshd_know(&inner, "known", NULL);
  sshd_know(&last, "known", NULL);
  char jump[128];
  snprintf(jump, sizeof jump, "%s@127.0.0.1:%d,%s@127.0.0.1:%d", user_name(), outer.port, user_name(), inner.port);
  struct rig *r = rig_of(&last);
  r->host.jump = jump;
  rig_start(r);
  assert_true(until(&r->up));
  assert_int_equal(r->settings->hops_len, 2);
  struct pipe_end p = {0};
  open_in(r, &p);
  say(&p, "echo there; exit\n");
  assert_true(until(&p.closed));
  assert_string_equal(buf_cstr(&p.out), "there\n");
  shut(&p);
  rig_end(r);
  sh("grep -q 'Accepted publickey' outer/log && grep -q 'Accepted publickey' inner/log");
  sshd_stop(&outer);
  r = rig_of(&last);
  r->host.jump = jump;
  char port[16];
  snprintf(port, sizeof port, ":%d refuses", outer.port);
  EXPECT_DOWN(r, TRANSPORT_LOST, port);
  sshd_stop(&inner);
  sshd_stop(&last);
}

static void few_sessions_make_channels_connect_themselves(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "MaxSessions 2");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  struct pipe_end p[3] = {0};
  for (size_t i = 0; i < 3; i++) {
    open_in(r, &p[i]);
    say(&p[i], "echo there; read x; exit\n");
    while (p[i].got < 6 && !p[i].closed) uv_run(&loop, UV_RUN_ONCE);
  }
  for (size_t i = 0; i < 3; i++) {
    assert_false(p[i].closed);
    assert_string_equal(buf_cstr(&p[i].out), "there\n");
    shut(&p[i]);
  }
  rig_end(r);
  sshd_stop(&s);
}

static void a_lost_connection_is_told_once(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  struct pipe_end p = {0};
  open_in(r, &p);
  say(&p, "echo $PPID\n");
  while (p.out.len == 0 || p.out.bytes[p.out.len - 1] != '\n') uv_run(&loop, UV_RUN_ONCE);
  kill((pid_t)strtol(p.out.bytes, NULL, 10), SIGKILL); /* the sshd of this connection */
  assert_true(until(&r->down));
  assert_int_equal(r->fault, TRANSPORT_LOST);
  shut(&p);
  rig_end(r);
  r = rig_up(&s);
  sh("pkill -KILL -P %d -f [C]ontrolMaster=yes", (int)getpid()); /* our own child */
  assert_true(until(&r->down));
  assert_int_equal(r->fault, TRANSPORT_LOST);
  rig_end(r);
  sshd_stop(&s);
}

static void it_is_freed_in_every_state(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  for (int turns = 0; turns < 60; turns += 6) {
    struct rig *r = rig_of(&s);
    rig_start(r);
    struct pipe_end p = {0};
    for (int i = 0; i < turns; i++) {
      uv_run(&loop, r->up ? UV_RUN_NOWAIT : UV_RUN_ONCE);
      if (r->up && !p.c) {
        open_in(r, &p);
        say(&p, "cat /dev/zero\n");
      }
    }
    if (p.c) shut(&p);
    rig_end(r);
  }
  sshd_stop(&s);
}

static void nothing_of_ours_leaks_into_the_children(void **state) {
  (void)state;
  if (sshd_missing()) skip();
  struct sshd s = host_new("a", "ed25519", "");
  sshd_know(&s, "known", NULL);
  struct rig *r = rig_up(&s);
  sh("pid=$(pgrep -P %d -f [C]ontrolMaster=yes) && ! ls -l /proc/$pid/fd | grep -q 'anon_inode' && "
     "test $(ps -o sid= -p $pid) = $pid && stat -c %%a ssh | grep -qx 700",
     (int)getpid());
  rig_end(r);
  sh("test -z \"$(ls ssh)\"");
  sshd_stop(&s);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  unsetenv("SSH_AUTH_SOCK");
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(bytes_go_both_ways),
      TEST(eight_channels_share_a_connection),
      TEST(much_goes_over_unharmed_and_waits_when_paused),
      TEST(keys_that_are_not_trusted_are_told_apart),
      TEST(logins_that_fail_are_told_apart),
      TEST(a_key_that_may_run_only_the_shell_is_enough),
      TEST(a_configuration_for_tunnels_takes_no_shell_away),
      TEST(a_silent_host_is_given_up),
      TEST(a_locked_key_is_opened_by_its_passphrase),
      TEST(children_end_when_we_die),
      TEST(rsa_alone_is_enough),
      TEST(a_certificate_vouches_for_the_host),
      TEST(hosts_in_between_are_gone_through),
      TEST(few_sessions_make_channels_connect_themselves),
      TEST(a_lost_connection_is_told_once),
      TEST(it_is_freed_in_every_state),
      TEST(nothing_of_ours_leaks_into_the_children),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
