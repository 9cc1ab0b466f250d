#include "scheduler/daemon/pages/present.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void present_span(struct json *j, instant from, instant to, instant now) {
  jsonw_key(j, "duration_ms");
  if (from == INSTANT_NONE) {
    jsonw_null(j);
  } else {
    jsonw_duration_ms(j, (to == INSTANT_NONE ? now : to) - from);
  }
}

void present_known(struct json *j, const char *key, int64_t value) {
  jsonw_key(j, key);
  if (value < 0) {
    jsonw_null(j);
  } else {
    jsonw_int(j, value);
  }
}

static void member_raw(struct json *j, const char *key, const char *text) {
  jsonw_key(j, key);
  if (text) {
    jsonw_raw(j, text, strlen(text));
  } else {
    jsonw_null(j);
  }
}

void present_actor(struct json *j, const struct actor *actor) {
  jsonw_object(j);
  jsonw_member_string(j, "kind", actor->kind);
  jsonw_member_string(j, "id", actor->id);
  jsonw_member_string(j, "name", actor->name);
  jsonw_member_string(j, "address", actor->address);
  jsonw_object_end(j);
}

void present_run_begin(struct json *j, const struct present_run *run) {
  const struct run_row *r = run->row;
  char name[256], date[16];
  snprintf(name, sizeof name, "%s#%" PRId64, run->pipeline, r->number);
  date_format(r->date, date);
  jsonw_object(j);
  jsonw_member_string(j, "id", r->id.text);
  jsonw_member_string(j, "name", name);
  jsonw_member_string(j, "pipeline", run->pipeline);
  jsonw_member_int(j, "number", r->number);
  jsonw_member_string(j, "state", run_state_word(r->state));
  jsonw_member_string(j, "reason", r->reason);
  if (run->attention) jsonw_member_string(j, "why", run->attention);
  jsonw_member_string(j, "trigger", trigger_word(r->trigger));
  jsonw_key(j, "actor");
  present_actor(j, &r->actor);
  member_raw(j, "params", r->params ? r->params : "{}");
  jsonw_member_string(j, "version", run->version);
  jsonw_member_instant(j, "scheduled_for", r->scheduled_for);
  jsonw_member_instant(j, "interval_start", r->interval_start);
  jsonw_member_string(j, "date", date);
  jsonw_member_string(j, "zone", r->zone);
  jsonw_member_instant(j, "created_at", r->created_at);
  jsonw_member_instant(j, "started_at", r->started_at);
  jsonw_member_instant(j, "ended_at", r->ended_at);
  present_span(j, r->started_at, r->ended_at, run->now);
  jsonw_member_int(j, "round", r->round);
  jsonw_member_bool(j, "failed_before", r->failed_before);
  jsonw_member_bool(j, "keep", r->keep);
  jsonw_member_bool(j, "may_have_run_twice", r->may_have_run_twice);
  jsonw_member_string(j, "linked_from", run->linked_from);
  jsonw_member_int(j, "tasks_total", r->tasks);
  jsonw_member_int(j, "tasks_done", r->tasks_done);
  jsonw_member_int(j, "tasks_failed", r->tasks_failed);
}

void present_task(struct json *j, const struct task_row *row, const struct output_row *outputs, size_t outputs_len,
                  const struct task_told *told, instant now) {
  jsonw_object(j);
  jsonw_member_string(j, "task", row->name);
  jsonw_member_string(j, "label", row->label);
  jsonw_member_int(j, "index", row->index);
  jsonw_member_string(j, "state", task_state_word(row->state));
  jsonw_member_string(j, "wait", row->state == TASK_WAITING ? wait_word(row->wait) : NULL);
  jsonw_member_string(j, "reason", row->reason);
  jsonw_member_int(j, "round", row->round);
  jsonw_member_int(j, "attempts", row->attempts);
  jsonw_member_instant(j, "started_at", row->started_at);
  jsonw_member_instant(j, "ended_at", row->ended_at);
  present_span(j, row->started_at, row->ended_at, now);
  jsonw_member_instant(j, "not_before", row->not_before);
  jsonw_member_bool(j, "marked", row->marked);
  jsonw_member_bool(j, "allow_failure", told->allow_failure);
  jsonw_key(j, "outputs");
  jsonw_object(j);
  for (size_t i = 0; i < outputs_len; i++) {
    if (outputs[i].attempt == row->output_attempt) member_raw(j, outputs[i].name, outputs[i].json);
  }
  jsonw_object_end(j);
  jsonw_member_string(j, "progress", told->progress);
  jsonw_member_string(j, "summary", told->summary);
  bool runs = task_state_live(row->state) && row->started_at != INSTANT_NONE;
  jsonw_member_instant(j, "last_output_at", told->last_output_at);
  jsonw_member_instant(j, "expected_end",
                       runs && told->usual_ms >= 0 ? row->started_at + told->usual_ms * USEC_PER_MS : INSTANT_NONE);
  jsonw_member_string(j, "why", NULL);
  jsonw_object_end(j);
}

void present_attempt(struct json *j, const struct attempt_row *row, const char *label, const char *command,
                     instant now) {
  jsonw_object(j);
  jsonw_member_string(j, "id", row->id.text);
  jsonw_member_string(j, "task", label);
  jsonw_member_int(j, "attempt", row->number);
  jsonw_member_int(j, "round", row->round);
  jsonw_member_string(j, "state", task_state_word(row->state));
  jsonw_member_string(j, "reason", row->reason);
  jsonw_member_string(j, "host", row->host);
  jsonw_member_instant(j, "unreachable_at", row->unreachable_at);
  present_known(j, "exit_code", row->exit_code);
  present_known(j, "signal", row->signal > 0 ? row->signal : -1);
  present_known(j, "pid", row->pid > 0 ? row->pid : -1);
  jsonw_member_instant(j, "created_at", row->created_at);
  jsonw_member_instant(j, "started_at", row->started_at);
  jsonw_member_instant(j, "ended_at", row->ended_at);
  present_span(j, row->started_at, row->ended_at, now);
  present_known(j, "max_rss_kb", row->max_rss_kb);
  present_known(j, "cpu_ms", row->cpu_us < 0 ? -1 : row->cpu_us / USEC_PER_MS);
  present_known(j, "log_bytes", row->log_bytes);
  member_raw(j, "slots", row->slots ? row->slots : "{}");
  jsonw_member_string(j, "dir", row->dir);
  jsonw_member_string(j, "git_commit", row->git_commit);
  jsonw_key(j, "git_dirty");
  if (row->git_dirty < 0 || !row->git_commit) {
    jsonw_null(j);
  } else {
    jsonw_bool(j, row->git_dirty > 0);
  }
  jsonw_member_string(j, "command", command);
  jsonw_object_end(j);
}

void present_round(struct json *j, const struct round_row *row) {
  jsonw_object(j);
  jsonw_member_int(j, "round", row->number);
  jsonw_member_string(j, "state", run_state_word(row->state));
  jsonw_member_string(j, "reason", row->reason);
  jsonw_member_string(j, "scope", row->scope);
  jsonw_key(j, "actor");
  present_actor(j, &row->actor);
  jsonw_member_instant(j, "opened_at", row->opened_at);
  jsonw_member_instant(j, "ended_at", row->ended_at);
  jsonw_object_end(j);
}

void present_event(struct json *j, const struct event_row *row) {
  char key[24];
  snprintf(key, sizeof key, "%" PRId64, row->key);
  jsonw_object(j);
  jsonw_member_string(j, "key", key);
  jsonw_member_instant(j, "at", row->at);
  jsonw_member_string(j, "kind", event_row_word(row->kind));
  present_known(j, "task", row->task);
  jsonw_member_string(j, "state", row->state);
  jsonw_member_string(j, "reason", row->reason);
  jsonw_member_string(j, "actor", row->actor);
  jsonw_object_end(j);
}
