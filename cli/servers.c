#include "cli/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/exit.h"
#include "base/file.h"

#define FILE_LIMIT (1024 * 1024)

static char *folder_path(void) {
  const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
  if (config && config[0] == '/') return path_join(config, "rota");
  return home && *home ? path_join(home, ".config/rota") : NULL;
}

char *servers_path(void) {
  char *folder = folder_path();
  char *path = folder ? path_join(folder, "servers.json") : NULL;
  free(folder);
  return path;
}

/* Whether it is this user's own and nobody else may read it; false after saying that it isn't. */
static bool private(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) return true;
  if (st.st_uid == geteuid() && (st.st_mode & 077) == 0) return true;
  fprintf(stderr,
          "rota: %s holds tokens and isn't this user's alone (mode %04o)\n"
          "  `chmod 600 %s`; if others have read it, revoke the tokens and log in anew\n",
          path, (unsigned)(st.st_mode & 07777), path);
  return false;
}

json_t *servers_read(void) {
  char *path = servers_path();
  struct buf text = {0};
  json_t *servers = NULL;
  json_error_t error;
  if (!path) return json_object();
  if (!private(path)) {
    free(path);
    return NULL;
  }
  int err = file_read(path, FILE_LIMIT, &text);
  if (err == ERR_NOT_FOUND) {
    servers = json_object();
  } else if (err == 0) {
    servers = json_loadb(buf_cstr(&text), text.len, 0, &error);
    if (!json_is_object(servers)) {
      fprintf(stderr, "rota: %s isn't what `rota login` writes: remove it and log in anew\n", path);
      json_decref(servers);
      servers = NULL;
    }
  } else {
    fprintf(stderr, "rota: %s can't be read: %s\n", path, err_text(err));
  }
  if (text.len) explicit_bzero(text.bytes, text.len);
  buf_release(&text);
  free(path);
  return servers;
}

int servers_write(const json_t *servers) {
  char *folder = folder_path(), *path = servers_path();
  char *text = json_dumps(servers, JSON_INDENT(2));
  int err = ERR_NOT_FOUND;
  if (folder && text) err = dir_make(folder, 0700);
  if (!err) err = file_write(path, text, strlen(text), 0600, false);
  if (err) fprintf(stderr, "rota: %s can't be written: %s\n", path ? path : "servers.json", err_text(err));
  if (text) explicit_bzero(text, strlen(text));
  free(text);
  free(path);
  free(folder);
  return err ? EXIT_FAILED : EXIT_OK;
}
