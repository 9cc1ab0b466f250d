/* Small sshd servers on loopback for the tests of transports, each with keys of its own below the working directory.
 * They end with sshd_stop, and at the latest with the test's process group.
 */
#ifndef ROTA_TESTS_UNIT_SSH_SSHD_H
#define ROTA_TESTS_UNIT_SSH_SSHD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define SSHD_PROGRAM "/usr/sbin/sshd"

struct sshd {
  pid_t pid;
  int port;
  char dir[128];
};

static inline void sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void sh(const char *format, ...) {
  char command[4096];
  va_list args;
  va_start(args, format);
  vsnprintf(command, sizeof command, format, args);
  va_end(args);
  int rc = system(command);
  if (rc != 0) print_error("exit code %d: %s\n", rc, command);
  assert_int_equal(rc, 0);
}

static inline bool sshd_missing(void) {
  return access(SSHD_PROGRAM, X_OK) != 0 || access("/usr/bin/ssh", X_OK) != 0;
}

static inline struct sockaddr_in sshd_address(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static inline int port_free(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = sshd_address(0);
  socklen_t len = sizeof a;
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
  close(fd);
  return ntohs(a.sin_port);
}

static inline bool port_answers(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = sshd_address(port);
  bool answers = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
  close(fd);
  return answers;
}

static inline void sshd_run(struct sshd *s) {
  char conf[160], log[160];
  snprintf(conf, sizeof conf, "%s/conf", s->dir);
  snprintf(log, sizeof log, "%s/log", s->dir);
  s->pid = fork();
  if (s->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 2);
    execl(SSHD_PROGRAM, SSHD_PROGRAM, "-D", "-e", "-f", conf, NULL);
    _exit(127);
  }
  for (int i = 0; i < 500 && !port_answers(s->port); i++) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* Makes DIR with a host key of that type and starts it. The user's keys are in "authorized" below the working
 * directory. `more` are lines of its configuration. HOME is DIR, so that what the account's own shell does at a login
 * (a lock that a killed one left held up all others) is no part of the tests. */
static inline struct sshd sshd_start(const char *dir, const char *key_type, const char *more) {
  struct sshd s = {.port = port_free()};
  char here[64], conf[160];
  assert_non_null(getcwd(here, sizeof here));
  snprintf(s.dir, sizeof s.dir, "%s/%s", here, dir);
  assert_int_equal(mkdir(s.dir, 0700), 0);
  sh("ssh-keygen -q -t %s -N '' -f %s/host_key", key_type, s.dir);
  if (geteuid() == 0) mkdir("/run/sshd", 0755);
  snprintf(conf, sizeof conf, "%s/conf", s.dir);
  FILE *f = fopen(conf, "w");
  fprintf(f,
          "Port %d\nListenAddress 127.0.0.1\nHostKey %s/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
          "AuthorizedKeysFile %s/authorized\nPermitRootLogin yes\nPasswordAuthentication no\n"
          "KbdInteractiveAuthentication no\nLogLevel VERBOSE\nSetEnv HOME=%s\n%s\n",
          s.port, s.dir, here, s.dir, more);
  fclose(f);
  sshd_run(&s);
  return s;
}

static inline void sshd_stop(struct sshd *s) {
  if (s->pid <= 0) return;
  kill(s->pid, SIGTERM);
  waitpid(s->pid, NULL, 0);
  s->pid = 0;
}

static inline const char *user_name(void) {
  struct passwd *p = getpwuid(geteuid());
  return p ? p->pw_name : "root";
}

/* Adds a line to a known_hosts: its own key, or what is in another file. */
static inline void sshd_know(const struct sshd *s, const char *file, const char *pub) {
  char own[160];
  snprintf(own, sizeof own, "%s/host_key.pub", s->dir);
  sh("printf '[127.0.0.1]:%d %%s\\n' \"$(cut -d' ' -f1,2 %s)\" >>%s", s->port, pub ? pub : own, file);
}

#endif
