#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/file.h"
#include "cli/curl_lib.h"
#include "cli/servers.h"

void remote_release(struct remote *r) {
  if (r->token) explicit_bzero(r->token, strlen(r->token));
  free(r->url);
  free(r->token);
  free(r->cacert);
  *r = (struct remote){0};
}

static const char *env_text(const char *name) {
  const char *text = getenv(name);
  return text && *text ? text : NULL;
}

static bool this_machine(const char *host) {
  return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

/* What is wrong with the parts of the url; NULL if nothing is, and *out is the url as it is kept. */
static const char *url_fault(const struct curl_lib *lib, CURLU *parts, char **out) {
  char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *path = NULL, *query = NULL, *fragment = NULL;
  const char *fault = NULL;
  lib->url_get(parts, CURLUPART_SCHEME, &scheme, 0);
  lib->url_get(parts, CURLUPART_HOST, &host, 0);
  lib->url_get(parts, CURLUPART_PORT, &port, 0);
  lib->url_get(parts, CURLUPART_USER, &user, 0);
  lib->url_get(parts, CURLUPART_PATH, &path, 0);
  lib->url_get(parts, CURLUPART_QUERY, &query, 0);
  lib->url_get(parts, CURLUPART_FRAGMENT, &fragment, 0);
  bool plain = scheme && strcmp(scheme, "http") == 0;
  if (!scheme || !host || (!plain && strcmp(scheme, "https") != 0))
    fault = "write it as https://rota.example or http://127.0.0.1:8080";
  else if (user || query || fragment || (path && strcmp(path, "/") != 0))
    fault = "write the host and the port alone, as in https://rota.example:8443";
  else if (plain && !this_machine(host))
    fault = "over plain http everybody on the way could read the token: use https";
  else
    *out = alloc_fmt("%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "");
  lib->free(scheme);
  lib->free(host);
  lib->free(port);
  lib->free(user);
  lib->free(path);
  lib->free(query);
  lib->free(fragment);
  return fault;
}

int remote_parse(const struct args *args, const char *url, struct remote *out) {
  struct curl_lib lib;
  if (curl_lib_load(&lib)) return EXIT_FAILED;
  CURLU *parts = lib.url();
  const char *fault = "write it as https://rota.example or http://127.0.0.1:8080";
  *out = (struct remote){0};
  if (parts && lib.url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
    fault = url_fault(&lib, parts, &out->url);
  lib.url_cleanup(parts);
  if (fault) {
    fprintf(stderr, "rota: the server '%s' can't be used: %s\n", url, fault);
    return EXIT_USAGE;
  }
  const char *cacert = args_text(args, "cacert");
  if (!cacert) cacert = env_text("ROTA_CACERT");
  if (cacert) out->cacert = path_absolute(cacert);
  return EXIT_OK;
}

/* The token, and the certificates unless others were named, of an earlier login. */
static int remote_known(struct remote *r) {
  json_t *servers = servers_read();
  if (!servers) return EXIT_NOT_ALLOWED;
  const json_t *known = json_object_get(servers, r->url);
  const char *token = json_string_value(json_object_get(known, "token"));
  const char *cacert = json_string_value(json_object_get(known, "cacert"));
  if (token) r->token = alloc_strdup(token);
  if (cacert && !r->cacert) r->cacert = alloc_strdup(cacert);
  json_decref(servers);
  if (r->token) return EXIT_OK;
  fprintf(stderr,
          "rota: there is no token for %s\n"
          "  `rota login %s` takes one and keeps it; or set ROTA_TOKEN\n",
          r->url, r->url);
  return EXIT_NOT_ALLOWED;
}

int remote_of(const struct args *args, struct remote *out) {
  const char *url = args_text(args, "server");
  *out = (struct remote){0};
  if (url && args_text(args, "state")) return args_wrong(args, "'--server' and '--state' exclude each other");
  if (!url && !args_text(args, "state")) url = env_text("ROTA_SERVER");
  if (!url) return EXIT_OK;
  int code = remote_parse(args, url, out);
  const char *token = env_text("ROTA_TOKEN");
  if (code == EXIT_OK && token)
    out->token = alloc_strdup(token);
  else if (code == EXIT_OK)
    code = remote_known(out);
  if (code != EXIT_OK) remote_release(out);
  return code;
}
