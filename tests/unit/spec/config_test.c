#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/config.h"
#include "tests/unit/spec/cases.h"

static struct config *read_with(const char *text, size_t len, struct diag_list *d) {
  diag_init(d, "/etc/rota/rota.yaml", text, len);
  return config_read("/etc/rota/rota.yaml", text, len, "/etc/rota", "/home/me", 8, "Europe/Oslo", d);
}

static struct config *read_good(const char *text) {
  struct diag_list d;
  struct buf out = {0};
  struct config *c = read_with(text, strlen(text), &d);
  diag_render(&d, &out, false);
  if (!c) {
    fail_msg("%s", buf_cstr(&out));
    abort(); /* fail_msg never returns, which the checkers do not know */
  }
  buf_release(&out);
  diag_release(&d);
  return c;
}

static void run_bad(const char *input, size_t len, struct buf *out) {
  struct diag_list d;
  struct config *c = read_with(input, len, &d);
  assert_int_equal(c != NULL, d.errors == 0);
  cases_render(&d, out);
  config_free(c);
  diag_release(&d);
}

static void bad_configurations_are_told_what_is_wrong(void **state) {
  (void)state;
  size_t count = 0;
  assert_int_equal(cases_check("tests/unit/spec/bad_configs.txt", run_bad, &count), 0);
  assert_true(count >= 29);
}

static void without_a_file_everything_has_a_default(void **state) {
  struct diag_list d;
  (void)state;
  diag_init(&d, NULL, NULL, 0);
  struct config *c = config_read(NULL, NULL, 0, "/srv/rota", "/home/me", 4, "UTC", &d);
  assert_non_null(c);
  assert_string_equal(c->dags, "/srv/rota/dags");
  assert_string_equal(c->state, "/home/me/.local/state/rota");
  assert_string_equal(c->timezone, "UTC");
  assert_int_equal(c->hosts_len, 1);
  assert_string_equal(c->hosts[0].name, "local");
  assert_string_equal(c->hosts[0].slots[0].name, "cpu");
  assert_int_equal(c->hosts[0].slots[0].units_len, 4);
  assert_int_equal(c->retention_days, 90);
  assert_int_equal(c->retention_runs, 1000);
  assert_int_equal(c->log_cap, INT64_C(1) << 30);
  assert_null(c->backup.dir);
  assert_int_equal(c->backup.keep, 14);
  config_free(c);
  diag_release(&d);
  c = read_good("\n  \n");
  config_free(c);
}

static void every_key_is_taken(void **state) {
  (void)state;
  struct config *c = read_good(
      "dags: ../pipelines\nstate: ~/state\nlisten: \"[::1]:9090\"\ntimezone: America/New_York\nmax_tasks: 50\n"
      "slots: {gpu: [a, b]}\nlimits: {warehouse: 3, licence: 0}\nenv_file: /etc/rota/all.env\nenv: {A: \"1\", B: "
      "010}\n"
      "host_defaults: {slots: {gpu: 2}, root: /scratch/rota, env: {D: d}, transport: openssh, accept_new: true}\n"
      "hosts:\n  gpu[09-11]: {ssh: \"ml@{name}.example\", identity: ~/.ssh/id, jump: bastion, env_file: /x, env: {H: "
      "h}}\n"
      "  db01: {slots: {cpu: 4}, max_tasks: 2, path: /opt/bin, transport: libssh2, known_hosts: 'keys/{name}', "
      "passphrase_file: pass, accept_new: false}\n  plain:\n"
      "  local: {max_tasks: 6, env: {L: l}}\n"
      "backup: {dir: copies, at: \"4:05\", keep: 3}\ngroups: {gpus: \"gpu[09-10]\", all: [local, db01, "
      "gpu11]}\nretention: {days: 30, runs: 10}\nlog: {cap: "
      "64MiB}\n");
  assert_string_equal(c->dags, "/etc/rota/../pipelines");
  assert_string_equal(c->state, "/home/me/state");
  assert_string_equal(c->timezone, "America/New_York");
  assert_int_equal(c->max_tasks, 50);
  assert_int_equal(c->log_cap, 64 << 20);
  assert_string_equal(c->backup.dir, "/etc/rota/copies");
  assert_int_equal(c->backup.at.hours, 1 << 4);
  assert_int_equal(c->backup.at.minutes, 1 << 5);
  assert_int_equal(c->backup.keep, 3);
  assert_int_equal(c->hosts_len, 6);
  assert_string_equal(c->hosts[0].name, "local");
  assert_int_equal(c->hosts[0].slots_len, 2); /* cpu is always there */
  assert_string_equal(c->hosts[0].slots[1].units[1], "b");
  assert_int_equal(c->hosts[0].max_tasks, 6);
  const struct config_host *gpu = &c->hosts[config_host(c, "gpu09")];
  assert_string_equal(gpu->ssh, "ml@gpu09.example");
  assert_string_equal(gpu->identity, "/home/me/.ssh/id");
  assert_string_equal(gpu->root, "/scratch/rota");
  assert_string_equal(gpu->transport, "openssh");
  assert_true(gpu->accept_new);
  assert_int_equal(gpu->env_len, 3);
  assert_string_equal(gpu->env[0].name, "D");
  assert_string_equal(gpu->env[1].file, "/x");
  assert_true(config_host(c, "gpu10") > 0 && config_host(c, "gpu11") > 0 && config_host(c, "gpu12") < 0);
  const struct config_host *db = &c->hosts[config_host(c, "db01")];
  assert_string_equal(db->ssh, "db01");
  assert_string_equal(db->transport, "libssh2");
  assert_string_equal(db->root, "/scratch/rota");
  assert_string_equal(db->known_hosts, "/etc/rota/keys/db01");
  assert_string_equal(db->passphrase_file, "/etc/rota/pass");
  assert_false(db->accept_new);
  assert_string_equal(db->slots[0].name, "cpu");
  assert_int_equal(c->groups[config_group(c, "gpus")].hosts_len, 2);
  assert_int_equal(c->groups[config_group(c, "all")].hosts[0], 0);
  assert_int_equal(c->limits[1].units_len, 0);
  assert_string_equal(c->env[0].file, "/etc/rota/all.env");
  assert_string_equal(c->env[2].value, "010");
  config_free(c);
}

static void paths_begin_where_they_are_written(void **state) {
  (void)state;
  static const struct {
    const char *path, *base, *home, *out;
  } rows[] = {
      {"/x", "/etc/rota", "/home/me", "/x"},          {"x/y", "/etc/rota", "/home/me", "/etc/rota/x/y"},
      {"x", "/etc/rota/", "/home/me", "/etc/rota/x"}, {"\"\"", "/etc/rota", "/home/me", "/etc/rota"},
      {".", "/etc/rota", "/home/me", "/etc/rota"},    {"x", "", "/home/me", "/x"},
      {"\"~\"", "/etc", "/home/me", "/home/me"},      {"\"~/x\"", "/etc", "/home/me", "/home/me/x"},
      {"\"~x\"", "/etc", "/home/me", "/etc/~x"},      {"\"~/x\"", "/etc", NULL, "/etc/~/x"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[64];
    struct diag_list d;
    snprintf(text, sizeof text, "dags: %s\n", rows[i].path);
    diag_init(&d, "rota.yaml", text, strlen(text));
    struct config *c = config_read("rota.yaml", text, strlen(text), rows[i].base, rows[i].home, 8, NULL, &d);
    assert_non_null(c);
    if (strcmp(c->dags, rows[i].out) != 0) fail_msg("%s from %s is %s", rows[i].path, rows[i].base, c->dags);
    assert_string_equal(c->timezone, "UTC"); /* where the machine has none */
    config_free(c);
    diag_release(&d);
  }
}

static void more_than_there_can_be_is_told(void **state) {
  (void)state;
  static const struct {
    const char *begin, *item, *end, *message;
    size_t count;
  } rows[] = {
      {"trusted_proxies: [", "10.0.0.1, ", "10.0.0.2]\n", "'trusted_proxies' has more than 100 entries", 101},
      {"slots:\n  gpu: [", "x, ", "y]\n", "'gpu' has more than 10000 units", 10001},
      {"# ", "0123456789", "\n", "the file is over 1 MiB", 110000},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct buf text = {0};
    struct diag_list d;
    buf_str(&text, rows[i].begin);
    for (size_t k = 0; k < rows[i].count; k++) buf_str(&text, rows[i].item);
    buf_str(&text, rows[i].end);
    assert_null(read_with(buf_cstr(&text), text.len, &d));
    assert_string_equal(d.items[0].message, rows[i].message);
    diag_release(&d);
    buf_release(&text);
  }
}

static void the_door_is_read(void **state) {
  (void)state;
  struct net_address in, out;
  struct config *c = read_good("listen: \"[::]:8443\"\ntls: {certificate: tls/cert.pem, key: /k.pem}\n"
                               "public_url: https://rota.example/\ntrusted_proxies: [127.0.0.1, 10.0.0.0/8]\n"
                               "socket: {group: ml, role: operator}\n");
  assert_string_equal(c->listen, "[::]:8443");
  assert_true(c->listen_written);
  assert_string_equal(c->tls_certificate, "/etc/rota/tls/cert.pem");
  assert_string_equal(c->tls_key, "/k.pem");
  assert_string_equal(c->public_url, "https://rota.example/");
  assert_int_equal(c->proxies_len, 2);
  assert_true(net_address_parse("10.9.9.9", &in) && net_range_has(&c->proxies[1], &in));
  assert_true(net_address_parse("11.0.0.1", &out) && !net_range_has(&c->proxies[1], &out));
  assert_string_equal(c->socket_group, "ml");
  assert_string_equal(c->socket_role, "operator");
  config_free(c);
  c = read_good("listen: none\ntrusted_proxies: 127.0.0.1\n");
  assert_string_equal(c->listen, "none");
  assert_int_equal(c->proxies_len, 1);
  config_free(c);
  c = read_good("listen: 0.0.0.0:80\ntrusted_proxies: [10.1.0.0/16]\n");
  assert_null(config_listen_objection(c));
  config_free(c);
  c = read_good("slots: {cpu: 1}\n");
  assert_false(c->listen_written);
  c->listen = "10.0.0.5:8080"; /* as a flag may say */
  assert_non_null(config_listen_objection(c));
  config_free(c);
}

static void env_files_start_at_the_configuration_on_this_machine(void **state) {
  (void)state;
  struct config *c = read_good(
      "env_file: [secrets.env, ~/home.env, /abs.env]\nhosts:\n  local: {env_file: ./local.env}\n  far: {env_file: "
      "far.env}\n");
  assert_string_equal(c->env[0].file, "/etc/rota/secrets.env");
  assert_string_equal(c->env[1].file, "~/home.env");
  assert_string_equal(c->env[2].file, "/abs.env");
  assert_string_equal(c->hosts[0].env[0].file, "/etc/rota/local.env");
  assert_string_equal(c->hosts[config_host(c, "far")].env[0].file, "far.env");
  config_free(c);
}

static void a_backup_is_due_at_a_time_of_day_or_by_cron(void **state) {
  static const struct {
    const char *at, *cron;
  } cases[] = {{"03:30", "30 3 * * *"},   {"\"0:00\"", "0 0 * * *"},        {"23:59", "59 23 * * *"},
               {"'@daily'", "0 0 * * *"}, {"'15 2 * * sun'", "15 2 * * 0"}, {"'*/20 * * * *'", "*/20 * * * *"}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[80];
    struct cron cron;
    snprintf(text, sizeof text, "backup:\n  dir: /b\n  at: %s\n", cases[i].at);
    struct config *c = read_good(text);
    assert_int_equal(cron_parse(cases[i].cron, &cron, &(struct cron_fault){0}), 0);
    assert_int_equal(c->backup.at.minutes, cron.minutes);
    assert_int_equal(c->backup.at.hours, cron.hours);
    assert_int_equal(c->backup.at.days, cron.days);
    assert_int_equal(c->backup.at.weekdays, cron.weekdays);
    assert_int_equal(c->backup.at.elapsed_time, cron.elapsed_time);
    config_free(c);
  }
  struct config *c = read_good("backup: {dir: ~/copies}\n");
  assert_string_equal(c->backup.dir, "/home/me/copies");
  assert_int_equal(c->backup.at.hours, 1 << 3);
  assert_int_equal(c->backup.at.minutes, 1 << 30);
  config_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_configurations_are_told_what_is_wrong),
      cmocka_unit_test(without_a_file_everything_has_a_default),
      cmocka_unit_test(every_key_is_taken),
      cmocka_unit_test(a_backup_is_due_at_a_time_of_day_or_by_cron),
      cmocka_unit_test(paths_begin_where_they_are_written),
      cmocka_unit_test(more_than_there_can_be_is_told),
      cmocka_unit_test(the_door_is_read),
      cmocka_unit_test(env_files_start_at_the_configuration_on_this_machine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
