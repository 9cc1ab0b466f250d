#include "worker/local_report.h"

#include <inttypes.h>
#include <string.h>

void findings_from_notice(struct findings *f, const struct notice *n) {
  findings_init(f);
  f->reason = n->reason;
  f->status = n->status;
  f->errnum = n->errnum;
  f->notes = n->notes;
  f->pid = n->pid ? n->pid : -1;
  f->cpu_us = n->cpu_us;
  f->max_rss_kb = n->max_rss_kb;
  f->log_bytes = n->log_bytes;
  f->dropped_bytes = n->dropped_bytes;
  f->started_at = n->started_at ? n->started_at : INSTANT_NONE;
  f->ended_at = n->ended_at ? n->ended_at : INSTANT_NONE;
  memcpy(f->stage, n->stage, sizeof f->stage);
  f->stage[sizeof f->stage - 1] = '\0';
}

static const struct {
  const char *stage, *sentence;
} stages[] = {
    {"spec", "its spec can't be used"},
    {"env_file", "an env_file can't be used"},
    {"dir", "its working directory can't be entered"},
    {"state", "its ROTA_STATE can't be copied from the run that this one came from"},
    {"exec", "its program can't be executed"},
};

static void describe_fault(const struct findings *f, struct buf *text) {
  const char *sentence = "it could not be started";
  for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
    if (strcmp(f->stage, stages[i].stage) == 0) sentence = stages[i].sentence;
  }
  buf_str(text, sentence);
  if (f->file[0]) buf_fmt(text, ": %s", f->file);
  if (f->line)
    buf_fmt(text, ", line %" PRId64 ": not NAME=value", f->line);
  else if (f->why[0])
    buf_fmt(text, " %s", f->why);
  else if (f->errnum)
    buf_fmt(text, ": %s", strerrordesc_np(f->errnum) ? strerrordesc_np(f->errnum) : "unknown");
}

static void describe_notes(const struct findings *f, struct buf *text) {
  static const char *const sentences[] = {
#define X(name, word, sentence) sentence,
      RUNDIR_NOTE_LIST(X)
#undef X
  };
  for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
    if (!(f->notes & (1u << i))) continue;
    if (text->len) buf_str(text, "; ");
    buf_str(text, sentences[i]);
  }
}

struct report report_ended(const struct findings *f, struct buf *text) {
  bool failed = f->reason == RUNDIR_LAUNCH_FAILED;
  if (failed) describe_fault(f, text);
  describe_notes(f, text);
  return (struct report){.kind = REPORT_ENDED,
                         .text = text->len ? buf_cstr(text) : NULL,
                         .how = (enum ended_how)f->reason,
                         .status = f->status,
                         .stage = failed && f->stage[0] ? f->stage : NULL,
                         .errnum = f->errnum,
                         .pid = f->pid,
                         .started_at = f->started_at,
                         .ended_at = f->ended_at,
                         .cpu_us = f->cpu_us,
                         .max_rss_kb = f->max_rss_kb,
                         .log_bytes = f->log_bytes};
}
