#include "worker/ssh/host_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/attempt_dir.h"
#include "worker/executor.h"
#include "worker/logfile.h"
#include "worker/rundir.h"

#define REMOTE          "remote"
#define TOLD            "told"
#define REMOTE_MAX      (4u << 20)
#define LOG_CAP_DEFAULT (UINT64_C(1) << 30) /* of one whose record is damaged */

const char *const record_names[] = {RUNDIR_OUTPUT,  RUNDIR_METRICS,  RUNDIR_CHECKS, RUNDIR_ARTIFACTS,
                                    RUNDIR_SUMMARY, RUNDIR_PROGRESS, NULL};

/* ---- writing ---- */

static void put(struct buf *out, const char *key, const char *value) {
  if (!value) return;
  buf_fmt(out, "%s=%s", key, value);
  buf_char(out, '\0');
}

/* A descriptor of the attempt's directory, which is made if it is missing, or an error. */
static int dir_open(const char *dir) {
  int fd = attempt_dir_open(dir);
  if (fd != ERR_NOT_FOUND) return fd;
  int err = dir_make(dir, 0700);
  return err ? err : attempt_dir_open(dir);
}

int record_begin(const char *dir, const struct record *r) {
  int fd = dir_open(dir);
  if (fd < 0) return fd;
  struct buf text = {0};
  buf_add(&text, RUNDIR_FORMAT_TEXT, sizeof RUNDIR_FORMAT_TEXT);
  put(&text, "place", r->place);
  put(&text, "boot", r->boot);
  buf_fmt(&text, "log_cap=%" PRIu64, r->log_cap);
  buf_char(&text, '\0');
  for (size_t i = 0; i < r->fetch_len; i++) {
    put(&text, r->fetch[i].optional ? "fetch_if_there" : "fetch", r->fetch[i].path);
  }
  int err = file_write_at(fd, REMOTE, text.bytes, text.len, 0600, false);
  buf_release(&text);
  close(fd);
  return err;
}

static void put_number(struct buf *out, const char *key, int64_t n) {
  if (n >= 0) buf_fmt(out, "%s=%" PRId64 "\n", key, n);
}

static void put_line(struct buf *out, const char *key, const char *value) {
  if (!value[0]) return;
  buf_fmt(out, "%s=", key);
  for (const char *c = value; *c; c++) buf_char(out, *c == '\n' ? ' ' : *c);
  buf_char(out, '\n');
}

/* The content of `exit.*` as the supervisor of this machine writes it, which worker/look.h reads. */
static void findings_write(const struct findings *f, struct buf *out) {
  static const char *const notes[] = {
#define X(name, word, sentence) word,
      RUNDIR_NOTE_LIST(X)
#undef X
  };
  buf_str(out, RUNDIR_FORMAT_TEXT "\n");
  put_number(out, "pid", f->pid);
  put_number(out, "started", f->started_at);
  put_number(out, "ended", f->ended_at);
  put_number(out, "cpu_us", f->cpu_us);
  put_number(out, "max_rss_kb", f->max_rss_kb);
  put_number(out, "log_bytes", f->log_bytes);
  if (f->dropped_bytes > 0) put_number(out, "dropped_bytes", f->dropped_bytes);
  for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
    if (f->notes & (1u << i)) put_line(out, "note", notes[i]);
  }
  put_line(out, "stage", f->stage);
  if (f->errnum) put_number(out, "errno", f->errnum);
  put_line(out, "file", f->file);
  if (f->line) put_number(out, "line", f->line);
  put_line(out, "why", f->why);
}

static int told_write(int fd, const struct record *r) {
  if (!r->text && !r->fault) return 0;
  struct buf text = {0};
  buf_add(&text, RUNDIR_FORMAT_TEXT, sizeof RUNDIR_FORMAT_TEXT);
  put(&text, "text", r->text);
  put(&text, "fault", r->fault);
  int err = file_write_at(fd, TOLD, text.bytes, text.len, 0600, false);
  buf_release(&text);
  return err;
}

int record_end(const char *dir, const struct record *r, const struct record_result *results, size_t results_len) {
  int fd = dir_open(dir);
  if (fd < 0) return fd;
  int err = told_write(fd, r);
  for (size_t i = 0; !err && i < results_len; i++) {
    err = file_write_at(fd, results[i].name, results[i].bytes, results[i].len, 0600, false);
  }
  if (!err) {
    struct buf text = {0};
    findings_write(&r->findings, &text);
    char *name = alloc_fmt("%s%d.%s", RUNDIR_EXIT_PREFIX, r->findings.status,
                           ended_word((enum ended_how)r->findings.reason));
    err = file_write_at(fd, name, text.bytes, text.len, 0600, false);
    free(name);
    buf_release(&text);
  }
  close(fd);
  return err;
}

/* ---- reading ---- */

static void text_take(char **slot, const char *value) {
  free(*slot);
  *slot = alloc_strdup(value);
}

static void fetch_take(struct record *r, const char *path, bool optional) {
  r->fetch = alloc_grown(r->fetch, r->fetch_len + 1, sizeof *r->fetch);
  r->fetch[r->fetch_len++] = (struct launch_file){.path = alloc_strdup(path), .optional = optional};
}

static void entry_take(struct record *r, const char *key, size_t key_len, const char *value) {
  static const struct {
    const char *key;
    size_t at;
  } texts[] = {{"place", offsetof(struct record, place)},
               {"boot", offsetof(struct record, boot)},
               {"text", offsetof(struct record, text)},
               {"fault", offsetof(struct record, fault)}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (strlen(texts[i].key) == key_len && memcmp(texts[i].key, key, key_len) == 0)
      text_take((char **)((char *)r + texts[i].at), value);
  }
  if (key_len == 7 && memcmp(key, "log_cap", 7) == 0) r->log_cap = strtoull(value, NULL, 10);
  if (key_len == 5 && memcmp(key, "fetch", 5) == 0) fetch_take(r, value, false);
  if (key_len == 14 && memcmp(key, "fetch_if_there", 14) == 0) fetch_take(r, value, true);
}

/* Entries behind the last NUL are a cut file's and count for nothing. */
static int entries_read(const char *dir, const char *name, struct record *out) {
  struct buf text = {0};
  int err = attempt_file_read(dir, name, REMOTE_MAX, &text);
  if (!err && (text.len < sizeof RUNDIR_FORMAT_TEXT || strcmp(text.bytes, RUNDIR_FORMAT_TEXT) != 0))
    err = ERR_CORRUPT;
  for (size_t at = 0; !err && at < text.len;) {
    const char *entry = text.bytes + at;
    size_t len = strnlen(entry, text.len - at);
    if (at + len == text.len) break;
    const char *eq = memchr(entry, '=', len);
    if (eq) entry_take(out, entry, (size_t)(eq - entry), eq + 1);
    at += len + 1;
  }
  buf_release(&text);
  return err;
}

static uint64_t log_length(const char *dir) {
  int err;
  struct logfile_extent extent = {0};
  struct logfile *lf = logfile_open(dir, &err);
  if (lf) logfile_extent(lf, &extent);
  logfile_close(lf);
  return extent.size;
}

int record_read(const char *dir, struct record *out) {
  static const struct machine nowhere = {.id = "-", .boot = "-"};
  *out = (struct record){.log_cap = LOG_CAP_DEFAULT};
  findings_init(&out->findings);
  struct look look;
  look_at(dir, &nowhere, &look);
  if (look.pidfd >= 0) close(look.pidfd);
  if (look.state == LOOK_MISSING) return ERR_NOT_FOUND;
  out->log_at = log_length(dir);
  int err = entries_read(dir, REMOTE, out);
  if (err && err != ERR_NOT_FOUND) return err;
  if (look.state != LOOK_ENDED) return err;
  out->ended = true;
  out->findings = look.findings;
  err = entries_read(dir, TOLD, out);
  return err == ERR_NOT_FOUND ? 0 : err;
}

void record_release(struct record *r) {
  for (size_t i = 0; i < r->fetch_len; i++) free((char *)(uintptr_t)r->fetch[i].path);
  free(r->fetch);
  free(r->place);
  free(r->boot);
  free(r->text);
  free(r->fault);
  *r = (struct record){0};
}
