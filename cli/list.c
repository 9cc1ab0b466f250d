/* rota list: the pipelines with their last runs and next firing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

/* The newest ten as one letter each, the newest last, as time runs. */
static void history(const json_t *runs, char out[16]) {
  size_t len = json_array_size(runs), used = 0;
  if (len > 10) len = 10;
  while (len-- > 0) {
    const char *state = field_text(json_array_get(runs, len), "state");
    out[used++] = strcmp(state, "succeeded") == 0 ? '+' : strcmp(state, "failed") == 0 ? 'x' : *state ? *state : '?';
  }
  out[used] = '\0';
}

static void add_pipeline(struct table *t, const json_t *p) {
  char time[LOCAL_TEXT_SIZE], marks[16];
  const json_t *runs = json_object_get(p, "last_runs"), *paused = json_object_get(p, "paused");
  const json_t *next = json_object_get(p, "next");
  const char *state = field_text(json_array_get(runs, 0), "state");
  local_format(json_is_object(next) ? field_known(next, "scheduled_for") : json_string_value(next), time);
  history(runs, marks);
  table_add(t, PAINT_BOLD, field_text(p, "name"));
  table_add(t, paint_state(state), *state ? state : "never run");
  table_add(t, PAINT_NONE, marks);
  table_add(t, PAINT_NONE, time);
  const json_t *error = json_object_get(p, "error");
  if (json_array_size(error)) {
    const json_t *first = json_array_get(error, 0);
    table_fmt(t, PAINT_BAD, "doesn't load: line %d: %s", (int)field_int(first, "line", 0),
              field_text(first, "message"));
  } else if (json_is_object(paused)) {
    table_fmt(t, PAINT_WARN, "paused: %s", field_text(paused, "reason"));
  } else if (json_is_false(json_object_get(p, "present"))) {
    table_add(t, PAINT_DIM, "its file is gone");
  } else {
    table_add(t, PAINT_NONE, field_text(p, "description"));
  }
}

static void show_pipelines(const json_t *items) {
  static const struct table_column columns[] = {{"PIPELINE", false, false}, {"LAST", false, false},
                                                {"HISTORY", false, false},  {"NEXT", false, false},
                                                {"", false, true},          {0}};
  struct table t;
  size_t i;
  const json_t *p;
  table_init(&t, columns);
  json_array_foreach(items, i, p) {
    add_pipeline(&t, p);
  }
  table_print(&t);
}

static int list_run(const struct args *args) {
  struct client *client;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = pages_show(args, client, "/api/v1/pipelines", PAGES_ALL, show_pipelines,
                    "no pipelines yet: `rota new hello` writes one into the folder that the daemon watches");
  client_close(client);
  return code;
}

const struct command command_list = {
    .name = "list",
    .summary = "The pipelines, their last runs and next firing",
    .about =
        "HISTORY is the newest ten runs, the newest last: + succeeded, x failed, else the first letter of the state.",
    .run = list_run,
};
