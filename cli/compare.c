/* rota compare: what differs between two runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "base/instant.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

static void add_value(struct table *t, const json_t *value) {
  char *text = value && !json_is_null(value) ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
  table_add(t, PAINT_NONE, text ? text : "-");
  free(text);
}

/* A table of "a" and "b" of each item, named by one or two of its members. */
static void show_pairs(const char *title, const json_t *items, const char *first, const char *second) {
  const struct table_column columns[] = {{title, false, false}, {"A", false, false}, {"B", false, true}, {0}};
  struct table t;
  size_t i;
  const json_t *item;
  if (!json_array_size(items)) return;
  putchar('\n');
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    table_fmt(&t, PAINT_BOLD, "%s%s%s", field_text(item, first), second ? "." : "",
              second ? field_text(item, second) : "");
    add_value(&t, json_object_get(item, "a"));
    add_value(&t, json_object_get(item, "b"));
  }
  table_print(&t);
}

static void add_side(struct table *t, const json_t *side) {
  char span[DURATION_TEXT_SIZE];
  if (!json_is_object(side)) {
    table_add(t, PAINT_DIM, "-");
    return;
  }
  const char *state = field_text(side, "state");
  duration_show(field_int(side, "duration_ms", -1) * USEC_PER_MS, span);
  long long attempts = (long long)field_int(side, "attempts", 0), code = (long long)field_int(side, "exit_code", -1);
  struct buf text = {0};
  buf_fmt(&text, "%s %s", state, span);
  if (code > 0) buf_fmt(&text, ", exit %lld", code);
  if (attempts > 1) buf_fmt(&text, ", %lld attempts", attempts);
  table_add(t, paint_state(state), buf_cstr(&text));
  buf_release(&text);
}

static void show_tasks(const json_t *tasks) {
  static const struct table_column columns[] = {{"TASK", false, false}, {"A", false, false}, {"B", false, true}, {0}};
  struct table t;
  size_t i, different = 0;
  const json_t *task;
  table_init(&t, columns);
  json_array_foreach(tasks, i, task) {
    if (!field_true(task, "different")) continue;
    different++;
    table_add(&t, PAINT_BOLD, field_text(task, "label"));
    add_side(&t, json_object_get(task, "a"));
    add_side(&t, json_object_get(task, "b"));
  }
  putchar('\n');
  if (different) table_print(&t);
  printf("%zu of %zu tasks ended otherwise\n", different, json_array_size(tasks));
}

static const char *short_commit(const json_t *dir, const char *side, const char *dirty, char out[32]) {
  const char *commit = field_shown(dir, side);
  snprintf(out, 32, "%.12s%s", *commit ? commit : "-", field_true(dir, dirty) ? " (changed)" : "");
  return out;
}

static void show_code(const json_t *code) {
  size_t i, k;
  const json_t *dir, *file;
  char a[32], b[32];
  json_array_foreach(code, i, dir) {
    const json_t *files = json_object_get(dir, "files");
    bool same = strcmp(field_text(dir, "a"), field_text(dir, "b")) == 0;
    if (same && field_true(dir, "a_dirty") == field_true(dir, "b_dirty")) continue;
    struct buf line = {0};
    paint_add(&line, PAINT_NONE, field_text(dir, "dir"), false);
    printf("\ncode in %s: %s, %s\n", buf_cstr(&line), short_commit(dir, "a", "a_dirty", a),
           short_commit(dir, "b", "b_dirty", b));
    if (json_is_null(files)) puts("  git doesn't say which files differ");
    json_array_foreach(files, k, file) {
      buf_reset(&line);
      paint_add(&line, PAINT_NONE, field_text(file, "path"), false);
      printf("  %s %s\n", field_shown(file, "status"), buf_cstr(&line));
    }
    buf_release(&line);
  }
}

static void show(const json_t *seen) {
  fputs("A  ", stdout);
  lines_run_head(json_object_get(seen, "a"));
  fputs("B  ", stdout);
  lines_run_head(json_object_get(seen, "b"));
  show_pairs("PARAMETER", json_object_get(seen, "params"), "name", NULL);
  if (!field_true(json_object_get(seen, "version"), "same"))
    puts("\nthe pipeline's file is another one: --json has both texts");
  show_code(json_object_get(seen, "code"));
  show_pairs("HOST OF", json_object_get(seen, "hosts"), "task", NULL);
  show_tasks(json_object_get(seen, "tasks"));
  show_pairs("OUTPUT", json_object_get(seen, "outputs"), "task", "name");
}

static int compare_run(const struct args *args) {
  struct client *client;
  struct reply reply;
  struct buf target = {0};
  if (!lines_run_operand(args, 0) || (args_operand(args, 1) && !lines_run_operand(args, 1))) return EXIT_USAGE;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  client_patience(client, 60000); /* git is asked */
  buf_str(&target, "/api/v1/compare");
  url_query(&target, "a", args_operand(args, 0));
  url_query(&target, "b", args_operand(args, 1));
  code = client_get(client, buf_cstr(&target), &reply);
  buf_release(&target);
  if (code == EXIT_OK) {
    if (args_flag(args, "json"))
      reply_print(&reply);
    else
      show(reply.json);
    reply_release(&reply);
  }
  client_close(client);
  return code;
}

const struct command command_compare = {
    .name = "compare",
    .summary = "What differs between two runs: parameters, code, hosts, tasks, outputs",
    .about = "Without B it is the last success before A, else the newest other one of its pipeline.",
    .operands =
        (const struct arg_operand[]){
            {"A", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed"},
            {"B", WHAT_RUN, true, false, NULL, "the run that it is compared with"},
            {0},
        },
    .run = compare_run,
};
