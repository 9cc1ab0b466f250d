/* rota session: the browsers that are logged in. */
#include <stdio.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/text.h"

#define SESSIONS_SHOWN 10000

static void show_sessions(const json_t *items) {
  static const struct table_column columns[] = {
      {"ID", true, false},         {"NAME", false, false},  {"ROLE", false, false},   {"ADDRESS", false, false},
      {"LAST USED", false, false}, {"SINCE", false, false}, {"BROWSER", false, true}, {0}};
  struct table t;
  size_t i;
  const json_t *item;
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char used[LOCAL_TEXT_SIZE], since[LOCAL_TEXT_SIZE];
    local_format(field_known(item, "used_at"), used);
    local_format(field_known(item, "created_at"), since);
    table_add(&t, PAINT_NONE, field_text(item, "id"));
    table_add(&t, PAINT_BOLD, field_text(item, "name"));
    table_add(&t, PAINT_NONE, field_text(item, "role"));
    table_add(&t, PAINT_NONE, field_known(item, "address"));
    table_add(&t, PAINT_NONE, used);
    table_add(&t, PAINT_DIM, since);
    table_add(&t, PAINT_DIM, field_known(item, "agent"));
  }
  table_print(&t);
}

static int list(const struct args *args, struct client *client) {
  return pages_show(args, client, "/api/v1/sessions", SESSIONS_SHOWN, show_sessions, "no browser is logged in");
}

static int revoke(const struct args *args, struct client *client) {
  const char *which = args_operand(args, 1);
  if (!which) return args_wrong(args, "ID is missing: `rota session list` shows them");
  return lines_revoke(args, client, "/api/v1/sessions", which);
}

static int session_run(const struct args *args) {
  bool lists = args_operand(args, 0)[0] == 'l';
  if (lists && args_operand(args, 1)) return args_wrong(args, "'%s' is one argument too many", args_operand(args, 1));
  struct client *client;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = lists ? list(args, client) : revoke(args, client);
  client_close(client);
  return code;
}

const struct command command_session = {
    .name = "session",
    .summary = "The browsers that are logged in: show them, end one",
    .about = "A session ends by itself when it wasn't used for 30 days, or when its token is revoked or expires.",
    .operands =
        (const struct arg_operand[]){
            {"ACTION", WHAT_ANY, false, false, "list|revoke", "list or revoke"},
            {"ID", WHAT_ANY, true, false, NULL, "the session to be ended"},
            {0},
        },
    .run = session_run,
};
