/* rota restore: puts a snapshot in the database's place, with no daemon running; once the daemon runs again, shows
 * and answers the questions that this left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/place.h"
#include "cli/table.h"
#include "cli/text.h"
#include "scheduler/daemon/daemon.h"

#define ANSWERS "skip|mark|run"

static int apply(const struct args *args) {
  char *state = place_state(args);
  if (!state) return EXIT_USAGE;
  const struct restore_options options = {.state = state,
                                          .file = args_operand(args, 0),
                                          .new_id = args_flag(args, "new-id"),
                                          .json = args_flag(args, "json")};
  int code = daemon_restore(&options);
  free(state);
  return code;
}

/* ---- the questions ---- */

/* All pages of them in one array, which the caller releases. */
static int questions(struct client *client, json_t **out) {
  char *after = NULL;
  int code;
  *out = json_array();
  do {
    struct buf target = {0};
    struct reply reply;
    buf_str(&target, "/api/v1/restore");
    url_query(&target, "limit", "500");
    url_query(&target, "after", after);
    free(after);
    after = NULL;
    code = client_get(client, buf_cstr(&target), &reply);
    buf_release(&target);
    if (code != EXIT_OK) break;
    const char *next = field_known(reply.json, "next");
    if (next) after = strdup(next);
    json_array_extend(*out, json_object_get(reply.json, "items"));
    reply_release(&reply);
  } while (after);
  return code;
}

static void add_choices(struct table *t, const json_t *item) {
  struct buf words = {0};
  const json_t *choice;
  size_t i;
  json_array_foreach(json_object_get(item, "choices"), i, choice) {
    buf_fmt(&words, "%s%s", i ? ", " : "", json_string_value(choice));
  }
  table_add(t, PAINT_NONE, buf_cstr(&words));
  buf_release(&words);
}

static void show(const json_t *items) {
  static const struct table_column columns[] = {
      {"KEY", true, false},      {"PIPELINE", false, false}, {"WHAT", false, false},
      {"FOR", false, false},     {"FOUND", false, true},     {"RUN", false, false},
      {"CHOICES", false, false}, {"ANSWER", false, false},   {0}};
  struct table t;
  size_t i;
  const json_t *item;
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char time[LOCAL_TEXT_SIZE];
    bool firing = strcmp(field_text(item, "kind"), "firing") == 0;
    local_format(field_known(item, "scheduled_for"), time);
    table_add(&t, PAINT_BOLD, field_text(item, "key"));
    table_add(&t, PAINT_NONE, field_known(item, "pipeline"));
    table_add(&t, PAINT_NONE, firing ? "firing" : field_known(item, "task"));
    table_add(&t, PAINT_NONE, time);
    table_add(&t, PAINT_NONE, field_text(item, "found"));
    table_add(&t, PAINT_DIM, field_known(item, "run"));
    add_choices(&t, item);
    table_add(&t, PAINT_NONE, field_known(item, "answer"));
  }
  table_print(&t);
}

static int list(const struct args *args, struct client *client) {
  json_t *items, *whole;
  int code = questions(client, &items);
  if (code == EXIT_OK && args_flag(args, "json")) {
    whole = json_pack("{s:O,s:n}", "items", items, "next");
    json_print(whole);
    json_decref(whole);
  } else if (code == EXIT_OK && json_array_size(items)) {
    show(items);
  } else if (code == EXIT_OK) {
    puts("no questions of a restore are open");
  }
  json_decref(items);
  return code;
}

/* ---- answers ---- */

static int answer(const struct args *args, struct client *client, const char *key, const char *word) {
  struct reply reply;
  json_t *body = json_pack("{s:s,s:s}", "key", key, "answer", word);
  if (!body) return args_wrong(args, "the key isn't UTF-8 text");
  int code = client_post(client, "/api/v1/restore", body, &reply);
  if (code != EXIT_OK) return code;
  lines_done(args, &reply);
  reply_release(&reply);
  return EXIT_OK;
}

/* What can't be answered so is said and left open; without a daemon there is no use in going on. */
static int answer_all(const struct args *args, struct client *client, const char *word) {
  json_t *items;
  size_t i;
  const json_t *item;
  int worst = questions(client, &items);
  if (worst == EXIT_OK) {
    json_array_foreach(items, i, item) {
      if (field_known(item, "answer")) continue;
      int code = answer(args, client, field_text(item, "key"), word);
      if (code != EXIT_OK) worst = code;
      if (code == EXIT_NO_DAEMON) break;
    }
  }
  json_decref(items);
  return worst;
}

static int close_questions(const struct args *args, struct client *client) {
  struct reply reply;
  int code = client_post(client, "/api/v1/restore/close", json_object(), &reply);
  if (code != EXIT_OK) return code;
  lines_done(args, &reply);
  reply_release(&reply);
  return EXIT_OK;
}

static bool is_answer(const char *word) {
  size_t len;
  const char *known;
  for (size_t n = 0; (known = args_word(ANSWERS, n, &len)) && len; n++)
    if (strlen(word) == len && memcmp(known, word, len) == 0) return true;
  return false;
}

static int restore_run(const struct args *args) {
  const char *operand = args_operand(args, 0), *key = args_text(args, "answer"), *all = args_text(args, "all");
  bool lists = args_flag(args, "list"), closes = args_flag(args, "close");
  if (!args_one_of(args, "list", "answer", "all", "close", NULL)) return EXIT_USAGE;
  if (!lists && !closes && !key && !all) {
    if (!operand) return args_wrong(args, "FILE is missing");
    return apply(args);
  }
  if (key && (!operand || !is_answer(operand)))
    return args_wrong(args, "say after the key what to do about it: skip, mark or run");
  if (!key && operand) return args_wrong(args, "'%s' is one argument too many", operand);
  struct client *client;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  if (lists)
    code = list(args, client);
  else if (closes)
    code = close_questions(args, client);
  else
    code = all ? answer_all(args, client, all) : answer(args, client, key, operand);
  client_close(client);
  return code;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "Put a snapshot in the database's place; show and answer what happened since it was made",
    .about =
        "With FILE: the daemon must not run. The snapshot is verified first and the old database kept beside it.\n"
        "The daemon then starts paused, until `rota resume --all`. Each firing and attempt since the snapshot is a\n"
        "question, shown by --list and answered by `rota restore --answer KEY skip|mark|run`:\n"
        "\n"
        "  skip  leave it as it is\n"
        "  mark  take it as done: the task is marked as succeeded\n"
        "  run   do it again: the pipeline is triggered for that instant, or its run goes on from that task\n"
        "\n"
        "An answer acts once, however often it is given.",
    .options =
        (const struct arg_option[]){
            {"new-id", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false,
             "with FILE: a copy beside an original that goes on; what runs on hosts stays the original's"},
            {"list", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "the questions, answered or not"},
            {"answer", 0, ARG_TEXT, "KEY", NULL, WHAT_ANY, false, "answer one of them with skip, mark or run"},
            {"all", 0, ARG_WORD, "ANSWER", ANSWERS, WHAT_ANY, false, "answer every open one"},
            {"close", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "all is settled: forget the questions"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"FILE|ANSWER", WHAT_FILE, true, false, NULL, "a snapshot of `rota backup`, or with --answer what to do"},
            {0},
        },
    .run = restore_run,
};
