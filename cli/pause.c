/* rota pause, resume: of one pipeline's schedules, or of the whole installation. */
#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"

/* The target of NAME or --all; false after saying what is wrong. */
static bool pause_target(const struct args *args, const char *verb, struct buf *out) {
  const char *name = args_operand(args, 0);
  bool all = args_flag(args, "all");
  if (all == (name != NULL)) {
    args_wrong(args, "say a pipeline's NAME or --all, one of them");
    return false;
  }
  if (name && !lines_pipeline_operand(args, 0)) return false;
  if (name)
    url_pipeline(out, name, verb);
  else
    buf_fmt(out, "/api/v1%s", verb);
  return true;
}

static int pause_post(const struct args *args, const char *verb, json_t *body) {
  struct buf target = {0};
  if (!pause_target(args, verb, &target)) {
    json_decref(body);
    buf_release(&target);
    return EXIT_USAGE;
  }
  int code = lines_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

static int pause_run(const struct args *args) {
  json_t *body = json_pack("{s:s}", "reason", args_text(args, "reason"));
  if (!body) return args_wrong(args, "the reason isn't UTF-8 text");
  return pause_post(args, "/pause", body);
}

static int resume_run(const struct args *args) {
  return pause_post(args, "/resume", json_object());
}

const struct command command_pause = {
    .name = "pause",
    .summary = "Stop the schedules of a pipeline, or every start with --all",
    .about =
        "A paused pipeline still runs what is under way and what is triggered by hand. With --all no task starts\n"
        "at all; those that run go on.",
    .options =
        (const struct arg_option[]){
            {"all", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "the whole installation"},
            {"reason", 0, ARG_TEXT, "TEXT", NULL, WHAT_ANY, true, "why, for those who look later"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_PIPELINE, true, false, NULL, "the pipeline"},
            {0},
        },
    .run = pause_run,
};

const struct command command_resume = {
    .name = "resume",
    .summary = "End a pause",
    .options =
        (const struct arg_option[]){
            {"all", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "that of the whole installation"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_PIPELINE, true, false, NULL, "the pipeline"},
            {0},
        },
    .run = resume_run,
};
