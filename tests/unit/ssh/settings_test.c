/* What ssh_config and the options of a host make of it. `ssh` is a script that adds a configuration of the test's. */
#include "worker/ssh/transport/settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/unit.h"
#include "worker/ssh/transport/ssh_config.h"

static char dir[64];

static void run(const char *command) {
  assert_int_equal(system(command), 0);
}

static void put(const char *path, const char *text) {
  assert_int_equal(file_write(path, text, strlen(text), 0700, false), 0);
}

static int enter(void **state) {
  (void)state;
  char path[128], script[256];
  strcpy(dir, "/tmp/rota-settings-test-XXXXXX");
  if (!mkdtemp(dir) || chdir(dir)) return -1;
  snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", dir);
  snprintf(script, sizeof script, "#!/bin/sh\nexec /usr/bin/ssh -F %s/config \"$@\"\n", dir);
  mkdir("bin", 0700);
  put("bin/ssh", script);
  put("config", "");
  setenv("PATH", path, 1);
  setenv("HOME", dir, 1);
  unsetenv("SSH_AUTH_SOCK");
  return 0;
}

static int leave(void **state) {
  (void)state;
  return chdir("/") == 0 && dir_remove_at(AT_FDCWD, dir) == 0 ? 0 : -1;
}

static struct ssh_settings *ask(const char *ssh) {
  struct host_options host = {.name = "h", .ssh = ssh};
  return settings_load(&host, NULL);
}

static void addresses_have_parts(void **state) {
  (void)state;
  static const struct {
    const char *text, *user, *host;
    int port; /* -1: none of these */
  } rows[] = {
      {"gpu01", NULL, "gpu01", 0},
      {"a@gpu01", "a", "gpu01", 0},
      {"a@gpu01:2222", "a", "gpu01", 2222},
      {"a@b@gpu01", "a@b", "gpu01", 0},
      {"[::1]:22", NULL, "::1", 22},
      {"a@[::1]", "a", "::1", 0},
      {"fe80::1", NULL, "fe80::1", 0},
      {"", NULL, "", -1},
      {"a@", NULL, "", -1},
      {"gpu01:", NULL, "", -1},
      {"gpu01:0", NULL, "", -1},
      {"gpu01:65536", NULL, "", -1},
      {"gpu01:2x", NULL, "", -1},
      {"[::1", NULL, "", -1},
      {"-oProxyCommand=x", NULL, "", -1},
      {"-lroot@gpu01", NULL, "", -1},
      {"@gpu01", NULL, "", -1},
      {"a@-x", NULL, "", -1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct arena a = {0};
    const char *user, *host;
    uint16_t port;
    bool good = settings_split(&a, rows[i].text, &user, &host, &port);
    if (good != (rows[i].port >= 0)) print_error("%s\n", rows[i].text);
    assert_int_equal(good, rows[i].port >= 0);
    if (good) {
      assert_string_equal(host, rows[i].host);
      assert_int_equal(port, rows[i].port);
      assert_string_equal(user ? user : "-", rows[i].user ? rows[i].user : "-");
    }
    arena_release(&a);
  }
}

static void what_ssh_prints_is_read(void **state) {
  (void)state;
  static const char text[] =
      "user etl\nhostname gpu01.example\nport 2222\nidentityfile ~/.ssh/a key\nidentityfile none\n"
      "userknownhostsfile /a /b\nproxyjump none\nproxycommand nc %h %p\nidentitiesonly yes\n"
      "pubkeyauthentication false\nrubbish\n\nport 99999\nunknown thing\nidentityagent none";
  struct arena a = {0};
  struct ssh_config c;
  ssh_config_parse(&a, text, sizeof text - 1, &c);
  assert_string_equal(c.user, "etl");
  assert_string_equal(c.hostname, "gpu01.example");
  assert_int_equal(c.port, 2222);
  assert_int_equal(c.identities.len, 1);
  assert_string_equal(c.identities.items[0], "~/.ssh/a key");
  assert_int_equal(c.user_known_hosts.len, 2);
  assert_string_equal(c.user_known_hosts.items[1], "/b");
  assert_null(c.proxy_jump);
  assert_string_equal(c.proxy_command, "nc %h %p");
  assert_string_equal(c.identity_agent, "none");
  assert_true(c.identities_only && c.no_public_key);
  arena_release(&a);
}

static void ssh_config_is_followed_and_options_win(void **state) {
  (void)state;
  if (access("/usr/bin/ssh", X_OK)) skip();
  run("ssh-keygen -q -t ed25519 -N '' -f one && ssh-keygen -q -t ed25519 -N secret -f two");
  char config[1024], one[128];
  snprintf(config, sizeof config,
           "Host gpu\n HostName 127.0.0.7\n User etl\n Port 2200\n IdentityFile %s/two\n IdentityFile %s/none\n"
           " UserKnownHostsFile %s/kh\n HostKeyAlias pool\n",
           dir, dir, dir);
  put("config", config);
  struct ssh_settings *s = ask("gpu");
  assert_null(s->trouble);
  assert_null(s->needs_openssh);
  assert_string_equal(s->address, "etl@127.0.0.7:2200");
  assert_string_equal(s->key_name, "pool");
  assert_int_equal(s->key_port, 22);
  assert_int_equal(s->identities_len, 1);
  assert_true(s->identities[0].encrypted);
  assert_int_equal(s->identities[0].type, KEY_TYPE_ED25519);
  settings_free(s);
  s = ask("ml@gpu:2201");
  assert_string_equal(s->address, "ml@127.0.0.7:2201");
  settings_free(s);
  snprintf(one, sizeof one, "%s/one", dir);
  struct host_options host = {.name = "h", .ssh = "gpu", .identity = one, .known_hosts = "/dev/null"};
  s = settings_load(&host, NULL);
  assert_int_equal(s->identities_len, 1);
  assert_string_equal(s->identities[0].path, one);
  assert_false(s->identities[0].encrypted);
  assert_true(s->identities_only);
  assert_string_equal(s->known_hosts_files[0], "/dev/null");
  settings_free(s);
}

static void what_only_ssh_can_do_is_noticed(void **state) {
  (void)state;
  if (access("/usr/bin/ssh", X_OK)) skip();
  static const struct {
    const char *config, *word; /* NULL: libssh2 may try */
  } rows[] = {
      {"", NULL},
      {"ProxyCommand nc %h %p\n", "ProxyCommand"},
      {"PKCS11Provider /usr/lib/x.so\n", "PKCS11Provider"},
      {"PubkeyAuthentication no\n", "PubkeyAuthentication"},
      {"KnownHostsCommand /bin/true\n", "KnownHostsCommand"},
      {"RevokedHostKeys /tmp/revoked\n", "RevokedHostKeys"},
      {"BindAddress 127.0.0.1\n", "binds"},
      {"IdentityFile id\nCertificateFile id-cert.pub\n", "certificate"},
      {"UserKnownHostsFile ca\n", "authority"},
      {"UserKnownHostsFile ca plain\n", NULL},
      {"Host h\nProxyJump hop\nHost hop\nProxyCommand nc %h %p\n", "ProxyCommand for hop"},
      {"Host h\nProxyJump hop\n", NULL},
  };
  run("ssh-keygen -q -t ed25519 -N '' -f id; k=$(cut -d' ' -f1,2 id.pub); echo \"@cert-authority * $k\" >ca; echo "
      "\"h $k\" >plain");
  for (size_t i = 0; i < COUNT(rows); i++) {
    put("config", rows[i].config);
    struct ssh_settings *s = ask("h");
    const char *said = s->needs_openssh ? s->needs_openssh : "";
    if (s->trouble || (rows[i].word ? !strstr(said, rows[i].word) : *said)) {
      print_error("%s-> %s %s\n", rows[i].config, said, s->trouble ? s->trouble : "");
      fail();
    }
    settings_free(s);
  }
}

static void keys_are_told_by_their_files(void **state) {
  (void)state;
  if (access("/usr/bin/ssh-keygen", X_OK)) skip();
  run("ssh-keygen -q -t rsa -b 2048 -N '' -f rsa; ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -f pem;"
      "ssh-keygen -q -t ecdsa -N '' -m PEM -f ec; cp rsa.pub public; echo junk >junk; cp ec alone");
  static const struct {
    const char *file;
    enum key_type type;
    bool encrypted, public_only;
  } rows[] = {{"rsa", KEY_TYPE_RSA, false, false},
              {"pem", KEY_TYPE_RSA, true, false},
              {"ec", KEY_TYPE_ECDSA256, false, false},
              {"alone", KEY_TYPES, false, false},
              {"public", KEY_TYPE_RSA, false, true}};
  struct arena a = {0};
  struct identity id;
  for (size_t i = 0; i < COUNT(rows); i++) {
    assert_int_equal(identity_read(&a, rows[i].file, &id), 0);
    assert_int_equal(id.type, rows[i].type);
    assert_int_equal(id.encrypted, rows[i].encrypted);
    assert_int_equal(id.public_only, rows[i].public_only);
  }
  assert_int_not_equal(identity_read(&a, "junk", &id), 0);
  assert_int_not_equal(identity_read(&a, "missing", &id), 0);
  arena_release(&a);
}

static void hops_come_with_those_that_they_need(void **state) {
  (void)state;
  if (access("/usr/bin/ssh", X_OK)) skip();
  put("config", "Host inner\n ProxyJump outer\n HostName 10.0.0.2\nHost outer\n HostName 10.0.0.1\n Port 2022\n");
  struct host_options host = {.name = "h", .ssh = "last", .jump = "inner,ml@next:24"};
  struct ssh_settings *s = settings_load(&host, NULL);
  assert_null(s->trouble);
  assert_int_equal(s->hops_len, 3);
  assert_string_equal(s->hops[0].hostname, "10.0.0.1");
  assert_int_equal(s->hops[0].port, 2022);
  assert_string_equal(s->hops[1].hostname, "10.0.0.2");
  assert_non_null(strstr(s->hops[2].address, "ml@next:24"));
  settings_free(s);
  put("config", "Host *\n ProxyJump loop\n");
  host.jump = NULL;
  s = settings_load(&host, NULL);
  assert_non_null(s->trouble);
  settings_free(s);
}

static void troubles_are_sentences(void **state) {
  (void)state;
  if (access("/usr/bin/ssh", X_OK)) skip();
  put("config", "NoSuchOption yes\n");
  struct ssh_settings *s = ask("h");
  assert_non_null(strstr(s->trouble, "`ssh -G h` fails"));
  settings_free(s);
  s = ask("gpu:x");
  assert_non_null(strstr(s->trouble, "USER@ADDRESS:PORT"));
  settings_free(s);
  put("bin/ssh", "#!/bin/sh\nexec sleep 60\n");
  atomic_bool cancelled = true;
  struct host_options host = {.name = "h", .ssh = "h"};
  s = settings_load(&host, &cancelled);
  assert_non_null(s->trouble);
  settings_free(s);
}

static void without_ssh_the_options_count(void **state) {
  (void)state;
  setenv("PATH", "/nowhere", 1);
  struct ssh_settings *s = ask("etl@gpu01");
  assert_null(s->trouble);
  assert_null(s->ssh_program);
  assert_string_equal(s->address, "etl@gpu01:22");
  settings_free(s);
}

static void what_was_asked_with_may_go(void **state) {
  (void)state;
  char address[] = "gpu:x", known[] = "/dev/null";
  struct host_options host = {.name = "h", .ssh = address, .known_hosts = known};
  struct ssh_settings *s = settings_load(&host, NULL);
  memset(address, '!', sizeof address - 1);
  memset(known, '!', sizeof known - 1);
  assert_string_equal(s->known_hosts_files[0], "/dev/null");
  assert_string_equal(s->alias, "gpu:x");
  settings_free(s);
}

static void on_settings(void *ctx, struct ssh_settings *s) {
  struct ssh_settings **out = ctx;
  *out = s;
}

static void they_are_asked_for_on_the_pool(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  char known[] = "/nowhere/known_hosts";
  struct host_options host = {.name = "h", .ssh = "etl@gpu01", .known_hosts = known};
  struct ssh_settings *got = NULL, *none = NULL;
  settings_ask(&loop, &host, on_settings, &got);
  settings_cancel(settings_ask(&loop, &host, on_settings, &none));
  assert_null(got);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_non_null(got);
  assert_null(none);
  /* It outlives the query and the options: under a sanitizer this tells. */
  memset(known, 'x', sizeof known - 1);
  assert_string_equal(got->known_hosts_files[0], "/nowhere/known_hosts");
  settings_free(got);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(addresses_have_parts),
      TEST(what_ssh_prints_is_read),
      TEST(ssh_config_is_followed_and_options_win),
      TEST(what_only_ssh_can_do_is_noticed),
      TEST(keys_are_told_by_their_files),
      TEST(hops_come_with_those_that_they_need),
      TEST(troubles_are_sentences),
      TEST(without_ssh_the_options_count),
      TEST(what_was_asked_with_may_go),
      TEST(they_are_asked_for_on_the_pool),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
