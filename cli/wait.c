#include "cli/wait.h"
#include "base/instant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/text.h"

#define POLL_MS       25000
#define LIVE_MS       1000 /* between two looks while a person watches */
#define LIVE_LARGE_MS 5000 /* of a run whose tasks make a large answer */
#define LARGE_TASKS   200

int wait_exit_code(const char *state) {
  if (strcmp(state, "succeeded") == 0) return EXIT_OK;
  return strcmp(state, "cancelled") == 0 ? EXIT_CANCELLED : EXIT_FAILED;
}

static bool run_ended(const char *state) {
  return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

static void show_progress(const json_t *run, bool colour) {
  struct buf line = {0};
  char span[DURATION_TEXT_SIZE];
  const char *state = field_text(run, "state");
  duration_show(field_int(run, "duration_ms", -1) * USEC_PER_MS, span);
  buf_str(&line, "\r\033[K");
  paint_add(&line, PAINT_NONE, field_text(run, "name"), colour);
  buf_char(&line, ' ');
  paint_add(&line, paint_state(state), state, colour);
  buf_fmt(&line, "  %lld/%lld tasks done", (long long)field_int(run, "tasks_done", 0),
          (long long)field_int(run, "tasks_total", 0));
  if (field_int(run, "tasks_failed", 0))
    buf_fmt(&line, ", %lld failed", (long long)field_int(run, "tasks_failed", 0));
  buf_fmt(&line, "  %s", span);
  fputs(buf_cstr(&line), stderr);
  fflush(stderr);
  buf_release(&line);
}

static int interrupted_wait(const char *id, bool live) {
  fprintf(stderr,
          "%srota: no longer waiting; the run goes on\n"
          "  `rota show %s` says how it stands, `rota cancel %s` stops it\n",
          live ? "\n" : "", id, id);
  return EXIT_INTERRUPTED;
}

int wait_for_run(struct client *client, const char *id, bool json) {
  bool live = paint_width(stderr) > 0, colour = paint_wanted(stderr);
  int64_t poll = live ? LIVE_MS : POLL_MS;
  client_catch_interrupt(client);
  client_patience(client, POLL_MS * 2);
  for (;;) {
    struct buf target = {0};
    struct reply reply;
    url_run(&target, id, "");
    url_query(&target, "wait", "ended");
    url_query_int(&target, "timeout_ms", poll);
    int code = client_get(client, buf_cstr(&target), &reply);
    buf_release(&target);
    if (code == EXIT_INTERRUPTED) return interrupted_wait(id, live);
    if (code != EXIT_OK) return code;
    client_outlast(client, true); /* the run outlives its daemon */
    const char *state = field_text(reply.json, "state");
    if (live) show_progress(reply.json, colour);
    bool ended = run_ended(state);
    if (ended) {
      code = wait_exit_code(state);
      if (live) fputc('\n', stderr);
      if (json)
        reply_print(&reply);
      else if (code == EXIT_FAILED)
        fprintf(stderr, "%s failed: `rota show %s` says where\n", field_shown(reply.json, "name"),
                field_shown(reply.json, "name"));
    }
    if (live) poll = field_int(reply.json, "tasks_total", 0) > LARGE_TASKS ? LIVE_LARGE_MS : LIVE_MS;
    reply_release(&reply);
    if (ended) return code;
  }
}

static int answer(const struct args *args, struct client *client, const struct reply *reply) {
  bool json = args_flag(args, "json"), wait = args_flag(args, "wait");
  if (args_flag(args, "dry-run")) {
    if (json)
      reply_print(reply);
    else
      lines_preview(reply->json);
    return EXIT_OK;
  }
  const json_t *run = json_object_get(reply->json, "run");
  char *id = alloc_strdup(field_shown(run, "id"));
  if (!json) {
    puts(id);
    fflush(stdout);
    if (*field_text(run, "queued_behind"))
      fprintf(stderr, "%s is queued behind %s\n", field_shown(run, "name"), field_shown(run, "queued_behind"));
  } else if (!wait) {
    reply_print(reply);
  }
  int code = wait ? wait_for_run(client, id, json) : EXIT_OK;
  free(id);
  return code;
}

int wait_post(const struct args *args, const char *target, json_t *body) {
  struct client *client;
  struct reply reply;
  int code = client_open(args, &client);
  if (code != EXIT_OK) {
    json_decref(body);
    return code;
  }
  code = client_post(client, target, body, &reply);
  if (code == EXIT_OK) {
    code = answer(args, client, &reply);
    reply_release(&reply);
  }
  client_close(client);
  return code;
}
