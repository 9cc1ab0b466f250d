/* rota hosts: the machines that tasks run on, and what can be done to them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/instant.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/examined.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "cli/text.h"

#define TASKS_NAMED 20
#define GIB         (1024.0 * 1024.0 * 1024.0)

static void host_url(struct buf *out, const char *host, const char *suffix) {
  buf_str(out, "/api/v1/hosts/");
  url_encode(out, host);
  buf_str(out, suffix);
}

/* An order that isn't "up" says more than how it is reached. */
static const char *state_word(const json_t *host, enum paint *paint) {
  const char *contact = field_text(json_object_get(host, "contact"), "state");
  const char *order = field_text(json_object_get(host, "order"), "state");
  *paint = strcmp(contact, "up") == 0 ? PAINT_GOOD : strcmp(contact, "connecting") == 0 ? PAINT_LIVE : PAINT_BAD;
  if (strcmp(order, "up") == 0 || !*order) return contact;
  *paint = strcmp(order, "down") == 0 ? PAINT_BAD : PAINT_WARN;
  return order;
}

static void slots_text(const json_t *host, struct buf *out) {
  const json_t *slot, *unit;
  size_t i, k;
  json_array_foreach(json_object_get(host, "slots"), i, slot) {
    long long used = 0;
    json_array_foreach(json_object_get(slot, "units"), k, unit) used += field_known(unit, "run") != NULL;
    buf_fmt(out, "%s%s %lld/%lld", i ? ", " : "", field_text(slot, "name"), used,
            (long long)field_int(slot, "total", 0));
  }
}

static void disk_text(const json_t *host, struct buf *out) {
  const json_t *disk = json_object_get(host, "disk");
  if (json_is_object(disk)) buf_fmt(out, "%.0f GiB", (double)field_int(disk, "free_bytes", 0) / GIB);
}

/* Why it is as it is: who ordered it, and why it can't be reached. */
static void why_text(const json_t *host, struct buf *out) {
  const json_t *order = json_object_get(host, "order"), *contact = json_object_get(host, "contact");
  if (strcmp(field_text(order, "state"), "up") != 0) {
    buf_fmt(out, "by %s", field_text(order, "by"));
    if (field_known(order, "reason")) buf_fmt(out, ": %s", field_text(order, "reason"));
  }
  if (strcmp(field_text(contact, "state"), "up") == 0 || !field_known(contact, "text")) return;
  buf_fmt(out, "%s%s", out->len ? "; " : "", field_text(contact, "text"));
}

/* Since the order, if there is one that isn't "up": the state's word is then the order's. */
static const char *since_of(const json_t *host) {
  const json_t *order = json_object_get(host, "order");
  if (strcmp(field_text(order, "state"), "up") != 0 && field_known(order, "at")) return field_text(order, "at");
  return field_known(json_object_get(host, "contact"), "since");
}

static void show_list(const json_t *items) {
  static const struct table_column columns[] = {
      {"HOST", false, false},  {"STATE", false, false}, {"SINCE", false, false}, {"TASKS", true, false},
      {"SLOTS", false, false}, {"FREE", true, false},   {"WHY", false, true},    {0}};
  struct table t;
  size_t i;
  const json_t *host;
  table_init(&t, columns);
  t.wrap = true;
  json_array_foreach(items, i, host) {
    enum paint paint;
    char since[LOCAL_TEXT_SIZE];
    struct buf slots = {0}, disk = {0}, why = {0};
    const char *state = state_word(host, &paint);
    local_format(since_of(host), since);
    why_text(host, &why);
    slots_text(host, &slots);
    disk_text(host, &disk);
    table_add(&t, PAINT_BOLD, field_text(host, "name"));
    table_add(&t, paint, state);
    table_add(&t, PAINT_NONE, since);
    table_fmt(&t, PAINT_NONE, "%lld", (long long)field_int(host, "running", 0));
    table_add(&t, PAINT_NONE, slots.len ? slots.bytes : NULL);
    table_add(&t, PAINT_NONE, disk.len ? disk.bytes : NULL);
    table_add(&t, PAINT_NONE, buf_cstr(&why));
    buf_release(&slots);
    buf_release(&disk);
    buf_release(&why);
  }
  table_print(&t);
}

static int list(const struct args *args) {
  struct client *client;
  struct reply reply;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  code = client_get(client, "/api/v1/hosts", &reply);
  if (code == EXIT_OK) {
    if (args_flag(args, "json"))
      reply_print(&reply);
    else
      show_list(json_object_get(reply.json, "items"));
    reply_release(&reply);
  }
  client_close(client);
  return code;
}

/* ---- one ---- */

static void print_line(const char *name, const char *text) {
  struct buf line = {0};
  if (!text || !*text) return;
  buf_fmt(&line, "  %s: ", name);
  paint_add(&line, PAINT_NONE, text, false);
  puts(buf_cstr(&line));
  buf_release(&line);
}

static const char *fact_name(const char *key) {
  if (strcmp(key, "memory_kb") == 0) return "memory";
  return strcmp(key, "login_shell") == 0 ? "login shell" : key;
}

/* What is known of the machine, a line each. */
static void show_facts(const json_t *facts) {
  const char *name;
  json_t *value, *item;
  size_t i;
  json_object_foreach((json_t *)(uintptr_t)facts, name, value) {
    struct buf text = {0};
    json_array_foreach(value, i, item) {
      buf_fmt(&text, "%s%s", i ? ", " : "", json_string_value(item));
    }
    if (json_is_string(value)) buf_str(&text, json_string_value(value));
    if (strcmp(name, "memory_kb") == 0) {
      double gib = strtod(buf_cstr(&text), NULL) * 1024 / GIB;
      buf_reset(&text);
      buf_fmt(&text, "%.0f GiB", gib);
    }
    print_line(fact_name(name), buf_cstr(&text));
    buf_release(&text);
  }
}

static void show_head(const json_t *host) {
  const json_t *order = json_object_get(host, "order"), *contact = json_object_get(host, "contact");
  struct buf line = {0}, slots = {0};
  char time[LOCAL_TEXT_SIZE];
  enum paint paint;
  const char *state = state_word(host, &paint);
  bool colour = paint_wanted(stdout);
  paint_add(&line, PAINT_BOLD, field_text(host, "name"), colour);
  buf_str(&line, "  ");
  paint_add(&line, paint, state, colour);
  puts(buf_cstr(&line));
  buf_reset(&line);
  local_format(field_known(contact, "since"), time);
  buf_fmt(&line, "%s since %s%s%s", field_text(contact, "state"), time, field_known(contact, "text") ? ": " : "",
          field_text(contact, "text"));
  print_line("contact", buf_cstr(&line));
  buf_reset(&line);
  local_format(field_known(order, "at"), time);
  if (field_known(order, "at"))
    buf_fmt(&line, "%s by %s at %s%s%s", field_text(order, "state"), field_text(order, "by"), time,
            field_known(order, "reason") ? ": " : "", field_text(order, "reason"));
  print_line("order", buf_cstr(&line));
  buf_reset(&line);
  if (field_known(host, "address"))
    buf_fmt(&line, "%s%s%s", field_text(host, "address"), field_known(host, "transport") ? ", by " : "",
            field_text(host, "transport"));
  print_line("reached as", buf_cstr(&line));
  slots_text(host, &slots);
  print_line("slots", buf_cstr(&slots));
  show_facts(json_object_get(host, "facts"));
  buf_release(&line);
  buf_release(&slots);
}

static void show_attempts(const char *title, const json_t *items) {
  static const struct table_column columns[] = {{"RUN", false, false},
                                                {"TASK", false, false},
                                                {"ATTEMPT", true, false},
                                                {"STATE", false, false},
                                                {"STARTED", false, false},
                                                {"REASON", false, true},
                                                {0}};
  struct table t;
  size_t i;
  const json_t *item;
  if (json_array_size(items) == 0) return;
  printf("\n%s\n", title);
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    const char *state = field_text(item, "state");
    char started[LOCAL_TEXT_SIZE];
    local_format(field_known(item, "started_at"), started);
    table_add(&t, PAINT_BOLD, field_text(item, "run"));
    table_add(&t, PAINT_NONE, field_text(item, "task"));
    table_fmt(&t, PAINT_NONE, "%lld", (long long)field_int(item, "attempt", 0));
    table_add(&t, paint_state(state), state);
    table_add(&t, PAINT_NONE, started);
    table_add(&t, PAINT_NONE, field_text(item, "reason"));
  }
  table_print(&t);
}

static void show_remnants(const json_t *items) {
  static const struct table_column columns[] = {
      {"RUN", false, false}, {"TASK", false, false}, {"SINCE", false, false}, {0}};
  struct table t;
  size_t i;
  const json_t *item;
  if (json_array_size(items) == 0) return;
  puts("\nmay still live there, and is ended first when it is back");
  table_init(&t, columns);
  json_array_foreach(items, i, item) {
    char since[LOCAL_TEXT_SIZE];
    local_format(field_known(item, "since"), since);
    table_add(&t, PAINT_BOLD, field_text(item, "run"));
    table_add(&t, PAINT_NONE, field_text(item, "task"));
    table_add(&t, PAINT_NONE, since);
  }
  table_print(&t);
}

static void show_boots(const json_t *items) {
  size_t i;
  const json_t *item;
  json_array_foreach(items, i, item) {
    char booted[LOCAL_TEXT_SIZE];
    local_format(field_known(item, "booted_at"), booted);
    printf("%s  booted %s\n", i ? "" : "\nboots", booted);
    if (i == 9) break;
  }
}

static int show(const struct args *args, const char *host) {
  struct client *client;
  struct reply reply;
  struct buf target = {0};
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  host_url(&target, host, "");
  code = client_get(client, buf_cstr(&target), &reply);
  if (code == EXIT_OK && args_flag(args, "json")) {
    reply_print(&reply);
  } else if (code == EXIT_OK) {
    show_head(reply.json);
    show_attempts("runs there", json_object_get(reply.json, "running_tasks"));
    show_remnants(json_object_get(reply.json, "remnants"));
    show_attempts("failed there lately", json_object_get(reply.json, "failures"));
    show_boots(json_object_get(reply.json, "boots"));
    if (json_is_object(json_object_get(reply.json, "doctor"))) {
      puts("\nlast examined");
      examined_show(json_object_get(reply.json, "doctor"));
    }
  }
  if (code == EXIT_OK) reply_release(&reply);
  buf_release(&target);
  client_close(client);
  return code;
}

/* ---- orders ---- */

static json_t *order_body(const struct args *args) {
  const char *reason = args_text(args, "reason");
  json_t *body = reason ? json_pack("{s:s}", "reason", reason) : json_object();
  if (body && args_flag(args, "gone")) json_object_set_new(body, "gone", json_true());
  return body;
}

static const char *then_words(const char *then) {
  if (strcmp(then, "retry") == 0) return "is lost, and tried again where it may run";
  return strcmp(then, "cancelled") == 0 ? "ends as cancelled" : "is lost";
}

/* Names what may still live there and asks. */
static bool down_agreed(const struct args *args, const char *host, const json_t *tasks) {
  const json_t *task;
  size_t i, len = json_array_size(tasks);
  if (len)
    fprintf(stderr, "%zu task%s may still live on %s:\n", len, len == 1 ? "" : "s", host);
  else
    fprintf(stderr, "no task is known to be on %s\n", host);
  json_array_foreach(tasks, i, task) {
    if (i == TASKS_NAMED) {
      fprintf(stderr, "  and %zu more\n", len - i);
      break;
    }
    fprintf(stderr, "  %s %s (%s): %s\n", field_shown(task, "run"), field_shown(task, "task"),
            field_shown(task, "state"), then_words(field_text(task, "then")));
  }
  if (args_flag(args, "gone"))
    fputs(
        "nothing that was given up there will be waited for: if a task still lives on that machine, it runs twice\n",
        stderr);
  if (args_flag(args, "yes")) return true;
  if (!isatty(STDIN_FILENO)) {
    fputs("nothing was done: --yes does it\n", stderr);
    return false;
  }
  fprintf(stderr, "declare %s down? [y/N] ", host);
  char line[16];
  bool yes = fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
  if (!yes) fputs("nothing was done\n", stderr);
  return yes;
}

static int down(const struct args *args, const char *host) {
  struct client *client;
  struct reply plan, reply;
  struct buf target = {0};
  json_t *body = order_body(args);
  if (!body) return args_wrong(args, "the reason isn't UTF-8 text");
  int code = client_open(args, &client);
  host_url(&target, host, "/down");
  if (code == EXIT_OK)
    code = client_post(client, buf_cstr(&target),
                       json_pack("{s:b,s:b}", "dry_run", 1, "gone", args_flag(args, "gone")), &plan);
  if (code == EXIT_OK) {
    bool agreed = down_agreed(args, host, json_object_get(plan.json, "tasks"));
    reply_release(&plan);
    code = agreed ? client_post(client, buf_cstr(&target), json_incref(body), &reply) : EXIT_USAGE;
    if (code == EXIT_OK) {
      lines_done(args, &reply);
      reply_release(&reply);
    }
  }
  json_decref(body);
  buf_release(&target);
  client_close(client);
  return code;
}

static int order(const struct args *args, const char *host, const char *suffix, json_t *body) {
  struct buf target = {0};
  if (!body) return args_wrong(args, "the reason isn't UTF-8 text");
  host_url(&target, host, suffix);
  int code = lines_post(args, buf_cstr(&target), body);
  buf_release(&target);
  return code;
}

static int hosts_run(const struct args *args) {
  const char *action = args_operand(args, 0), *host = args_operand(args, 1);
  bool drains = action && strcmp(action, "drain") == 0, downs = action && strcmp(action, "down") == 0;
  if (!action) return list(args);
  if (!host) return args_wrong(args, "HOST is missing: `rota hosts` lists them");
  if (args_flag(args, "gone") && !downs) return args_wrong(args, "--gone goes with down");
  if (strcmp(action, "show") == 0) return show(args, host);
  if (strcmp(action, "check") == 0) return order(args, host, "/check", json_object());
  if (drains) return order(args, host, "/drain", order_body(args));
  return downs ? down(args, host) : order(args, host, "/up", order_body(args));
}

const struct command command_hosts = {
    .name = "hosts",
    .summary = "The machines that tasks run on: how they are reached, who holds what; drain, down, up",
    .about =
        "  rota hosts                          all of them\n"
        "  rota hosts show HOST                one, with what runs and failed there\n"
        "  rota hosts drain HOST --reason TEXT nothing new starts there, what runs goes on\n"
        "  rota hosts down HOST --reason TEXT  it is given up: its tasks are lost, and tried again elsewhere as\n"
        "                                      their retries say; what is left is ended when it is back\n"
        "  rota hosts down HOST --gone         and its machine won't come back: nothing there is waited for\n"
        "  rota hosts up HOST                  undoes both\n"
        "  rota hosts check HOST               tries to connect now\n"
        "\n"
        "`down` names the tasks that may still live there and asks first. `rota doctor HOST` examines one.",
    .options =
        (const struct arg_option[]){
            {"reason", 0, ARG_TEXT, "TEXT", NULL, WHAT_ANY, false, "why, for those who look later"},
            {"gone", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "the machine won't come back, with down"},
            {"yes", 'y', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "don't ask, with down"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"ACTION", WHAT_ANY, true, false, "show|drain|down|up|check", "show, drain, down, up or check"},
            {"HOST", WHAT_ANY, true, false, NULL, "a host of the configuration"},
            {0},
        },
    .run = hosts_run,
};
