/* The answers of a host that lies. The first byte chooses the section, the first line is its words, the rest its
 * body. Whatever comes, texts fit their fields and steer no terminal, a list ends, and a path stays below ROTA_WORK.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "worker/ssh/doctor_judge.h"
#include "worker/ssh/remote/ops.h"

#define CHECK_TEXT(field) check_text(field, sizeof(field))

static void check_text(const char *text, size_t size) {
  const char *end = memchr(text, '\0', size);
  CHECK(end);
  for (const char *c = text; c < end; c++) CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void check_id(const char *id) {
  CHECK(strlen(id) == RUNDIR_ID_LEN && !strpbrk(id, "/. "));
}

static void error(const char *words, const char *body, size_t len) {
  struct ops_error e;
  (void)words;
  ops_read_error(body, len, &e);
  CHECK_TEXT(e.stage);
  CHECK_TEXT(e.text);
}

static void hello(const char *words, const char *body, size_t len) {
  struct ops_hello h;
  struct doctor_findings found = {0};
  struct doctor_look look;
  (void)words;
  int err = ops_read_hello(body, len, &h);
  CHECK(err || (h.root[0] == '/' && h.machine[0] && h.boot[0] && h.home[0] && h.uptime_us >= 0 && h.protocol > 0));
  CHECK_TEXT(h.root);
  CHECK_TEXT(h.machine);
  CHECK_TEXT(h.boot);
  CHECK_TEXT(h.user);
  CHECK_TEXT(h.home);
  CHECK_TEXT(h.login_shell);
  CHECK_TEXT(h.sh);
  CHECK_TEXT(h.os);
  CHECK_TEXT(h.kernel);
  CHECK_TEXT(h.tools);
  CHECK(h.disk_free_kb >= -1 && h.inodes_free >= -1 && h.now >= -1);
  CHECK(!ops_has_tool(&h, "rsync") || strstr(h.tools, " rsync "));
  look_read(body, len, &look);
  CHECK(memchr(look.zone, '\0', sizeof look.zone));
  judge_hello(&found, &h);
  judge_time(&found, &h, &look, INT64_C(1774767600) * USEC_PER_SEC);
  for (size_t i = 0; i < found.checks.len; i++) CHECK(found.checks.items[i].text);
  findings_release(&found);
}

static void facts(const char *words, const char *body, size_t len) {
  struct ops_facts f;
  struct doctor_findings found = {0};
  (void)words;
  if (ops_read_facts(body, len, &f)) return;
  CHECK_TEXT(f.kernel);
  CHECK_TEXT(f.os);
  CHECK_TEXT(f.driver);
  CHECK(f.gpus_len <= OPS_GPUS_MAX && f.cpus >= -1 && f.memory_kb >= -1 && f.uptime_us >= -1);
  for (size_t i = 0; i < f.gpus_len; i++) CHECK_TEXT(f.gpus[i]);
  judge_facts(&found, &f);
  findings_release(&found);
}

static void disk(const char *words, const char *body, size_t len) {
  struct ops_disk d;
  (void)words;
  CHECK(ops_read_disk(body, len, &d) || d.free_kb >= 0);
  CHECK(d.size_kb >= -1 && d.inodes_free >= -1);
}

static void answer(const char *words, const char *body, size_t len) {
  struct ops_answer a;
  if (ops_read_answer(words, body, len, &a)) return;
  CHECK(a.op[0] && a.state <= OPS_ERROR && strstr(words, ops_state_word(a.state)));
  check_id(a.attempt);
  CHECK_TEXT(a.op);
  CHECK_TEXT(a.text);
  CHECK_TEXT(a.error.stage);
  CHECK_TEXT(a.error.text);
  CHECK_TEXT(a.result.stage);
  CHECK_TEXT(a.result.file);
  CHECK_TEXT(a.result.why);
  CHECK(a.pid >= 0 && a.left >= 0 && a.started_uptime_us >= -1);
  CHECK(a.result.status >= 0 && a.result.status <= 255 && a.result.pid >= 0 && a.result.line >= 0);
  CHECK(a.result.errnum >= 0 && a.result.errnum < 4096 && a.result.log_bytes >= -1 && a.result.cpu_us >= -1);
}

static void kept(const char *words, const char *body, size_t len) {
  struct ops_kept k;
  (void)words;
  for (size_t at = 0, before = 0; ops_read_kept(body, len, &at, &k) != 0; before = at) {
    CHECK(at > before && at <= len);
    if (k.run[0]) check_id(k.run);
    CHECK(k.days >= 0);
  }
}

static void lists(const char *words, const char *body, size_t len) {
  struct ops_log l;
  struct ops_file f;
  struct ops_get g;
  (void)body;
  (void)len;
  if (ops_read_log(words, &l) == 0) check_id(l.attempt);
  if (ops_read_file(words, &f) == 0) {
    check_id(f.attempt);
    CHECK(f.name[0] && !strchr(f.name, '/') && f.size <= INT64_MAX);
  }
  if (ops_read_get(words, &g) == 0) CHECK(g.mode <= 0777 && g.size <= INT64_MAX);
}

static bool leaves(const char *path) {
  for (const char *at = path; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0')) return true;
  }
  return false;
}

static void paths(const char *words, const char *body, size_t len) {
  struct ops_path p;
  (void)words;
  int rc;
  for (size_t at = 0, before = 0; (rc = ops_read_path(body, len, &at, &p)) != 0; before = at) {
    CHECK(at > before && at <= len);
    if (rc != 1) continue;
    CHECK(memchr(p.path, '\0', sizeof p.path) && p.path[0] && p.path[0] != '/' && !leaves(p.path));
    CHECK(!p.sha256[0] || strspn(p.sha256, "0123456789abcdef") == 64);
    CHECK(p.mode <= 07777);
  }
}

static void event(const char *words, const char *body, size_t len) {
  struct ops_event e;
  (void)words;
  if (ops_read_event(body, len, &e)) return;
  check_id(e.attempt);
  CHECK(e.pid >= 0 && e.status >= -1 && e.status <= 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(const char *, const char *, size_t) = {error, hello, facts, disk,  answer,
                                                                        kept,  lists, paths, event, answer};
  char words[1024];
  if (size < 1) return 0;
  const uint8_t *line = data + 1, *end = memchr(line, '\n', size - 1);
  size_t len = end ? (size_t)(end - line) : 0;
  if (len >= sizeof words) return 0;
  memcpy(words, line, len);
  words[len] = '\0';
  const size_t body = end ? len + 2 : 1;
  readers[data[0] % 10](words, (const char *)data + body, size - body);
  return 0;
}
