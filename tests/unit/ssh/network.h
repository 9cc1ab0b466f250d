/* Real sshds for tests of the transports, by tests/integration/lib/sshd.py: header-only, as each test is one program.
 * Where sshd is missing, sshd_begin says so and the tests are skipped.
 */
#ifndef ROTA_TESTS_UNIT_SSH_NETWORK_H
#define ROTA_TESTS_UNIT_SSH_NETWORK_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct sshd {
  pid_t pid;
  FILE *to, *from;
  json_t *said; /* root, key, keys, known_hosts, hosts, agent */
};

__attribute__((unused)) static void sshd_end(struct sshd *s) {
  if (s->to) fclose(s->to);
  if (s->pid > 0) waitpid(s->pid, NULL, 0);
  if (s->from) fclose(s->from);
  json_decref(s->said);
  *s = (struct sshd){0};
}

/* `wanted` is JSON, as sshd.py has it. False if there can't be any here. */
__attribute__((unused)) static bool sshd_begin(struct sshd *s, const char *wanted) {
  int in[2], out[2];
  assert_int_equal(pipe2(in, O_CLOEXEC), 0);
  assert_int_equal(pipe2(out, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  char script[] = "tests/integration/lib/sshd.py";
  char *argv[] = {script, (char[]){"serve"}, strdup(wanted), NULL};
  int rc = posix_spawn(&s->pid, script, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  free(argv[2]);
  close(in[0]);
  close(out[1]);
  s->to = fdopen(in[1], "w");
  s->from = fdopen(out[0], "r");
  static char line[65536];
  if (rc == 0 && fgets(line, sizeof line, s->from)) s->said = json_loads(line, 0, NULL);
  if (s->said) return true;
  fclose(s->to);
  s->to = NULL;
  int status = 0;
  if (rc == 0) waitpid(s->pid, &status, 0);
  s->pid = 0;
  sshd_end(s);
  if (rc || !WIFEXITED(status) || WEXITSTATUS(status) != 77) fail_msg("sshd.py came to grief");
  print_message("sshd isn't installed, or can't be started here\n");
  return false;
}

/* Asks for something, a line as Served of sshd.py has it; the value is the caller's to free. */
__attribute__((unused, format(printf, 2, 3))) static json_t *sshd_ask(struct sshd *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(s->to, format, args);
  va_end(args);
  fputc('\n', s->to);
  fflush(s->to);
  static char line[65536];
  assert_non_null(fgets(line, sizeof line, s->from));
  json_t *answer = json_loads(line, 0, NULL);
  if (!answer || json_object_get(answer, "error")) fail_msg("sshd.py: %s", line);
  json_t *value = json_incref(json_object_get(answer, "value"));
  json_decref(answer);
  return value;
}

#define sshd_do(s, ...) json_decref(sshd_ask((s), __VA_ARGS__))

__attribute__((unused)) static const char *sshd_text(const struct sshd *s, const char *name) {
  return json_string_value(json_object_get(s->said, name));
}

__attribute__((unused)) static const char *sshd_key(const struct sshd *s, const char *name) {
  return json_string_value(json_object_get(json_object_get(s->said, "keys"), name));
}

__attribute__((unused)) static const char *sshd_host(const struct sshd *s, const char *host, const char *name) {
  return json_string_value(json_object_get(json_object_get(json_object_get(s->said, "hosts"), host), name));
}

#endif
