/* rota validate: diagnostics of pipeline files and the next firings of their schedules. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/paint.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/lint.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/timing.h"
#include "scheduler/spec/time/zone.h"

#define FIRINGS_SHOWN 3
#define FOLDERS_DEEP  32

struct validation {
  const struct config *config; /* NULL: hosts and slots aren't checked */
  struct zone *local;
  bool json, colour;
  struct json out; /* of --json */
  size_t files, broken;
};

/* One firing; in the reader's clock too if that shows another time. */
static void show_firing(struct validation *v, const struct zone *zone, instant t) {
  char text[INSTANT_TEXT_SIZE], here[INSTANT_TEXT_SIZE];
  instant_format_offset(t, zone_offset(zone, t), text);
  instant_format_offset(t, zone_offset(v->local, t), here);
  if (v->json) {
    jsonw_instant(&v->out, t);
    return;
  }
  printf("    %s", text);
  if (strcmp(text, here) != 0) printf("  (%s here)", here);
  putchar('\n');
}

static bool timing_of(const struct schedule_spec *s, struct timing *out) {
  struct cron_fault fault;
  return (s->cron ? timing_set_cron(out, s->cron, &fault) : timing_set_every(out, s->every)) == 0;
}

static void show_schedule(struct validation *v, const struct schedule_spec *s) {
  struct timing timing;
  struct zone *zone = NULL;
  if (!timing_of(s, &timing)) return;
  bool loaded = zone_load(s->zone, NULL, &zone) == 0;
  const struct zone *shown = loaded ? zone : zone_utc();
  if (v->json) {
    jsonw_object(&v->out);
    jsonw_member_string(&v->out, "schedule", s->identity);
    jsonw_member_string(&v->out, "zone", s->zone);
    jsonw_key(&v->out, "next");
    jsonw_array(&v->out);
  } else {
    printf("  %s%s%s%s\n", s->identity, s->cron && s->name ? " " : "", s->cron && s->name ? s->cron : "",
           s->paused ? ", paused" : "");
  }
  instant t = clock_now();
  for (int i = 0; i < FIRINGS_SHOWN && (t = timing_next(&timing, shown, t)) != INSTANT_NONE; i++)
    show_firing(v, shown, t);
  if (v->json) {
    jsonw_array_end(&v->out);
    jsonw_object_end(&v->out);
  }
  zone_free(zone);
}

static void show_json(struct validation *v, const char *path, const struct pipeline *p,
                      const struct diag_list *diags) {
  jsonw_object(&v->out);
  jsonw_member_string(&v->out, "file", path);
  jsonw_member_bool(&v->out, "ok", diags->errors == 0);
  jsonw_member_string(&v->out, "pipeline", p ? p->name : NULL);
  jsonw_key(&v->out, "tasks");
  if (p)
    jsonw_int(&v->out, (int64_t)p->tasks_len);
  else
    jsonw_null(&v->out);
  jsonw_key(&v->out, "diagnostics");
  diag_json(diags, &v->out);
  jsonw_key(&v->out, "schedules");
  jsonw_array(&v->out);
  for (size_t i = 0; p && i < p->schedules_len; i++) show_schedule(v, &p->schedules[i]);
  jsonw_array_end(&v->out);
  jsonw_object_end(&v->out);
}

static void show_result(struct validation *v, const char *path, const struct pipeline *p, struct diag_list *diags) {
  diag_sort(diags);
  v->files++;
  if (diags->errors) v->broken++;
  if (v->json) {
    show_json(v, path, p, diags);
    return;
  }
  struct buf text = {0};
  diag_render(diags, &text, v->colour);
  fflush(stdout);
  fputs(buf_cstr(&text), stderr);
  buf_release(&text);
  if (!p) return;
  printf("%s: ok, %zu task%s%s\n", path, p->tasks_len, p->tasks_len == 1 ? "" : "s",
         p->schedules_len ? "" : ", no schedule");
  for (size_t i = 0; i < p->schedules_len; i++) show_schedule(v, &p->schedules[i]);
}

static char *folder_of(const char *path) {
  char *full = path_absolute(path), *folder = path_folder(full);
  free(full);
  return folder;
}

static void check_config(const char *path, const struct buf *text, struct diag_list *diags) {
  char zone[ZONE_NAME_SIZE];
  char *folder = folder_of(path);
  const char *home = getenv("HOME");
  zone_local_name(NULL, zone);
  config_free(config_read(path, buf_cstr(text), text->len, folder, home ? home : "/", sysconf(_SC_NPROCESSORS_ONLN),
                          zone, diags));
  free(folder);
}

/* `name` is the pipeline's if its folder is known, else it is taken from the file's. */
static void check_file(struct validation *v, const char *path, const char *name) {
  struct buf text = {0};
  struct diag_list diags;
  struct pipeline *p = NULL;
  const char *base = strrchr(path, '/');
  int err = file_read(path, PIPELINE_TEXT_MAX, &text);
  diag_init(&diags, path, buf_cstr(&text), text.len);
  if (err == ERR_TOO_LARGE) {
    diag_error(&diags, (struct diag_place){0}, NULL, "it has more than 1 MiB, which no pipeline needs");
  } else if (err) {
    diag_error(&diags, (struct diag_place){0}, NULL, "it can't be read: %s", err_text(err));
  } else if (strcmp(base ? base + 1 : path, "rota.yaml") == 0) {
    check_config(path, &text, &diags);
  } else {
    char *folder = folder_of(path);
    const struct pipeline_source source = {
        .name = name, .file = path, .folder = folder, .text = buf_cstr(&text), .len = text.len, .config = v->config};
    p = pipeline_read(&source, &diags);
    lint_pipeline(&source, &diags);
    free(folder);
  }
  show_result(v, path, p, &diags);
  pipeline_release(p);
  diag_release(&diags);
  buf_release(&text);
}

static void check_pipeline(struct validation *v, const char *path, const char *relative) {
  char name[PIPELINE_NAME_MAX + 1];
  const char *why = NULL;
  if (strcmp(relative, "rota.yaml") == 0 || pipeline_name_from_path(relative, name, &why) == 0) {
    check_file(v, path, strcmp(relative, "rota.yaml") == 0 ? NULL : name);
    return;
  }
  struct diag_list diags;
  diag_init(&diags, path, NULL, 0);
  diag_error(&diags, (struct diag_place){0}, NULL, "it can't be a pipeline: %s", why ? why : "its name isn't one");
  show_result(v, path, NULL, &diags);
  diag_release(&diags);
}

static bool yaml_name(const char *name) {
  size_t len = strlen(name);
  return len > 5 && (strcmp(name + len - 5, ".yaml") == 0 || strcmp(name + len - 4, ".yml") == 0);
}

static int wanted(const struct dirent *entry) {
  return entry->d_name[0] != '.' && entry->d_name[0] != '_';
}

/* Everything below `dir`, in the order of names; `prefix` is the folder's path below the first one, "" or "a/". */
static void check_dir(struct validation *v, const char *dir, const char *prefix, int depth) {
  struct dirent **entries;
  int count = depth < FOLDERS_DEEP ? scandir(dir, &entries, wanted, alphasort) : -1;
  for (int i = 0; i < count; i++) {
    char *path = path_join(dir, entries[i]->d_name);
    char *relative = alloc_fmt("%s%s", prefix, entries[i]->d_name);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
      char *deeper = alloc_fmt("%s/", relative);
      check_dir(v, path, deeper, depth + 1);
      free(deeper);
    } else if (yaml_name(entries[i]->d_name)) {
      check_pipeline(v, path, relative);
    }
    free(path);
    free(relative);
    free(entries[i]);
  }
  if (count >= 0) free(entries);
}

static void check_path(struct validation *v, const char *path) {
  struct stat st;
  size_t before = v->files;
  if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
    check_file(v, path, NULL);
    return;
  }
  check_dir(v, path, "", 0);
  if (v->files == before && !v->json) printf("%s: no pipelines in it; they are files like nightly.yaml\n", path);
}

static int validate_run(const struct args *args) {
  const struct daemon_places places = {.config = args_text(args, "config")};
  struct config *config = daemon_config(&places);
  if (!config) return EXIT_FAILED;
  struct buf out = {0};
  char zone[ZONE_NAME_SIZE];
  struct validation v = {
      .config = config->file ? config : NULL, .json = args_flag(args, "json"), .colour = paint_wanted(stderr)};
  zone_local_name(NULL, zone);
  if (zone_load(zone, NULL, &v.local) != 0) zone_load("UTC", NULL, &v.local);
  jsonw_init(&v.out, &out);
  jsonw_object(&v.out);
  jsonw_key(&v.out, "files");
  jsonw_array(&v.out);
  for (size_t i = 0; i < args->operands.len; i++) check_path(&v, args->operands.items[i]);
  jsonw_array_end(&v.out);
  jsonw_object_end(&v.out);
  if (v.json)
    puts(buf_cstr(&out));
  else if (v.broken)
    fprintf(stderr, "%zu of %zu files have errors\n", v.broken, v.files);
  buf_release(&out);
  zone_free(v.local);
  config_free(config);
  return v.broken ? EXIT_FAILED : EXIT_OK;
}

const struct command command_validate = {
    .name = "validate",
    .summary = "Say what is wrong in pipeline files, and when their schedules fire next",
    .about =
        "Hosts, groups and slots are checked if there is a configuration. A file named rota.yaml is read as one.\n"
        "It exits with 1 if a file has an error; warnings don't count.",
    .options =
        (const struct arg_option[]){
            {"config", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false,
             "the configuration (default: searched as `rota serve` does)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"FILE|DIR", WHAT_FILE, false, true, NULL, "files, or folders whose pipelines are all read"},
            {0},
        },
    .run = validate_run,
};
