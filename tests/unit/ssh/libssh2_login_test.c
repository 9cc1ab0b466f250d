// time-limit: 120
#include "tests/unit/ssh/libssh2_party.h"

#include <sys/socket.h>
#include <sys/stat.h>

static void a_key_file_lets_in_and_a_shell_answers(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_up(&p);
  assert_string_equal(p.t->kind, "libssh2");
  assert_string_equal(p.t->address, ssh_of("a"));
  struct talk k;
  talk_begin(&p, &k);
  say(&k, "echo hello; echo oh >&2; exit 3\n");
  WAIT(&p, k.closed);
  assert_false(k.lost);
  assert_string_equal(buf_cstr(&k.out), "hello\n");
  assert_string_equal(buf_cstr(&k.noise), "oh\n");
  talk_end(&k);
  party_end(&p);
}

static void the_agents_key_lets_in(void **state) {
  NEEDS_SSHD();
  setenv("SSH_AUTH_SOCK", sshd_text(&net, "agent"), 1);
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = NULL;
  party_up(&p);
  party_end(&p);
  unsetenv("SSH_AUTH_SOCK");
}

static void an_agent_that_hangs_is_left_after_the_time(void **state) {
  NEEDS_SSHD();
  char path[100];
  snprintf(path, sizeof path, "%s/hanging", sshd_text(&net, "root"));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un_like {
    sa_family_t family;
    char path[108];
  } address = {AF_UNIX, ""};
  memcpy(address.path, path, strlen(path) + 1);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 5), 0);
  setenv("SSH_AUTH_SOCK", path, 1);
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = NULL;
  p.times.connect = 1500;
  party_fails(&p, TRANSPORT_LOST, "took too long");
  p.t->ops->free(p.t); /* while the job on the pool still waits */
  p.t = NULL;
  settings_free(p.settings);
  p.settings = NULL;
  run_for(&p, 50);
  int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
  close(taken);
  close(fd);
  party_end(&p);
  unsetenv("SSH_AUTH_SOCK");
}

static void an_encrypted_key_needs_its_passphrase(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  party_fails(&p, TRANSPORT_DENIED, "needs a passphrase");
  party_end(&p);

  char path[512];
  snprintf(path, sizeof path, "%s/passphrase", sshd_text(&net, "root"));
  FILE *f = fopen(path, "w");
  fputs("open sesame\n", f);
  fclose(f);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_file = path;
  party_up(&p);
  party_end(&p);

  setenv("TEST_PASSPHRASE", "open sesame", 1);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_env = "TEST_PASSPHRASE";
  party_up(&p);
  party_end(&p);

  setenv("TEST_PASSPHRASE", "wrong", 1);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "locked");
  p.host.passphrase_env = "TEST_PASSPHRASE";
  party_fails(&p, TRANSPORT_DENIED, "locked (");
  party_end(&p);
}

static void a_key_that_is_refused_is_named(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "stranger");
  party_fails(&p, TRANSPORT_DENIED, "stranger (refused)");
  assert_non_null(strstr(p.text, "publickey"));
  party_end(&p);
}

static void an_unknown_host_is_refused_with_what_to_do(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "# nobody\n");
  party_fails(&p, TRANSPORT_UNTRUSTED, sshd_host(&net, "a", "fingerprint"));
  assert_non_null(strstr(p.text, "ssh-keyscan"));
  party_end(&p);
}

static void an_unknown_host_is_written_down_if_that_is_wanted(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "# nobody\n");
  p.host.accept_new = true;
  party_up(&p);
  char line[1024] = "";
  FILE *f = fopen(p.known, "r");
  while (fgets(line, sizeof line, f)) {
  }
  fclose(f);
  assert_non_null(strstr(line, strchr(sshd_host(&net, "a", "key"), ' ')));
  party_end(&p);
}

static void a_changed_key_is_never_taken(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  party_knows(&p, "[127.0.0.1]:%d %s\n", port_of("a"), sshd_host(&net, "b", "key"));
  p.host.accept_new = true;
  party_fails(&p, TRANSPORT_UNTRUSTED, sshd_host(&net, "a", "fingerprint"));
  assert_non_null(strstr(p.text, sshd_host(&net, "b", "fingerprint")));
  assert_non_null(strstr(p.text, ":1"));
  party_end(&p);
}

static void a_revoked_key_is_never_taken(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("a"));
  const char *key = sshd_host(&net, "a", "key");
  party_knows(&p, "[127.0.0.1]:%d %s\n@revoked * %s\n", port_of("a"), key, key);
  party_fails(&p, TRANSPORT_UNTRUSTED, "revoked");
  party_end(&p);
}

static void the_known_key_of_several_is_asked_for(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("many"));
  json_t *key = sshd_ask(&net, "[\"act\", \"many\", \"public_key\", \"ecdsa\"]");
  party_knows(&p, "[127.0.0.1]:%d %s\n", port_of("many"), json_string_value(key));
  json_decref(key);
  party_up(&p);
  party_end(&p);
}

static void rsa_is_left_to_the_other_transport(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, ssh_of("rsa"));
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  bool old = p.down;
  party_end(&p);
  party_init(&p, ssh_of("rsa"));
  party_knows(&p, "# nobody\n");
  p.host.accept_new = true;
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  assert_int_equal(p.down, old);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  party_end(&p);
  party_init(&p, ssh_of("a"));
  p.host.identity = sshd_key(&net, "rsa");
  party_begin(&p);
  WAIT(&p, p.up || p.down);
  assert_int_equal(p.down, old);
  if (p.down) assert_int_equal(p.fault, TRANSPORT_UNSUITABLE);
  party_end(&p);
}

static void a_port_where_nobody_listens_is_lost(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, "127.0.0.1:1");
  party_fails(&p, TRANSPORT_LOST, "refused");
  party_end(&p);
  party_init(&p, "no-such-host.invalid");
  party_fails(&p, TRANSPORT_LOST, "no-such-host.invalid");
  party_end(&p);
}

static void two_jumps_lead_to_the_host(void **state) {
  NEEDS_SSHD();
  char jump[256];
  snprintf(jump, sizeof jump, "%s,%s", ssh_of("b"), ssh_of("many"));
  struct party p;
  party_init(&p, ssh_of("a"));
  p.host.jump = jump;
  party_up(&p);
  struct talk k;
  talk_begin(&p, &k);
  k.counting = true;
  send_through(&k, "cat", 8 << 20);
  WAIT(&p, k.closed);
  assert_int_equal(k.count, k.to_send);
  assert_int_equal(k.sum, k.sent_sum);
  talk_end(&k);
  party_end(&p);
}

static void a_jump_that_leads_nowhere_is_told_of(void **state) {
  NEEDS_SSHD();
  struct party p;
  party_init(&p, "127.0.0.1:1");
  p.host.jump = ssh_of("b");
  party_fails(&p, TRANSPORT_LOST, "makes no connection");
  party_end(&p);
}

static int begin(void **state) {
  (void)state;
  return party_hosts("{\"hosts\": [{\"name\": \"a\"}, {\"name\": \"b\"},"
                     "{\"name\": \"many\", \"keys\": [\"rsa\", \"ecdsa\", \"ed25519\"]},"
                     "{\"name\": \"rsa\", \"keys\": [\"rsa\"]}],"
                     "\"keys\": [{\"name\": \"locked\", \"passphrase\": \"open sesame\"},"
                     "{\"name\": \"rsa\", \"kind\": \"rsa\"},"
                     "{\"name\": \"stranger\", \"authorized\": false}], \"agent\": [\"id\"]}");
}

static int end(void **state) {
  (void)state;
  sshd_end(&net);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_file_lets_in_and_a_shell_answers),
      cmocka_unit_test(the_agents_key_lets_in),
      cmocka_unit_test(an_agent_that_hangs_is_left_after_the_time),
      cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
      cmocka_unit_test(a_key_that_is_refused_is_named),
      cmocka_unit_test(an_unknown_host_is_refused_with_what_to_do),
      cmocka_unit_test(an_unknown_host_is_written_down_if_that_is_wanted),
      cmocka_unit_test(a_changed_key_is_never_taken),
      cmocka_unit_test(a_revoked_key_is_never_taken),
      cmocka_unit_test(the_known_key_of_several_is_asked_for),
      cmocka_unit_test(rsa_is_left_to_the_other_transport),
      cmocka_unit_test(a_port_where_nobody_listens_is_lost),
      cmocka_unit_test(two_jumps_lead_to_the_host),
      cmocka_unit_test(a_jump_that_leads_nowhere_is_told_of),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
