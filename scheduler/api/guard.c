#include "scheduler/api/guard.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define REFUSE(code, t, d)                                                                                           \
  (struct guard_verdict) {                                                                                           \
    .status = (code), .title = (t), .detail = (d)                                                                    \
  }
#define PASS                                                                                                         \
  (struct guard_verdict) {                                                                                           \
    0                                                                                                                \
  }

/* The fields that mean something here, each with how often it came. */
#define KNOWN(X)                                                                                                     \
  X(HOST, "Host")                                                                                                    \
  X(LENGTH, "Content-Length")                                                                                        \
  X(ENCODING, "Transfer-Encoding")                                                                                   \
  X(TYPE, "Content-Type")                                                                                            \
  X(KEY, "Idempotency-Key")                                                                                          \
  X(AUTHORIZATION, "Authorization")                                                                                  \
  X(COOKIE, "Cookie")                                                                                                \
  X(ORIGIN, "Origin")                                                                                                \
  X(SITE, "Sec-Fetch-Site")                                                                                          \
  X(PROTO, "X-Forwarded-Proto")                                                                                      \
  X(AGENT, "User-Agent")                                                                                             \
  X(FORWARDED, "X-Forwarded-For")

#define X(id, name) id,
enum known { KNOWN(X) KNOWN_COUNT, ONCE = AGENT /* those before it may come once */ };
#undef X
#define X(id, name) name,
static const char *const known_names[KNOWN_COUNT] = {KNOWN(X)};
#undef X

struct header_walk {
  const char *expect; /* where the next field's name must begin if the block is as it was written */
  size_t fields;
  bool broken, moved;
  const char *values[KNOWN_COUNT];
  int counts[KNOWN_COUNT];
  const char *forwarded[GUARD_FORWARDED_MAX];
};

/* RFC 9110, 5.6.2. */
static bool token_valid(const char *text) {
  if (!*text) return false;
  for (; *text; text++) {
    bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
    if (!letter && !strchr("!#$%&'*+-.^_`|~", *text)) return false;
  }
  return true;
}

static bool value_clean(const char *text) {
  for (; *text; text++)
    if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f) return false;
  return true;
}

/* libmicrohttpd cuts the block up in place: a name, a NUL where the colon was, blanks, the value, and NULs where CR
 * and LF were. A value that held a NUL, a folded line (which is put together elsewhere) and a bare LF leave the next
 * name in another place than expected, and there is no other way to see them. */
static void walk_place(struct header_walk *w, const char *name, const char *value) {
  if (w->expect != name) w->moved = true;
  const char *blank = name + strlen(name) + 1;
  if (value < blank || value - blank > GUARD_HEADER_MAX) {
    w->moved = true;
    return;
  }
  for (; blank < value; blank++)
    if (*blank != ' ' && *blank != '\t') w->moved = true;
  w->expect = value + strlen(value) + 2;
}

static enum MHD_Result walk_field(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value) {
  (void)kind;
  struct header_walk *w = ctx;
  if (!value) value = "";
  w->fields++;
  if (!token_valid(name) || !value_clean(value)) w->broken = true;
  if (!GUARD_DISCIPLINE_OPT && !w->moved) walk_place(w, name, value);
  for (int i = 0; i < KNOWN_COUNT; i++) {
    if (strcasecmp(name, known_names[i]) != 0) continue;
    if (i == FORWARDED && w->counts[i] < GUARD_FORWARDED_MAX) w->forwarded[w->counts[i]] = value;
    w->values[i] = value;
    w->counts[i]++;
  }
  return MHD_YES;
}

static bool host_valid(const char *host) {
  return *host &&
         strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == strlen(host);
}

static bool length_read(const char *text, uint64_t *out) {
  size_t digits = strspn(text, "0123456789");
  if (digits == 0 || text[digits] || digits > 18) return false;
  *out = 0;
  for (; *text; text++) *out = *out * 10 + (uint64_t)(*text - '0');
  return true;
}

static bool key_valid(const char *text) {
  size_t len = strlen(text);
  if (len == 0 || len > GUARD_KEY_MAX) return false;
  for (; *text; text++)
    if (*text < 0x21 || *text > 0x7e) return false;
  return true;
}

static struct guard_verdict guard_known(const struct header_walk *w, struct guard_fields *out) {
  for (int i = 0; i < ONCE; i++)
    if (w->counts[i] > 1)
      return REFUSE(400, "Header repeated", "Of the headers that decide something each may come once.");
  if (w->counts[FORWARDED] > GUARD_FORWARDED_MAX)
    return REFUSE(400, "Header repeated", "X-Forwarded-For may come on at most 8 lines.");
  if (!w->counts[HOST] || !host_valid(w->values[HOST]))
    return REFUSE(400, "Host header wrong", "Send exactly one Host header with a name or an address.");
  if (w->counts[ENCODING] && w->counts[LENGTH])
    return REFUSE(400, "Length of the body ambiguous", "Send Content-Length without Transfer-Encoding.");
  if (w->counts[ENCODING])
    return REFUSE(411, "Length required", "Send the body with Content-Length; chunked bodies are not taken.");
  if (w->counts[LENGTH] && !length_read(w->values[LENGTH], &out->content_length))
    return REFUSE(400, "Content-Length wrong", "Content-Length is a number of bytes in decimal digits.");
  if (w->counts[KEY] && !key_valid(w->values[KEY]))
    return REFUSE(400, "Idempotency-Key wrong", "An Idempotency-Key is 1 to 128 printable ASCII characters.");
  out->host = w->values[HOST];
  out->authorization = w->values[AUTHORIZATION];
  out->cookie = w->values[COOKIE];
  out->origin = w->values[ORIGIN];
  out->fetch_site = w->values[SITE];
  out->forwarded_proto = w->values[PROTO];
  out->forwarded_len = (size_t)w->counts[FORWARDED];
  memcpy(out->forwarded_for, w->forwarded, sizeof w->forwarded);
  out->agent = w->values[AGENT];
  out->content_type = w->values[TYPE];
  out->idempotency_key = w->values[KEY];
  return PASS;
}

struct guard_verdict guard_headers(struct MHD_Connection *connection, const char *method, const char *version,
                                   const char *target, struct guard_fields *out) {
  *out = (struct guard_fields){0};
  struct header_walk w = {.expect = version + strlen(version) + 2};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, walk_field, &w);
  const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  size_t bytes = size ? size->header_size : 0;
  if (strcmp(version, "HTTP/1.1") != 0) return REFUSE(505, "HTTP version not supported", "Speak HTTP/1.1.");
  if (strlen(target) > GUARD_TARGET_MAX) return REFUSE(414, "Target too long", "A target has at most 8 KiB.");
  if (bytes > GUARD_HEADER_MAX || w.fields > GUARD_FIELDS_MAX)
    return REFUSE(431, "Header too large", "A request has at most 16 KiB of header in 64 fields.");
  if (!GUARD_DISCIPLINE_OPT && w.expect + 2 != method + bytes) w.moved = true;
  if (w.broken || w.moved)
    return REFUSE(400, "Header not well formed",
                  "Fields are `Name: value` on one line each, ended by CR LF, without control characters.");
  if (target[0] != '/') return REFUSE(400, "Target not well formed", "The target begins with '/'.");
  return guard_known(&w, out);
}

static bool type_is_json(const char *type) {
  static const char json[] = "application/json";
  if (!type || strncasecmp(type, json, sizeof json - 1) != 0) return false;
  const char *rest = type + sizeof json - 1;
  rest += strspn(rest, " \t");
  return *rest == '\0' || *rest == ';';
}

struct guard_verdict guard_body(enum api_route route, const struct guard_fields *fields) {
  const struct api_route_spec *spec = api_route_spec(route);
  if (fields->content_length > GUARD_BODY_MAX) return REFUSE(413, "Body too large", "A body has at most 1 MiB.");
  if (spec->role == API_ROLE_PUBLIC && fields->content_length > GUARD_STRANGER_MAX)
    return REFUSE(413, "Body too large", "A login has at most 4 KiB.");
  if (spec->body == API_BODY_NONE && fields->content_length)
    return REFUSE(400, "Body not expected", "A GET has no body; put what you want to say into the query.");
  if (spec->body == API_BODY_BODY && !fields->content_length)
    return REFUSE(400, "Body missing", "This route needs a JSON object as its body.");
  if (fields->content_length && !type_is_json(fields->content_type))
    return REFUSE(415, "Not JSON", "Send the body with Content-Type: application/json.");
  return PASS;
}
