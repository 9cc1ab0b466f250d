/* rota cancel, retry-now, mark, note, keep: what a person changes in a run. */
#include "base/exit.h"
#include "cli/bulk.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"

#define OPERAND_RUN                                                                                                  \
  { "RUN", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed" }
#define OPERAND_RUN_IF_ANY                                                                                           \
  { "RUN", WHAT_RUN, true, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed" }
#define TASK_HELP "a task, or one of its instances: train[0.1] or train:1"

/* Posts to a route of the run and prints what the daemon did. Steals the body. */
static int steer(const struct args *args, const char *suffix, json_t *body) {
  struct buf target = {0};
  const char *run = lines_run_operand(args, 0);
  if (!run) {
    json_decref(body);
    return EXIT_USAGE;
  }
  url_run(&target, run, suffix);
  int code = lines_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

static json_t *cancel_body(const struct args *args, const char *task) {
  json_t *body = json_object();
  if (task) json_object_set_new(body, "task", json_string(task));
  if (args_flag(args, "abandon")) json_object_set_new(body, "abandon", json_true());
  return body;
}

static int cancel_all(const struct args *args) {
  json_t *body = cancel_body(args, NULL);
  const struct bulk bulk = {.verb = "cancel", .suffix = "/cancel", .ended = false, .body = body};
  int code = bulk_run(args, &bulk);
  json_decref(body);
  return code;
}

static int cancel_run(const struct args *args) {
  const char *task = args_operand(args, 1);
  if (!bulk_or_one(args)) return EXIT_USAGE;
  if (args_text(args, "filter")) return cancel_all(args);
  return steer(args, "/cancel", cancel_body(args, task));
}

const struct command command_cancel = {
    .name = "cancel",
    .summary = "Stop a run, or one of its tasks",
    .about =
        "Tasks get TERM and, after their grace, KILL. A second cancel ends `finally` tasks too, and kills at once.\n"
        "With --filter it stops every run that it finds and that hasn't ended, after asking.\n"
        "With --abandon what is on a host that can't be reached isn't waited for: it ends as not confirmed, and is\n"
        "ended there when the host is back.",
    .options =
        (const struct arg_option[]){
            {"abandon", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "don't wait for hosts that can't be reached"},
            {"filter", 0, ARG_TEXT, "FILTER", NULL, WHAT_ANY, false, "all runs that it finds, as in `rota runs`"},
            {"yes", 'y', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "don't ask"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN_IF_ANY,
            {"TASK", WHAT_ANY, true, false, NULL, TASK_HELP},
            {0},
        },
    .run = cancel_run,
};

static int retry_run(const struct args *args) {
  return steer(args, "/retry", json_pack("{s:s}", "task", args_operand(args, 1)));
}

const struct command command_retry_now = {
    .name = "retry-now",
    .summary = "End the wait of a task for its next retry",
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN,
            {"TASK", WHAT_ANY, false, false, NULL, TASK_HELP},
            {0},
        },
    .run = retry_run,
};

static int mark_run(const struct args *args) {
  json_t *body = json_pack("{s:s, s:s, s:s}", "task", args_operand(args, 1), "state", args_operand(args, 2), "reason",
                           args_text(args, "reason"));
  if (!body) return args_wrong(args, "the reason isn't UTF-8 text");
  if (!lines_params(args, "output", body, "outputs")) {
    json_decref(body);
    return EXIT_USAGE;
  }
  return steer(args, "/mark", body);
}

const struct command command_mark = {
    .name = "mark",
    .summary = "Say that a task counts as succeeded or skipped, and why",
    .about = "What needs it goes on. If it declares outputs, a mark as succeeded gives them by --output.",
    .options =
        (const struct arg_option[]){
            {"reason", 0, ARG_TEXT, "TEXT", NULL, WHAT_ANY, true, "why, for those who look later"},
            {"output", 'o', ARG_LIST, "K=V", NULL, WHAT_ANY, false, "an output; may be given again"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN,
            {"TASK", WHAT_ANY, false, false, NULL, TASK_HELP},
            {"STATE", WHAT_ANY, false, false, "succeeded|skipped", "succeeded or skipped"},
            {0},
        },
    .run = mark_run,
};

/* On a pipeline all operands are the text, on a run those behind it. */
static int note_run(const struct args *args) {
  struct buf text = {0}, target = {0};
  const char *pipeline = args_text(args, "pipeline");
  size_t first = pipeline ? 0 : 1;
  for (size_t i = first; i < args->operands.len; i++)
    buf_fmt(&text, "%s%s", i > first ? " " : "", args->operands.items[i]);
  bool empty = text.len == 0;
  json_t *body = json_pack("{s:s}", "text", buf_cstr(&text));
  buf_release(&text);
  if (!body) return args_wrong(args, "the note isn't UTF-8 text");
  if (empty) {
    json_decref(body);
    return args_wrong(args, pipeline ? "TEXT is missing" : "RUN and TEXT are missing");
  }
  if (!pipeline) return steer(args, "/note", body);
  url_pipeline(&target, pipeline, "/note");
  int code = lines_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

const struct command command_note = {
    .name = "note",
    .summary = "Write a note to a run or a pipeline; it says that someone has seen what went wrong",
    .about = "A note on a failed run, or by --pipeline on a pipeline that missed firings, takes it off the list of\n"
             "what needs attention.",
    .options =
        (const struct arg_option[]){
            {"pipeline", 0, ARG_TEXT, "NAME", NULL, WHAT_PIPELINE, false, "on this pipeline; there is no RUN then"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN_IF_ANY,
            {"TEXT", WHAT_ANY, true, true, NULL, "the note"},
            {0},
        },
    .run = note_run,
};

static int keep_run(const struct args *args) {
  return steer(args, "/keep", json_pack("{s:b}", "keep", !args_flag(args, "off")));
}

const struct command command_keep = {
    .name = "keep",
    .summary = "Keep a run when retention removes others",
    .options =
        (const struct arg_option[]){
            {"off", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "no longer"},
            {0},
        },
    .operands = (const struct arg_operand[]){OPERAND_RUN, {0}},
    .run = keep_run,
};
