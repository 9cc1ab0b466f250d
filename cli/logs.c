/* rota logs: what a task wrote, and what it is writing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/search.h"
#include "cli/text.h"

#define CHUNK   (1024 * 1024)
#define WAIT_MS 25000

/* Where reading stands: the task and attempt are fixed by the first answer, so that a retry doesn't change the log
 * under the reader. */
struct reading {
  struct client *client;
  const char *run;
  char *task;
  int64_t attempt, offset; /* attempt 0: the newest */
  int64_t tail;            /* 0: from `offset` */
  bool follow, terminal;
  struct log_filter filter;
};

static void target_build(const struct reading *r, struct buf *out) {
  url_run(out, r->run, "/log");
  url_query(out, "task", r->task);
  if (r->attempt) url_query_int(out, "attempt", r->attempt);
  if (r->tail) {
    url_query_int(out, "tail", r->tail);
    return;
  }
  url_query_int(out, "offset", r->offset);
  url_query_int(out, "limit", CHUNK);
  if (r->follow) url_query_int(out, "wait_ms", WAIT_MS);
}

static void print_bytes(struct reading *r, const struct buf *body) {
  if (r->terminal) {
    struct buf clean = {0};
    log_filter(&r->filter, buf_cstr(body), body->len, &clean);
    fwrite(buf_cstr(&clean), 1, clean.len, stdout);
    buf_release(&clean);
  } else {
    fwrite(buf_cstr(body), 1, body->len, stdout);
  }
  fflush(stdout);
}

/* Prints one answer and moves on; *done when nothing more is wanted or will come. */
static void take(struct reading *r, const struct reply *reply, bool *done) {
  const char *task = reply_header(reply, "Rota-Task"), *ended = reply_header(reply, "Rota-Ended");
  int64_t size = reply_header_int(reply, "Rota-Size", 0);
  if (task && !r->task) r->task = strdup(task);
  r->attempt = reply_header_int(reply, "Rota-Attempt", r->attempt);
  int64_t before = r->tail ? -1 : r->offset;
  r->tail = 0;
  r->offset = reply_header_int(reply, "Rota-Next-Offset", r->offset + (int64_t)reply->body.len);
  print_bytes(r, &reply->body);
  bool over = ended && strcmp(ended, "true") == 0;
  bool stuck = r->offset <= before; /* nothing more can be read now */
  *done = r->follow ? over : r->offset >= size || stuck;
  if (ferror(stdout)) *done = true;
}

static int read_all(struct reading *r) {
  bool done = false;
  while (!done) {
    struct buf target = {0};
    struct reply reply;
    target_build(r, &target);
    int code = client_get(r->client, buf_cstr(&target), &reply);
    buf_release(&target);
    if (code == EXIT_INTERRUPTED)
      fprintf(stderr, "\nrota: no longer following; the run goes on\n  `rota cancel %s` would stop it\n", r->run);
    if (code != EXIT_OK) return code;
    if (r->follow) client_outlast(r->client, true);
    take(r, &reply, &done);
    reply_release(&reply);
  }
  return EXIT_OK;
}

/* Each answer as {"task", "attempt", "text", ...} would split what isn't UTF-8: --json gives the place of the log and
 * its text with such bytes replaced, all at once. */
static void print_json(const struct reading *r, const struct buf *text) {
  struct buf out = {0};
  struct json j;
  jsonw_init(&j, &out);
  jsonw_object(&j);
  jsonw_member_string(&j, "task", r->task);
  jsonw_member_int(&j, "attempt", r->attempt);
  jsonw_key(&j, "text");
  jsonw_string_n(&j, buf_cstr(text), text->len);
  jsonw_object_end(&j);
  puts(buf_cstr(&out));
  buf_release(&out);
}

static int read_json(struct reading *r) {
  struct buf text = {0};
  int code;
  for (bool more = true; more;) {
    struct buf target = {0};
    struct reply reply;
    target_build(r, &target);
    code = client_get(r->client, buf_cstr(&target), &reply);
    buf_release(&target);
    if (code != EXIT_OK) break;
    if (!r->task && reply_header(&reply, "Rota-Task")) r->task = strdup(reply_header(&reply, "Rota-Task"));
    r->attempt = reply_header_int(&reply, "Rota-Attempt", r->attempt);
    r->offset = reply_header_int(&reply, "Rota-Next-Offset", r->offset + (int64_t)reply.body.len);
    more = !r->tail && reply.body.len && r->offset < reply_header_int(&reply, "Rota-Size", 0);
    buf_add(&text, buf_cstr(&reply.body), reply.body.len);
    reply_release(&reply);
  }
  if (code == EXIT_OK) print_json(r, &text);
  buf_release(&text);
  return code;
}

static int logs_run(const struct args *args) {
  struct reading r = {.run = lines_run_operand(args, 0)};
  if (!r.run) return EXIT_USAGE;
  if (!args_one_of(args, "follow", "json", NULL)) return EXIT_USAGE;
  if (!args_one_of(args, "follow", "search", "regex", "errors", "tail", NULL)) return EXIT_USAGE;
  if (search_wanted(args)) return search_run(args, r.run);
  int code = client_open(args, &r.client);
  if (code != EXIT_OK) return code;
  const char *task = args_operand(args, 1);
  r.task = task ? strdup(task) : NULL;
  r.attempt = args_count(args, "attempt", 0);
  r.tail = args_count(args, "tail", 0);
  r.follow = args_flag(args, "follow");
  r.terminal = isatty(STDOUT_FILENO);
  if (r.follow) {
    client_catch_interrupt(r.client);
    client_patience(r.client, WAIT_MS * 2);
  }
  code = args_flag(args, "json") ? read_json(&r) : read_all(&r);
  free(r.task);
  client_close(r.client);
  return code;
}

const struct command command_logs = {
    .name = "logs",
    .summary = "The log of a task; without TASK that of the first failed one",
    .about =
        "On a terminal, control sequences other than colours are shown as '?'; into a file or pipe the bytes go as\n"
        "the task wrote them.",
    .options =
        (const struct arg_option[]){
            {"attempt", 0, ARG_COUNT, "N", NULL, WHAT_ANY, false, "of this attempt (default: the newest)"},
            {"errors", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "only the lines that tell of an error, numbered"},
            {"follow", 'f', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "go on until the attempt has ended"},
            {"regex", 0, ARG_TEXT, "EXPR", NULL, WHAT_ANY, false, "only the lines that match (PCRE2), numbered"},
            {"search", 0, ARG_TEXT, "TEXT", NULL, WHAT_ANY, false, "only the lines that contain it, in any case"},
            {"tail", 'n', ARG_COUNT, "N", NULL, WHAT_ANY, false, "begin with the last N lines"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"RUN", WHAT_RUN, false, false, NULL, "an id or its beginning, nightly#412, nightly, nightly@failed"},
            {"TASK", WHAT_ANY, true, false, NULL, "a task, or one of its instances: train[0.1] or train:1"},
            {0},
        },
    .run = logs_run,
};
