/* rota doctor: whether this machine and the daemon are fit; it exits as Nagios wants it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/examined.h"
#include "cli/paint.h"
#include "cli/table.h"
#include "scheduler/daemon/daemon.h"

/* Nagios' own codes. */
enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL };

static const struct {
  const char *word;
  enum paint paint;
} healths[] = {{"ok", PAINT_GOOD}, {"warning", PAINT_WARN}, {"critical", PAINT_BAD}};

struct finding {
  enum health health;
  const char *text;
};

struct visit {
  struct arena arena;
  struct client *client;
  const char *state;
};

#define MIB (1024.0 * 1024.0)

static struct finding check_supervisor(struct visit *v) {
  char *path = daemon_supervisor_path();
  const char *text = arena_strdup(&v->arena, path);
  bool there = access(path, X_OK) == 0;
  free(path);
  if (there) return (struct finding){HEALTH_OK, text};
  return (struct finding){
      HEALTH_CRITICAL,
      arena_fmt(&v->arena, "%s is missing, without which no task starts; install rota as a whole", text)};
}

static struct finding check_directory(struct visit *v) {
  struct stat st;
  char why[512];
  if (stat(v->state, &st) != 0)
    return (struct finding){HEALTH_WARNING,
                            arena_fmt(&v->arena, "%s isn't there yet; `rota serve` makes it", v->state)};
  if (!daemon_state_fits(v->state, why, sizeof why))
    return (struct finding){HEALTH_CRITICAL, arena_strdup(&v->arena, why)};
  if (access(v->state, W_OK | X_OK) != 0)
    return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "%s can't be written by this user", v->state)};
  if (st.st_mode & (S_IWGRP | S_IWOTH))
    return (struct finding){HEALTH_WARNING,
                            arena_fmt(&v->arena, "%s can be written by others: chmod go-w it", v->state)};
  return (struct finding){HEALTH_OK, v->state};
}

static struct finding check_database(struct visit *v) {
  char why[1024];
  if (access(v->state, X_OK) != 0) return (struct finding){HEALTH_OK, "there is none yet, or it can't be looked at"};
  bool fits = daemon_database_fits(v->state, why, sizeof why);
  return (struct finding){fits ? HEALTH_OK : HEALTH_CRITICAL, arena_strdup(&v->arena, why)};
}

static struct finding check_space(struct visit *v) {
  struct statvfs fs;
  if (statvfs(v->state, &fs) != 0 && statvfs("/", &fs) != 0) return (struct finding){HEALTH_OK, "not known"};
  double room = (double)fs.f_bavail * (double)fs.f_frsize / MIB;
  double share = fs.f_blocks ? 100.0 * (double)fs.f_bavail / (double)fs.f_blocks : 100.0;
  const char *text = arena_fmt(&v->arena, "%.0f MiB free (%.0f %%)", room, share);
  if (room < 64) return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "only %s; make room", text)};
  if (room < 1024 || share < 3)
    return (struct finding){HEALTH_WARNING, arena_fmt(&v->arena, "%s; logs may fill it soon", text)};
  if (fs.f_files && fs.f_favail < 10000)
    return (struct finding){
        HEALTH_WARNING, arena_fmt(&v->arena, "only %llu files can still be made", (unsigned long long)fs.f_favail)};
  return (struct finding){HEALTH_OK, text};
}

static struct finding check_zones(struct visit *v) {
  (void)v;
  if (access("/usr/share/zoneinfo/Europe/London", R_OK) == 0) return (struct finding){HEALTH_OK, "tzdata is there"};
  return (struct finding){HEALTH_CRITICAL, "no time zones but UTC are known; install the package tzdata"};
}

static struct finding check_limits(struct visit *v) {
  struct rlimit files, processes;
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NPROC, &processes);
  if (files.rlim_max < 4096)
    return (struct finding){HEALTH_WARNING, arena_fmt(&v->arena,
                                                      "at most %llu files may be open (ulimit -Hn); 4096 or more are "
                                                      "needed for many tasks",
                                                      (unsigned long long)files.rlim_max)};
  if (processes.rlim_cur != RLIM_INFINITY && processes.rlim_cur < 1024)
    return (struct finding){HEALTH_WARNING, arena_fmt(&v->arena, "at most %llu processes may run (ulimit -u)",
                                                      (unsigned long long)processes.rlim_cur)};
  return (struct finding){HEALTH_OK, "open files and processes suffice"};
}

static struct finding check_clock(struct visit *v) {
  (void)v;
  struct timex clock = {0};
  instant now = clock_now();
  if (now < civil_days(2024, 1, 1) * USEC_PER_DAY || now > civil_days(2200, 1, 1) * USEC_PER_DAY)
    return (struct finding){HEALTH_CRITICAL, "it is set to another age; schedules would fire wrongly"};
  int state = adjtimex(&clock);
  if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
    return (struct finding){HEALTH_OK, "the kernel doesn't know it to be set by a time server"};
  return (struct finding){HEALTH_OK, "set by a time server"};
}

static struct finding check_sqlite(struct visit *v) {
  const char *version = daemon_sqlite_version();
  char *rest;
  long major = strtol(version, &rest, 10), minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
  if (major < 3 || (major == 3 && minor < 40))
    return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "%s is too old; 3.40 or later is needed", version)};
  return (struct finding){HEALTH_OK, version};
}

static struct finding judge_daemon(struct visit *v, const struct reply *reply) {
  const json_t *degraded = json_object_get(reply->json, "degraded"), *paused = json_object_get(reply->json, "paused");
  const char *version = field_text(reply->json, "version");
  if (reply->status != 200)
    return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "it answers with %d: %s", reply->status,
                                                       field_text(reply->json, "detail"))};
  if (json_is_object(degraded))
    return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "degraded: %s", field_text(degraded, "reason"))};
  const json_t *health = json_object_get(reply->json, "health");
  if (json_is_true(json_object_get(health, "behind")))
    return (struct finding){
        HEALTH_WARNING, arena_fmt(&v->arena, "its loop is behind, by %lld ms: the machine or its disk is overloaded",
                                  (long long)field_int(health, "lag_ms", 0))};
  const json_t *aside = json_object_get(health, "left_aside");
  if (json_array_size(aside))
    return (struct finding){HEALTH_CRITICAL,
                            arena_fmt(&v->arena,
                                      "%s was left aside after three crashes, %zu things in all; change the file, or "
                                      "install another version of rota",
                                      json_string_value(json_array_get(aside, 0)), json_array_size(aside))};
  if (json_is_object(paused))
    return (struct finding){HEALTH_WARNING, arena_fmt(&v->arena, "it is paused (%s); `rota resume --all` ends it",
                                                      field_text(paused, "reason"))};
  if (*version && strcmp(version, ROTA_VERSION) != 0)
    return (struct finding){
        HEALTH_WARNING, arena_fmt(&v->arena, "it is version %s, this program " ROTA_VERSION "; restart it", version)};
  return (struct finding){HEALTH_OK,
                          arena_fmt(&v->arena, "pid %lld, %zu running, %zu need attention, at most %lld ms late",
                                    (long long)field_int(reply->json, "pid", 0),
                                    json_array_size(json_object_get(reply->json, "running")),
                                    json_array_size(json_object_get(reply->json, "attention")),
                                    (long long)field_int(health, "lag_ms", 0))};
}

static struct finding check_daemon(struct visit *v) {
  struct reply reply;
  switch (client_probe(v->client, "/api/v1/status", &reply)) {
  case EXIT_OK: break;
  case EXIT_NOT_ALLOWED:
    return (struct finding){HEALTH_CRITICAL, arena_fmt(&v->arena, "%s/rota.sock belongs to another user", v->state)};
  default:
    return (struct finding){HEALTH_CRITICAL,
                            arena_fmt(&v->arena, "none answers at %s/rota.sock; `rota serve` starts one", v->state)};
  }
  struct finding f = judge_daemon(v, &reply);
  reply_release(&reply);
  return f;
}

/* `last` is the newest verified one, made by hand or by the schedule, whose standing is `scheduled`. */
static struct finding judge_backup(struct visit *v, const json_t *scheduled, const json_t *last) {
  const json_t *failing = json_object_get(scheduled, "failing");
  const char *newest = "there is none", *file = field_shown(last, "file");
  char age[DURATION_TEXT_SIZE];
  instant at;
  if (instant_parse(field_text(last, "at"), &at) == 0) {
    duration_show(clock_now() - at, age);
    newest = arena_fmt(&v->arena, "the newest is %s old%s%s", age, *file ? ": " : "", file);
  }
  if (!json_is_object(scheduled))
    return (struct finding){
        HEALTH_OK, arena_fmt(&v->arena, "%s; none is made by itself: `backup` in rota.yaml sets a schedule", newest)};
  if (json_is_object(failing))
    return (struct finding){HEALTH_WARNING, arena_fmt(&v->arena, "%s; %s", field_text(failing, "reason"), newest)};
  return (struct finding){HEALTH_OK,
                          arena_fmt(&v->arena, "%s; made by itself in %s", newest, field_text(scheduled, "dir"))};
}

static struct finding check_backup(struct visit *v) {
  struct reply reply;
  if (client_probe(v->client, "/api/v1/status", &reply) != EXIT_OK || reply.status != 200)
    return (struct finding){HEALTH_OK, "not known without a daemon"};
  struct finding f = judge_backup(v, json_object_get(reply.json, "backup"),
                                  json_object_get(json_object_get(reply.json, "health"), "last_backup"));
  reply_release(&reply);
  return f;
}

static const struct {
  const char *name;
  struct finding (*look)(struct visit *v);
} checks[] = {
    {"supervisor", check_supervisor}, {"state directory", check_directory},
    {"database", check_database},     {"free space", check_space},
    {"time zones", check_zones},      {"limits", check_limits},
    {"clock", check_clock},           {"sqlite", check_sqlite},
    {"daemon", check_daemon},         {"backup", check_backup},
};

#define CHECKS (sizeof checks / sizeof checks[0])

static void print_findings(const struct finding found[CHECKS], bool json) {
  static const struct table_column columns[] = {
      {"CHECK", false, false}, {"RESULT", false, false}, {"", false, false}, {0}};
  struct buf out = {0};
  struct json j;
  struct table t;
  table_init(&t, columns);
  jsonw_init(&j, &out);
  jsonw_object(&j);
  jsonw_key(&j, "checks");
  jsonw_array(&j);
  for (size_t i = 0; i < CHECKS; i++) {
    jsonw_object(&j);
    jsonw_member_string(&j, "name", checks[i].name);
    jsonw_member_string(&j, "result", healths[found[i].health].word);
    jsonw_member_string(&j, "text", found[i].text);
    jsonw_object_end(&j);
    table_add(&t, PAINT_NONE, checks[i].name);
    table_add(&t, healths[found[i].health].paint, healths[found[i].health].word);
    table_add(&t, PAINT_NONE, found[i].text);
  }
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  if (json)
    puts(buf_cstr(&out));
  else
    table_print(&t);
  if (json) table_release(&t);
  buf_release(&out);
}

static int doctor_run(const struct args *args) {
  if (args_flag(args, "hosts") || args_operand(args, 0)) return examined_hosts(args);
  struct visit v = {0};
  struct finding found[CHECKS];
  enum health worst = HEALTH_OK;
  int code = client_open_local(args, &v.client);
  if (code != EXIT_OK) return HEALTH_CRITICAL;
  v.state = client_state(v.client);
  client_patience(v.client, 5000);
  for (size_t i = 0; i < CHECKS; i++) {
    found[i] = checks[i].look(&v);
    if (found[i].health > worst) worst = found[i].health;
  }
  print_findings(found, args_flag(args, "json"));
  client_close(v.client);
  arena_release(&v.arena);
  return (int)worst;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Check this machine and the daemon, or hosts; exits with 0, 1 or 2 as Nagios wants",
    .about =
        "0: all is well; 1: a warning; 2: something is wrong, or no daemon answers.\n"
        "With HOST it examines a host over SSH: key, login, shell, clock, room, tools, and whether what is started\n"
        "there outlives a lost connection, which takes half a minute. With --hosts all whose names match HOST, or\n"
        "all, at once. The daemon does it; if none runs here, this process does.",
    .options =
        (const struct arg_option[]){
            {"hosts", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "all hosts over SSH, or those that HOST matches"},
            {"config", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false, "the configuration, if no daemon runs"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"HOST", WHAT_ANY, true, false, NULL, "a host of the configuration; with --hosts a pattern as gpu*"},
            {0},
        },
    .run = doctor_run,
};
