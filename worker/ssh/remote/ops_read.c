/* The answers of ops.h: everything here may have been written by a host that lies. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "worker/ssh/remote/ops.h"

/* ---- words, lines, numbers ---- */

struct span {
  const char *at;
  size_t len;
};

/* Takes the next word that blanks separate; empty at the end. */
static struct span word_next(struct span *rest) {
  while (rest->len > 0 && *rest->at == ' ') rest->at++, rest->len--;
  const char *blank = rest->len ? memchr(rest->at, ' ', rest->len) : NULL;
  struct span word = {rest->at, blank ? (size_t)(blank - rest->at) : rest->len};
  rest->at += word.len;
  rest->len -= word.len;
  return word;
}

/* Takes the next line without its LF; false at the end. */
static bool line_next(struct span *rest, struct span *line) {
  if (rest->len == 0) return false;
  const char *lf = memchr(rest->at, '\n', rest->len);
  *line = (struct span){rest->at, lf ? (size_t)(lf - rest->at) : rest->len};
  size_t took = line->len + (lf != NULL);
  rest->at += took;
  rest->len -= took;
  return true;
}

static bool is(struct span s, const char *text) {
  return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* What is left of a line after a word, without the blank between. */
static struct span tail(struct span rest) {
  if (rest.len > 0 && *rest.at == ' ') rest.at++, rest.len--;
  return rest;
}

/* Cut to fit; a byte that is no text becomes "?". */
static void copy(char *out, size_t size, struct span s) {
  size_t len = s.len < size - 1 ? s.len : size - 1;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s.at[i];
    out[i] = c < 0x20 || c == 0x7f ? '?' : s.at[i];
  }
  out[len] = '\0';
}

static bool number(struct span s, int64_t *out) {
  if (s.len == 0 || s.len > 18) return false;
  int64_t n = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.at[i] < '0' || s.at[i] > '9') return false;
    n = n * 10 + (s.at[i] - '0');
  }
  *out = n;
  return true;
}

/* "12345.67" seconds as microseconds. */
static bool uptime(struct span s, int64_t *out) {
  const char *dot = s.len ? memchr(s.at, '.', s.len) : NULL;
  int64_t whole, part = 0;
  size_t before = dot ? (size_t)(dot - s.at) : s.len;
  if (before > 11 || !number((struct span){s.at, before}, &whole)) return false;
  if (dot) {
    size_t digits = s.len - before - 1;
    if (digits > 6 || !number((struct span){dot + 1, digits}, &part)) return false;
    for (; digits < 6; digits++) part *= 10;
  }
  *out = whole * 1000000 + part;
  return true;
}

static bool octal(struct span s, unsigned *out) {
  *out = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.at[i] < '0' || s.at[i] > '7') return false;
    *out = *out * 8 + (unsigned)(s.at[i] - '0');
  }
  return s.len > 0 && s.len <= 5;
}

static bool attempt_id(struct span s, char out[RUNDIR_ID_LEN + 1]) {
  if (s.len != RUNDIR_ID_LEN) return false;
  for (size_t i = 0; i < s.len; i++) {
    char c = s.at[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'))
      return false;
  }
  copy(out, RUNDIR_ID_LEN + 1, s);
  return true;
}

static struct span span_of(const char *text) {
  return (struct span){text, strlen(text)};
}

/* ---- errors, hello, facts, disk ---- */

void ops_read_error(const char *body, size_t len, struct ops_error *out) {
  struct span rest = {body, len}, line;
  while (line_next(&rest, &line)) {
    if (!is(word_next(&line), "ERR")) continue;
    copy(out->stage, sizeof out->stage, word_next(&line));
    copy(out->text, sizeof out->text, tail(line));
    return;
  }
  *out = (struct ops_error){.stage = "unknown", .text = "the host didn't say what went wrong"};
}

/* The lines "key value" of a section: which key goes where. */
enum key_kind { KEY_TEXT, KEY_NUMBER, KEY_UPTIME, KEY_YES };
struct key {
  const char *word;
  enum key_kind kind;
  size_t offset, size;
};
#define TEXT(type, field)        KEY_TEXT, offsetof(type, field), sizeof((type *)0)->field
#define OTHER(kind, type, field) kind, offsetof(type, field), 0

static void key_take(const struct key *keys, size_t len, struct span word, struct span value, void *out) {
  for (size_t i = 0; i < len; i++) {
    if (!is(word, keys[i].word)) continue;
    char *at = (char *)out + keys[i].offset;
    int64_t n = -1;
    switch (keys[i].kind) {
    case KEY_TEXT: copy(at, keys[i].size, value); break;
    case KEY_YES: *(bool *)(void *)at = is(value, "yes"); break;
    case KEY_NUMBER:
    case KEY_UPTIME:
      if (!(keys[i].kind == KEY_NUMBER ? number(value, &n) : uptime(value, &n))) n = -1;
      *(int64_t *)(void *)at = n;
      break;
    }
    return;
  }
}

static const struct key hello_keys[] = {
    {"root", TEXT(struct ops_hello, root)},
    {"host", TEXT(struct ops_hello, host)},
    {"machine", TEXT(struct ops_hello, machine)},
    {"boot", TEXT(struct ops_hello, boot)},
    {"uptime", OTHER(KEY_UPTIME, struct ops_hello, uptime_us)},
    {"user", TEXT(struct ops_hello, user)},
    {"home", TEXT(struct ops_hello, home)},
    {"login_shell", TEXT(struct ops_hello, login_shell)},
    {"sh", TEXT(struct ops_hello, sh)},
    {"os", TEXT(struct ops_hello, os)},
    {"kernel", TEXT(struct ops_hello, kernel)},
    {"disk_free_kb", OTHER(KEY_NUMBER, struct ops_hello, disk_free_kb)},
    {"disk_size_kb", OTHER(KEY_NUMBER, struct ops_hello, disk_size_kb)},
    {"inodes_free", OTHER(KEY_NUMBER, struct ops_hello, inodes_free)},
    {"fifo", OTHER(KEY_YES, struct ops_hello, fifo)},
    {"supervise", OTHER(KEY_YES, struct ops_hello, supervise)},
    {"now", OTHER(KEY_NUMBER, struct ops_hello, now)},
};

static void tools_take(struct span value, char *out, size_t size) {
  size_t len = 1;
  out[0] = ' ';
  for (struct span word; (word = word_next(&value)).len > 0 && len + word.len + 2 < size;) {
    copy(out + len, size - len, word);
    len += word.len;
    out[len++] = ' ';
  }
  out[len] = '\0';
}

int ops_read_hello(const char *body, size_t len, struct ops_hello *out) {
  *out = (struct ops_hello){.disk_free_kb = -1, .disk_size_kb = -1, .inodes_free = -1, .now = -1, .uptime_us = -1};
  struct span rest = {body, len}, line;
  while (line_next(&rest, &line)) {
    struct span word = word_next(&line);
    int64_t n;
    if (is(word, "protocol") && number(tail(line), &n) && n < 1000) out->protocol = (int)n;
    if (is(word, "tools")) tools_take(line, out->tools, sizeof out->tools);
    key_take(hello_keys, sizeof hello_keys / sizeof hello_keys[0], word, tail(line), out);
  }
  bool whole = out->protocol && out->root[0] == '/' && strlen(out->root) < sizeof out->root - 1 && out->machine[0] &&
               out->boot[0] && out->uptime_us >= 0 && out->home[0];
  return whole ? 0 : ERR_INVALID;
}

bool ops_has_tool(const struct ops_hello *h, const char *tool) {
  size_t len = strlen(tool);
  for (const char *at = h->tools; (at = strstr(at, tool)); at++) {
    if (at > h->tools && at[-1] == ' ' && at[len] == ' ') return true;
  }
  return false;
}

static const struct key facts_keys[] = {
    {"kernel", TEXT(struct ops_facts, kernel)},
    {"os", TEXT(struct ops_facts, os)},
    {"boot", TEXT(struct ops_facts, boot)},
    {"driver", TEXT(struct ops_facts, driver)},
    {"booted_uptime", OTHER(KEY_UPTIME, struct ops_facts, uptime_us)},
    {"cpus", OTHER(KEY_NUMBER, struct ops_facts, cpus)},
    {"memory_kb", OTHER(KEY_NUMBER, struct ops_facts, memory_kb)},
};

int ops_read_facts(const char *body, size_t len, struct ops_facts *out) {
  *out = (struct ops_facts){.uptime_us = -1, .cpus = -1, .memory_kb = -1};
  struct span rest = {body, len}, line;
  while (line_next(&rest, &line)) {
    struct span word = word_next(&line);
    if (is(word, "gpu") && out->gpus_len < OPS_GPUS_MAX)
      copy(out->gpus[out->gpus_len++], sizeof out->gpus[0], tail(line));
    key_take(facts_keys, sizeof facts_keys / sizeof facts_keys[0], word, tail(line), out);
  }
  return out->kernel[0] ? 0 : ERR_INVALID;
}

static const struct key disk_keys[] = {
    {"disk_free_kb", OTHER(KEY_NUMBER, struct ops_disk, free_kb)},
    {"disk_size_kb", OTHER(KEY_NUMBER, struct ops_disk, size_kb)},
    {"inodes_free", OTHER(KEY_NUMBER, struct ops_disk, inodes_free)},
};

int ops_read_disk(const char *body, size_t len, struct ops_disk *out) {
  *out = (struct ops_disk){-1, -1, -1};
  struct span rest = {body, len}, line;
  while (line_next(&rest, &line)) {
    struct span word = word_next(&line);
    key_take(disk_keys, sizeof disk_keys / sizeof disk_keys[0], word, tail(line), out);
  }
  return out->free_kb >= 0 ? 0 : ERR_INVALID;
}

/* ---- what became of an attempt ---- */

static const char *const state_words[] = {
#define X(name, word) word,
    OPS_STATE_LIST(X)
#undef X
};

const char *ops_state_word(enum ops_state state) {
  assert((size_t)state < sizeof state_words / sizeof state_words[0]);
  return state_words[state];
}

static bool state_of(struct span word, enum ops_state *out) {
  for (size_t i = 0; i < sizeof state_words / sizeof state_words[0]; i++) {
    if (!is(word, state_words[i])) continue;
    *out = (enum ops_state)i;
    return true;
  }
  return false;
}

/* "exit.STATUS.REASON" */
static bool exit_name(struct span s, int *status, enum ended_how *how) {
  if (s.len < 5 || memcmp(s.at, RUNDIR_EXIT_PREFIX, 5) != 0) return false;
  struct span rest = {s.at + 5, s.len - 5};
  const char *dot = rest.len ? memchr(rest.at, '.', rest.len) : NULL;
  int64_t n;
  if (!dot || !number((struct span){rest.at, (size_t)(dot - rest.at)}, &n) || n > 255) return false;
  char word[32];
  copy(word, sizeof word, (struct span){dot + 1, rest.len - (size_t)(dot - rest.at) - 1});
  int reason = ended_from_word(word);
  if (reason < 0) return false;
  *status = (int)n;
  *how = (enum ended_how)reason;
  return true;
}

static const struct key result_keys[] = {
    {"pid", OTHER(KEY_NUMBER, struct ops_result, pid)},
    {"started_uptime", OTHER(KEY_UPTIME, struct ops_result, started_uptime_us)},
    {"ended_uptime", OTHER(KEY_UPTIME, struct ops_result, ended_uptime_us)},
    {"cpu_us", OTHER(KEY_NUMBER, struct ops_result, cpu_us)},
    {"log_bytes", OTHER(KEY_NUMBER, struct ops_result, log_bytes)},
    {"dropped_bytes", OTHER(KEY_NUMBER, struct ops_result, dropped_bytes)},
    {"stage", TEXT(struct ops_result, stage)},
    {"file", TEXT(struct ops_result, file)},
    {"line", OTHER(KEY_NUMBER, struct ops_result, line)},
    {"why", TEXT(struct ops_result, why)},
};

static unsigned note_bit(struct span word) {
#define X(name, text, sentence)                                                                                      \
  if (is(word, text)) return RUNDIR_NOTE_##name;
  RUNDIR_NOTE_LIST(X)
#undef X
  return 0;
}

/* The content of an exit file is extra: what can't be read is left unknown. */
static void result_take(const char *body, size_t len, struct ops_result *out) {
  struct span rest = {body, len}, line;
  while (line_next(&rest, &line)) {
    const char *equals = line.len ? memchr(line.at, '=', line.len) : NULL;
    if (!equals) continue;
    struct span key = {line.at, (size_t)(equals - line.at)};
    struct span value = {equals + 1, line.len - key.len - 1};
    int64_t n;
    if (is(key, "note")) out->notes |= note_bit(value);
    if (is(key, "errno") && number(value, &n) && n < 4096) out->errnum = (int)n;
    key_take(result_keys, sizeof result_keys / sizeof result_keys[0], key, value, out);
  }
  if (out->pid < 0) out->pid = 0;
  if (out->line < 0) out->line = 0;
}

static int answer_details(struct span rest, const char *body, size_t len, struct ops_answer *out) {
  switch (out->state) {
  case OPS_ENDED:
    if (!exit_name(word_next(&rest), &out->result.status, &out->result.how)) return ERR_INVALID;
    result_take(body, len, &out->result);
    return 0;
  case OPS_RUNNING:
    if (!number(word_next(&rest), &out->pid)) return ERR_INVALID;
    if (!uptime(word_next(&rest), &out->started_uptime_us)) out->started_uptime_us = -1;
    return 0;
  case OPS_LEFT: return number(word_next(&rest), &out->left) ? 0 : ERR_INVALID;
  case OPS_ERROR:
    copy(out->error.stage, sizeof out->error.stage, word_next(&rest));
    copy(out->error.text, sizeof out->error.text, tail(rest));
    return 0;
  default: copy(out->text, sizeof out->text, tail(rest)); return 0;
  }
}

int ops_read_answer(const char *words, const char *body, size_t len, struct ops_answer *out) {
  *out = (struct ops_answer){
      .started_uptime_us = -1,
      .result = {.started_uptime_us = -1, .ended_uptime_us = -1, .cpu_us = -1, .log_bytes = -1, .dropped_bytes = -1}};
  struct span rest = span_of(words);
  copy(out->op, sizeof out->op, word_next(&rest));
  if (!out->op[0] || !attempt_id(word_next(&rest), out->attempt) || !state_of(word_next(&rest), &out->state))
    return ERR_INVALID;
  return answer_details(rest, body, len, out);
}

int ops_read_kept(const char *body, size_t len, size_t *at, struct ops_kept *out) {
  *out = (struct ops_kept){0};
  if (*at >= len) return 0;
  struct span rest = {body + *at, len - *at}, line;
  line_next(&rest, &line);
  *at = len - rest.len;
  if (!attempt_id(word_next(&line), out->id) || !number(word_next(&line), &out->days)) return ERR_INVALID;
  struct span run = word_next(&line);
  if (run.len == 0) return 1;
  if (!is(run, "-") && !attempt_id(run, out->run)) return ERR_INVALID;
  return state_of(word_next(&line), &out->state) ? 1 : ERR_INVALID;
}

/* ---- files and events ---- */

int ops_read_log(const char *words, struct ops_log *out) {
  struct span rest = span_of(words);
  int64_t offset, end;
  if (!is(word_next(&rest), "log") || !attempt_id(word_next(&rest), out->attempt)) return ERR_INVALID;
  if (!number(word_next(&rest), &offset) || !number(word_next(&rest), &end)) return ERR_INVALID;
  out->offset = (uint64_t)offset;
  out->end = (uint64_t)end;
  return 0;
}

int ops_read_file(const char *words, struct ops_file *out) {
  static const char *const names[] = {RUNDIR_OUTPUT,    RUNDIR_METRICS, RUNDIR_CHECKS,
                                      RUNDIR_ARTIFACTS, RUNDIR_SUMMARY, RUNDIR_PROGRESS};
  struct span rest = span_of(words);
  int64_t size;
  if (!is(word_next(&rest), "file") || !attempt_id(word_next(&rest), out->attempt)) return ERR_INVALID;
  struct span name = word_next(&rest);
  bool known = false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) known |= is(name, names[i]);
  if (!known || !number(word_next(&rest), &size)) return ERR_INVALID;
  copy(out->name, sizeof out->name, name);
  out->size = (uint64_t)size;
  return 0;
}

int ops_read_get(const char *words, struct ops_get *out) {
  struct span rest = span_of(words);
  int64_t size;
  if (!is(word_next(&rest), "get") || !number(word_next(&rest), &size)) return ERR_INVALID;
  if (!octal(word_next(&rest), &out->mode)) return ERR_INVALID;
  out->size = (uint64_t)size;
  out->mode &= 0777;
  return 0;
}

static bool sum_take(struct span word, char out[65]) {
  out[0] = '\0';
  if (is(word, "-")) return true;
  if (word.len != 64) return false;
  for (size_t i = 0; i < 64; i++) {
    if (!strchr("0123456789abcdef", word.at[i]) || !word.at[i]) return false;
  }
  copy(out, 65, word);
  return true;
}

/* A path must be what was asked for: below ROTA_WORK. */
static bool path_safe(struct span path) {
  if (path.len == 0 || path.len >= OPS_PATH || *path.at == '/' || memchr(path.at, '\0', path.len)) return false;
  for (size_t at = 0; at < path.len;) {
    const char *slash = memchr(path.at + at, '/', path.len - at);
    size_t len = slash ? (size_t)(slash - path.at) - at : path.len - at;
    if (len == 2 && path.at[at] == '.' && path.at[at + 1] == '.') return false;
    at += len + 1;
  }
  return true;
}

/* As remote_files.sh writes it: "\\n" is a line feed, "\\\\" a backslash. */
static bool path_take(struct span text, char out[OPS_PATH]) {
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];
    if (c == '\\') {
      if (++i == text.len || (text.at[i] != 'n' && text.at[i] != '\\')) return false;
      if (text.at[i] == 'n') c = '\n';
    }
    if (len + 1 == OPS_PATH) return false;
    out[len++] = c;
  }
  out[len] = '\0';
  return path_safe((struct span){out, len}) && !memchr(text.at, '\0', text.len);
}

int ops_read_path(const char *body, size_t len, size_t *at, struct ops_path *out) {
  static const char *const kinds[] = {"file", "dir", "missing", "other"};
  *out = (struct ops_path){0};
  if (*at >= len) return 0;
  struct span rest = {body + *at, len - *at}, line;
  line_next(&rest, &line);
  *at = len - rest.len;
  struct span kind = word_next(&line);
  size_t found = 0;
  while (found < 4 && !is(kind, kinds[found])) found++;
  int64_t size;
  if (found == 4 || !number(word_next(&line), &size) || !octal(word_next(&line), &out->mode)) return ERR_INVALID;
  if (!sum_take(word_next(&line), out->sha256)) return ERR_INVALID;
  if (!path_take(tail(line), out->path)) return ERR_INVALID;
  out->kind = (enum ops_path_kind)found;
  out->size = (uint64_t)size;
  out->mode &= 0777;
  return 1;
}

int ops_read_event(const char *line, size_t len, struct ops_event *out) {
  struct span rest = {line, len};
  *out = (struct ops_event){.status = -1};
  struct span word = word_next(&rest);
  out->ended = is(word, "ended");
  if (!out->ended && !is(word, "started")) return ERR_INVALID;
  if (!attempt_id(word_next(&rest), out->attempt)) return ERR_INVALID;
  struct span what = word_next(&rest);
  if (out->ended) {
    if (!is(what, "-") && !exit_name(what, &out->status, &out->how)) return ERR_INVALID;
  } else if (!number(what, &out->pid)) {
    return ERR_INVALID;
  }
  return uptime(word_next(&rest), &out->uptime_us) ? 0 : ERR_INVALID;
}
