/* rota runs: the history by the filter line. */
#include <stdio.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/pages.h"
#include "cli/text.h"

#define RUNS_SHOWN 20

static int runs_run(const struct args *args) {
  struct client *client;
  struct buf filter = {0}, target = {0};
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  /* The filter may come in quotes or as several arguments. */
  for (size_t i = 0; i < args->operands.len; i++) buf_fmt(&filter, "%s%s", i ? " " : "", args->operands.items[i]);
  buf_str(&target, "/api/v1/runs");
  if (filter.len) url_query(&target, "q", filter.bytes);
  code = pages_show(args, client, buf_cstr(&target), args_count(args, "count", RUNS_SHOWN), lines_runs,
                    filter.len ? "no run matches" : "no runs yet: `rota trigger NAME` starts one");
  buf_release(&filter);
  buf_release(&target);
  client_close(client);
  return code;
}

const struct command command_runs = {
    .name = "runs",
    .summary = "The history, newest first, by a filter",
    .about = "A filter is one line, as in `rota runs 'state:failed p:nightly* started:>-24h'`; `rota help filter`\n"
             "says what it can hold.",
    .options =
        (const struct arg_option[]){
            {"count", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "how many (default: 20)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"FILTER", WHAT_ANY, true, true, NULL, "what they must have; without one, all runs"},
            {0},
        },
    .run = runs_run,
};
