/* rota open: lets a browser in by a link that works once. */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"

static bool desktop(void) {
  const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
  return (x && *x) || (wayland && *wayland);
}

/* The link stands in the arguments of xdg-open for a moment, where other users of this machine could read it; but it
 * works once, and by then the browser has it. */
static bool browse(const char *url) {
  char program[] = "xdg-open";
  char *const argv[] = {program, (char *)(uintptr_t)url, NULL};
  pid_t pid;
  int status;
  if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0) return false;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int open_run(const struct args *args) {
  struct reply reply;
  int code = client_post_once(args, "/api/v1/login-links", json_object(), &reply);
  if (code != EXIT_OK) return code;
  const char *url = field_known(reply.json, "url") ? field_shown(reply.json, "url") : NULL;
  if (!url) { /* the answer was lost, and is repeated without what is told once */
    fputs("rota open: the link got lost on the way\n  run `rota open` again\n", stderr);
    code = EXIT_FAILED;
  } else if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
    fputs("rota open: the answer isn't the address of a web page, so it isn't opened\n", stderr);
    code = EXIT_FAILED;
  } else if (args_flag(args, "json")) {
    reply_print(&reply);
  } else {
    puts(url);
    fflush(stdout);
    if (args_flag(args, "print") || !desktop())
      fputs("this link lets a browser in once, within 5 minutes\n", stderr);
    else if (!browse(url))
      fputs("rota open: xdg-open found no browser; open the link above, within 5 minutes\n", stderr);
  }
  reply_release(&reply);
  return code;
}

const struct command command_open = {
    .name = "open",
    .summary = "Open the web pages in the browser, logged in",
    .about =
        "Prints a link that works once, within 5 minutes, with what you yourself may do; on a desktop it is opened\n"
        "too. Everybody else needs a token: `rota token --help`.",
    .options =
        (const struct arg_option[]){
            {"print", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "print the link, open nothing"},
            {0},
        },
    .run = open_run,
};
