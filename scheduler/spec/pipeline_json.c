/* The canonical JSON of a pipeline: the keys of the language, in a fixed order, with defaults merged into the tasks;
 * pipeline_from_json reads it by the same readers as a file. Settings are written as the text of their template. */
#include <string.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline.h"

#define X(name, word) word,
static const char *const catchup_words[] = {CATCHUP_LIST(X)};
static const char *const overlap_words[] = {OVERLAP_LIST(X)};
static const char *const jitter_words[] = {JITTER_LIST(X)};
static const char *const leftovers_words[] = {LEFTOVERS_LIST(X)};
static const char *const unreachable_words[] = {UNREACHABLE_LIST(X)};
#undef X

static void text(struct json *j, const char *key, const char *value) {
  if (value) jsonw_member_string(j, key, value);
}

static void setting(struct json *j, const char *key, const struct template *t) {
  if (t) jsonw_member_string(j, key, t->source);
}

static void flag(struct json *j, const char *key, bool value) {
  if (value) jsonw_member_bool(j, key, value);
}

static void span(struct json *j, const char *key, duration d) {
  char out[DURATION_TEXT_SIZE];
  if (d == 0) return;
  duration_format(d, out);
  jsonw_member_string(j, key, out);
}

static void texts(struct json *j, const char *key, const char *const *items, size_t len) {
  if (len == 0) return;
  jsonw_key(j, key);
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) jsonw_string(j, items[i]);
  jsonw_array_end(j);
}

static void templates(struct json *j, const char *key, const struct template *const *items, size_t len) {
  if (len == 0) return;
  jsonw_key(j, key);
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) jsonw_string(j, items[i]->source);
  jsonw_array_end(j);
}

/* Values are written as the text that value_parse reads back, but for JSON, which is what it is. */
static void value(struct json *j, const struct value *v) {
  struct buf out = {0};
  if (v->type == VALUE_JSON) {
    jsonw_raw(j, v->text.bytes, v->text.len);
  } else if (v->type == VALUE_LIST) {
    jsonw_array(j);
    for (size_t i = 0; i < v->list.len; i++) value(j, &v->list.items[i]);
    jsonw_array_end(j);
  } else {
    value_text(v, &out);
    jsonw_string_n(j, buf_cstr(&out), out.len);
  }
  buf_release(&out);
}

static void param(struct json *j, const struct param_spec *s) {
  jsonw_key(j, s->name);
  jsonw_object(j);
  jsonw_member_string(j, "type", s->values ? "enum" : value_type_word(s->type));
  if (s->type == VALUE_LIST) jsonw_member_string(j, "items", value_type_word(s->items));
  texts(j, "values", s->values, s->values_len);
  if (s->has_min) jsonw_key(j, "min"), value(j, &s->min);
  if (s->has_max) jsonw_key(j, "max"), value(j, &s->max);
  if (s->default_literal.type != VALUE_ANY)
    jsonw_key(j, "default"), value(j, &s->default_literal);
  else
    setting(j, "default", s->default_value);
  text(j, "help", s->help);
  jsonw_object_end(j);
}

static void schedule(struct json *j, const struct pipeline *p, const struct schedule_spec *s) {
  jsonw_object(j);
  jsonw_member_string(j, "identity", s->identity);
  text(j, "name", s->name);
  text(j, "cron", s->cron);
  span(j, "every", s->every);
  jsonw_member_string(j, "timezone", s->zone);
  jsonw_member_bool(j, "zone_written", s->zone_written);
  jsonw_member_string(j, "catchup", catchup_words[s->catchup]);
  span(j, "catchup_window", s->catchup_window);
  jsonw_member_string(j, "overlap", overlap_words[s->overlap]);
  span(j, "jitter", s->jitter);
  flag(j, "paused", s->paused);
  if (s->params_len) {
    jsonw_key(j, "params");
    jsonw_object(j);
    for (size_t i = 0; i < s->params_len; i++)
      jsonw_key(j, p->params[s->params[i].param].name), value(j, &s->params[i].value);
    jsonw_object_end(j);
  }
  jsonw_object_end(j);
}

static void env(struct json *j, const struct env_spec *steps, size_t len) {
  if (len == 0) return;
  jsonw_key(j, "env");
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(j);
    text(j, "file", steps[i].file);
    text(j, "name", steps[i].name);
    setting(j, "value", steps[i].value);
    jsonw_object_end(j);
  }
  jsonw_array_end(j);
}

static void needs(struct json *j, const struct pipeline *p, const struct task_spec *t) {
  if (t->needs_len == 0) return;
  jsonw_key(j, "needs");
  jsonw_object(j);
  for (size_t i = 0; i < t->needs_len; i++)
    jsonw_member_string(j, p->tasks[t->needs[i].task].name, t->needs[i].same ? "same" : "all");
  jsonw_object_end(j);
}

static void matrix(struct json *j, const struct task_spec *t) {
  if (t->matrix_len == 0) return;
  jsonw_key(j, "matrix");
  jsonw_object(j);
  for (size_t i = 0; i < t->matrix_len; i++) {
    const struct matrix_axis *axis = &t->matrix[i];
    jsonw_key(j, axis->name);
    if (axis->whole) {
      jsonw_string(j, axis->whole->source);
      continue;
    }
    jsonw_array(j);
    for (size_t k = 0; k < axis->items_len; k++) jsonw_string(j, axis->items[k]->source);
    jsonw_array_end(j);
  }
  jsonw_object_end(j);
}

static void outputs(struct json *j, const struct task_spec *t) {
  if (t->outputs_len == 0) return;
  jsonw_key(j, "outputs");
  jsonw_object(j);
  for (size_t i = 0; i < t->outputs_len; i++) {
    jsonw_key(j, t->outputs[i].name);
    jsonw_object(j);
    jsonw_member_string(j, "type", value_type_word(t->outputs[i].type));
    if (t->outputs[i].type == VALUE_LIST) jsonw_member_string(j, "items", value_type_word(t->outputs[i].items));
    jsonw_object_end(j);
  }
  jsonw_object_end(j);
}

static void slots(struct json *j, const struct task_spec *t) {
  if (t->slots_len == 0) return;
  jsonw_key(j, "slots");
  jsonw_object(j);
  for (size_t i = 0; i < t->slots_len; i++) setting(j, t->slots[i].name, t->slots[i].amount);
  jsonw_object_end(j);
}

static void codes(struct json *j, const char *key, const int *items, size_t len) {
  if (!items) return;
  jsonw_key(j, key);
  jsonw_array(j);
  for (size_t i = 0; i < len; i++) jsonw_int(j, items[i]);
  jsonw_array_end(j);
}

static void retries(struct json *j, const struct retry_spec *s) {
  if (!s->max && !s->delay && !s->factor && !s->cap && !s->lost && !s->exit_codes && !s->not_exit_codes &&
      s->jitter == JITTER_FULL)
    return;
  jsonw_key(j, "retries");
  jsonw_object(j);
  setting(j, "max", s->max);
  setting(j, "delay", s->delay);
  setting(j, "factor", s->factor);
  setting(j, "cap", s->cap);
  jsonw_member_string(j, "jitter", jitter_words[s->jitter]);
  codes(j, "exit_codes", s->exit_codes, s->exit_codes_len);
  codes(j, "not_exit_codes", s->not_exit_codes, s->not_exit_codes_len);
  setting(j, "lost", s->lost);
  jsonw_object_end(j);
}

static void unreachable(struct json *j, const struct task_spec *t) {
  if (!t->unreachable_after && t->unreachable_then == UNREACHABLE_WAIT) return;
  jsonw_key(j, "unreachable");
  jsonw_object(j);
  setting(j, "after", t->unreachable_after);
  jsonw_member_string(j, "then", unreachable_words[t->unreachable_then]);
  jsonw_object_end(j);
}

static void task(struct json *j, const struct pipeline *p, const struct task_spec *t, bool with_doc) {
  jsonw_object(j);
  if (with_doc) text(j, "doc", t->doc);
  if (t->script)
    jsonw_key(j, "run"), jsonw_string_n(j, t->script, t->script_len);
  else
    templates(j, "run", t->argv, t->argc);
  texts(j, "shell", t->shell, t->shell_len);
  needs(j, p, t);
  text(j, "when", t->when_source);
  matrix(j, t);
  outputs(j, t);
  setting(j, "on", t->on);
  slots(j, t);
  setting(j, "dir", t->dir);
  env(j, t->env, t->env_len);
  setting(j, "path", t->path);
  retries(j, &t->retries);
  setting(j, "timeout", t->timeout);
  setting(j, "grace", t->grace);
  unreachable(j, t);
  setting(j, "priority", t->priority);
  flag(j, "allow_failure", t->allow_failure);
  flag(j, "fail_fast", t->fail_fast);
  jsonw_member_string(j, "leftovers", leftovers_words[t->leftovers]);
  templates(j, "send", t->send, t->send_len);
  templates(j, "fetch", t->fetch, t->fetch_len);
  flag(j, "finally", t->finally);
  jsonw_object_end(j);
}

void task_definition_json(const struct pipeline *p, const struct task_spec *t, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  task(&j, p, t, false);
}

void pipeline_json(const struct pipeline *p, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_object(&j);
  jsonw_member_string(&j, "name", p->name);
  jsonw_member_string(&j, "folder", p->folder);
  text(&j, "description", p->description);
  text(&j, "owner", p->owner);
  texts(&j, "tags", p->tags, p->tags_len);
  text(&j, "doc", p->doc);
  flag(&j, "paused", p->paused);
  jsonw_key(&j, "params");
  jsonw_object(&j);
  for (size_t i = 0; i < p->params_len; i++) param(&j, &p->params[i]);
  jsonw_object_end(&j);
  jsonw_key(&j, "schedule");
  jsonw_array(&j);
  for (size_t i = 0; i < p->schedules_len; i++) schedule(&j, p, &p->schedules[i]);
  jsonw_array_end(&j);
  env(&j, p->env, p->env_len);
  setting(&j, "max_tasks", p->max_tasks);
  setting(&j, "timeout", p->timeout);
  setting(&j, "priority", p->priority);
  jsonw_key(&j, "tasks");
  jsonw_object(&j);
  for (size_t i = 0; i < p->tasks_len; i++) {
    jsonw_key(&j, p->tasks[i].name);
    task(&j, p, &p->tasks[i], true);
  }
  jsonw_object_end(&j);
  jsonw_object_end(&j);
}
