/* rota replay: does again what a journal of `rota serve --journal` says, and compares. */
#include "scheduler/journal/replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/exit.h"
#include "base/json.h"
#include "cli/commands.h"

static const char *const words[] = {
    [REPLAY_WHOLE] = "same", [REPLAY_CUT] = "same", [REPLAY_DIFFERS] = "differs", [REPLAY_DAMAGED] = "damaged"};

static void show_json(const struct replay_result *r) {
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_object(&j);
  jsonw_member_string(&j, "result", words[r->end]);
  jsonw_member_bool(&j, "cut", r->end == REPLAY_CUT);
  jsonw_member_string(&j, "why", r->why);
  jsonw_member_string(&j, "version", r->version);
  jsonw_member_int(&j, "steps", r->steps);
  jsonw_member_int(&j, "events", r->events);
  jsonw_member_int(&j, "rows", r->rows);
  jsonw_member_int(&j, "decisions", r->decisions);
  jsonw_member_string(&j, "digest", r->digest);
  jsonw_object_end(&j);
  puts(buf_cstr(&out));
  buf_release(&out);
}

static void show(const char *path, const struct replay_result *r) {
  printf("%s: recorded by rota %s, replayed by rota %s\n", path, r->version ? r->version : "(unknown)", ROTA_VERSION);
  printf("%" PRId64 " steps, %" PRId64 " events, %" PRId64 " rows, %" PRId64 " decisions, digest %.16s\n", r->steps,
         r->events, r->rows, r->decisions, r->digest);
  if (r->end == REPLAY_WHOLE || r->end == REPLAY_CUT) puts("the same was decided in every step");
  if (r->why) printf("%s\n", r->why);
}

static int replay_run(const struct args *args) {
  const char *path = args_operand(args, 0);
  bool json = args_flag(args, "json");
  const struct replay_options options = {
      .path = path,
      .print = args_flag(args, "print"),
      .from = args_count(args, "from", 0),
      .out = json ? stderr : stdout,
  };
  struct replay_result result;
  replay(&options, &result);
  if (json)
    show_json(&result);
  else
    show(path, &result);
  int code = result.end == REPLAY_WHOLE || result.end == REPLAY_CUT ? EXIT_OK : EXIT_FAILED;
  replay_result_release(&result);
  return code;
}

const struct command command_replay = {
    .name = "replay",
    .summary = "Decide again what a journal of the daemon says, and compare every decision",
    .about =
        "`rota serve --journal FILE` records it. The first step that is decided otherwise is told, with what was\n"
        "decided then and what is decided now, and it exits with 1. A journal that a crash cut off is no error.",
    .options =
        (const struct arg_option[]){
            {"print", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "show each event and what was decided, a line each"},
            {"from", 0, ARG_COUNT, "STEP", NULL, WHAT_ANY, false,
             "show and compare from this step on; those before are only done again"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"FILE", WHAT_FILE, false, false, NULL, "the journal"},
            {0},
        },
    .run = replay_run,
};
