/* The keys that say how the daemon is reached: listen, tls, public_url, trusted_proxies, socket. */
#include <string.h>

#include "base/net.h"
#include "scheduler/spec/config_build.h"

#define PROXIES_MAX 100

void read_listen(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  struct net_endpoint at;
  const char *text = NULL;
  read_text(r, key, n, &text);
  if (!text) return;
  if (strcmp(text, "none") != 0 && !net_endpoint_parse(text, &at)) {
    diag_error(r->diags, n->place, "write 127.0.0.1:8080, \"[::1]:8080\", or none",
               "'%s' must be an address and a port, not '%s'", key->name, text);
    return;
  }
  c->listen = text;
  c->listen_written = true;
}

void read_public_url(struct reader *r, const struct key *key, const struct node *n, void *field) {
  const char *text = NULL;
  struct net_origin origin;
  read_text(r, key, n, &text);
  if (!text) return;
  if (net_origin_parse(text, true, &origin))
    *(const char **)field = text;
  else
    diag_error(r->diags, n->place, "write the scheme and the host alone: https://rota.example, http://10.0.0.5:8080",
               "'%s' must be an url without a path, not '%s'", key->name, text);
}

void read_proxies(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  bool list = n->kind == NODE_LIST;
  if (list && n->len > PROXIES_MAX) {
    diag_error(r->diags, n->place, "write ranges: 10.0.0.0/8", "'%s' has more than %d entries", key->name,
               PROXIES_MAX);
    return;
  }
  struct net_range *ranges = arena_new_array(r->arena, list && n->len ? n->len : 1, struct net_range);
  size_t len = 0;
  for (const struct node *i = list ? n->first : n; i; i = list ? i->next : NULL) {
    if (!reader_scalar(r, key->name, i)) continue;
    if (net_range_parse(i->text, &ranges[len]))
      len++;
    else
      diag_error(r->diags, i->place, "write 127.0.0.1, 10.0.0.0/8 or \"fd00::/8\"; bits behind the mask are 0",
                 "'%s' is no address and no range of addresses", i->text);
  }
  c->proxies = ranges;
  c->proxies_len = len;
}

#define AT(name) offsetof(struct config, name)
static const struct field tls_fields[] = {
    {KEY_TLS_certificate, read_path, AT(tls_certificate)},
    {KEY_TLS_key, read_path, AT(tls_key)},
};
static const struct field socket_fields[] = {
    {KEY_SOCKET_group, read_text, AT(socket_group)},
    {KEY_SOCKET_role, read_word, AT(socket_role)},
};
#undef AT

void read_tls(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key;
  reader_map(r, n, SCOPE_TLS, false, tls_fields, sizeof tls_fields / sizeof *tls_fields, field);
}

void read_socket(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key;
  reader_map(r, n, SCOPE_SOCKET, false, socket_fields, sizeof socket_fields / sizeof *socket_fields, field);
}

const char *config_listen_objection(const struct config *c) {
  struct net_endpoint at;
  if (!net_endpoint_parse(c->listen, &at) || net_address_loopback(&at.address) || c->tls_certificate ||
      c->proxies_len)
    return NULL;
  return "others could read tokens and sessions on their way to this address; set `tls` to a certificate and its "
         "key, "
         "or `trusted_proxies` to the proxy in front that has one, or listen on 127.0.0.1";
}

void config_door_check(struct config_builder *b, const struct node *root) {
  const struct node *listen = node_get(root, "listen");
  const char *objection = config_listen_objection(b->c);
  const char *help = objection ? strchr(objection, ';') : NULL;
  if (!listen || !help) return;
  diag_error(b->reader.diags, listen->place, help + 2, "%.*s", (int)(help - objection), objection);
}
