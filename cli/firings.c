/* rota firings: what became of the past firings of a pipeline. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/text.h"

#define FIRINGS_SHOWN 20

static enum paint paint_outcome(const char *outcome) {
  return outcome[0] == 'm' ? PAINT_BAD : outcome[0] == 's' ? PAINT_DIM : PAINT_NONE;
}

static void print_firings(const json_t *items) {
  static const struct table_column columns[] = {
      {"DUE", false, false}, {"UNTIL", false, false}, {"COUNT", true, false}, {"OUTCOME", false, false},
      {"RUN", false, false}, {"REASON", false, true}, {NULL, false, false}};
  struct table t;
  size_t i;
  const json_t *item;
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char due[LOCAL_TEXT_SIZE], until[LOCAL_TEXT_SIZE];
    long long count = (long long)field_int(item, "count", 1);
    local_format(field_known(item, "scheduled_for"), due);
    local_format(field_known(item, "until"), until);
    table_add(&t, PAINT_NONE, due);
    table_add(&t, PAINT_NONE, count > 1 ? until : NULL);
    table_fmt(&t, PAINT_NONE, "%lld", count);
    table_add(&t, paint_outcome(field_text(item, "outcome")), field_text(item, "outcome"));
    table_add(&t, PAINT_NONE, field_known(item, "run"));
    table_add(&t, PAINT_NONE, field_known(item, "reason"));
  }
  table_print(&t);
}

static int firings_run(const struct args *args) {
  struct client *client;
  struct buf target = {0};
  const char *name = lines_pipeline_operand(args, 0);
  if (!name) return EXIT_USAGE;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  url_pipeline(&target, name, "/firings");
  char *nothing = alloc_fmt("no schedule of %s has fired yet: `rota next %s` says when", name, name);
  code = pages_show(args, client, buf_cstr(&target), args_count(args, "count", FIRINGS_SHOWN), print_firings,
                    nothing);
  free(nothing);
  buf_release(&target);
  client_close(client);
  return code;
}

const struct command command_firings = {
    .name = "firings",
    .summary = "What became of a pipeline's firings: run, skipped or missed, and why",
    .about =
        "Newest first; consecutive firings that were skipped or missed for one reason are one line with a count.",
    .options =
        (const struct arg_option[]){
            {"count", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "how many lines (default: 20)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_PIPELINE, false, false, NULL, "the pipeline"},
            {0},
        },
    .run = firings_run,
};
