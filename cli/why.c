/* rota why: the one line that says what a task waits for. */
#include <stdio.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/text.h"

static int why_run(const struct args *args) {
  struct client *client;
  struct reply reply;
  const char *run = lines_run_operand(args, 0);
  if (!run) return EXIT_USAGE;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  struct buf target = {0};
  url_run(&target, run, "/why");
  url_query(&target, "task", args_operand(args, 1));
  code = client_get(client, buf_cstr(&target), &reply);
  if (code == EXIT_OK) {
    if (args_flag(args, "json")) {
      reply_print(&reply);
    } else {
      const char *state = field_text(reply.json, "state");
      struct buf line = {0};
      bool colour = paint_wanted(stdout);
      paint_add(&line, PAINT_BOLD, field_text(reply.json, "task"), colour);
      buf_str(&line, " is ");
      paint_add(&line, paint_state(state), state, colour);
      buf_str(&line, ": ");
      paint_add(&line, PAINT_NONE, field_text(reply.json, "why"), colour);
      puts(buf_cstr(&line));
      buf_release(&line);
    }
    reply_release(&reply);
  }
  buf_release(&target);
  client_close(client);
  return code;
}

const struct command command_why = {
    .name = "why",
    .summary = "Why a task isn't running, in one line",
    .operands =
        (const struct arg_operand[]){
            {"RUN", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed"},
            {"TASK", WHAT_ANY, false, false, NULL, "a task, or one of its instances: train[0.1] or train:1"},
            {0},
        },
    .run = why_run,
};
