#include "scheduler/api/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/instant.h"
#include "scheduler/api/access.h"
#include "scheduler/api/guard.h"

static struct exchange *exchange_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  assert(info && info->socket_context);
  return info->socket_context;
}

void exchange_deadline(struct exchange *x, int ms) {
  x->deadline = ms ? clock_monotonic() + ms * USEC_PER_MS : 0;
  if (x->deadline && (!x->api->next_deadline || x->deadline < x->api->next_deadline))
    x->api->next_deadline = x->deadline;
}

static void phase_enter(struct exchange *x, enum exchange_phase phase) {
  const struct api_options *o = &x->api->options;
  const int ms[] = {[PHASE_HEADER] = o->header_ms,
                    [PHASE_BODY] = o->body_ms,
                    [PHASE_WAITING] = 0,
                    [PHASE_ANSWER] = o->answer_ms,
                    [PHASE_STREAM] = o->stall_ms};
  x->phase = phase;
  exchange_deadline(x, ms[phase]);
}

static void request_reset(struct exchange *x) {
  if (x->request.handle && !x->response && x->phase == PHASE_WAITING) x->api->waiting--;
  if (x->response) MHD_destroy_response(x->response);
  x->response = NULL;
  stream_free(x);
  x->request = (struct api_request){0};
  x->asset = NULL;
  arena_reset(&x->arena);
  buf_reset(&x->body);
  free(x->target);
  x->target = NULL;
  x->gone = false;
}

static void exchange_free(struct exchange *x) {
  request_reset(x);
  if (x->pair) tls_drop(x->pair);
  arena_release(&x->arena);
  buf_release(&x->body);
  x->api->exchanges[x->slot] = NULL;
  free(x);
}

void exchange_notify(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
                     enum MHD_ConnectionNotificationCode code) {
  struct api *api = ctx;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    if (*socket_ctx) exchange_free(*socket_ctx);
    *socket_ctx = NULL;
    return;
  }
  uint32_t slot = 0;
  while (slot < EXCHANGE_SLOTS && api->exchanges[slot]) slot++;
  assert(slot < EXCHANGE_SLOTS); /* the limit of connections is lower */
  struct exchange *x = alloc_new(struct exchange);
  *x = (struct exchange){.api = api, .connection = connection, .slot = slot};
  x->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  peer_read(x->fd, &x->peer); /* what the kernel can't say stays nobody */
  gate_begun(api, &x->peer);
  const union MHD_ConnectionInfo *tls = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (tls && tls->tls_session) {
    x->peer.tls = true;
    x->pair = tls_use(api->tls, tls->tls_session);
  }
  api->exchanges[slot] = x;
  phase_enter(x, PHASE_HEADER);
  *socket_ctx = x;
}

/* The target is kept as it came: libmicrohttpd would decode it before it is split. */
void *exchange_target(void *ctx, const char *target, struct MHD_Connection *connection) {
  (void)ctx;
  struct exchange *x = exchange_of(connection);
  free(x->target);
  x->target = alloc_strdup(target);
  return NULL;
}

static enum MHD_Result answer_queue(struct exchange *x, int status, struct MHD_Response *response) {
  phase_enter(x, x->stream ? PHASE_STREAM : PHASE_ANSWER);
  return MHD_queue_response(x->connection, (unsigned)status, response);
}

/* What a browser may do with an answer: nothing of other hosts, no frame around it, no word of it to others. */
static const struct api_header secure_headers[] = {
    {"Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
                                "frame-ancestors 'none'; object-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

/* An answer without one of its headers would be another answer: without room for them there is none. */
static void header_add(struct MHD_Response *r, const char *name, const char *value) {
  enum MHD_Result added = MHD_add_response_header(r, name, value);
  assert(added == MHD_YES);
  (void)added;
}

void exchange_dress(const struct api *api, struct MHD_Response *r, const char *content_type, const char *cache,
                    const struct api_header *headers, size_t headers_len) {
  header_add(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  for (size_t i = 0; i < sizeof secure_headers / sizeof secure_headers[0]; i++)
    header_add(r, secure_headers[i].name, secure_headers[i].value);
  if (api->tls || (api->public_known && api->public.secure))
    header_add(r, "Strict-Transport-Security", "max-age=31536000");
  header_add(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
  for (size_t i = 0; i < headers_len; i++) header_add(r, headers[i].name, headers[i].value);
}

static struct MHD_Response *response_new(const struct api *api, const char *content_type,
                                         const struct api_header *headers, size_t headers_len, const void *body,
                                         size_t len) {
  /* libmicrohttpd copies and never writes there. */
  union {
    const void *in;
    void *out;
  } bytes = {.in = len ? body : ""};
  struct MHD_Response *r = MHD_create_response_from_buffer(len, bytes.out, MHD_RESPMEM_MUST_COPY);
  assert(r);
  exchange_dress(api, r, content_type ? content_type : "application/json", "no-store", headers, headers_len);
  return r;
}

static struct MHD_Response *problem_new(const struct api *api, int status, const char *title, const char *detail) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  api_problem_begin(&j, status, title, detail);
  jsonw_object_end(&j);
  struct MHD_Response *r = response_new(api, API_PROBLEM_TYPE, NULL, 0, body.bytes, body.len);
  buf_release(&body);
  return r;
}

/* Answers before the body is read, and takes nothing more from this connection. */
static enum MHD_Result refuse(struct exchange *x, const struct guard_verdict *verdict) {
  struct MHD_Response *r = problem_new(x->api, verdict->status, verdict->title, verdict->detail);
  if (verdict->header.name) header_add(r, verdict->header.name, verdict->header.value);
  header_add(r, MHD_HTTP_HEADER_CONNECTION, "close");
  enum MHD_Result queued = answer_queue(x, verdict->status, r);
  MHD_destroy_response(r);
  return queued;
}

static struct guard_verdict path_verdict(unsigned allowed) {
  if (!allowed)
    return (struct guard_verdict){.status = 404,
                                  .title = "No such path",
                                  .detail = "Nothing is served under this path; docs/api.md lists what there is."};
  bool get = allowed & 1u << API_METHOD_GET, post = allowed & 1u << API_METHOD_POST;
  return (struct guard_verdict){.status = 405,
                                .title = "Method not allowed",
                                .detail = "The Allow header says what this path answers to.",
                                .header = {MHD_HTTP_HEADER_ALLOW, get && post ? "GET, HEAD, POST"
                                                                  : get       ? "GET, HEAD"
                                                                              : "POST"}};
}

/* Reads path and query into the request; false if they can't be decoded. */
static bool target_read(struct exchange *x, const struct api_part *params, size_t params_len, const char *query) {
  struct api_request *r = &x->request;
  for (size_t i = 0; i < params_len; i++) {
    struct api_part name = api_route_param(r->route, i);
    x->path[i].name = arena_strndup(&x->arena, name.text, name.len);
    x->path[i].value = target_decode(&x->arena, params[i].text, params[i].len, false);
    if (!x->path[i].value) return false;
  }
  int pairs = target_query(&x->arena, query, x->query);
  if (pairs < 0) return false;
  r->path = x->path;
  r->path_len = params_len;
  r->query = x->query;
  r->query_len = (size_t)pairs;
  return true;
}

static const char *header_copy(struct exchange *x, const char *name) {
  const char *value = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
  return value ? arena_strdup(&x->arena, value) : NULL;
}

/* A path that isn't of the API: a file of the web pages, or a page, which the handler makes of the template. */
static bool page_find(struct exchange *x, size_t path_len) {
  static const char api[] = "/api/", assets[] = "/assets/";
  const struct asset_table *table = x->api->options.assets ? x->api->options.assets : assets_builtin();
  /* To a browser, a path that begins with two slashes is another host's address: no page stands there. */
  if (strncmp(x->target, api, sizeof api - 1) == 0 || strncmp(x->target, "//", 2) == 0) return false;
  x->asset = asset_find(table, x->target, path_len);
  if (x->asset && x->asset->flags & ASSET_TEMPLATE) x->asset = NULL;
  if (!x->asset && strncmp(x->target, assets, sizeof assets - 1) == 0) return false;
  if (!x->asset && !asset_find(table, ASSET_INDEX, sizeof ASSET_INDEX - 1)) x->asset = asset_missing();
  return true;
}

static enum api_role role_needed(const struct exchange *x) {
  if (x->asset) return x->asset->flags & ASSET_PUBLIC ? API_ROLE_PUBLIC : API_ROLE_VIEWER;
  return api_route_spec(x->request.route)->role;
}

/* The header is there: ask who sends it, hold the guards against it and find the route. */
static enum MHD_Result request_begin(struct exchange *x, const char *method, const char *version) {
  struct guard_fields fields;
  struct guard_verdict verdict = guard_headers(x->connection, method, version, x->target, &fields);
  if (!verdict.status) verdict = access_identify(x, method, &fields);
  if (verdict.status) return refuse(x, &verdict);
  size_t path_len = strcspn(x->target, "?");
  const char *query = x->target + path_len + (x->target[path_len] == '?');
  struct api_part params[API_PARAMS_MAX];
  size_t params_len;
  unsigned allowed = 0;
  int word = api_method_from_word(method);
  bool get = word == API_METHOD_GET;
  enum api_method wanted = word < 0 ? API_METHOD_COUNT : (enum api_method)word;
  int route = api_route_find(wanted, x->target, path_len, params, &params_len, &allowed);
  if (route < 0 && !allowed && get && page_find(x, path_len)) route = API_PAGE;
  if (route < 0) {
    verdict = access_allow(x, API_ROLE_VIEWER, false);
    if (!verdict.status) verdict = path_verdict(allowed);
    return refuse(x, &verdict);
  }
  x->request.route = (enum api_route)route;
  verdict = access_allow(x, role_needed(x), route == API_PAGE && !x->asset);
  if (!verdict.status) verdict = guard_body(x->request.route, &fields);
  if (!verdict.status && !target_read(x, params, params_len, query))
    verdict = (struct guard_verdict){
        .status = 400,
        .title = "Target not well formed",
        .detail = "Path and query are percent-encoded UTF-8 without control characters, each name once."};
  if (verdict.status) return refuse(x, &verdict);
  if (fields.idempotency_key) x->request.idempotency_key = arena_strdup(&x->arena, fields.idempotency_key);
  x->request.if_none_match = header_copy(x, MHD_HTTP_HEADER_IF_NONE_MATCH);
  /* Nothing that is sent in parts has an etag that If-Range could name. */
  if (!header_copy(x, MHD_HTTP_HEADER_IF_RANGE)) x->request.range = header_copy(x, MHD_HTTP_HEADER_RANGE);
  x->request.last_event_id = header_copy(x, "Last-Event-ID");
  phase_enter(x, PHASE_BODY);
  return MHD_YES;
}

static enum MHD_Result body_take(struct exchange *x, const char *data, size_t *size) {
  if (x->body.len + *size > GUARD_BODY_MAX) return MHD_NO;
  buf_add(&x->body, data, *size);
  *size = 0;
  return MHD_YES;
}

void exchange_sleep(struct exchange *x, uint32_t events) {
  x->suspended = true;
  MHD_suspend_connection(x->connection);
  /* Only the hang-up, which is always told: who merely has nothing more to say still waits for the answer. */
  struct epoll_event watch = {.events = EPOLLET | events, .data.u64 = x->slot};
  epoll_ctl(x->api->epoll_fd, EPOLL_CTL_ADD, x->fd, &watch);
}

void exchange_wake(struct exchange *x) {
  epoll_ctl(x->api->epoll_fd, EPOLL_CTL_DEL, x->fd, NULL);
  x->suspended = false;
  x->api->pump = true;
  MHD_resume_connection(x->connection);
}

static enum MHD_Result response_send(struct exchange *x) {
  enum MHD_Result queued = answer_queue(x, x->status, x->response);
  MHD_destroy_response(x->response);
  x->response = NULL;
  x->request.handle = 0;
  if (x->stream) arena_release(&x->arena); /* an answer without end needs nothing of its request */
  return queued;
}

static enum MHD_Result asset_refuse(struct exchange *x) {
  struct MHD_Response *r = problem_new(x->api, 406, "Encoding not acceptable",
                                       "The files of the pages are kept compressed: accept the encoding gzip.");
  enum MHD_Result queued = answer_queue(x, 406, r);
  MHD_destroy_response(r);
  return queued;
}

static enum MHD_Result asset_send(struct exchange *x) {
  const struct asset *a = x->asset;
  const char *accept = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);
  if (a->encoding && !encoding_accepted(accept, a->encoding)) return asset_refuse(x);
  bool known = etag_known(x->request.if_none_match, a->etag);
  union {
    const void *in;
    void *out;
  } bytes = {.in = a->bytes};
  struct MHD_Response *r = MHD_create_response_from_buffer(known ? 0 : a->len, bytes.out, MHD_RESPMEM_PERSISTENT);
  assert(r);
  exchange_dress(x->api, r, a->content_type,
                 a->flags & ASSET_IMMUTABLE ? "private, max-age=31536000, immutable" : "no-cache", NULL, 0);
  header_add(r, MHD_HTTP_HEADER_ETAG, a->etag);
  header_add(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
  if (a->encoding) header_add(r, MHD_HTTP_HEADER_CONTENT_ENCODING, a->encoding);
  enum MHD_Result queued = answer_queue(x, known ? 304 : a == asset_missing() ? 404 : 200, r);
  MHD_destroy_response(r);
  return queued;
}

static enum MHD_Result request_complete(struct exchange *x) {
  if (x->asset) return asset_send(x);
  struct api *api = x->api;
  struct api_request *r = &x->request;
  r->handle = ++api->serial << EXCHANGE_SLOT_BITS | x->slot;
  r->target = x->target;
  r->body = buf_cstr(&x->body);
  r->body_len = x->body.len;
  phase_enter(x, PHASE_WAITING);
  api->waiting++;
  x->in_handler = true;
  api->options.handler(api->options.ctx, r);
  x->in_handler = false;
  if (x->response) return response_send(x);
  exchange_sleep(x, 0);
  return MHD_YES;
}

enum MHD_Result exchange_access(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **request_ctx) {
  (void)ctx, (void)url;
  struct exchange *x = exchange_of(connection);
  if (!*request_ctx) {
    *request_ctx = x;
    return request_begin(x, method, version);
  }
  if (*size) return body_take(x, data, size);
  if (x->gone || x->api->closing) return MHD_NO;
  if (x->response) return response_send(x);
  if (x->request.handle) { /* woken by nobody's answer */
    exchange_sleep(x, 0);
    return MHD_YES;
  }
  return request_complete(x);
}

void exchange_completed(void *ctx, struct MHD_Connection *connection, void **request_ctx,
                        enum MHD_RequestTerminationCode code) {
  (void)code, (void)request_ctx;
  struct api *api = ctx;
  struct exchange *x = exchange_of(connection);
  uint64_t lost = x->request.handle && !x->response ? x->request.handle : stream_unfinished(x);
  request_reset(x);
  phase_enter(x, PHASE_HEADER);
  if (lost && !api->closing && api->options.gone) api->options.gone(api->options.ctx, lost);
}

void exchange_lost(struct exchange *x) {
  struct api *api = x->api;
  if (!x->suspended) return;
  uint64_t handle = x->stream ? stream_unfinished(x) : x->request.handle;
  if (!x->stream) api->waiting--;
  x->request.handle = 0;
  x->gone = true;
  exchange_wake(x);
  if (handle && !api->closing && api->options.gone) api->options.gone(api->options.ctx, handle);
}

void exchange_expire(struct exchange *x, int64_t now) {
  if (!x->deadline || now < x->deadline) return;
  x->deadline = 0;
  shutdown(x->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes */
  x->api->pump = true;
}

struct exchange *exchange_find(const struct api *api, uint64_t handle) {
  struct exchange *x = api->exchanges[handle & (EXCHANGE_SLOTS - 1)];
  return handle && x && x->request.handle == handle && !x->response ? x : NULL;
}

bool api_alive(const struct api *api, uint64_t handle) {
  return exchange_find(api, handle) || stream_is(api, handle);
}

void exchange_answer(struct exchange *x, int status, struct MHD_Response *response) {
  x->api->waiting--;
  x->status = status;
  x->response = response;
  if (!x->in_handler) exchange_wake(x);
}

void api_reply(struct api *api, uint64_t handle, int status, const char *content_type,
               const struct api_header *headers, size_t headers_len, const void *body, size_t len) {
  struct exchange *x = exchange_find(api, handle);
  if (!x) return;
  struct MHD_Response *r = response_new(api, content_type, headers, headers_len, body, len);
  exchange_answer(x, status, r);
}

void api_problem(struct api *api, uint64_t handle, int status, const char *title, const char *detail) {
  struct exchange *x = exchange_find(api, handle);
  if (x) exchange_answer(x, status, problem_new(api, status, title, detail));
}
