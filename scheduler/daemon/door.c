#include "scheduler/daemon/door.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/exit.h"
#include "base/file.h"
#include "base/log.h"

#define PORTS_TRIED 20 /* if the port isn't written in the configuration: 8080 to 8099 */

static int url_write(const struct config *config, const char *url) {
  struct buf line = {0};
  char *path = path_join(config->state, DOOR_URL_FILE);
  buf_fmt(&line, "%s\n", url);
  int err = file_write(path, line.bytes, line.len, 0600, false);
  if (err) fprintf(stderr, "rota: %s can't be written: %s\n", path, err_text(err));
  buf_release(&line);
  free(path);
  return err;
}

static bool texts_equal(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The least that lets the group reach the socket: the right to pass, not to list. */
static int passage_open(const char *dir, gid_t group) {
  struct stat st;
  if (stat(dir, &st) != 0) return err_from_errno(errno);
  if ((st.st_mode & 0001) || (st.st_gid == group && (st.st_mode & 0010))) return 0;
  if (chown(dir, (uid_t)-1, group) != 0) return err_from_errno(errno);
  return chmod(dir, (st.st_mode & 0700) | 0010) == 0 ? 0 : err_from_errno(errno);
}

int door_share(const struct config *config, bool *shared, gid_t *group) {
  *shared = config->socket_group != NULL;
  if (!*shared) return 0;
  const struct group *found = getgrnam(config->socket_group);
  if (!found) {
    fprintf(stderr, "rota: `socket` of the configuration: there is no group '%s'; make it with groupadd\n",
            config->socket_group);
    return EXIT_USAGE;
  }
  *group = found->gr_gid;
  int err = passage_open(config->state, *group);
  if (!err) return 0;
  fprintf(stderr,
          "rota: %s can't be opened to the group '%s': %s; the daemon's user must be a member of it and own the "
          "directory\n",
          config->state, config->socket_group, err_text(err));
  return EXIT_FAILED;
}

enum api_role door_socket_role(const struct config *config, const char *admitted) {
  if (!config->socket_group || !texts_equal(config->socket_group, admitted)) return API_ROLE_PUBLIC;
  int role = api_role_from_word(config->socket_role);
  return role < 0 ? API_ROLE_PUBLIC : (enum api_role)role;
}

static const char *listen_advice(int err) {
  switch (err) {
  case ERR_BUSY: return "another program has this port: write another into `listen` of rota.yaml, or 'none'";
  case ERR_NOT_FOUND: return "this machine has no such address: write one that it has into `listen` of rota.yaml";
  case ERR_DENIED: return "a port below 1024 needs the right to it: write another, or grant CAP_NET_BIND_SERVICE";
  default: return err_text(err);
  }
}

static void front_set(struct api *api, const struct config *config) {
  const struct api_front front = {
      .public_url = config->public_url, .proxies = config->proxies, .proxies_len = config->proxies_len};
  api_front_set(api, &front);
}

static int certificate_load(struct api *api, const struct config *config) {
  struct buf why = {0};
  int err = api_tls(api, config->tls_certificate, config->tls_key, &why);
  if (err) fprintf(stderr, "rota: `tls` of the configuration: %s\n", buf_cstr(&why));
  buf_release(&why);
  return err;
}

void door_certificate(const char *why) {
  if (why)
    LOG(LOG_ERROR, "the new certificate isn't taken, the former one stays", {"reason", why});
  else
    LOG(LOG_INFO, "a new certificate is in force", {NULL, NULL});
}

static void certificate_replace(struct api *api, const struct config *config) {
  struct buf why = {0};
  api_tls(api, config->tls_certificate, config->tls_key, &why);
  door_certificate(why.len ? buf_cstr(&why) : NULL);
  buf_release(&why);
}

void door_reload(struct server *server, const struct config *former, const struct config *config) {
  struct api *api = server_api(server);
  front_set(api, config);
  if (api_url(api)) url_write(config, api_url(api));
  bool other = !texts_equal(former->tls_certificate, config->tls_certificate) ||
               !texts_equal(former->tls_key, config->tls_key);
  if (former->tls_certificate && config->tls_certificate && other) certificate_replace(api, config);
  if (!texts_equal(former->socket_group, config->socket_group))
    LOG(LOG_WARNING, "another group of `socket` needs a restart", {"group", config->socket_group});
  if (!texts_equal(former->listen, config->listen) || !former->tls_certificate != !config->tls_certificate)
    LOG(LOG_WARNING, "another `listen` or `tls` needs a restart", {"listen", config->listen});
}

int door_open(struct server *server, const struct config *config) {
  struct api *api = server_api(server);
  struct net_endpoint at;
  door_close(config); /* what a crash left */
  front_set(api, config);
  if (strcmp(config->listen, "none") == 0) return api_url(api) && url_write(config, api_url(api)) ? EXIT_FAILED : 0;
  if (!net_endpoint_parse(config->listen, &at)) return EXIT_USAGE;
  if (config->tls_certificate && certificate_load(api, config)) return EXIT_FAILED;
  int err = api_listen(api, &at, config->listen_written ? 1 : PORTS_TRIED);
  if (err) {
    fprintf(stderr, "rota: can't listen on %s: %s\n", config->listen, listen_advice(err));
    return EXIT_FAILED;
  }
  if (url_write(config, api_url(api))) return EXIT_FAILED;
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)api_port(api));
  LOG(LOG_INFO, "listening", {"url", api_url(api)}, {"port", port});
  return 0;
}

void door_close(const struct config *config) {
  char *path = path_join(config->state, DOOR_URL_FILE);
  unlink(path);
  free(path);
}
