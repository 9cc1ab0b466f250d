#include "worker/ssh/doctor_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB_KB         (1024.0 * 1024.0)
#define ROOM_LEAST_KB  (64 * 1024)
#define ROOM_ENOUGH_KB (1024 * 1024)
#define INODES_ENOUGH  10000
#define CLOCK_OFF_S    60
#define BEATS_MISSED   5 /* of a loaded host */

void findings_add(struct doctor_findings *f, const char *name, enum doctor_result result, const char *text,
                  const char *todo) {
  const struct doctor_check check = {name, result, arena_strdup(&f->arena, text),
                                     todo ? arena_strdup(&f->arena, todo) : NULL};
  vec_push(&f->checks, check);
}

void findings_release(struct doctor_findings *f) {
  vec_release(&f->checks);
  arena_release(&f->arena);
}

/* ---- the way there ---- */

void judge_down(struct doctor_findings *f, const struct transport_end *end) {
  const char *scan = strstr(end->text, "ssh-keyscan");
  switch (end->fault) {
  case TRANSPORT_LOST:
  case TRANSPORT_BUSY:
    findings_add(f, "network", DOCTOR_FAIL, end->text,
                 "look whether the host is up and its sshd can be reached from here, by `ssh -v` as this user");
    break;
  case TRANSPORT_UNTRUSTED: findings_add(f, "key", DOCTOR_FAIL, end->text, scan); break;
  case TRANSPORT_DENIED:
    findings_add(f, "key", DOCTOR_OK, "the host's key is known", NULL);
    findings_add(f, "login", DOCTOR_FAIL, end->text,
                 "put this user's public key into ~/.ssh/authorized_keys there, or name another by `identity:`");
    break;
  case TRANSPORT_UNSUITABLE:
  case TRANSPORT_MISSING: findings_add(f, "login", DOCTOR_FAIL, end->text, NULL); break;
  }
}

void judge_login(struct doctor_findings *f, const char *address, const char *transport, int64_t took_us) {
  findings_add(f, "key", DOCTOR_OK, "the host's key is known", NULL);
  findings_add(f, "login", DOCTOR_OK,
               arena_fmt(&f->arena, "as %s by %s, in %.1f s", address ? address : "?", transport ? transport : "?",
                         (double)took_us / USEC_PER_SEC),
               NULL);
}

void judge_noise(struct doctor_findings *f, const char *noise) {
  if (!*noise) {
    findings_add(f, "rc files", DOCTOR_OK, "they print nothing", NULL);
    return;
  }
  findings_add(f, "rc files", DOCTOR_WARN, arena_fmt(&f->arena, "a login prints: %s", noise),
               "it does no harm to tasks; scp and others stumble over it: let rc files print in interactive shells "
               "alone, behind `case $- in *i*) ;; *) return ;; esac`");
}

/* ---- the machine ---- */

static void judge_space(struct doctor_findings *f, const struct ops_hello *h) {
  enum doctor_result result = h->disk_free_kb < 0                ? DOCTOR_OK
                              : h->disk_free_kb < ROOM_LEAST_KB  ? DOCTOR_FAIL
                              : h->disk_free_kb < ROOM_ENOUGH_KB ? DOCTOR_WARN
                                                                 : DOCTOR_OK;
  const char *text = h->disk_free_kb < 0
                         ? "not known"
                         : arena_fmt(&f->arena, "%.1f of %.1f GiB free at %s", (double)h->disk_free_kb / GIB_KB,
                                     (double)h->disk_size_kb / GIB_KB, h->root);
  findings_add(f, "space", result, text,
               result == DOCTOR_OK ? NULL : "make room there, or name another place by `root:` of the host");
  if (h->inodes_free < 0 || h->inodes_free >= INODES_ENOUGH) return;
  findings_add(f, "inodes", h->inodes_free < 100 ? DOCTOR_FAIL : DOCTOR_WARN,
               arena_fmt(&f->arena, "only %" PRId64 " files can still be made at %s", h->inodes_free, h->root),
               "remove small files there, or name another place by `root:` of the host");
}

static void judge_tools(struct doctor_findings *f, const struct ops_hello *h) {
  bool sums = ops_has_tool(h, "sha256sum") || ops_has_tool(h, "shasum") || ops_has_tool(h, "openssl");
  size_t lead = strspn(h->tools, " ");
  findings_add(f, "tools", sums ? DOCTOR_OK : DOCTOR_WARN,
               sums ? h->tools + lead : "none of sha256sum, shasum and openssl is there",
               sums ? NULL : "install coreutils or openssl: files of send: and fetch: can't be checked without");
  findings_add(f, "ends of tasks", h->fifo ? DOCTOR_OK : DOCTOR_WARN,
               h->fifo ? "are told at once" : "are asked for each second: no FIFO can be made there",
               h->fifo ? NULL : "name a place on a local disk by `root:` of the host");
}

void judge_hello(struct doctor_findings *f, const struct ops_hello *h) {
  findings_add(
      f, "shell", DOCTOR_OK,
      arena_fmt(&f->arena, "/bin/sh is %s, the login's %s; %s, Linux %s", h->sh, h->login_shell, h->os, h->kernel),
      NULL);
  findings_add(f, "root", DOCTOR_OK, h->root, NULL);
  judge_space(f, h);
  judge_tools(f, h);
}

void judge_hello_error(struct doctor_findings *f, const struct ops_error *error) {
  bool root = strcmp(error->stage, "root") == 0;
  findings_add(f, root ? "root" : "shell", DOCTOR_FAIL, arena_fmt(&f->arena, "%s: %s", error->stage, error->text),
               root ? "name a place of this user's own by `root:` of the host" : NULL);
}

void judge_facts(struct doctor_findings *f, const struct ops_facts *facts) {
  struct buf text = {0};
  if (facts->driver[0]) buf_fmt(&text, "driver %s", facts->driver);
  for (size_t i = 0; i < facts->gpus_len; i++) buf_fmt(&text, "%s%s", i || text.len ? "; " : "", facts->gpus[i]);
  findings_add(f, "gpu", DOCTOR_OK, text.len ? text.bytes : "none that nvidia-smi knows", NULL);
  buf_release(&text);
}

/* ---- clock, and what outlives a login ---- */

static bool line_is(const char *line, size_t len, const char *text) {
  return len == strlen(text) && memcmp(line, text, len) == 0;
}

void look_read(const char *body, size_t len, struct doctor_look *out) {
  static const char zone[] = "zone ";
  *out = (struct doctor_look){0};
  for (size_t at = 0; at < len;) {
    const char *line = body + at, *end = memchr(line, '\n', len - at);
    size_t n = end ? (size_t)(end - line) : len - at;
    if (n > sizeof zone - 1 && memcmp(line, zone, sizeof zone - 1) == 0)
      snprintf(out->zone, sizeof out->zone, "%.*s", (int)(n - (sizeof zone - 1)), line + sizeof zone - 1);
    out->kills |= line_is(line, n, "kills yes");
    out->linger |= line_is(line, n, "linger yes");
    at += n + 1;
  }
}

void judge_time(struct doctor_findings *f, const struct ops_hello *hello, const struct doctor_look *look,
                instant now) {
  char span[DURATION_TEXT_SIZE];
  int64_t off = hello->now < 0 ? 0 : hello->now - now / USEC_PER_SEC;
  if (off > INT64_MAX / USEC_PER_SEC) off = INT64_MAX / USEC_PER_SEC; /* a host may say what it likes */
  bool wrong = off > CLOCK_OFF_S || off < -CLOCK_OFF_S;
  duration_show((off < 0 ? -off : off) * USEC_PER_SEC, span);
  const char *text = hello->now < 0        ? "the clock isn't known"
                     : off > 1 || off < -1 ? arena_fmt(&f->arena, "zone %s, %s %s of here", look->zone, span,
                                                       off > 0 ? "ahead" : "behind")
                                           : arena_fmt(&f->arena, "zone %s, as here", look->zone);
  findings_add(f, "time", wrong ? DOCTOR_WARN : DOCTOR_OK, text,
               wrong ? "let a time server set it (chrony, systemd-timesyncd): rota measures by the host's uptime, "
                       "but its tasks see this clock"
                     : NULL);
}

void judge_detaching(struct doctor_findings *f, const struct ops_hello *hello, const struct doctor_look *look,
                     bool alive, int64_t beats) {
  if (alive && beats >= 20 - BEATS_MISSED) {
    findings_add(f, "detaching", DOCTOR_OK, "what was started outlived 20 s without a connection", NULL);
    return;
  }
  if (alive) {
    findings_add(f, "detaching", DOCTOR_WARN,
                 arena_fmt(&f->arena, "what was started lives, but came to only %" PRId64 " of 20 steps", beats),
                 "look what stops or starves processes of this user there");
    return;
  }
  const char *todo = look->kills && !look->linger
                         ? arena_fmt(&f->arena, "KillUserProcesses=yes is set there: loginctl enable-linger %s",
                                     hello->user)
                         : "something there ends what a login leaves behind (a PAM module, a batch system, a cron "
                           "job): ask who runs it to spare this user";
  findings_add(f, "detaching", DOCTOR_FAIL,
               beats < 0 ? "what was started didn't come up"
                         : arena_fmt(&f->arena, "what was started was ended after %" PRId64 " s", beats),
               todo);
}
