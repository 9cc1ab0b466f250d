#include "cli/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/id.h"
#include "base/instant.h"
#include "cli/curl_lib.h"
#include "cli/lines.h"
#include "cli/paint.h"
#include "cli/place.h"

#define PATIENCE_MS  30000
#define TRIES        4
#define TRY_PAUSE_MS 400 /* doubled each time */
#define OUTLAST_MS   60000
#define CONNECT_MS   10000L
#define BODY_MAX     (64 * 1024 * 1024)

struct client {
  const struct args *args;
  struct remote remote; /* url NULL: over the socket */
  char *where;
  char *state, *socket; /* the socket by a name that is short enough for an address */
  int dir_fd;
  struct curl_lib lib;
  CURL *curl; /* NULL: libcurl isn't there */
  int64_t patience_ms;
  bool outlast, interruptible;
  bool shut_out; /* the state directory lies where this user may not look */
  char error[CURL_ERROR_SIZE];
};

struct request {
  const char *target, *body, *key; /* body and key NULL for a GET */
};

/* A signal handler has nowhere else to put it. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  const struct client *client = ctx;
  return client->interruptible && interrupted;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx) {
  struct reply *reply = ctx;
  if (reply->body.len + size * count > BODY_MAX) return 0;
  buf_add(&reply->body, bytes, size * count);
  return size * count;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx) {
  struct reply *reply = ctx;
  size_t len = size * count;
  const char *colon = memchr(bytes, ':', len);
  if (!colon || len < 5 || strncasecmp(bytes, "rota-", 5) != 0) return len;
  char *name = strndup(bytes, (size_t)(colon - bytes));
  const char *value = colon + 1, *end = bytes + len;
  while (value < end && *value == ' ') value++;
  while (end > value && strchr(" \t\r\n", end[-1])) end--;
  for (char *c = name; c && *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 'a' - 'A');
  if (name) free(map_put(&reply->headers, name, strndup(value, (size_t)(end - value))));
  free(name);
  return len;
}

void reply_release(struct reply *reply) {
  buf_release(&reply->body);
  json_decref(reply->json);
  for (size_t i = 0; i < reply->headers.len; i++) free(reply->headers.entries[i].value);
  map_release(&reply->headers);
  *reply = (struct reply){0};
}

static int client_begin(struct client *c, struct client **out) {
  c->patience_ms = PATIENCE_MS;
  if (curl_lib_load(&c->lib)) {
    client_close(c);
    return EXIT_FAILED;
  }
  c->curl = c->lib.easy_init();
  if (!c->curl) {
    fputs("rota: libcurl can't be set up\n", stderr);
    client_close(c);
    return EXIT_FAILED;
  }
  *out = c;
  return EXIT_OK;
}

int client_open_remote(const struct args *args, struct remote *remote, struct client **out) {
  struct client *c = alloc_new(struct client);
  c->args = args;
  c->remote = *remote;
  *remote = (struct remote){0};
  c->where = alloc_strdup(c->remote.url);
  c->dir_fd = -1;
  return client_begin(c, out);
}

int client_open(const struct args *args, struct client **out) {
  struct remote remote;
  int code = remote_of(args, &remote);
  if (code != EXIT_OK) return code;
  return remote.url ? client_open_remote(args, &remote, out) : client_open_local(args, out);
}

int client_open_local(const struct args *args, struct client **out) {
  char *state = place_state(args);
  if (!state) return EXIT_USAGE;
  struct client *c = alloc_new(struct client);
  c->args = args;
  c->state = state;
  c->where = alloc_fmt("%s/rota.sock", state);
  /* An address has room for 107 bytes; the directory's descriptor makes a short name of any path. */
  c->dir_fd = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
  c->shut_out = c->dir_fd < 0 && errno == EACCES;
  c->socket = alloc_fmt("/proc/self/fd/%d/rota.sock", c->dir_fd);
  return client_begin(c, out);
}

void client_close(struct client *client) {
  if (!client) return;
  if (client->curl) client->lib.easy_cleanup(client->curl);
  if (client->dir_fd >= 0) close(client->dir_fd);
  remote_release(&client->remote);
  free(client->where);
  free(client->state);
  free(client->socket);
  free(client);
}

const char *client_state(const struct client *client) {
  return client->state;
}

const char *client_where(const struct client *client) {
  return client->where;
}

void client_patience(struct client *client, int64_t ms) {
  client->patience_ms = ms;
}

void client_outlast(struct client *client, bool on) {
  client->outlast = on;
}

void client_catch_interrupt(struct client *client) {
  struct sigaction action = {.sa_handler = on_interrupt};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  client->interruptible = true;
}

static void pause_ms(int64_t ms) {
  struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&t, NULL); /* a signal ends it early, as it should */
}

/* The token as libcurl knows tokens: it goes to this host alone, whatever the host answers, and to no proxy. */
static void set_remote(const struct client *c) {
#if LIBCURL_VERSION_NUM >= 0x075500
  c->lib.easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  c->lib.easy_setopt(c->curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  c->lib.easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L);
  c->lib.easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
  c->lib.easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (c->remote.cacert) c->lib.easy_setopt(c->curl, CURLOPT_CAINFO, c->remote.cacert);
  if (!c->remote.token) return;
  c->lib.easy_setopt(c->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
  c->lib.easy_setopt(c->curl, CURLOPT_XOAUTH2_BEARER, c->remote.token);
}

static CURLcode perform_once(struct client *c, const struct request *request, struct reply *out) {
  struct curl_slist *headers = NULL;
  char *url = alloc_fmt("%s%s", c->remote.url ? c->remote.url : "http://localhost", request->target);
  char *key = request->key ? alloc_fmt("Idempotency-Key: %s", request->key) : NULL;
  c->lib.easy_reset(c->curl);
  c->lib.easy_setopt(c->curl, CURLOPT_URL, url);
  if (c->remote.url)
    set_remote(c);
  else
    c->lib.easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
  if (!c->remote.url || strncmp(c->remote.url, "https:", 6) != 0) c->lib.easy_setopt(c->curl, CURLOPT_PROXY, "");
  c->lib.easy_setopt(c->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  c->lib.easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
  c->lib.easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)c->patience_ms);
  c->lib.easy_setopt(c->curl, CURLOPT_USERAGENT, "rota/" ROTA_VERSION);
  c->lib.easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error);
  c->lib.easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
  c->lib.easy_setopt(c->curl, CURLOPT_WRITEDATA, out);
  c->lib.easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
  c->lib.easy_setopt(c->curl, CURLOPT_HEADERDATA, out);
  c->lib.easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
  c->lib.easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  c->lib.easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
  if (key) {
    headers = c->lib.slist_append(headers, key);
    headers = c->lib.slist_append(headers, "Content-Type: application/json");
    headers = c->lib.slist_append(headers, "Expect:");
    c->lib.easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    c->lib.easy_setopt(c->curl, CURLOPT_POSTFIELDS, request->body);
    c->lib.easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
  }
  c->error[0] = '\0';
  CURLcode code = c->lib.easy_perform(c->curl);
  long status = 0;
  c->lib.easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
  out->status = (int)status;
  c->lib.slist_free_all(headers);
  free(url);
  free(key);
  return code;
}

/* An answer was lost, or the daemon couldn't record anything just then: the same request again, with the same key,
 * has the same effect. */
static bool worth_repeating(const struct request *request, CURLcode code, int status, int tries) {
  switch (code) {
  case CURLE_OK: return status == 503 && request->key;
  case CURLE_OPERATION_TIMEDOUT: return request->key != NULL;
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_PARTIAL_FILE: return true;
  case CURLE_COULDNT_CONNECT: return tries > 0; /* it was there before */
  default: return false;
  }
}

static CURLcode perform(struct client *c, const struct request *request, struct reply *out) {
  int64_t until = clock_monotonic() + OUTLAST_MS * USEC_PER_MS, pause = TRY_PAUSE_MS;
  for (int tries = 0;; tries++) {
    *out = (struct reply){0};
    CURLcode code = perform_once(c, request, out);
    if (c->interruptible && interrupted) return CURLE_ABORTED_BY_CALLBACK;
    bool gone = code == CURLE_COULDNT_CONNECT && c->outlast && clock_monotonic() < until;
    if (!gone && (tries + 1 >= TRIES || !worth_repeating(request, code, out->status, tries))) return code;
    reply_release(out);
    pause_ms(gone && pause > 1000 ? 1000 : pause);
    pause *= 2;
  }
}

/* The daemon answers its own user and root alone: others can't open the socket, or are hung up on. */
static bool socket_foreign(const struct client *c) {
  long number = 0;
  struct stat st;
  if (c->remote.url) return false;
  c->lib.easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &number);
  return c->shut_out || number == EACCES || (geteuid() != 0 && stat(c->socket, &st) == 0 && st.st_uid != geteuid());
}

/* False if there is nothing to say that isn't said of the socket too. */
static bool say_remote_unreached(const struct client *c, CURLcode code) {
  const char *url = c->remote.url, *what = c->error[0] ? c->error : c->lib.easy_strerror(code);
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
    fprintf(stderr, "rota: the host of %s isn't known: is it written right?\n", url);
    return true;
  case CURLE_COULDNT_CONNECT:
    fprintf(
        stderr,
        "rota: nothing answers at %s\n"
        "  on the daemon's machine `rota status` says whether it runs, and `listen:` of rota.yaml where it listens\n",
        url);
    return true;
  case CURLE_PEER_FAILED_VERIFICATION:
    fprintf(stderr,
            "rota: the certificate of %s can't be trusted: %s\n"
            "  if it is of your own authority, name that one's certificate by --cacert FILE or ROTA_CACERT\n",
            url, what);
    return true;
  case CURLE_SSL_CACERT_BADFILE:
    fprintf(stderr, "rota: the certificates in %s can't be read: %s\n", c->remote.cacert ? c->remote.cacert : "-",
            what);
    return true;
  case CURLE_SSL_CONNECT_ERROR:
    fprintf(stderr, "rota: %s doesn't speak TLS as it should: %s\n  is it an http:// address?\n", url, what);
    return true;
  default: return false;
  }
}

static int say_unreached(const struct client *c, CURLcode code, bool changes) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return EXIT_INTERRUPTED;
  if (c->remote.url && say_remote_unreached(c, code)) return EXIT_NO_DAEMON;
  if (socket_foreign(c)) {
    fprintf(stderr,
            "rota: %s/rota.sock belongs to another user\n"
            "  run this command as the daemon's user, or name your own daemon with --state DIR\n",
            c->state);
    return EXIT_NOT_ALLOWED;
  }
  if (code == CURLE_COULDNT_CONNECT) {
    fprintf(stderr,
            "rota: no daemon answers at %s/rota.sock\n"
            "  start one with `rota serve --state %s`, or name another with --state DIR or ROTA_HOME\n",
            c->state, c->state);
    return EXIT_NO_DAEMON;
  }
  const char *what = c->error[0] ? c->error : c->lib.easy_strerror(code);
  fprintf(stderr, "rota: the daemon at %s gave no answer: %s\n", c->where, what);
  fputs(changes ? "  whether it was done isn't known: look with `rota status` before you repeat it\n"
                : "  look at its log; `rota doctor` checks it\n",
        stderr);
  return EXIT_NO_DAEMON;
}

/* What to do about a refusal, where the daemon can't know how it was asked. */
static void say_remote_advice(int status) {
  if (status == 403)
    fputs("  whoever runs the daemon makes a token with another role: `rota token create`\n", stderr);
  else if (status == 421)
    fputs("  the daemon knows itself by other names: use the one of its `public_url`\n", stderr);
}

static int say_unknown(const struct client *c) {
  const char *url = c->remote.url;
  fprintf(stderr,
          "rota: the token for %s isn't known there, is revoked or has expired\n"
          "  `rota login %s` takes another; whoever runs the daemon makes one with `rota token create`\n",
          url, url);
  return EXIT_NOT_ALLOWED;
}

static bool is_problem(const struct reply *reply) {
  return *field_text(reply->json, "title") || *field_text(reply->json, "detail");
}

/* Something answers, but not as the API does. */
static int say_foreign(const struct client *c, const struct reply *reply) {
  bool elsewhere = reply->status >= 300 && reply->status < 400;
  fprintf(stderr, "rota: %s answers with %d %s\n", c->where, reply->status,
          elsewhere ? "and leads elsewhere, where the token isn't sent: name the address itself"
                    : "and isn't a rota daemon, or something stands before it");
  return EXIT_FAILED;
}

static int say_problem(const struct client *c, const struct reply *reply) {
  if (c->remote.url && !is_problem(reply)) return say_foreign(c, reply);
  if (c->remote.url && reply->status == 401) return say_unknown(c);
  struct buf text = {0};
  const char *title = field_text(reply->json, "title"), *detail = field_text(reply->json, "detail");
  const char *line = *detail ? detail : *title ? title : "the daemon refused it without a reason";
  fprintf(stderr, "rota %s: ", c->args->command->name);
  while (*line) { /* a filter's detail has lines of its own, with a caret */
    size_t len = strcspn(line, "\n");
    char *one = alloc_fmt("%.*s", (int)len, line);
    buf_reset(&text);
    paint_add(&text, PAINT_NONE, one, false);
    fprintf(stderr, "%s\n", buf_cstr(&text));
    free(one);
    line += len + (line[len] == '\n');
  }
  buf_release(&text);
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(reply->json, "diagnostics"), i, item) {
    if (!strchr(detail, '\n')) lines_diagnostic(stderr, field_text(item, "file"), item);
  }
  if (c->remote.url) say_remote_advice(reply->status);
  if (reply->status == 401 || reply->status == 403) return EXIT_NOT_ALLOWED;
  return reply->status == 409 || reply->status >= 500 ? EXIT_FAILED : EXIT_USAGE;
}

static int client_ask(struct client *c, const struct request *request, struct reply *out) {
  struct reply reply;
  CURLcode code = perform(c, request, &reply);
  if (code != CURLE_OK) {
    reply_release(&reply);
    return say_unreached(c, code, request->key != NULL);
  }
  reply.json = json_loadb(buf_cstr(&reply.body), reply.body.len, 0, NULL);
  if (reply.status >= 200 && reply.status < 300) {
    *out = reply;
    return EXIT_OK;
  }
  int exit_code = say_problem(c, &reply);
  reply_release(&reply);
  return exit_code;
}

int client_get(struct client *client, const char *target, struct reply *out) {
  return client_ask(client, &(const struct request){.target = target}, out);
}

int client_post(struct client *client, const char *target, json_t *body, struct reply *out) {
  uint8_t random[16];
  char key[2 * sizeof random + 1];
  random_bytes(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++) snprintf(key + 2 * i, 3, "%02x", random[i]);
  char *text = body ? json_dumps(body, JSON_COMPACT) : alloc_strdup("{}");
  json_decref(body);
  assert(text);
  int code = client_ask(client, &(const struct request){target, text, key}, out);
  free(text);
  return code;
}

int client_post_once(const struct args *args, const char *target, json_t *body, struct reply *out) {
  struct client *client;
  int code = client_open(args, &client);
  if (code != EXIT_OK) {
    json_decref(body);
    return code;
  }
  code = client_post(client, target, body, out);
  client_close(client);
  return code;
}

int client_probe(struct client *client, const char *target, struct reply *out) {
  *out = (struct reply){0};
  CURLcode code = perform_once(client, &(const struct request){.target = target}, out);
  if (code == CURLE_OK) {
    out->json = json_loadb(buf_cstr(&out->body), out->body.len, 0, NULL);
    return EXIT_OK;
  }
  reply_release(out);
  return socket_foreign(client) ? EXIT_NOT_ALLOWED : EXIT_NO_DAEMON;
}

const char *reply_header(const struct reply *reply, const char *name) {
  char lower[64];
  size_t len = strlen(name);
  assert(len < sizeof lower);
  for (size_t i = 0; i <= len; i++) lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
  return map_get(&reply->headers, lower);
}

int64_t reply_header_int(const struct reply *reply, const char *name, int64_t otherwise) {
  const char *text = reply_header(reply, name);
  return text && *text ? strtoll(text, NULL, 10) : otherwise;
}

const char *field_known(const json_t *object, const char *name) {
  return json_string_value(json_object_get(object, name));
}

const char *field_text(const json_t *object, const char *name) {
  const char *text = field_known(object, name);
  return text ? text : "";
}

const char *field_shown(const json_t *object, const char *name) {
  json_t *value = json_object_get(object, name);
  const char *text = json_string_value(value);
  if (!text) return "";
  struct buf clean = {0};
  paint_add(&clean, PAINT_NONE, text, false);
  if (strcmp(buf_cstr(&clean), text) != 0) json_string_set(value, buf_cstr(&clean));
  buf_release(&clean);
  return json_string_value(value);
}

int64_t field_int(const json_t *object, const char *name, int64_t otherwise) {
  const json_t *value = json_object_get(object, name);
  return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool field_true(const json_t *object, const char *name) {
  return json_is_true(json_object_get(object, name));
}

void json_print(const json_t *json) {
  json_dumpf(json, stdout, JSON_ENCODE_ANY | (isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT));
  putchar('\n');
}

void reply_print(const struct reply *reply) {
  if (isatty(STDOUT_FILENO) && reply->json)
    json_print(reply->json);
  else
    printf("%s\n", buf_cstr(&reply->body)); /* byte by byte as the API said it */
}
