/* rota cancel, retry-now, mark, note, keep: what a person changes in a run. */
#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"

#define OPERAND_RUN                                                                                                  \
  { "RUN", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed" }
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

static int cancel_run(const struct args *args) {
  const char *task = args_operand(args, 1);
  return steer(args, "/cancel", task ? json_pack("{s:s}", "task", task) : json_object());
}

const struct command command_cancel = {
    .name = "cancel",
    .summary = "Stop a run, or one of its tasks",
    .about =
        "Tasks get TERM and, after their grace, KILL. A second cancel ends `finally` tasks too, and kills at once.",
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN,
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

static int note_run(const struct args *args) {
  struct buf text = {0};
  for (size_t i = 1; i < args->operands.len; i++) buf_fmt(&text, "%s%s", i > 1 ? " " : "", args->operands.items[i]);
  json_t *body = json_pack("{s:s}", "text", buf_cstr(&text));
  buf_release(&text);
  return body ? steer(args, "/note", body) : args_wrong(args, "the note isn't UTF-8 text");
}

const struct command command_note = {
    .name = "note",
    .summary = "Write a note to a run; on a failed one it says that someone has seen it",
    .operands =
        (const struct arg_operand[]){
            OPERAND_RUN,
            {"TEXT", WHAT_ANY, false, true, NULL, "the note"},
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
