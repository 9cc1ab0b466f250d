/* rota audit: who changed what. */
#include <stdio.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/text.h"

#define ROWS_SHOWN 50

static void show(const json_t *items) {
  static const struct table_column columns[] = {
      {"AT", false, false},     {"WHO", false, false},  {"KIND", false, false},  {"FROM", false, false},
      {"ACTION", false, false}, {"WHAT", false, false}, {"DETAIL", false, true}, {0}};
  struct table t;
  size_t i;
  const json_t *item;
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char at[LOCAL_TEXT_SIZE];
    const json_t *actor = json_object_get(item, "actor");
    local_format(field_known(item, "at"), at);
    table_add(&t, PAINT_NONE, at);
    table_add(&t, PAINT_BOLD, field_known(actor, "name"));
    table_add(&t, PAINT_DIM, field_known(actor, "kind"));
    table_add(&t, PAINT_DIM, field_known(actor, "address"));
    table_add(&t, PAINT_NONE, field_text(item, "action"));
    table_add(&t, PAINT_NONE, field_known(item, "object"));
    table_add(&t, PAINT_NONE, field_known(item, "detail"));
  }
  table_print(&t);
}

static int audit_run(const struct args *args) {
  struct client *client;
  struct buf target = {0};
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  buf_str(&target, "/api/v1/audit");
  url_query(&target, "actor", args_text(args, "actor"));
  url_query(&target, "action", args_text(args, "action"));
  code = pages_show(args, client, buf_cstr(&target), args_count(args, "count", ROWS_SHOWN), show,
                    "nothing of the kind was done");
  buf_release(&target);
  client_close(client);
  return code;
}

const struct command command_audit = {
    .name = "audit",
    .summary = "Who changed what: every trigger, cancel, pause, token, login, newest first",
    .options =
        (const struct arg_option[]){
            {"actor", 0, ARG_TEXT, "NAME", NULL, WHAT_ANY, false, "only what this user or token did"},
            {"action", 0, ARG_TEXT, "WORD", NULL, WHAT_ANY, false, "only this, as cancel or \"token create\""},
            {"count", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "how many lines (default: 50)"},
            {0},
        },
    .run = audit_run,
};
