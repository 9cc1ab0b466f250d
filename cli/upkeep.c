/* rota reload, backup: the installation itself. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/file.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/place.h"

#define BACKUP_PATIENCE_MS (30 * 60 * 1000)

static void show_broken(const json_t *broken) {
  size_t i, k;
  const json_t *file, *d;
  json_array_foreach(broken, i, file) {
    json_array_foreach(json_object_get(file, "diagnostics"), k, d) {
      lines_diagnostic(stdout, field_text(file, "file"), d);
    }
  }
}

static int reload_run(const struct args *args) {
  struct reply reply;
  int code = client_post_once(args, "/api/v1/reload", json_object(), &reply);
  if (code != EXIT_OK) return code;
  const json_t *broken = json_object_get(reply.json, "broken");
  if (args_flag(args, "json")) {
    reply_print(&reply);
  } else {
    const json_t *loaded = json_object_get(reply.json, "loaded");
    long long count = json_is_integer(loaded) ? (long long)json_integer_value(loaded)
                                              : (long long)json_array_size(loaded);
    show_broken(broken);
    printf("%lld loaded, %zu broken%s\n", count, json_array_size(broken),
           json_array_size(broken) ? "; of these the last good version stays in force" : "");
  }
  code = json_array_size(broken) ? EXIT_FAILED : EXIT_OK;
  reply_release(&reply);
  return code;
}

const struct command command_reload = {
    .name = "reload",
    .summary = "Read the configuration and the pipelines now, and say what doesn't load",
    .run = reload_run,
};

static int backup_run(const struct args *args) {
  struct client *client;
  struct reply reply;
  char *file = path_absolute(args_operand(args, 0));
  json_t *body = json_pack("{s:s}", "file", file); /* the daemon's folder is another */
  free(file);
  if (!body) return args_wrong(args, "the file's name isn't UTF-8 text");
  int code = client_open(args, &client);
  if (code != EXIT_OK) {
    json_decref(body);
    return code;
  }
  client_patience(client, BACKUP_PATIENCE_MS);
  code = client_post(client, "/api/v1/backup", body, &reply);
  if (code == EXIT_OK) {
    if (args_flag(args, "json"))
      reply_print(&reply);
    else
      printf("%s holds a verified snapshot\n", args_operand(args, 0));
    reply_release(&reply);
  }
  client_close(client);
  return code;
}

const struct command command_backup = {
    .name = "backup",
    .summary = "Write a verified snapshot of the database while the daemon runs",
    .about = "The file must not exist yet. Logs and the tasks' own files are no part of it.",
    .operands =
        (const struct arg_operand[]){
            {"FILE", WHAT_FILE, false, false, NULL, "the snapshot to be written"},
            {0},
        },
    .run = backup_run,
};
