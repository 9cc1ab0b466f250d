/* The `rota` command: finds the command in the table, reads its arguments and runs it. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/exit.h"
#include "cli/commands.h"
#include "cli/help.h"

static int unknown_command(const char *name) {
  const char *names[64];
  size_t len, used = 0;
  const struct command *const *all = commands_all(&len, NULL);
  for (size_t i = 0; i < len && used < sizeof names / sizeof names[0]; i++)
    if (!all[i]->hidden) names[used++] = all[i]->name;
  const char *near = diag_nearest(name, names, used);
  fprintf(stderr, "rota: there is no command '%s'", name);
  if (near) fprintf(stderr, "; did you mean '%s'?", near);
  fputs("\n  `rota help` lists what there is\n", stderr);
  return EXIT_USAGE;
}

static int command_start(const struct command *command, int argc, char **argv) {
  struct args args;
  struct buf text = {0};
  int code = EXIT_OK;
  switch (args_read(command, argc, argv, &args, &text)) {
  case ARGS_OK: code = command->run(&args); break;
  case ARGS_HELP:
    args_help(command, &text);
    fputs(buf_cstr(&text), stdout);
    break;
  case ARGS_WRONG:
    fputs(buf_cstr(&text), stderr);
    code = EXIT_USAGE;
    break;
  }
  buf_release(&text);
  args_release(&args);
  return code;
}

/* What couldn't be written, to a full disk or a closed pipe, wasn't told. */
static int output_end(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fputs("rota: standard output can't be written\n", stderr);
  return code == EXIT_OK ? EXIT_FAILED : code;
}

/* A closed standard stream's number would go to the next file that is opened, the database for one. It is taken up by
 * something that gives and takes nothing, so that writing to it still fails. */
static bool streams_hold(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) return false;
  return true;
}

int main(int argc, char **argv) {
  if (!streams_hold()) return EXIT_FAILED;
  json_set_alloc_funcs(alloc_bytes, free); /* it leaves out of an object what it finds no memory for */
  const char *name = argc > 1 ? argv[1] : "help";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
  if (strcmp(name, "--version") == 0) name = "version";
  const struct command *command = command_find(name);
  if (!command) return unknown_command(name);
  int skip = argc > 1 ? 2 : 1;
  return output_end(command_start(command, argc - skip, argv + skip));
}
