/* rota status: the overview, what needs attention first. */
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

static void section(const char *title, const json_t *runs) {
  if (!json_array_size(runs)) return;
  printf("\n%s\n", title);
  lines_runs(runs);
}

/* What the overview says needs attention: what has one cause is one row. */
static void show_attention(struct client *client) {
  static const struct table_column columns[] = {
      {"NEEDS ATTENTION", false, false}, {"SINCE", false, false}, {"", false, true}, {0}};
  struct table t;
  struct reply reply;
  size_t i;
  const json_t *row;
  if (client_get(client, "/api/v1/overview", &reply) != EXIT_OK) return;
  const json_t *rows = json_object_get(reply.json, "attention");
  if (json_array_size(rows)) {
    putchar('\n');
    table_init(&t, columns);
    json_array_foreach(rows, i, row) {
      char time[LOCAL_TEXT_SIZE];
      bool waits = strcmp(field_text(row, "kind"), "waiting") == 0;
      if (strcmp(field_text(row, "kind"), "broken") == 0) continue; /* told with all their places */
      local_format(field_known(row, "at"), time);
      table_add(&t, waits ? PAINT_WARN : PAINT_BAD, field_text(row, "title"));
      table_add(&t, PAINT_NONE, field_known(row, "at") ? time : NULL);
      table_add(&t, PAINT_NONE, field_text(row, "why"));
    }
    table_print(&t);
  }
  reply_release(&reply);
}

static void show_head(const json_t *s) {
  char time[LOCAL_TEXT_SIZE];
  local_format(field_known(s, "started_at"), time);
  printf("rota %s, pid %lld, up since %s\n  state %s, pipelines %s\n", field_shown(s, "version"),
         (long long)field_int(s, "pid", 0), time, field_shown(s, "state_dir"), field_shown(s, "dags"));
  const json_t *paused = json_object_get(s, "paused"), *degraded = json_object_get(s, "degraded");
  if (json_is_object(degraded)) {
    local_format(field_known(degraded, "since"), time);
    printf("  DEGRADED since %s: %s\n", time, field_shown(degraded, "reason"));
  }
  const json_t *failing = json_object_get(json_object_get(s, "backup"), "failing");
  if (json_is_object(failing)) {
    local_format(field_known(failing, "since"), time);
    printf("  NO BACKUP since %s: %s\n", time, field_shown(failing, "reason"));
  }
  const json_t *health = json_object_get(s, "health");
  if (json_is_true(json_object_get(health, "behind")))
    printf("  BEHIND by %lld ms: the machine or its disk is overloaded\n", (long long)field_int(health, "lag_ms", 0));
  const json_t *aside = json_object_get(health, "left_aside"), *what;
  size_t i;
  json_array_foreach(aside, i, what) {
    printf("  LEFT ASIDE after three crashes: %s\n", json_string_value(what));
  }
  if (json_is_object(paused)) {
    const char *reason = field_shown(paused, "reason");
    local_format(field_known(paused, "at"), time);
    printf("  PAUSED since %s%s%s; `rota resume --all` ends it\n", time, *reason ? ": " : "", reason);
  }
}

static void show_broken(const json_t *broken) {
  size_t i;
  const json_t *file;
  if (json_array_size(broken)) puts("\ndon't load");
  json_array_foreach(broken, i, file) {
    const json_t *first = json_array_get(json_object_get(file, "diagnostics"), 0);
    struct buf line = {0};
    paint_add(&line, PAINT_BAD, field_text(file, "file"), paint_wanted(stdout));
    buf_fmt(&line, ":%d: ", (int)field_int(first, "line", 0));
    paint_add(&line, PAINT_NONE, field_text(first, "message"), false);
    puts(buf_cstr(&line));
    buf_release(&line);
  }
}

static void show_next(const json_t *next) {
  static const struct table_column columns[] = {
      {"NEXT", false, false}, {"PIPELINE", false, false}, {"SCHEDULE", false, true}, {0}};
  struct table t;
  size_t i;
  const json_t *item;
  if (!json_array_size(next)) return;
  putchar('\n');
  table_init(&t, columns);
  json_array_foreach(next, i, item) {
    char time[LOCAL_TEXT_SIZE];
    local_format(field_known(item, "scheduled_for"), time);
    table_add(&t, PAINT_NONE, time);
    table_add(&t, PAINT_NONE, field_text(item, "pipeline"));
    table_add(&t, PAINT_DIM, field_text(item, "schedule"));
  }
  table_print(&t);
}

/* Those that are drained, down, or can't be reached. */
static void show_hosts(const json_t *hosts) {
  size_t i;
  const json_t *host;
  if (json_array_size(hosts)) puts("\nhosts");
  json_array_foreach(hosts, i, host) {
    struct buf line = {0};
    char since[LOCAL_TEXT_SIZE];
    const char *order = field_text(host, "order"), *contact = field_text(host, "contact");
    local_format(field_known(host, "since"), since);
    paint_add(&line, PAINT_BOLD, field_text(host, "name"), paint_wanted(stdout));
    buf_char(&line, ' ');
    paint_add(&line, PAINT_WARN, strcmp(order, "up") == 0 ? contact : order, paint_wanted(stdout));
    buf_fmt(&line, " since %s%s", since, field_known(host, "text") ? ": " : "");
    paint_add(&line, PAINT_NONE, field_text(host, "text"), false);
    puts(buf_cstr(&line));
    buf_release(&line);
  }
}

static void show_slots(const json_t *slots) {
  size_t i;
  const json_t *slot;
  if (!json_array_size(slots)) return;
  fputs("\nslots:", stdout);
  json_array_foreach(slots, i, slot) {
    const char *host = field_shown(slot, "host");
    printf("%s %s%s%s %lld/%lld", i ? "," : "", host, *host ? " " : "", field_shown(slot, "name"),
           (long long)field_int(slot, "used", 0), (long long)field_int(slot, "total", 0));
  }
  putchar('\n');
}

static int status_run(const struct args *args) {
  struct client *client;
  struct reply reply;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = client_get(client, "/api/v1/status", &reply);
  if (code == EXIT_OK) {
    const json_t *s = reply.json;
    if (args_flag(args, "json")) {
      reply_print(&reply);
    } else {
      show_head(s);
      show_broken(json_object_get(s, "broken"));
      show_attention(client);
      section("running", json_object_get(s, "running"));
      section("queued", json_object_get(s, "queued"));
      show_next(json_object_get(s, "next"));
      show_slots(json_object_get(s, "slots"));
      show_hosts(json_object_get(s, "hosts"));
    }
    reply_release(&reply);
  }
  client_close(client);
  return code;
}

const struct command command_status = {
    .name = "status",
    .summary = "The overview: what needs attention, what runs, what comes next",
    .run = status_run,
};
