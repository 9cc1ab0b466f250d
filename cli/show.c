/* rota show: one run; what failed first and its last lines on top, then all tasks. */
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/instant.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

static bool failure(const char *state) {
  return strcmp(state, "failed") == 0 || strcmp(state, "timed_out") == 0 || strcmp(state, "lost") == 0;
}

/* The failed task that ended first; NULL if none failed. */
static const json_t *first_failed(const json_t *tasks) {
  const json_t *first = NULL, *task;
  size_t i;
  json_array_foreach(tasks, i, task) {
    if (!failure(field_text(task, "state")) || field_true(task, "allow_failure")) continue;
    if (!first || strcmp(field_text(task, "ended_at"), field_text(first, "ended_at")) < 0) first = task;
  }
  return first;
}

/* The task's newest attempt: the last of the list that is its. */
static const json_t *last_attempt(const json_t *run, const char *label) {
  const json_t *last = NULL, *attempt;
  size_t i;
  json_array_foreach(json_object_get(run, "attempts"), i, attempt) {
    if (strcmp(field_text(attempt, "task"), label) == 0) last = attempt;
  }
  return last;
}

static void add_end(struct buf *out, const json_t *attempt) {
  int64_t code = field_int(attempt, "exit_code", -1), number = field_int(attempt, "signal", 0);
  if (number > 0)
    buf_fmt(out, ", ended by signal %lld (%s)", (long long)number, strsignal((int)number));
  else if (code >= 0)
    buf_fmt(out, ", exit code %lld", (long long)code);
}

/* A line of the log, fit for a terminal, behind `mark`. */
static void print_line(const char *mark, const json_t *line) {
  struct buf clean = {0};
  struct log_filter filter = {0};
  const json_t *text = json_object_get(line, "text");
  log_filter(&filter, json_string_value(text), json_string_length(text), &clean);
  printf("%s%.*s\n", mark, (int)strcspn(buf_cstr(&clean), "\r\n"), buf_cstr(&clean));
  buf_release(&clean);
}

/* The line that says what went wrong above the last ones: of the card that the API makes for the task. */
static void show_card(struct client *client, const char *run, const char *label) {
  struct buf target = {0};
  struct reply reply;
  size_t i, k;
  const json_t *card, *line;
  url_run(&target, run, "/failure");
  int code = client_get(client, buf_cstr(&target), &reply);
  buf_release(&target);
  if (code != EXIT_OK) return;
  json_array_foreach(json_object_get(reply.json, "cards"), i, card) {
    if (strcmp(field_text(card, "label"), label) != 0) continue;
    if (json_is_object(json_object_get(card, "error"))) print_line("  ", json_object_get(card, "error"));
    json_array_foreach(json_object_get(card, "tail"), k, line) {
      print_line("  | ", line);
    }
    if (field_int(card, "same", 1) > 1) printf("  %lld tasks ended alike\n", (long long)field_int(card, "same", 1));
  }
  if (paint_wanted(stdout)) fputs("\033[0m", stdout);
  reply_release(&reply);
}

static void show_failure(struct client *client, const json_t *run) {
  const json_t *task = first_failed(json_object_get(run, "tasks"));
  if (!task) return;
  struct buf out = {0};
  bool colour = paint_wanted(stdout);
  const char *label = field_shown(task, "label"), *state = field_text(task, "state"),
             *reason = field_text(task, "reason");
  paint_add(&out, PAINT_BOLD, label, colour);
  buf_char(&out, ' ');
  paint_add(&out, paint_state(state), state, colour);
  const json_t *attempt = last_attempt(run, label);
  if (attempt) {
    buf_fmt(&out, " in attempt %lld on %s", (long long)field_int(attempt, "attempt", 1),
            field_shown(attempt, "host"));
    add_end(&out, attempt);
  }
  if (*reason) {
    buf_str(&out, "\n  ");
    paint_add(&out, PAINT_NONE, reason, colour);
  }
  puts(buf_cstr(&out));
  buf_release(&out);
  if (attempt) show_card(client, field_text(run, "id"), label);
  printf("  `rota logs %s %s` shows all of it, `rota rerun %s` goes on from here\n\n", field_shown(run, "name"),
         label, field_shown(run, "name"));
}

static void add_task(struct table *t, const json_t *run, const json_t *task) {
  char time[LOCAL_TEXT_SIZE], span[DURATION_TEXT_SIZE];
  const char *state = field_text(task, "state"), *reason = field_text(task, "reason");
  const json_t *attempt = last_attempt(run, field_text(task, "label"));
  local_format(field_known(task, "started_at"), time);
  duration_show(field_int(task, "duration_ms", -1) * USEC_PER_MS, span);
  table_add(t, PAINT_BOLD, field_text(task, "label"));
  table_fmt(t, paint_state(state), "%s%s", state, field_true(task, "marked") ? " (marked)" : "");
  table_fmt(t, PAINT_NONE, "%lld", (long long)field_int(task, "attempts", 0));
  table_add(t, PAINT_NONE, attempt ? field_text(attempt, "host") : NULL);
  table_add(t, PAINT_NONE, time);
  table_add(t, PAINT_NONE, span);
  const char *wait = field_text(task, "wait"), *why = field_text(task, "why");
  if (*why)
    table_add(t, PAINT_NONE, why);
  else if (*wait && strcmp(wait, "dependencies") != 0)
    table_fmt(t, PAINT_NONE, "%s%swaits: %s", reason, *reason ? "; " : "", wait);
  else
    table_add(t, PAINT_NONE, *reason ? reason : field_text(task, "progress"));
}

static void show_notes(const json_t *notes) {
  size_t i;
  const json_t *note;
  json_array_foreach(notes, i, note) {
    char time[LOCAL_TEXT_SIZE];
    struct buf out = {0};
    local_format(field_known(note, "at"), time);
    buf_fmt(&out, "note of %s, %s: ", field_text(note, "actor"), time);
    paint_add(&out, PAINT_NONE, field_text(note, "reason"), false);
    puts(buf_cstr(&out));
    buf_release(&out);
  }
}

static void show_run(struct client *client, const json_t *run) {
  static const struct table_column columns[] = {
      {"TASK", false, false},    {"STATE", false, false},   {"ATTEMPTS", true, false}, {"HOST", false, false},
      {"STARTED", false, false}, {"DURATION", true, false}, {"", false, true},         {0}};
  lines_run_head(run);
  lines_members("  params", json_object_get(run, "params"));
  putchar('\n');
  show_failure(client, run);
  struct table t;
  size_t i;
  const json_t *task;
  table_init(&t, columns);
  json_array_foreach(json_object_get(run, "tasks"), i, task) {
    add_task(&t, run, task);
  }
  json_array_foreach(json_object_get(run, "empty"), i, task) {
    table_add(&t, PAINT_BOLD, json_string_value(task));
    table_add(&t, paint_state("skipped"), "skipped");
    for (int column = 0; column < 4; column++) table_add(&t, PAINT_NONE, NULL);
    table_add(&t, PAINT_NONE, "its matrix was empty");
  }
  table_print(&t);
  show_notes(json_object_get(run, "notes"));
}

static int show_command(const struct args *args) {
  struct client *client;
  struct reply reply;
  const char *run = lines_run_operand(args, 0);
  if (!run) return EXIT_USAGE;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  struct buf target = {0};
  url_run(&target, run, "");
  code = client_get(client, buf_cstr(&target), &reply);
  if (code == EXIT_OK) {
    if (args_flag(args, "json"))
      reply_print(&reply);
    else
      show_run(client, reply.json);
    reply_release(&reply);
  }
  buf_release(&target);
  client_close(client);
  return code;
}

const struct command command_show = {
    .name = "show",
    .summary = "One run: what failed and its last lines on top, then all tasks",
    .operands =
        (const struct arg_operand[]){
            {"RUN", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed"},
            {0},
        },
    .run = show_command,
};
