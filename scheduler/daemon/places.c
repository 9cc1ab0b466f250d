/* Where the daemon finds its configuration, and what flags and the environment change in it. */
#include "scheduler/daemon/daemon.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/net.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/time/zone.h"

#define CONFIG_TEXT_MAX (1024 * 1024)

static const char *home_directory(void) {
  const char *home = getenv("HOME");
  if (home && home[0] == '/') return home;
  const struct passwd *user = getpwuid(getuid());
  return user ? user->pw_dir : "/";
}

/* Reads the first of the places that is there. Only a file that was asked for by name must exist. */
static int config_find(const char *asked, struct buf *text, char **path) {
  static const char *const searched[] = {"rota.yaml", "~/.config/rota/rota.yaml", "/etc/rota/rota.yaml"};
  if (asked) {
    *path = path_expand_home(asked);
    return file_read(*path, CONFIG_TEXT_MAX, text);
  }
  for (size_t i = 0; i < sizeof searched / sizeof searched[0]; i++) {
    *path = path_expand_home(searched[i]);
    int err = file_read(*path, CONFIG_TEXT_MAX, text);
    if (err != ERR_NOT_FOUND) return err;
    free(*path);
    *path = NULL;
  }
  return 0;
}

/* An absolute path in the configuration's memory. */
static const char *absolute(struct config *c, const char *cwd, const char *path) {
  char *expanded = path_expand_home(path);
  char *joined = path_join(cwd, expanded);
  const char *kept = arena_strdup(&c->arena, joined);
  free(joined);
  free(expanded);
  return kept;
}

static char *folder_of(const char *cwd, const char *path) {
  char *full = path_join(cwd, path), *folder = path_folder(full);
  free(full);
  return folder;
}

/* What --listen says, over the configuration; false after saying that it is nothing to listen on. */
static bool listen_override(struct config *c, const char *listen) {
  struct net_endpoint at;
  if (strcmp(listen, "none") != 0 && !net_endpoint_parse(listen, &at)) {
    fprintf(stderr, "rota: --listen '%s' is no address and port; write 127.0.0.1:8080, [::1]:8080, or none\n",
            listen);
    return false;
  }
  c->listen = arena_strdup(&c->arena, listen);
  c->listen_written = true;
  const char *objection = config_listen_objection(c);
  if (objection) fprintf(stderr, "rota: --listen %s: %s\n", listen, objection);
  return !objection;
}

struct config *daemon_config(const struct daemon_places *places) {
  struct buf text = {0};
  char *path = NULL;
  char *cwd = getcwd(NULL, 0);
  struct config *config = NULL;
  int err = cwd ? config_find(places->config, &text, &path) : ERR_IO;
  if (err) {
    fprintf(stderr, "rota: the configuration %s can't be read: %s\n", path ? path : "", err_text(err));
    goto out;
  }
  struct diag_list diags;
  char zone[ZONE_NAME_SIZE];
  zone_local_name(NULL, zone);
  diag_init(&diags, path, path ? buf_cstr(&text) : NULL, text.len);
  char *base = path ? folder_of(cwd, path) : path_join(cwd, "");
  config = config_read(path, path ? buf_cstr(&text) : NULL, text.len, base, home_directory(),
                       sysconf(_SC_NPROCESSORS_ONLN), zone, &diags);
  free(base);
  if (diags.len > 0) {
    struct buf shown = {0};
    diag_render(&diags, &shown, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
    fputs(buf_cstr(&shown), stderr);
    buf_release(&shown);
  }
  diag_release(&diags);
  if (!config) goto out;

  if (places->listen && !listen_override(config, places->listen)) {
    config_free(config);
    config = NULL;
    goto out;
  }
  const char *rota_home = getenv("ROTA_HOME");
  if (places->dags) config->dags = absolute(config, cwd, places->dags);
  if (places->state) {
    config->state = absolute(config, cwd, places->state);
  } else if (rota_home && rota_home[0]) {
    config->state = absolute(config, cwd, rota_home);
  }

out:
  free(cwd);
  free(path);
  buf_release(&text);
  return config;
}
