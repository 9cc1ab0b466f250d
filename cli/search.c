#include "cli/search.h"

#include <stdio.h>

#include <jansson.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/paint.h"
#include "cli/text.h"

#define PAGE 1000

bool search_wanted(const struct args *args) {
  return args_text(args, "search") || args_text(args, "regex") || args_flag(args, "errors");
}

static void target_build(const struct args *args, const char *run, int64_t after, struct buf *out) {
  const char *regex = args_text(args, "regex"), *text = args_text(args, "search");
  int64_t attempt = args_count(args, "attempt", 0);
  url_run(out, run, "/log/search");
  url_query(out, "task", args_operand(args, 1));
  if (attempt) url_query_int(out, "attempt", attempt);
  url_query(out, "q", regex ? regex : text);
  if (regex) url_query_int(out, "regex", 1);
  if (args_flag(args, "errors")) url_query_int(out, "errors", 1);
  if (after >= 0) url_query_int(out, "after", after);
  url_query_int(out, "limit", PAGE);
}

/* The text has what the task wrote: it goes nowhere unfiltered. */
static void match_print(const json_t *match, bool colour) {
  const char *text = json_string_value(json_object_get(match, "text"));
  size_t len = json_string_length(json_object_get(match, "text"));
  struct log_filter filter = {0};
  struct buf out = {0};
  buf_fmt(&out, "%lld: ", (long long)json_integer_value(json_object_get(match, "n")) + 1);
  log_filter(&filter, text, len, &out);
  while (out.len && (out.bytes[out.len - 1] == '\r' || out.bytes[out.len - 1] == '\n'))
    buf_truncate(&out, out.len - 1);
  if (colour) buf_str(&out, "\033[0m");
  puts(buf_cstr(&out));
  buf_release(&out);
}

static void page_print(const json_t *page, bool colour) {
  size_t i;
  const json_t *match;
  json_array_foreach(json_object_get(page, "matches"), i, match) {
    match_print(match, colour);
  }
}

/* All pages as one answer; `all` is NULL before the first. */
static void page_join(json_t **all, json_t *page) {
  if (!*all) {
    *all = json_deep_copy(page);
    json_object_del(*all, "next");
  } else {
    json_array_extend(json_object_get(*all, "matches"), json_object_get(page, "matches"));
  }
}

static int pages_read(const struct args *args, struct client *client, const char *run, json_t **all, int64_t *total) {
  bool colour = paint_wanted(stdout), at_least = false;
  int64_t after = -1;
  do {
    struct buf target = {0};
    struct reply reply;
    target_build(args, run, after, &target);
    int code = client_get(client, buf_cstr(&target), &reply);
    buf_release(&target);
    if (code != EXIT_OK) return code;
    if (args_flag(args, "json")) {
      page_join(all, reply.json);
    } else {
      page_print(reply.json, colour);
    }
    const json_t *next = json_object_get(reply.json, "next");
    after = json_is_integer(next) ? json_integer_value(next) : -1;
    *total = json_integer_value(json_object_get(reply.json, "total"));
    at_least = json_is_true(json_object_get(reply.json, "at_least"));
    reply_release(&reply);
  } while (after >= 0 && !ferror(stdout));
  if (at_least) fputs("rota: the search took too long and was given up: there may be more\n", stderr);
  return EXIT_OK;
}

int search_run(const struct args *args, const char *run) {
  struct client *client;
  json_t *all = NULL;
  int64_t total = 0;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = pages_read(args, client, run, &all, &total);
  if (code == EXIT_OK && all) json_print(all);
  json_decref(all);
  client_close(client);
  return code == EXIT_OK && total == 0 ? EXIT_FAILED : code;
}
