/* rota login, logout: the token of a daemon elsewhere, kept for the commands that name it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/servers.h"

#define TOKEN_MAX 256

/* A line of standard input, on a terminal unseen, without what blanks are around it; false if there is none. */
static bool token_read(const char *url, char out[TOKEN_MAX]) {
  struct termios seen, unseen;
  bool terminal = tcgetattr(STDIN_FILENO, &seen) == 0;
  if (terminal) {
    fprintf(stderr, "token for %s: ", url);
    unseen = seen;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
  }
  char *line = fgets(out, TOKEN_MAX, stdin);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
    fputc('\n', stderr);
  }
  if (!line) return false;
  size_t from = strspn(out, " \t"), len = strcspn(out + from, " \t\r\n");
  memmove(out, out + from, len);
  out[len] = '\0';
  return len > 0;
}

static int keep(const char *url, const char *token, const char *cacert) {
  json_t *servers = servers_read();
  if (!servers) return EXIT_NOT_ALLOWED;
  json_t *entry = json_pack("{s:s,s:s*}", "token", token, "cacert", cacert);
  json_object_set_new(servers, url, entry);
  int code = servers_write(servers);
  json_decref(servers);
  return code;
}

/* Whose token it is, as the daemon says. */
static int check(const struct args *args, const struct remote *remote, struct reply *out) {
  struct client *client;
  struct remote copy = {.url = alloc_strdup(remote->url),
                        .token = alloc_strdup(remote->token),
                        .cacert = remote->cacert ? alloc_strdup(remote->cacert) : NULL};
  int code = client_open_remote(args, &copy, &client);
  if (code != EXIT_OK) return code;
  code = client_get(client, "/api/v1/me", out);
  client_close(client);
  return code;
}

static int login_run(const struct args *args) {
  struct remote remote;
  struct reply me;
  char token[TOKEN_MAX];
  int code = remote_parse(args, args_operand(args, 0), &remote);
  if (code != EXIT_OK) return code;
  if (!token_read(remote.url, token)) {
    fputs("rota login: no token was given: whoever runs the daemon makes one with `rota token create`\n", stderr);
    remote_release(&remote);
    return EXIT_USAGE;
  }
  remote.token = alloc_strdup(token);
  code = check(args, &remote, &me);
  if (code == EXIT_OK) {
    code = keep(remote.url, token, remote.cacert);
    if (code == EXIT_OK && args_flag(args, "json"))
      reply_print(&me);
    else if (code == EXIT_OK)
      printf("logged in to %s as %s (%s)\n  rota --server names it: `rota status --server %s`\n", remote.url,
             field_shown(me.json, "name"), field_shown(me.json, "role"), remote.url);
    reply_release(&me);
  }
  explicit_bzero(token, sizeof token);
  remote_release(&remote);
  return code;
}

const struct command command_login = {
    .name = "login",
    .summary = "Keep the token of a daemon elsewhere, for --server and ROTA_SERVER",
    .about = "The token is asked for, or read from standard input. It is tried, then kept in\n"
             "~/.config/rota/servers.json, which is this user's alone.",
    .operands =
        (const struct arg_operand[]){
            {"URL", WHAT_ANY, false, false, NULL, "as https://rota.example or http://127.0.0.1:8080"},
            {0},
        },
    .run = login_run,
};

static int logout_run(const struct args *args) {
  struct remote remote;
  int code = remote_parse(args, args_operand(args, 0), &remote);
  if (code != EXIT_OK) return code;
  json_t *servers = servers_read();
  if (!servers) {
    code = EXIT_NOT_ALLOWED;
  } else if (json_object_del(servers, remote.url) != 0) {
    fprintf(stderr, "rota logout: no token for %s is kept here\n", remote.url);
    code = EXIT_FAILED;
  } else {
    code = servers_write(servers);
    if (code == EXIT_OK)
      printf("the token for %s is forgotten here; it stays valid until `rota token revoke` ends it\n", remote.url);
  }
  json_decref(servers);
  remote_release(&remote);
  return code;
}

const struct command command_logout = {
    .name = "logout",
    .summary = "Forget the token of a daemon elsewhere",
    .operands =
        (const struct arg_operand[]){
            {"URL", WHAT_ANY, false, false, NULL, "as it was given to `rota login`"},
            {0},
        },
    .run = logout_run,
};
