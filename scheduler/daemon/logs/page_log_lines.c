/* The lines of a log by number, or the last ones; a request may wait for more of them. */
#include <string.h>

#include "base/err.h"
#include "scheduler/daemon/logs/log_pick.h"
#include "scheduler/daemon/logs/log_scan.h"
#include "scheduler/daemon/logs/log_text.h"
#include "scheduler/spec/config.h"

#define COUNT_DEFAULT 500
#define COUNT_MAX     2000
#define TEXT_MAX      ((size_t)8 * 1024)
#define BODY_MAX      ((size_t)2 * 1024 * 1024)
#define GAPS_MAX      100

struct lines {
  struct page *page;
  struct json *json;
  const struct log_pick *pick;
  struct log_scan scan;
  uint64_t from, left, size, total;
  uint64_t written; /* lines in the answer */
};

/* A line of which `have` bytes are at hand and `len` are known to be. */
static void line_write(struct lines *l, uint64_t n, uint64_t offset, const char *text, size_t have, uint64_t len,
                       bool open) {
  struct json *j = l->json;
  size_t shown = log_text_cut(text, have, TEXT_MAX);
  instant at = logfile_stamp(l->pick->log, offset, offset + len);
  jsonw_object(j);
  jsonw_member_int(j, "n", (int64_t)n);
  jsonw_member_int(j, "offset", (int64_t)offset);
  jsonw_key(j, "text");
  jsonw_string_n(j, text, shown);
  jsonw_member_int(j, "cut", (int64_t)(len - shown));
  jsonw_member_instant(j, "at", at);
  if (open) jsonw_member_bool(j, "open", true);
  jsonw_object_end(j);
  l->written++;
  l->left--;
}

/* The lines of a chunk, as many as are wanted. */
static void chunk_write(struct lines *l) {
  struct log_scan *s = &l->scan;
  for (size_t at = 0; at < s->len && l->left > 0 && l->page->body.len < BODY_MAX;) {
    const char *text = s->bytes + at, *newline = memchr(text, '\n', s->len - at);
    size_t len = newline ? (size_t)(newline - text) : s->len - at;
    bool open = !newline && s->ended && at + len == s->have && !l->pick->ended;
    line_write(l, log_scan_line(s, at), s->offset + at, text, len, len, open);
    at += len + 1;
  }
}

/* A line that is longer than a block: its end is found by the index, and reading goes on behind it. 0 if nothing
 * follows. */
static int long_line_write(struct lines *l) {
  struct log_scan *s = &l->scan;
  uint64_t n = log_scan_line(s, 0), end = 0;
  int err = logfile_line(l->pick->log, n + 1, &end);
  bool last = err != 0;
  if (last || end < s->offset + s->len) end = l->size > s->offset + s->len ? l->size : s->offset + s->len;
  line_write(l, n, s->offset, s->bytes, s->len, end - s->offset - (last ? 0 : 1), last && !l->pick->ended);
  if (last) return 0;
  log_scan_release(s);
  log_scan_init(s, l->pick->log, end, n + 1, false);
  return 1;
}

static int lines_write(struct lines *l) {
  uint64_t offset, line;
  if (l->from >= l->total) return 0;
  int err = logfile_line(l->pick->log, l->from, &offset);
  if (!err) err = logfile_line_at(l->pick->log, offset, &line);
  if (err == ERR_NOT_FOUND) return 0; /* all from there on was dropped */
  if (err) return err;
  log_scan_init(&l->scan, l->pick->log, offset, line, line != l->from);
  int rc = 1;
  while (rc > 0 && l->left > 0 && l->page->body.len < BODY_MAX) {
    rc = log_scan_next(&l->scan);
    if (rc <= 0) break;
    if (l->scan.partial) {
      rc = long_line_write(l);
    } else {
      chunk_write(l);
    }
  }
  log_scan_release(&l->scan);
  return rc < 0 ? rc : 0;
}

static int gaps_write(struct lines *l) {
  struct logfile_gap gaps[GAPS_MAX];
  size_t len = logfile_gaps(l->pick->log, gaps, GAPS_MAX);
  int err = 0;
  jsonw_key(l->json, "gaps");
  jsonw_array(l->json);
  for (size_t i = 0; i < len && !err; i++) {
    uint64_t line = 0;
    err = logfile_line_at(l->pick->log, gaps[i].offset, &line);
    jsonw_object(l->json);
    jsonw_member_int(l->json, "offset", (int64_t)gaps[i].offset);
    jsonw_member_int(l->json, "bytes", (int64_t)gaps[i].bytes);
    jsonw_member_int(l->json, "line", (int64_t)line);
    jsonw_object_end(l->json);
  }
  jsonw_array_end(l->json);
  return err;
}

static void head_write(struct lines *l) {
  const struct log_pick *pick = l->pick;
  jsonw_object(l->json);
  jsonw_member_string(l->json, "run", pick->run.run.id.text);
  jsonw_member_string(l->json, "task", pick->task->label);
  jsonw_member_int(l->json, "attempt", pick->attempt.number);
  jsonw_member_int(l->json, "from", (int64_t)l->from);
  jsonw_key(l->json, "lines");
  jsonw_array(l->json);
}

/* A log that comes from a host is stamped when it arrives here. */
static const char *stamps_word(const struct log_pick *pick) {
  const char *host = pick->attempt.key ? pick->attempt.host : NULL;
  return host && strcmp(host, HOST_LOCAL) != 0 ? "arrival" : "written";
}

static void tail_write(struct lines *l) {
  jsonw_member_int(l->json, "total", (int64_t)l->total);
  jsonw_member_int(l->json, "size", (int64_t)l->size);
  jsonw_member_bool(l->json, "ended", l->pick->ended);
  jsonw_member_string(l->json, "stamps", stamps_word(l->pick));
  jsonw_member_string(l->json, "state", l->pick->attempt.key ? task_state_word(l->pick->attempt.state) : "waiting");
  jsonw_object_end(l->json);
}

/* The extent, the number of lines, and with `tail` where to begin. */
static int measure(struct lines *l, uint64_t tail) {
  struct logfile_extent extent = {0};
  int err = l->pick->log ? logfile_extent(l->pick->log, &extent) : 0;
  l->size = extent.size;
  if (!err && l->pick->log) err = log_scan_total(l->pick->log, l->size, &l->total);
  if (tail > 0) {
    l->from = l->total > tail ? l->total - tail : 0;
    l->left = tail;
  }
  return err;
}

static void answer(struct page *p, const struct log_pick *pick) {
  struct lines l = {.page = p, .json = &p->json, .pick = pick};
  uint64_t tail = (uint64_t)page_number(p, "tail", 0, 0, COUNT_MAX);
  int64_t known = page_number(p, "size", -1, 0, INT64_MAX);
  l.from = (uint64_t)page_number(p, "from", 0, 0, INT64_MAX);
  l.left = (uint64_t)page_number(p, "count", COUNT_DEFAULT, 1, COUNT_MAX);
  if (p->status >= 400) return;
  int err = measure(&l, tail);
  if (!err) {
    head_write(&l);
    err = pick->log ? lines_write(&l) : 0;
    jsonw_array_end(&p->json);
  }
  if (!err && pick->log) err = gaps_write(&l);
  if (err) {
    log_pick_problem(p, err);
    return;
  }
  if (!pick->log) {
    jsonw_key(&p->json, "gaps");
    jsonw_array(&p->json);
    jsonw_array_end(&p->json);
  }
  tail_write(&l);
  p->polls = true;
  p->watched_run = pick->run.run.key;
  p->unripe = !pick->ended && (known >= 0 ? (uint64_t)known == l.size : l.written == 0);
}

void page_log_lines_read(struct page *p) {
  struct log_pick pick;
  if (!log_pick(p, &pick)) return;
  answer(p, &pick);
  log_pick_release(&pick);
}
