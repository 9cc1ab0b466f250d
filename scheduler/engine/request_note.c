/* Requests that start and stop nothing by themselves: note, keep, pause, resume. */
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/entry.h"
#include "scheduler/engine/ready.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/schedule.h"

static const char *row_name(struct engine *e, const char *pipeline, const struct run_row *run) {
  return arena_fmt(&e->scratch, "%s#%lld", pipeline, (long long)run->number);
}

static void note_pipeline(struct engine *e, const struct engine_note *q) {
  struct entry *entry = entry_find(e, q->pipeline_name);
  if (!entry) {
    reply_problem(e, &q->asker, 404, "there is no pipeline '%s': `rota list` shows all of them", q->pipeline_name);
    return;
  }
  if (!q->asker.dry_run) {
    emit_event(e, EVENT_ROW_NOTE, entry, NULL, NULL, NULL, q->text);
    emit_audit(e, &q->asker.actor, "note", entry->row.name, q->text);
  }
  reply_done(e, &q->asker, "the note stands with %s", entry->row.name);
}

void request_note(struct engine *e, const struct engine_note *q) {
  if (!q->run) {
    note_pipeline(e, q);
    return;
  }
  const char *name = row_name(e, q->pipeline_name, q->run);
  if (!q->asker.dry_run) {
    emit_event_row(e, &(struct event_row){.kind = EVENT_ROW_NOTE,
                                          .pipeline = q->run->pipeline,
                                          .run = q->run->key,
                                          .task = -1,
                                          .reason = q->text,
                                          .run_id = q->run->id.text});
    emit_audit(e, &q->asker.actor, "note", name, q->text);
  }
  reply_done(e, &q->asker, "the note stands with %s", name);
}

void request_keep(struct engine *e, const struct engine_keep *q) {
  const char *name = row_name(e, q->pipeline_name, q->run);
  struct live_run *live = run_find(e, q->run->id.text);
  if (!q->asker.dry_run) {
    struct live_run *ended = live ? NULL : run_just_ended(e, q->run->id.text);
    if (live || ended) {
      struct live_run *r = live ? live : ended;
      r->row.keep = q->keep;
      mark_run(r);
    } else {
      struct run_row row = *q->run;
      row.keep = q->keep;
      emit_run_row(e, &row);
    }
    if (!live) vec_push(&e->changed, ((struct kept_change){q->run->id, q->keep}));
    emit_audit(e, &q->asker.actor, q->keep ? "keep" : "keep --off", name, NULL);
  }
  reply_done(e, &q->asker, q->keep ? "%s is kept" : "%s is no longer kept", name);
}

static const char *who(const struct engine_asker *asker) {
  return asker->actor.name ? asker->actor.name : asker->actor.id;
}

static void pause_all(struct engine *e, const char *reason, const char *by) {
  /* What was due before still starts. */
  e->pause.at = e->now.wall;
  text_set(&e->pause_reason, reason);
  text_set(&e->pause_by, by);
  e->pause_dirty = true;
  emit_event(e, EVENT_ROW_PIPELINE, NULL, NULL, NULL, "paused", reason);
  ready_relabel(e);
}

static void resume_all(struct engine *e) {
  /* What came due in the pause is decided while it lasts: it stays unstarted. */
  schedules_run(e);
  e->pause.at = INSTANT_NONE;
  text_set(&e->pause_reason, NULL);
  text_set(&e->pause_by, NULL);
  e->pause_dirty = true;
  emit_event(e, EVENT_ROW_PIPELINE, NULL, NULL, NULL, "resumed", NULL);
  ready_relabel(e);
}

/* The pipeline meant; an answer was given and it is NULL if there is none. */
static struct entry *asked(struct engine *e, const struct engine_asker *asker, const char *pipeline) {
  struct entry *entry = entry_find(e, pipeline);
  if (!entry) reply_problem(e, asker, 404, "there is no pipeline '%s': `rota list` shows all of them", pipeline);
  return entry;
}

void request_pause(struct engine *e, const struct engine_pause *q) {
  struct entry *entry = q->pipeline ? asked(e, &q->asker, q->pipeline) : NULL;
  if (q->pipeline && !entry) return;
  instant since = entry ? entry->row.paused_at : e->pause.at;
  if (since != INSTANT_NONE) {
    const char *reason = entry ? entry->row.paused_reason : e->pause_reason;
    reply_problem(e, &q->asker, 409, "%s is paused already: %s", entry ? q->pipeline : "everything",
                  reason ? reason : "no reason was given");
    return;
  }
  if (!q->asker.dry_run) {
    if (entry)
      entry_pause(entry, q->reason, who(&q->asker));
    else
      pause_all(e, q->reason, who(&q->asker));
    emit_audit(e, &q->asker.actor, "pause", entry ? q->pipeline : "all", q->reason);
  }
  reply_done(e, &q->asker, entry ? "%s is paused: its schedules start nothing" : "%s is paused: no task starts",
             entry ? q->pipeline : "everything");
}

void request_resume(struct engine *e, const struct engine_resume *q) {
  struct entry *entry = q->pipeline ? asked(e, &q->asker, q->pipeline) : NULL;
  if (q->pipeline && !entry) return;
  if ((entry ? entry->row.paused_at : e->pause.at) == INSTANT_NONE) {
    reply_problem(e, &q->asker, 409, "%s isn't paused", entry ? q->pipeline : "the installation");
    return;
  }
  if (!q->asker.dry_run) {
    if (entry)
      entry_resume(entry);
    else
      resume_all(e);
    emit_audit(e, &q->asker.actor, "resume", entry ? q->pipeline : "all", NULL);
  }
  reply_done(e, &q->asker, "%s goes on", entry ? q->pipeline : "everything");
}
