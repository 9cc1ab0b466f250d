#include "cli/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "base/instant.h"
#include "cli/client.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

static void add_span(struct table *t, const json_t *object) {
  char text[DURATION_TEXT_SIZE];
  duration_show(field_int(object, "duration_ms", -1) * USEC_PER_MS, text);
  table_add(t, PAINT_NONE, text);
}

static void add_time(struct table *t, const json_t *object, const char *member) {
  char text[LOCAL_TEXT_SIZE];
  local_format(field_known(object, member), text);
  table_add(t, PAINT_NONE, text);
}

void lines_runs(const json_t *runs) {
  static const struct table_column columns[] = {
      {"RUN", false, false},     {"STATE", false, false}, {"BY", false, false},    {"STARTED", false, false},
      {"DURATION", true, false}, {"TASKS", true, false},  {"REASON", false, true}, {0}};
  struct table t;
  table_init(&t, columns);
  size_t i;
  const json_t *run;
  json_array_foreach(runs, i, run) {
    const char *state = field_text(run, "state"), *why = field_known(run, "why");
    table_add(&t, PAINT_BOLD, field_text(run, "name"));
    table_add(&t, paint_state(state), state);
    table_add(&t, PAINT_NONE, field_text(run, "trigger"));
    add_time(&t, run, "started_at");
    add_span(&t, run);
    table_fmt(&t, PAINT_NONE, "%lld/%lld", (long long)field_int(run, "tasks_done", 0),
              (long long)field_int(run, "tasks_total", 0));
    table_add(&t, PAINT_NONE, why ? why : field_text(run, "reason"));
  }
  table_print(&t);
}

void lines_run_head(const json_t *run) {
  bool colour = paint_wanted(stdout);
  struct buf out = {0};
  char time[LOCAL_TEXT_SIZE], span[DURATION_TEXT_SIZE];
  const char *state = field_text(run, "state"), *reason = field_text(run, "reason");
  const char *who = field_text(json_object_get(run, "actor"), "name");
  paint_add(&out, PAINT_BOLD, field_text(run, "name"), colour);
  buf_str(&out, "  ");
  paint_add(&out, paint_state(state), state, colour);
  if (*reason) {
    buf_str(&out, "  ");
    paint_add(&out, PAINT_NONE, reason, colour);
  }
  buf_fmt(&out, "\n  id %s, trigger %s", field_text(run, "id"), field_text(run, "trigger"));
  if (*who) {
    buf_str(&out, " by ");
    paint_add(&out, PAINT_NONE, who, colour);
  }
  local_format(field_known(run, "scheduled_for"), time);
  buf_fmt(&out, ", for %s", time);
  local_format(field_known(run, "started_at"), time);
  duration_show(field_int(run, "duration_ms", -1) * USEC_PER_MS, span);
  buf_fmt(&out, "\n  started %s, took %s, %lld of %lld tasks done", time, span,
          (long long)field_int(run, "tasks_done", 0), (long long)field_int(run, "tasks_total", 0));
  if (field_true(run, "failed_before")) buf_str(&out, ", failed before it was rerun");
  if (*field_text(run, "linked_from")) buf_fmt(&out, ", a rerun of %s", field_text(run, "linked_from"));
  if (field_true(run, "keep")) buf_str(&out, ", kept");
  puts(buf_cstr(&out));
  buf_release(&out);
}

void lines_members(const char *title, const json_t *object) {
  const char *name;
  json_t *value;
  void *iterator = json_object_iter((json_t *)(uintptr_t)object);
  if (!iterator) return;
  struct buf out = {0};
  buf_fmt(&out, "%s:", title);
  json_object_foreach((json_t *)(uintptr_t)object, name, value) {
    char *text = json_is_string(value) ? NULL
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    buf_str(&out, " ");
    paint_add(&out, PAINT_NONE, name, false);
    buf_char(&out, '=');
    paint_add(&out, PAINT_NONE, text ? text : json_string_value(value), false);
    free(text);
  }
  puts(buf_cstr(&out));
  buf_release(&out);
}

void lines_diagnostic(FILE *to, const char *file, const json_t *diagnostic) {
  struct buf text = {0};
  long long line = field_int(diagnostic, "line", 0), column = field_int(diagnostic, "column", 0);
  const char *help = field_text(diagnostic, "help");
  paint_add(&text, PAINT_NONE, file, false);
  if (line > 0) buf_fmt(&text, ":%lld:%lld", line, column);
  if (text.len) buf_str(&text, ": ");
  buf_fmt(&text, "%s: ", field_text(diagnostic, "level"));
  paint_add(&text, PAINT_NONE, field_text(diagnostic, "message"), false);
  if (*help) buf_str(&text, "\n  help: ");
  paint_add(&text, PAINT_NONE, help, false);
  fprintf(to, "%s\n", buf_cstr(&text));
  buf_release(&text);
}

bool lines_params(const struct args *args, const char *option, json_t *body, const char *member) {
  size_t len;
  const char *const *given = args_list(args, option, &len);
  if (!len) return true;
  json_t *params = json_object();
  for (size_t i = 0; i < len; i++) {
    size_t name = param_name_len(given[i]);
    json_t *value = name ? json_string(given[i] + name + 1) : NULL;
    char *key = strndup(given[i], name);
    bool again = key && json_object_get(params, key);
    if (!value || !key || again) {
      if (!name)
        args_wrong(args, "'%s' isn't NAME=VALUE", given[i]);
      else if (again)
        args_wrong(args, "'%s' is given twice", key);
      else
        args_wrong(args, "the value of '%.*s' isn't UTF-8 text", (int)name, given[i]);
      json_decref(value);
      json_decref(params);
      free(key);
      return false;
    }
    json_object_set_new(params, key, value);
    free(key);
  }
  json_object_set_new(body, member, params);
  return true;
}

const char *lines_run_operand(const struct args *args, size_t n) {
  const char *run = args_operand(args, n);
  if (run_ref_valid(run)) return run;
  args_wrong(args,
             "'%s' can't name a run: say an id or its beginning, nightly#412, nightly (its newest), nightly@failed",
             run);
  return NULL;
}

const char *lines_pipeline_operand(const struct args *args, size_t n) {
  const char *name = args_operand(args, n);
  if (pipeline_ref_valid(name)) return name;
  args_wrong(args, "'%s' can't name a pipeline: names are [a-z0-9_-], with folders before a '/'", name);
  return NULL;
}

/* Why a kept task might better run again. */
static void add_doubt(struct buf *out, const json_t *kept) {
  const json_t *params = json_object_get(kept, "uses_param"), *param;
  size_t i;
  buf_str(out, field_text(kept, "why"));
  if (field_true(kept, "changed")) buf_str(out, "; its definition has changed");
  json_array_foreach(params, i, param) {
    buf_fmt(out, "%s%s", i ? ", " : "; uses the changed ", json_string_value(param));
  }
}

void lines_preview(const json_t *preview) {
  static const struct table_column columns[] = {
      {"TASK", false, false}, {"WILL", false, false}, {"", false, true}, {0}};
  const json_t *run = json_object_get(preview, "will_run"), *keep = json_object_get(preview, "will_keep"), *item;
  struct table t;
  size_t i;
  lines_members("params", json_object_get(preview, "params"));
  if (!run) run = json_object_get(preview, "tasks");
  table_init(&t, columns);
  json_array_foreach(run, i, item) {
    bool reasons = json_is_object(item); /* of a rerun; a trigger runs all */
    table_add(&t, PAINT_BOLD, reasons ? field_text(item, "task") : json_string_value(item));
    table_add(&t, PAINT_LIVE, "run");
    table_add(&t, PAINT_NONE, reasons ? field_text(item, "why") : "");
  }
  json_array_foreach(keep, i, item) {
    struct buf doubt = {0};
    bool doubted = field_true(item, "changed") || json_array_size(json_object_get(item, "uses_param"));
    add_doubt(&doubt, item);
    table_add(&t, PAINT_BOLD, field_text(item, "task"));
    table_add(&t, PAINT_DIM, "keep");
    table_add(&t, doubted ? PAINT_WARN : PAINT_DIM, buf_cstr(&doubt));
    buf_release(&doubt);
  }
  table_print(&t);
  printf("%zu to run, %zu kept%s\n", json_array_size(run), json_array_size(keep),
         field_true(preview, "linked") ? "; in a new run, linked to this one" : "");
}

void lines_done(const struct args *args, const struct reply *reply) {
  struct buf line = {0};
  if (args_flag(args, "json")) {
    reply_print(reply);
    return;
  }
  paint_add(&line, PAINT_NONE, field_text(reply->json, "did"), false);
  puts(line.len ? line.bytes : "done");
  buf_release(&line);
}

int lines_revoke(const struct args *args, struct client *client, const char *list, const char *which) {
  struct buf target = {0};
  struct reply reply;
  buf_fmt(&target, "%s/", list);
  url_encode(&target, which);
  buf_str(&target, "/revoke");
  int code = client_post(client, buf_cstr(&target), json_object(), &reply);
  buf_release(&target);
  if (code != EXIT_OK) return code;
  lines_done(args, &reply);
  reply_release(&reply);
  return EXIT_OK;
}

int lines_post(const struct args *args, const char *target, json_t *body) {
  struct reply reply;
  int code = client_post_once(args, target, body, &reply);
  if (code != EXIT_OK) return code;
  lines_done(args, &reply);
  reply_release(&reply);
  return EXIT_OK;
}
