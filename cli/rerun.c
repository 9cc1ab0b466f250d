/* rota rerun: runs an ended run again, in parts or whole. */
#include "base/exit.h"
#include "cli/bulk.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "cli/wait.h"

/* The body of the request; NULL after saying what is wrong. */
static json_t *rerun_body(const struct args *args) {
  if (!args_one_of(args, "failed", "all", "from", "only", NULL)) return NULL;
  json_t *body = json_object();
  const char *from = args_text(args, "from"), *only = args_text(args, "only");
  const char *mode = from ? "from" : only ? "only" : args_flag(args, "all") ? "all" : "failed";
  json_object_set_new(body, "mode", json_string(mode));
  if (from || only) json_object_set_new(body, "task", json_string(from ? from : only));
  if (args_text(args, "version")) json_object_set_new(body, "version", json_string(args_text(args, "version")));
  if (args_text(args, "on")) json_object_set_new(body, "on", json_string(args_text(args, "on")));
  if (args_flag(args, "dry-run")) json_object_set_new(body, "dry_run", json_true());
  if (lines_params(args, "param", body, "params")) return body;
  json_decref(body);
  return NULL;
}

static int rerun_run(const struct args *args) {
  const char *filter = args_text(args, "filter");
  if (!bulk_or_one(args)) return EXIT_USAGE;
  if (filter && (args_flag(args, "wait") || args_flag(args, "dry-run")))
    return args_wrong(args, "--wait and --dry-run are for one RUN");
  const char *run = filter ? NULL : lines_run_operand(args, 0);
  json_t *body = run || filter ? rerun_body(args) : NULL;
  if (!body) return EXIT_USAGE;
  if (filter) {
    const struct bulk bulk = {.verb = "rerun", .suffix = "/rerun", .ended = true, .body = body};
    int all = bulk_run(args, &bulk);
    json_decref(body);
    return all;
  }
  struct buf target = {0};
  url_run(&target, run, "/rerun");
  int code = wait_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

const struct command command_rerun = {
    .name = "rerun",
    .summary = "Run an ended run again: what failed, a task and what follows, or all of it",
    .about = "It goes on in the same run, or with changed parameters or another version in a new one that is linked\n"
             "to it and keeps what needn't run again; the id of the run is printed. If the pipeline's file has\n"
             "changed since, say by --version which one is meant. Tasks that the former run didn't have run too;\n"
             "--only refuses if there are any.",
    .options =
        (const struct arg_option[]){
            {"failed", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "what didn't succeed (the default)"},
            {"all", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "every task"},
            {"from", 0, ARG_TEXT, "TASK", NULL, WHAT_ANY, false, "this task and all that needs it"},
            {"only", 0, ARG_TEXT, "TASK", NULL, WHAT_ANY, false, "this task alone"},
            {"param", 'p', ARG_LIST, "K=V", NULL, WHAT_ANY, false, "a changed parameter; may be given again"},
            {"version", 0, ARG_WORD, "VERSION", "same|newest", WHAT_ANY, false,
             "`same`, the run's own, or `newest`, the file's"},
            {"on", 0, ARG_TEXT, "HOST", NULL, WHAT_ANY, false,
             "where: a host, a group, or `any` host with the slots that the tasks need"},
            {"filter", 0, ARG_TEXT, "FILTER", NULL, WHAT_ANY, false,
             "all ended runs that it finds, as in `rota runs`"},
            {"yes", 'y', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "don't ask, with --filter"},
            {"wait", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "wait for its end and exit as it did"},
            {"dry-run", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "say what would run and what is kept"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"RUN", WHAT_RUN, true, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed"},
            {0},
        },
    .run = rerun_run,
};
