#include "cli/bulk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "cli/lines.h"
#include "cli/pages.h"
#include "cli/text.h"

#define BULK_MAX    5000
#define NAMES_SHOWN 10

bool bulk_or_one(const struct args *args) {
  bool filter = args_text(args, "filter") != NULL, run = args_operand(args, 0) != NULL;
  if (filter != run) return true;
  args_wrong(args, filter ? "say a RUN or --filter, not both" : "say which RUN, or by --filter which ones");
  return false;
}

static bool has_ended(const json_t *run) {
  const char *state = field_text(run, "state");
  return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

/* Those of the found ones that the change is for, as a list of their own. */
static json_t *those_for(const struct bulk *bulk, const json_t *items) {
  json_t *runs = json_array(), *run;
  size_t i;
  json_array_foreach(items, i, run) {
    if (has_ended(run) == bulk->ended) json_array_append(runs, run);
  }
  return runs;
}

static bool agreed(const struct args *args, const struct bulk *bulk, const json_t *runs) {
  size_t count = json_array_size(runs);
  if (args_flag(args, "yes")) return true;
  fprintf(stderr, "%s %zu run%s:", bulk->verb, count, count == 1 ? "" : "s");
  for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
    fprintf(stderr, " %s", field_shown(json_array_get(runs, i), "name"));
  if (count > NAMES_SHOWN) fprintf(stderr, " and %zu more", count - NAMES_SHOWN);
  if (!isatty(STDIN_FILENO)) {
    fputs("\nnothing was done: --yes does it\n", stderr);
    return false;
  }
  fputs("? [y/N] ", stderr);
  char line[16];
  bool yes = fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
  if (!yes) fputs("nothing was done\n", stderr);
  return yes;
}

/* What one answered: the run that was made or goes on, else what was done. */
static void print_answer(const json_t *answer) {
  const json_t *run = json_object_get(answer, "run");
  if (run)
    printf("%s  %s\n", field_shown(run, "id"), field_shown(run, "name"));
  else
    puts(field_shown(answer, "did"));
}

static int change_all(struct client *client, const struct args *args, const struct bulk *bulk, const json_t *runs) {
  json_t *answers = json_array(), *run;
  int worst = EXIT_OK;
  size_t i;
  json_array_foreach(runs, i, run) {
    struct buf target = {0};
    struct reply reply;
    url_run(&target, field_text(run, "id"), bulk->suffix);
    int code = client_post(client, buf_cstr(&target), json_deep_copy(bulk->body), &reply);
    buf_release(&target);
    if (code != EXIT_OK) {
      fprintf(stderr, "  (of %s)\n", field_shown(run, "name"));
      worst = code;
      continue;
    }
    if (args_flag(args, "json"))
      json_array_append(answers, reply.json);
    else
      print_answer(reply.json);
    reply_release(&reply);
  }
  if (args_flag(args, "json")) json_print(answers);
  json_decref(answers);
  return worst;
}

int bulk_run(const struct args *args, const struct bulk *bulk) {
  struct client *client;
  struct buf target = {0};
  json_t *pages;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  buf_str(&target, "/api/v1/runs");
  url_query(&target, "q", args_text(args, "filter"));
  code = pages_get(client, buf_cstr(&target), BULK_MAX, &pages);
  buf_release(&target);
  if (code == EXIT_OK) {
    json_t *runs = those_for(bulk, json_object_get(pages, "items"));
    if (json_array_size(runs) == 0)
      fprintf(stderr, "no run that %s matches\n", bulk->ended ? "has ended" : "hasn't ended");
    else if (agreed(args, bulk, runs))
      code = change_all(client, args, bulk, runs);
    else
      code = EXIT_USAGE;
    json_decref(runs);
    json_decref(pages);
  }
  client_close(client);
  return code;
}
