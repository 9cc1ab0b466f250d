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
  json_t *pages;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  /* The filter may come in quotes or as several arguments. */
  for (size_t i = 0; i < args->operands.len; i++) buf_fmt(&filter, "%s%s", i ? " " : "", args->operands.items[i]);
  buf_str(&target, "/api/v1/runs");
  if (filter.len) url_query(&target, "q", filter.bytes);
  code = pages_get(client, buf_cstr(&target), args_count(args, "count", RUNS_SHOWN), &pages);
  if (code == EXIT_OK) {
    const json_t *items = json_object_get(pages, "items");
    if (args_flag(args, "json"))
      json_print(pages);
    else if (json_array_size(items))
      lines_runs(items);
    else
      puts(filter.len ? "no run matches" : "no runs yet: `rota trigger NAME` starts one");
    json_decref(pages);
  }
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
