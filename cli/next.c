/* rota next: the next firings, of the daemon's pipelines or of an expression. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/exit.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

#define FIRINGS_SHOWN 5

static int wrong_zone(const struct args *args, const char *name, int err) {
  if (err == ERR_NOT_FOUND || err == ERR_INVALID)
    return args_wrong(args, "there is no time zone '%s'; names are like Europe/Oslo or UTC (are tzdata installed?)",
                      name);
  return args_wrong(args, "the time zone '%s' can't be read: %s", name, err_text(err));
}

/* The expression with a mark below what is wrong in it. */
static int wrong_cron(const char *text, const struct cron_fault *fault) {
  fprintf(stderr, "rota next: %s\n  %s\n  %*s", fault->message, text, (int)fault->offset, "");
  for (size_t i = 0; i < (fault->width ? fault->width : 1); i++) fputc(i ? '~' : '^', stderr);
  fputc('\n', stderr);
  if (fault->help[0]) fprintf(stderr, "help: %s\n", fault->help);
  return EXIT_USAGE;
}

static void print_firings(const struct timing *timing, const struct zone *zone, instant after, int64_t count,
                          const char *cron, bool json) {
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_object(&j);
  jsonw_key(&j, "items");
  jsonw_array(&j);
  instant t = after;
  while (count-- > 0 && (t = timing_next(timing, zone, t)) != INSTANT_NONE) {
    char local[INSTANT_TEXT_SIZE];
    instant_format_offset(t, zone_offset(zone, t), local);
    if (!json) puts(local);
    jsonw_object(&j);
    jsonw_member_string(&j, "pipeline", NULL);
    jsonw_member_string(&j, "schedule", cron);
    jsonw_member_instant(&j, "scheduled_for", t);
    jsonw_member_string(&j, "zone", zone_name(zone));
    jsonw_member_string(&j, "local", local);
    jsonw_object_end(&j);
  }
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  if (json) puts(buf_cstr(&out));
  buf_release(&out);
}

static int next_cron(const struct args *args) {
  const char *cron = args_text(args, "cron"), *name = args_text(args, "zone"), *since = args_text(args, "after");
  char local[ZONE_NAME_SIZE];
  struct timing timing;
  struct cron_fault fault;
  struct zone *zone;
  instant after = clock_now();
  if (args_operand(args, 0)) return args_wrong(args, "say a pipeline's NAME or --cron, not both");
  if (timing_set_cron(&timing, cron, &fault) != 0) return wrong_cron(cron, &fault);
  zone_local_name(NULL, local);
  int err = zone_load(name ? name : local, NULL, &zone);
  if (err) return wrong_zone(args, name ? name : local, err);
  if (since) instant_parse(since, &after);
  print_firings(&timing, zone, after, args_count(args, "count", FIRINGS_SHOWN), cron, args_flag(args, "json"));
  zone_free(zone);
  return EXIT_OK;
}

static int next_of_daemon(const struct args *args) {
  struct client *client;
  struct reply reply;
  const char *name = args_operand(args, 0);
  if (args_text(args, "zone")) return args_wrong(args, "--zone goes with --cron; a pipeline's schedule has its own");
  if (name && !lines_pipeline_operand(args, 0)) return EXIT_USAGE;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  struct buf target = {0};
  buf_str(&target, "/api/v1/schedule");
  url_query(&target, "pipeline", name);
  url_query(&target, "after", args_text(args, "after"));
  url_query_int(&target, "n", args_count(args, "count", FIRINGS_SHOWN));
  code = client_get(client, buf_cstr(&target), &reply);
  if (code == EXIT_OK) {
    size_t i;
    const json_t *item, *items = json_object_get(reply.json, "items");
    if (args_flag(args, "json"))
      reply_print(&reply);
    else
      json_array_foreach(items, i, item) {
        const char *dst = field_text(item, "dst");
        const char *mark = strcmp(dst, "gap") == 0      ? "  (its time is skipped: the clocks go forward)"
                           : strcmp(dst, "repeat") == 0 ? "  (its time comes twice: the clocks go back)"
                                                        : "";
        printf("%s%s%s%s%s\n", field_shown(item, "local"), name ? "" : "  ",
               name ? "" : field_shown(item, "pipeline"), mark,
               json_is_true(json_object_get(item, "paused")) ? "  (paused)" : "");
      }
    if (json_array_size(items) == 0)
      fprintf(stderr, "rota next: nothing fires by itself: %s\n",
              name ? "it has no schedule" : "no pipeline has a schedule");
    reply_release(&reply);
  }
  buf_release(&target);
  client_close(client);
  return code;
}

static int next_run(const struct args *args) {
  return args_text(args, "cron") ? next_cron(args) : next_of_daemon(args);
}

const struct command command_next = {
    .name = "next",
    .summary = "The next firings of a pipeline, of all, or of a cron expression",
    .about = "Each is a line with an RFC 3339 instant on the clock of the schedule's zone. --cron needs no daemon.",
    .options =
        (const struct arg_option[]){
            {"cron", 0, ARG_TEXT, "EXPR", NULL, WHAT_ANY, false, "of this expression: '30 2 * * mon-fri'"},
            {"zone", 0, ARG_TEXT, "ZONE", NULL, WHAT_ANY, false, "its IANA time zone (default: this machine's)"},
            {"after", 0, ARG_INSTANT, "INSTANT", NULL, WHAT_ANY, false, "those after it (default: now)"},
            {"count", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "how many (default: 5)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_PIPELINE, true, false, NULL, "the pipeline; without it all of the daemon's"},
            {0},
        },
    .run = next_run,
};
