#include "worker/supervise/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename alone */
#include <string.h>
#include <unistd.h>

#include "worker/supervise/text.h"

static const char *const reason_words[] = {
#define X(name, word) word,
    RUNDIR_REASON_LIST(X)
#undef X
};

static const char *const note_words[] = {
#define X(name, word, text) word,
    RUNDIR_NOTE_LIST(X)
#undef X
};

int result_open(struct result *r, bool notices) {
  *r = (struct result){.n = {.magic = NOTICE_MAGIC, .cpu_us = -1, .max_rss_kb = -1}};
  r->notices = notices && fcntl(NOTICE_FD, F_SETFD, FD_CLOEXEC) == 0;
  r->file = open(RUNDIR_RESULT, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  return r->file < 0 ? errno : 0;
}

/* False only if the pipe is full; when nobody reads any more there is nothing left to send. */
static bool send(struct result *r, enum notice_kind kind) {
  if (!r->notices) return true;
  r->n.kind = kind;
  if (write(NOTICE_FD, &r->n, sizeof r->n) >= 0) return true;
  if (errno == EAGAIN) return false;
  r->notices = false;
  return true;
}

void result_started(struct result *r) {
  char bytes[128];
  struct text t;
  text_init(&t, bytes, sizeof bytes);
  text_add(&t, RUNDIR_FORMAT_TEXT "\n");
  text_pair(&t, "pid", r->n.pid);
  text_pair(&t, "started", r->n.started_at);
  write_all(r->file, t.bytes, t.len);
  r->started_owed = !send(r, NOTICE_STARTED);
}

void result_pay(struct result *r) {
  if (r->started_owed) r->started_owed = !send(r, NOTICE_STARTED);
}

static void add_fault(struct text *t, const struct launch_fault *f) {
  text_add(t, "stage=");
  text_add(t, f->stage);
  text_add(t, "\n");
  text_pair(t, "errno", f->errnum);
  if (f->file) {
    text_add(t, "file=");
    text_add(t, f->file);
    text_add(t, "\n");
  }
  if (f->line) text_pair(t, "line", f->line);
  if (f->why) {
    text_add(t, "why=");
    text_add(t, f->why);
    text_add(t, "\n");
  }
}

static void write_end(struct result *r, const struct launch_fault *fault) {
  char bytes[RUNDIR_RESULT_MAX - 128];
  struct text t;
  text_init(&t, bytes, sizeof bytes);
  if (fault) text_add(&t, RUNDIR_FORMAT_TEXT "\n");
  text_pair(&t, "ended", r->n.ended_at);
  text_pair(&t, "cpu_us", r->n.cpu_us);
  text_pair(&t, "max_rss_kb", r->n.max_rss_kb);
  text_pair(&t, "log_bytes", r->n.log_bytes);
  if (r->n.dropped_bytes) text_pair(&t, "dropped_bytes", r->n.dropped_bytes);
  for (size_t i = 0; i < sizeof note_words / sizeof note_words[0]; i++) {
    if (!(r->n.notes & (1u << i))) continue;
    text_add(&t, "note=");
    text_add(&t, note_words[i]);
    text_add(&t, "\n");
  }
  if (fault) add_fault(&t, fault);
  write_all(r->file, t.bytes, t.len);
  close(r->file);
  r->file = -1;
}

void result_end(struct result *r, const struct launch_fault *fault) {
  if (fault) {
    r->n.errnum = fault->errnum;
    strncpy(r->n.stage, fault->stage, sizeof r->n.stage - 1);
  }
  write_end(r, fault);
  if (r->n.notes & RUNDIR_NOTE_FROM_OUTSIDE) return;
  char name_bytes[64];
  struct text name;
  text_init(&name, name_bytes, sizeof name_bytes);
  text_add(&name, RUNDIR_EXIT_PREFIX);
  text_number(&name, r->n.status);
  text_add(&name, ".");
  text_add(&name, reason_words[r->n.reason]);
  if (rename(RUNDIR_RESULT, name.bytes) == 0) send(r, NOTICE_ENDED);
}
