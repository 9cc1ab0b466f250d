#include "scheduler/api/access.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "scheduler/api/forwarded.h"

#define REFUSE(code, t, d)                                                                                           \
  (struct guard_verdict) {                                                                                           \
    .status = (code), .title = (t), .detail = (d)                                                                    \
  }
#define PASS                                                                                                         \
  (struct guard_verdict) {                                                                                           \
    0                                                                                                                \
  }
#define NEXT_MAX 2048 /* of a page's target, as it stands behind /login?next= */

/* Whether a host as in an url means this address. */
static bool host_means(const char *host, const struct net_address *address) {
  char text[NET_ADDRESS_TEXT];
  struct net_address named;
  size_t len = strlen(host);
  if (host[0] == '[') {
    host++;
    len -= 2;
  }
  if (len >= sizeof text) return false;
  memcpy(text, host, len);
  text[len] = '\0';
  return net_address_parse(text, &named) && net_address_equal(&named, address);
}

/* A name that the daemon goes by, at the port where the connection arrived. An address can't be made to point
 * elsewhere, so the one that was reached is as good as the loopback's. */
static bool host_local(const struct exchange *x, const struct net_origin *host) {
  static const struct net_address v6_loopback = {.bytes = {[15] = 1}};
  struct net_address v4_loopback;
  net_address_parse("127.0.0.1", &v4_loopback);
  if (host->port != x->peer.here.port) return false;
  return strcmp(host->host, "localhost") == 0 || host_means(host->host, &v4_loopback) ||
         host_means(host->host, &v6_loopback) || host_means(host->host, &x->peer.here.address);
}

static const char *bearer_read(struct arena *a, const char *authorization) {
  static const char scheme[] = "Bearer ";
  if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) return NULL;
  const char *token = authorization + sizeof scheme - 1;
  return arena_strdup(a, token + strspn(token, " "));
}

/* The value of a cookie; NULL if it isn't there, or there twice: one of them was planted then. */
static const char *cookie_read(struct arena *a, const char *cookies, const char *name) {
  const char *found = NULL;
  size_t name_len = strlen(name);
  while (cookies && *cookies) {
    cookies += strspn(cookies, " ;");
    size_t len = strcspn(cookies, ";");
    if (len > name_len && strncmp(cookies, name, name_len) == 0 && cookies[name_len] == '=') {
      if (found) return NULL;
      found = arena_strndup(a, cookies + name_len + 1, len - name_len - 1);
    }
    cookies += len;
  }
  return found;
}

/* Browsers keep the cookies of all ports of a host together, so the name tells them apart. */
static const char *cookie_name(struct arena *a, bool secure, uint16_t port) {
  if (!secure) return arena_fmt(a, "rota_session_%u", (unsigned)port);
  if (port == net_port_usual(true)) return "__Host-rota_session";
  return arena_fmt(a, "__Host-rota_session_%u", (unsigned)port);
}

/* Fills in where the request comes from: the peer, or whom a trusted proxy speaks for. */
static void origin_fill(struct exchange *x, const struct guard_fields *f) {
  struct api_request *r = &x->request;
  const struct api *api = x->api;
  r->local = x->peer.local;
  r->uid = x->peer.uid;
  r->pid = x->peer.pid;
  r->address = x->peer.text;
  r->secure = x->peer.tls;
  if (f->agent) r->agent = arena_strdup(&x->arena, f->agent);
  if (x->peer.local || !forwarded_trusted(&x->peer.address, api->proxies, api->proxies_len)) return;
  struct net_address client = x->peer.address;
  forwarded_client(f->forwarded_for, f->forwarded_len, api->proxies, api->proxies_len, &client);
  char *text = arena_alloc(&x->arena, NET_ADDRESS_TEXT);
  net_address_text(&client, text);
  r->address = text;
  if (f->forwarded_proto) r->secure = strcasecmp(f->forwarded_proto, "https") == 0;
}

/* Whether the Host is one that we go by; *host is how the sender calls us. */
static bool host_ours(struct exchange *x, const struct guard_fields *fields, struct net_origin *host) {
  const struct api *api = x->api;
  const char *text = fields->host;
  bool trusted = forwarded_trusted(&x->peer.address, api->proxies, api->proxies_len);
  *host = (struct net_origin){.secure = x->request.secure};
  if (api->public_known && net_host_parse(text, api->public.port, host) && host->port == api->public.port &&
      strcmp(host->host, api->public.host) == 0) {
    /* A trusted proxy that doesn't say how it is reached is reached as `public_url` says. */
    if (trusted && !fields->forwarded_proto) x->request.secure = host->secure = api->public.secure;
    return true;
  }
  return net_host_parse(text, net_port_usual(x->request.secure), host) && host_local(x, host);
}

/* Whether a page of somebody else makes a browser send this. */
static bool sender_foreign(const struct exchange *x, const char *method, const struct guard_fields *f,
                           const struct net_origin *host) {
  if (api_method_from_word(method) == API_METHOD_GET) return false;
  struct net_origin origin;
  if (f->origin) {
    if (!net_origin_parse(f->origin, false, &origin)) return true;
    bool public = x->api->public_known && net_origin_equal(&origin, &x->api->public);
    return !public && !net_origin_equal(&origin, host);
  }
  if (!f->cookie) return false;
  return !f->fetch_site || strcmp(f->fetch_site, "same-origin") != 0;
}

struct guard_verdict access_identify(struct exchange *x, const char *method, const struct guard_fields *fields) {
  struct api_request *r = &x->request;
  struct net_origin host = {0};
  origin_fill(x, fields);
  if (!r->local && !host_ours(x, fields, &host))
    return REFUSE(421, "Not this host",
                  "The Host header names another server; open the address that `rota status` shows, or set "
                  "`public_url` in rota.yaml to the one that people use.");
  r->cookie = r->local ? "rota_session" : cookie_name(&x->arena, r->secure, host.port);
  const char *bearer = bearer_read(&x->arena, fields->authorization);
  const struct api_credentials credentials = {
      .local = r->local,
      .uid = r->uid,
      .pid = r->pid,
      .address = r->address,
      .bearer = bearer,
      .session = bearer ? NULL : cookie_read(&x->arena, fields->cookie, r->cookie),
  };
  r->session = credentials.session;
  r->who = x->api->options.authenticate(x->api->options.ctx, &credentials, &x->arena);
  if (!r->local && !bearer && sender_foreign(x, method, fields, &host))
    return REFUSE(403, "Sent by another page",
                  "A change that a browser sends must come from the pages of this server, as its Origin header says; "
                  "programs send a token as `Authorization: Bearer rota_...`.");
  return PASS;
}

static const char *login_location(struct arena *a, const char *target) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";
  static const char hex[] = "0123456789ABCDEF";
  size_t len = strlen(target);
  if (strcmp(target, "/") == 0 || target[1] == '/' || len > NEXT_MAX) return "/login";
  static const char login[] = "/login?next=";
  char *out = arena_alloc(a, sizeof login + 3 * len), *at = stpcpy(out, login);
  for (; *target; target++) {
    if (strchr(plain, *target)) {
      *at++ = *target;
      continue;
    }
    *at++ = '%';
    *at++ = hex[(unsigned char)*target >> 4];
    *at++ = hex[(unsigned char)*target & 15];
  }
  return out;
}

struct guard_verdict access_allow(struct exchange *x, enum api_role least, bool page) {
  const struct api_identity *who = &x->request.who;
  struct guard_verdict verdict;
  if (who->role >= least) return PASS;
  if (who->role > API_ROLE_PUBLIC) {
    verdict = REFUSE(403, "Not permitted", NULL);
    verdict.detail = arena_fmt(&x->arena, "This needs the role %s, and you are %s; ask an admin.",
                               api_role_word(least), api_role_word(who->role));
    return verdict;
  }
  if (page) {
    verdict = REFUSE(303, "Log in first", "The page is shown after the login.");
    verdict.header = (struct api_header){"Location", login_location(&x->arena, x->target)};
    return verdict;
  }
  verdict = REFUSE(
      401, "Who asks isn't known",
      "Send a token as `Authorization: Bearer rota_...`, or log in at /login; `rota open` on the daemon's "
      "machine leads in without one.");
  verdict.header = (struct api_header){"WWW-Authenticate", "Bearer"};
  return verdict;
}

struct api_identity access_socket_only(void *ctx, const struct api_credentials *credentials, struct arena *a) {
  (void)ctx;
  if (!credentials->local || (credentials->uid != 0 && credentials->uid != geteuid()))
    return (struct api_identity){0};
  const char *id = arena_fmt(a, "%u", (unsigned)credentials->uid);
  return (struct api_identity){.role = API_ROLE_ADMIN, .kind = "user", .id = id, .name = id};
}
