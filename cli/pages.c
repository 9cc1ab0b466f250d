#include "cli/pages.h"

#include <stdio.h>

#include "base/exit.h"
#include "cli/text.h"

#define PAGE_MAX 500

int pages_get(struct client *client, const char *target, int64_t want, json_t **out) {
  json_t *items = json_array(), *next = json_null();
  int code = EXIT_OK;
  for (;;) {
    struct buf page = {0};
    struct reply reply;
    int64_t left = want - (int64_t)json_array_size(items);
    buf_str(&page, target);
    url_query_int(&page, "limit", left < PAGE_MAX ? left : PAGE_MAX);
    if (json_is_string(next)) url_query(&page, "after", json_string_value(next));
    code = client_get(client, buf_cstr(&page), &reply);
    buf_release(&page);
    if (code != EXIT_OK) break;
    json_array_extend(items, json_object_get(reply.json, "items"));
    json_decref(next);
    next = json_incref(json_object_get(reply.json, "next"));
    if (!next) next = json_null();
    reply_release(&reply);
    if (!json_is_string(next) || (int64_t)json_array_size(items) >= want) break;
  }
  if (code == EXIT_OK)
    *out = json_pack("{s:o, s:o}", "items", items, "next", next);
  else {
    json_decref(items);
    json_decref(next);
  }
  return code;
}

int pages_show(const struct args *args, struct client *client, const char *target, int64_t want, pages_shower *show,
               const char *nothing) {
  json_t *pages;
  int code = pages_get(client, target, want, &pages);
  if (code != EXIT_OK) return code;
  const json_t *items = json_object_get(pages, "items");
  if (args_flag(args, "json"))
    json_print(pages);
  else if (json_array_size(items))
    show(items);
  else
    puts(nothing);
  json_decref(pages);
  return EXIT_OK;
}
