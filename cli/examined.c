#include "cli/examined.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "cli/client.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"
#include "scheduler/daemon/daemon.h"

#define AT_ONCE     32
#define PATIENCE_MS (90 * 1000)

static const struct {
  const char *word;
  enum paint paint;
} results[] = {{"ok", PAINT_GOOD}, {"warn", PAINT_WARN}, {"fail", PAINT_BAD}};

/* 0, 1 or 2; what isn't known counts as the worst. */
static int result_of(const json_t *check) {
  const char *word = field_text(check, "result");
  for (int i = 0; i < 2; i++)
    if (strcmp(results[i].word, word) == 0) return i;
  return 2;
}

static int worst_of(const json_t *examination) {
  const json_t *checks = json_object_get(examination, "checks"), *check;
  size_t i;
  int worst = json_array_size(checks) ? 0 : 2;
  json_array_foreach(checks, i, check) {
    if (result_of(check) > worst) worst = result_of(check);
  }
  return worst;
}

/* With the host's name before it, if there are several. */
static void print_todos(const json_t *examination, const char *host) {
  const json_t *check;
  size_t i;
  json_array_foreach(json_object_get(examination, "checks"), i, check) {
    struct buf line = {0};
    if (!field_known(check, "todo")) continue;
    if (host) {
      paint_add(&line, PAINT_BOLD, host, paint_wanted(stdout));
      buf_char(&line, ' ');
    }
    paint_add(&line, PAINT_BOLD, field_text(check, "name"), paint_wanted(stdout));
    buf_str(&line, ": ");
    paint_add(&line, PAINT_NONE, field_text(check, "todo"), false);
    puts(buf_cstr(&line));
    buf_release(&line);
  }
}

void examined_show(const json_t *examination) {
  static const struct table_column columns[] = {
      {"CHECK", false, false}, {"RESULT", false, false}, {"", false, true}, {0}};
  struct table t;
  size_t i;
  const json_t *check;
  table_init(&t, columns);
  t.wrap = true;
  json_array_foreach(json_object_get(examination, "checks"), i, check) {
    int result = result_of(check);
    table_add(&t, PAINT_NONE, field_text(check, "name"));
    table_add(&t, results[result].paint, results[result].word);
    table_add(&t, PAINT_NONE, field_text(check, "text"));
  }
  table_print(&t);
  print_todos(examination, NULL);
}

/* A row for a host that is well, and for another one a row for each check that isn't. */
static void show_all(const json_t *items) {
  static const struct table_column columns[] = {
      {"HOST", false, false}, {"RESULT", false, false}, {"CHECK", false, false}, {"", false, true}, {0}};
  struct table t;
  size_t i, k;
  const json_t *item, *check;
  table_init(&t, columns);
  t.wrap = true;
  json_array_foreach(items, i, item) {
    const json_t *checks = json_object_get(item, "checks");
    bool well = worst_of(item) == 0;
    json_array_foreach(checks, k, check) {
      int result = result_of(check);
      if (well ? k > 0 : result == 0) continue;
      table_add(&t, PAINT_BOLD, field_text(item, "host"));
      table_add(&t, results[result].paint, results[result].word);
      table_add(&t, PAINT_NONE, well ? "all" : field_text(check, "name"));
      table_add(&t, PAINT_NONE, well ? "" : field_text(check, "text"));
    }
  }
  table_print(&t);
  json_array_foreach(items, i, item) {
    print_todos(item, field_text(item, "host"));
  }
}

/* One that couldn't be examined is told like one that failed. */
static json_t *unexamined(const char *host, const char *why) {
  return json_pack("{s:s, s:n, s:[{s:s, s:s, s:s, s:n}]}", "host", host, "at", "checks", "name", "doctor", "result",
                   "fail", "text", why, "todo");
}

/* ---- by the daemon ---- */

struct errand {
  const char *host;
  bool alone;            /* why it couldn't be examined needs no second line then */
  struct client *client; /* of its own */
  json_t *examination;
};

struct errands {
  struct errand *items;
  size_t len, next;
  pthread_mutex_t lock;
};

static void errand_run(struct errand *e) {
  struct buf target = {0};
  struct reply reply;
  buf_str(&target, "/api/v1/hosts/");
  url_encode(&target, e->host);
  buf_str(&target, "/doctor");
  client_patience(e->client, PATIENCE_MS);
  if (client_post(e->client, buf_cstr(&target), json_object(), &reply) == EXIT_OK) {
    e->examination = json_incref(reply.json);
    reply_release(&reply);
  } else if (!e->alone) {
    e->examination = unexamined(e->host, "it wasn't examined, as said above");
  }
  buf_release(&target);
}

static void *errands_work(void *arg) {
  struct errands *all = arg;
  for (;;) {
    pthread_mutex_lock(&all->lock);
    size_t mine = all->next < all->len ? all->next++ : all->len;
    pthread_mutex_unlock(&all->lock);
    if (mine == all->len) return NULL;
    errand_run(&all->items[mine]);
  }
}

/* Each of the daemon's examinations takes a while: so they are asked for side by side. */
static void errands_run(struct errands *all) {
  pthread_t threads[AT_ONCE];
  size_t made = 0;
  pthread_mutex_init(&all->lock, NULL);
  while (made < AT_ONCE && made + 1 < all->len && pthread_create(&threads[made], NULL, errands_work, all) == 0)
    made++;
  errands_work(all);
  for (size_t i = 0; i < made; i++) pthread_join(threads[i], NULL);
  pthread_mutex_destroy(&all->lock);
}

/* The names of the hosts over SSH that match; *code is EXIT_OK or what was said. */
static json_t *names_asked(const struct args *args, struct client *client, int *code) {
  const char *asked = args_operand(args, 0);
  json_t *names = json_array();
  struct reply reply;
  size_t i;
  const json_t *host;
  *code = EXIT_OK;
  if (!args_flag(args, "hosts")) {
    json_array_append_new(names, json_string(asked));
    return names;
  }
  *code = client_get(client, "/api/v1/hosts", &reply);
  if (*code != EXIT_OK) return names;
  json_array_foreach(json_object_get(reply.json, "items"), i, host) {
    const char *name = field_text(host, "name");
    if (strcmp(name, "local") != 0 && (!asked || fnmatch(asked, name, 0) == 0))
      json_array_append_new(names, json_string(name));
  }
  reply_release(&reply);
  return names;
}

static json_t *by_daemon(const struct args *args, struct client *client, int *code) {
  json_t *names = names_asked(args, client, code), *items = json_array();
  struct errands all = {.items = alloc_zeroed(json_array_size(names) + 1, sizeof(struct errand))};
  for (; all.len < json_array_size(names) && *code == EXIT_OK; all.len++) {
    struct errand *e = &all.items[all.len];
    e->host = json_string_value(json_array_get(names, all.len));
    e->alone = !args_flag(args, "hosts");
    *code = client_open(args, &e->client);
    if (*code != EXIT_OK) break;
  }
  if (*code == EXIT_OK && all.len) errands_run(&all);
  for (size_t i = 0; i < all.len; i++) {
    if (all.items[i].examination) json_array_append_new(items, all.items[i].examination);
    client_close(all.items[i].client);
  }
  free(all.items);
  json_decref(names);
  return items;
}

/* ---- in this process ---- */

static void on_examined(void *ctx, const char *json, size_t len) {
  json_t *examination = json_loadb(json, len, 0, NULL);
  if (examination) json_array_append_new(ctx, examination);
}

static json_t *by_itself(const struct args *args, struct client *client, int *code) {
  json_t *items = json_array();
  const struct doctor_hosts_options options = {
      .places = {.config = args_text(args, "config"), .state = client_state(client)},
      .name = args_flag(args, "hosts") ? NULL : args_operand(args, 0),
      .pattern = args_flag(args, "hosts") ? args_operand(args, 0) : NULL,
      .examined = on_examined,
      .ctx = items,
  };
  *code = daemon_doctor_hosts(&options);
  return items;
}

static int tell(const struct args *args, const json_t *items) {
  const json_t *item;
  size_t i;
  int worst = 0;
  json_array_foreach(items, i, item) {
    if (worst_of(item) > worst) worst = worst_of(item);
  }
  if (args_flag(args, "json") && args_flag(args, "hosts")) {
    json_t *whole = json_pack("{s:O}", "items", items);
    json_print(whole);
    json_decref(whole);
  } else if (args_flag(args, "json")) {
    json_print(json_array_get(items, 0));
  } else if (args_flag(args, "hosts")) {
    if (json_array_size(items) == 0) puts("no host over SSH matches");
    show_all(items);
  } else {
    examined_show(json_array_get(items, 0));
  }
  return worst;
}

int examined_hosts(const struct args *args) {
  struct client *client;
  struct reply reply;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return 2;
  bool answers = client_probe(client, "/api/v1/hosts", &reply) == EXIT_OK;
  if (answers) reply_release(&reply);
  json_t *items = answers || !client_state(client) ? by_daemon(args, client, &code) : by_itself(args, client, &code);
  client_close(client);
  bool one = !args_flag(args, "hosts") && json_array_size(items) == 0;
  int result = code != EXIT_OK || one ? 2 : tell(args, items);
  json_decref(items);
  return result;
}
