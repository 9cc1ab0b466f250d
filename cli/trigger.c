/* rota trigger: starts a run on the daemon. */
#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "cli/wait.h"

static int trigger_run(const struct args *args) {
  const char *name = lines_pipeline_operand(args, 0);
  if (!name) return EXIT_USAGE;
  json_t *body = json_object();
  if (!lines_params(args, "param", body, "params")) {
    json_decref(body);
    return EXIT_USAGE;
  }
  if (args_text(args, "for")) json_object_set_new(body, "for", json_string(args_text(args, "for")));
  if (args_flag(args, "now")) json_object_set_new(body, "now", json_true());
  if (args_flag(args, "force")) json_object_set_new(body, "force", json_true());
  if (args_flag(args, "dry-run")) json_object_set_new(body, "dry_run", json_true());
  struct buf target = {0};
  url_pipeline(&target, name, "/runs");
  int code = wait_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

const struct command command_trigger = {
    .name = "trigger",
    .summary = "Start a run on the daemon and print its id",
    .about = "With --wait it ends when the run has ended: 0 succeeded, 1 failed, 5 cancelled. Ctrl-C ends the\n"
             "waiting, never the run.",
    .options =
        (const struct arg_option[]){
            {"param", 'p', ARG_LIST, "K=V", NULL, WHAT_ANY, false, "a parameter; may be given again"},
            {"for", 0, ARG_INSTANT, "INSTANT", NULL, WHAT_ANY, false,
             "the instant that the run is for, as 2026-03-29T02:30:00+01:00 (default: now)"},
            {"now", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "don't queue behind a live run of the pipeline"},
            {"force", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "also if a run is --for that instant already"},
            {"wait", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "wait for its end and exit as it did"},
            {"dry-run", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "say what would be run, start nothing"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_PIPELINE, false, false, NULL, "the pipeline: forecast/nightly"},
            {0},
        },
    .run = trigger_run,
};
