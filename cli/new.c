/* rota new: a commented pipeline to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/commands.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"

/* It validates and runs as it stands; a test holds it to that. */
static const char starter[] =
    "# One file is one pipeline. `rota validate` checks it, `rota run` runs it here and now, and a daemon\n"
    "# (`rota serve`) that watches this folder runs it on schedule.\n"
    "description: What it is for, in one line\n"
    "\n"
    "# schedule:                # without one it runs by hand: rota trigger\n"
    "#   cron: \"30 2 * * *\"     # minute hour day month weekday; quote it\n"
    "#   timezone: Europe/Oslo  # default: this machine's\n"
    "\n"
    "params:                    # a task finds each as $ROTA_PARAM_NAME; change them by -p rows=50\n"
    "  rows: {type: int, default: 10, min: 1, help: How many rows to make}\n"
    "\n"
    "defaults:\n"
    "  retries: 1               # after a failure, with growing pauses\n"
    "  timeout: 10m\n"
    "\n"
    "tasks:\n"
    "  make:\n"
    "    run: |                 # a script for /bin/sh -e; for another say `shell: bash` or `shell: python3`\n"
    "      seq 1 \"$ROTA_PARAM_ROWS\" > \"$ROTA_WORK/rows.txt\"\n"
    "      echo \"count=$(wc -l < \"$ROTA_WORK/rows.txt\")\" >> \"$ROTA_OUTPUT\"\n"
    "    outputs: {count: int}  # tasks that need this one get it as $ROTA_IN_MAKE_COUNT\n"
    "\n"
    "  sum:\n"
    "    needs: make            # it starts when `make` has succeeded\n"
    "    when: tasks.make.outputs.count > 0\n"
    "    run: awk '{ s += $1 } END { print \"sum:\", s }' \"$ROTA_WORK/rows.txt\"\n"
    "\n"
    "  report:\n"
    "    needs: [make, sum]\n"
    "    run: [echo, \"made ${{ tasks.make.outputs.count }} rows\"]  # a list starts a program without a shell\n";

/* The folder to write into: --dir, else the configuration's if it is there, else the current one. */
static char *new_folder(const struct args *args) {
  struct stat st;
  if (args_text(args, "dir")) return alloc_strdup(args_text(args, "dir"));
  const struct daemon_places places = {0};
  struct config *config = daemon_config(&places);
  char *folder = config && stat(config->dags, &st) == 0 && S_ISDIR(st.st_mode) ? alloc_strdup(config->dags) : NULL;
  config_free(config);
  return folder ? folder : alloc_strdup(".");
}

static int write_new(const char *path) {
  char *folder = path_folder(path);
  int err = dir_make(folder, 0755);
  free(folder);
  if (err) return err;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return err_from_errno(errno);
  ssize_t written = write(fd, starter, sizeof starter - 1);
  err = written == (ssize_t)sizeof starter - 1 ? 0 : written < 0 ? err_from_errno(errno) : ERR_FULL;
  if (close(fd) != 0 && !err) err = err_from_errno(errno);
  if (err) unlink(path);
  return err;
}

static int new_run(const struct args *args) {
  const char *name = args_operand(args, 0);
  if (!pipeline_name_valid(name))
    return args_wrong(args, "'%s' can't name a pipeline: names are [a-z0-9_-], with folders before a '/'", name);
  char *folder = new_folder(args), *relative = alloc_fmt("%s.yaml", name),
       *path = path_join(strcmp(folder, ".") == 0 ? "" : folder, relative);
  int err = write_new(path);
  if (err == ERR_EXISTS)
    fprintf(stderr, "rota new: %s exists already; nothing is changed\n", path);
  else if (err)
    fprintf(stderr, "rota new: %s can't be written: %s\n", path, err_text(err));
  else if (args_flag(args, "json")) {
    struct buf out = {0};
    struct json j;
    jsonw_init(&j, &out);
    jsonw_object(&j);
    jsonw_member_string(&j, "file", path);
    jsonw_object_end(&j);
    puts(buf_cstr(&out));
    buf_release(&out);
  } else {
    printf("%s is written\n  rota validate %s\n  rota run %s\n", path, path, path);
  }
  free(folder);
  free(relative);
  free(path);
  return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_new = {
    .name = "new",
    .summary = "Write a commented pipeline that validates and runs",
    .options =
        (const struct arg_option[]){
            {"dir", 0, ARG_TEXT, "DIR", NULL, WHAT_DIRECTORY, false,
             "the folder (default: the configuration's dags if it is there, else the current one)"},
            {0},
        },
    .operands =
        (const struct arg_operand[]){
            {"NAME", WHAT_ANY, false, false, NULL, "its name: nightly, or forecast/nightly"},
            {0},
        },
    .run = new_run,
};
