/* rota token: who may come in over the port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/exit.h"
#include "base/instant.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/pages.h"
#include "cli/table.h"
#include "cli/text.h"

#define TOKENS_SHOWN 2000

/* "90d" from now, "2027-01-31" at its beginning on this machine's clock, or an instant. */
static bool expires_read(const char *text, char out[INSTANT_TEXT_SIZE]) {
  duration span;
  int64_t days;
  instant at;
  if (duration_parse(text, &span) == 0 && span > 0) {
    at = clock_now() + span;
  } else if (date_parse(text, &days) == 0) {
    struct tm day = {.tm_isdst = -1};
    civil_from_days(days, &day.tm_year, &day.tm_mon, &day.tm_mday);
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    at = (instant)mktime(&day) * USEC_PER_SEC;
  } else if (instant_parse(text, &at) != 0) {
    return false;
  }
  instant_format_utc(at, out);
  return true;
}

static void show_created(const json_t *made) {
  const char *token = field_known(made, "token") ? field_shown(made, "token") : NULL,
             *name = field_shown(made, "name");
  if (!token) { /* the answer was lost, and is repeated without what is told once */
    fprintf(stderr,
            "rota token: '%s' was created, but its token got lost on the way\n"
            "  `rota token revoke %s`, then create it again\n",
            name, name);
    return;
  }
  char until[LOCAL_TEXT_SIZE];
  local_format(field_known(made, "expires_at"), until);
  bool ends = field_known(made, "expires_at") != NULL;
  fprintf(stderr, "the token of '%s' (%s%s%s), shown this once:\n", name, field_shown(made, "role"),
          ends ? ", until " : "", ends ? until : "");
  puts(token);
}

static int create(const struct args *args, struct client *client) {
  const char *name = args_operand(args, 1), *role = args_text(args, "role"), *expires = args_text(args, "expires");
  char until[INSTANT_TEXT_SIZE];
  struct reply reply;
  if (!name) return args_wrong(args, "NAME is missing");
  if (!role) return args_wrong(args, "'--role ROLE' is missing: viewer, operator or admin");
  if (expires && !expires_read(expires, until))
    return args_wrong(args, "'--expires %s' is neither a span like 90d nor a date like 2027-01-31", expires);
  json_t *body = json_pack("{s:s,s:s}", "name", name, "role", role);
  if (!body) return args_wrong(args, "the name isn't UTF-8 text");
  if (expires) json_object_set_new(body, "expires_at", json_string(until));
  int code = client_post(client, "/api/v1/tokens", body, &reply);
  if (code != EXIT_OK) return code;
  if (args_flag(args, "json"))
    reply_print(&reply);
  else
    show_created(reply.json);
  if (!field_known(reply.json, "token")) code = EXIT_FAILED;
  reply_release(&reply);
  return code;
}

static const char *state_of(const json_t *item) {
  instant end;
  const char *expires = field_known(item, "expires_at");
  if (field_known(item, "revoked_at")) return "revoked";
  if (expires && instant_parse(expires, &end) == 0 && end <= clock_now()) return "expired";
  return "valid";
}

static void show_tokens(const json_t *items) {
  static const struct table_column columns[] = {
      {"ID", true, false},       {"NAME", false, true},       {"ROLE", false, false},
      {"STATE", false, false},   {"LAST USED", false, false}, {"EXPIRES", false, false},
      {"CREATED", false, false}, {"BY", false, false},        {0}};
  struct table t;
  size_t i;
  const json_t *item;
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char used[LOCAL_TEXT_SIZE], expires[LOCAL_TEXT_SIZE], created[LOCAL_TEXT_SIZE];
    const char *state = state_of(item);
    local_format(field_known(item, "used_at"), used);
    local_format(field_known(item, "expires_at"), expires);
    local_format(field_known(item, "created_at"), created);
    table_add(&t, PAINT_NONE, field_text(item, "id"));
    table_add(&t, PAINT_BOLD, field_text(item, "name"));
    table_add(&t, PAINT_NONE, field_text(item, "role"));
    table_add(&t, state[0] == 'v' ? PAINT_NONE : PAINT_DIM, state);
    table_add(&t, PAINT_NONE, used);
    table_add(&t, PAINT_NONE, expires);
    table_add(&t, PAINT_DIM, created);
    table_add(&t, PAINT_DIM, field_known(item, "created_by"));
  }
  table_print(&t);
}

static int list(const struct args *args, struct client *client) {
  return pages_show(args, client, "/api/v1/tokens", TOKENS_SHOWN, show_tokens,
                    "there are no tokens: `rota token create NAME --role viewer` makes one");
}

static int revoke(const struct args *args, struct client *client) {
  const char *which = args_operand(args, 1);
  if (!which) return args_wrong(args, "NAME is missing");
  return lines_revoke(args, client, "/api/v1/tokens", which);
}

static int token_run(const struct args *args) {
  char what = args_operand(args, 0)[0];
  if (what == 'l' && args_operand(args, 1))
    return args_wrong(args, "'%s' is one argument too many", args_operand(args, 1));
  if (what != 'c' && (args_text(args, "role") || args_text(args, "expires")))
    return args_wrong(args, "--role and --expires are for `rota token create`");
  struct client *client;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = what == 'c' ? create(args, client) : what == 'l' ? list(args, client) : revoke(args, client);
  client_close(client);
  return code;
}

const struct command command_token = {
    .name = "token",
    .summary = "Tokens, by which people and programs come in over the port",
    .about = "  rota token create NAME --role viewer|operator|admin [--expires 90d]\n"
             "  rota token list\n"
             "  rota token revoke NAME\n"
             "\n"
             "A viewer reads everything; an operator also runs, retries, cancels and pauses; an admin also manages\n"
             "tokens and backups. The token is printed once and kept nowhere. Revoking it ends its sessions too.",
    .options =
        (const struct arg_option[]){
            {"role", 0, ARG_WORD, "ROLE", "viewer|operator|admin", WHAT_ANY, false, "what its holder may do"},
            {"expires", 0, ARG_TEXT, "WHEN", NULL, WHAT_ANY, false,
             "a span like 90d or a date like 2027-01-31 (default: never)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"ACTION", WHAT_ANY, false, false, "create|list|revoke", "create, list or revoke"},
            {"NAME", WHAT_ANY, true, false, NULL, "the token's name; to revoke it, its id will do too"},
            {0},
        },
    .run = token_run,
};
