/* Who asks, over a real port: hosts, origins, proxies, credentials, roles. */
#include "scheduler/api/assets.h"
#include "scheduler/api/forwarded.h"
#include "tests/unit/api/server.h"

struct seen { /* what the daemon was asked to decide on */
  size_t calls;
  char address[64], bearer[64], session[64];
};

struct fixture {
  struct server server; /* first: the server's ctx is the fixture's too */
  struct seen seen;
  uint16_t port;
  struct buf answer;
};

static void copy(char out[64], const char *text) {
  snprintf(out, 64, "%s", text ? text : "-");
}

/* A token or a session is the word of its role. */
static struct api_identity decide(void *ctx, const struct api_credentials *c, struct arena *a) {
  (void)a;
  struct fixture *f = ctx;
  f->seen.calls++;
  copy(f->seen.address, c->address);
  copy(f->seen.bearer, c->bearer);
  copy(f->seen.session, c->session);
  int role = c->bearer ? api_role_from_word(c->bearer) : c->session ? api_role_from_word(c->session) : -1;
  return (struct api_identity){
      .role = role < 0 ? API_ROLE_PUBLIC : (enum api_role)role, .kind = "token", .id = "1", .name = "anna"};
}

static const struct asset rows[] = {
    {ASSET_INDEX, "text/html", "\"i\"", NULL, (const unsigned char *)"<!--first-->", 12, ASSET_TEMPLATE},
    {"/login", "text/html", "\"l\"", NULL, (const unsigned char *)"login", 5, ASSET_PUBLIC},
    {"/assets/login-A.js", "text/javascript", "\"lj\"", NULL, (const unsigned char *)"1", 1, ASSET_PUBLIC},
    {"/assets/main-A.js", "text/javascript", "\"mj\"", NULL, (const unsigned char *)"2", 1, ASSET_IMMUTABLE},
};
static const struct asset_table table = {rows, COUNT(rows)};

static void begin(struct fixture *f, struct api_options options) {
  *f = (struct fixture){0};
  options.authenticate = decide;
  options.assets = &table;
  server_start(&f->server, options);
  f->port = server_listen(&f->server, "127.0.0.1:0");
}

static void end(struct fixture *f) {
  server_stop(&f->server);
  buf_release(&f->answer);
}

/* `head` is the request line and the fields; %u in it is the port. */
static int ask(struct fixture *f, const char *head, const char *body) {
  struct buf text = {0};
  for (const char *at = head; *at; at++) {
    if (at[0] == '%' && at[1] == 'u') {
      buf_fmt(&text, "%u", (unsigned)f->port);
      at++;
    } else {
      buf_char(&text, *at);
    }
  }
  if (body) buf_fmt(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
  buf_fmt(&text, "\r\n%s", body ? body : "");
  int status = request_port(&f->server, f->port, buf_cstr(&text), &f->answer);
  buf_release(&text);
  return status;
}

#define HOST   "Host: 127.0.0.1:%u\r\n"
#define HERE   "Origin: http://127.0.0.1:%u\r\n"
#define COOKIE "Cookie: rota_session_%u=admin\r\n"
#define GET    "GET /api/v1/status HTTP/1.1\r\n"
#define POST   "POST /api/v1/reload HTTP/1.1\r\n"

struct row {
  const char *name, *head;
  int status;
};

static void check(struct fixture *f, const struct row *list, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool post = strncmp(list[i].head, "POST", 4) == 0;
    int status = ask(f, list[i].head, post ? "{}" : NULL);
    if (status != list[i].status)
      fail_msg("%s: %d, expected %d\n%s", list[i].name, status, list[i].status, buf_cstr(&f->answer));
  }
}

static void only_our_own_hosts_are_served(void **state) {
  (void)state;
  static const struct row list[] = {
      {"the address", GET "Host: 127.0.0.1:%u\r\n" COOKIE, 200},
      {"localhost", GET "Host: localhost:%u\r\n" COOKIE, 200},
      {"in other letters", GET "Host: LocalHost:%u\r\n" COOKIE, 200},
      {"the other loopback", GET "Host: [::1]:%u\r\n" COOKIE, 200},
      {"a name made to point here", GET "Host: evil.example:%u\r\n" COOKIE, 421},
      {"a name that begins like ours", GET "Host: localhost.evil.example:%u\r\n" COOKIE, 421},
      {"a name that ends like ours", GET "Host: evil-localhost:%u\r\n" COOKIE, 421},
      {"another address", GET "Host: 10.0.0.5:%u\r\n" COOKIE, 421},
      {"another port", GET "Host: localhost:1\r\n" COOKIE, 421},
      {"the usual port", GET "Host: localhost\r\n" COOKIE, 421},
      {"all addresses", GET "Host: 0.0.0.0:%u\r\n" COOKIE, 421},
      {"brackets about nothing", GET "Host: []:%u\r\n" COOKIE, 421},
      {"a port that is none", GET "Host: localhost:99999\r\n" COOKIE, 421},
      {"the health too", "GET /healthz HTTP/1.1\r\nHost: evil.example:%u\r\n", 421},
      {"a bearer too", GET "Host: evil.example:%u\r\nAuthorization: Bearer admin\r\n", 421},
      {"a page too", "GET / HTTP/1.1\r\nHost: evil.example:%u\r\n", 421},
      {"the login too", "POST /api/v1/login HTTP/1.1\r\nHost: evil.example:%u\r\n", 421},
  };
  struct fixture f;
  begin(&f, (struct api_options){0});
  check(&f, list, COUNT(list));
  end(&f);
}

static void a_foreign_host_is_refused_before_anybody_is_asked(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, (struct api_options){0});
  assert_int_equal(ask(&f, GET "Host: evil.example:%u\r\n" COOKIE, NULL), 421);
  assert_int_equal(f.seen.calls, 0);
  assert_int_equal(ask(&f, GET HOST COOKIE, NULL), 200);
  assert_int_equal(f.seen.calls, 1);
  end(&f);
}

static void a_change_must_come_from_our_own_pages(void **state) {
  (void)state;
  static const struct row list[] = {
      {"our origin", POST HOST COOKIE HERE, 200},
      {"as the host is called", POST "Host: localhost:%u\r\n" COOKIE "Origin: http://localhost:%u\r\n", 200},
      {"another name for us", POST HOST COOKIE "Origin: http://localhost:%u\r\n", 403},
      {"same-origin without an origin", POST HOST COOKIE "Sec-Fetch-Site: same-origin\r\n", 200},
      {"neither", POST HOST COOKIE, 403},
      {"a foreign origin", POST HOST COOKIE "Origin: https://evil.example\r\n", 403},
      {"null", POST HOST COOKIE "Origin: null\r\n", 403},
      {"no origin at all", POST HOST COOKIE "Origin: \r\n", 403},
      {"another port", POST HOST COOKIE "Origin: http://127.0.0.1:1\r\n", 403},
      {"the usual port", POST HOST COOKIE "Origin: http://127.0.0.1\r\n", 403},
      {"another scheme", POST HOST COOKIE "Origin: https://127.0.0.1:%u\r\n", 403},
      {"more than an origin", POST HOST COOKIE "Origin: http://127.0.0.1:%u/\r\n", 403},
      {"a name that begins like ours", POST HOST COOKIE "Origin: http://127.0.0.1:%u.evil.example\r\n", 403},
      {"a user in it", POST HOST COOKIE "Origin: http://127.0.0.1:%u@evil.example\r\n", 403},
      {"a foreign origin that says same-origin",
       POST HOST COOKIE "Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n", 403},
      {"same-site", POST HOST COOKIE "Sec-Fetch-Site: same-site\r\n", 403},
      {"cross-site", POST HOST COOKIE "Sec-Fetch-Site: cross-site\r\n", 403},
      {"typed by the user", POST HOST COOKIE "Sec-Fetch-Site: none\r\n", 403},
      {"two origins", POST HOST COOKIE HERE "Origin: http://evil.example\r\n", 400},
      {"a login from elsewhere", "POST /api/v1/login HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n", 403},
      {"a login of a program", "POST /api/v1/login HTTP/1.1\r\n" HOST, 200},
      {"a bearer needs no origin", POST HOST "Authorization: Bearer admin\r\n", 200},
      {"a bearer is no browser", POST HOST "Authorization: Bearer admin\r\nOrigin: http://evil.example\r\n" COOKIE,
       200},
      {"a foreign cookie counts as one", POST HOST "Cookie: x=y\r\n", 403},
      {"reading changes nothing", GET HOST COOKIE "Origin: http://evil.example\r\n", 200},
  };
  struct fixture f;
  begin(&f, (struct api_options){0});
  check(&f, list, COUNT(list));
  end(&f);
}

static void the_credentials_are_handed_on(void **state) {
  (void)state;
  static const struct {
    const char *fields, *bearer, *session;
  } list[] = {
      {"", "-", "-"},
      {"Authorization: Bearer viewer\r\n", "viewer", "-"},
      {"Authorization: bearer   viewer\r\n", "viewer", "-"},
      {"Authorization: Bearer\r\n", "-", "-"},
      {"Authorization: Basic dTpw\r\n" COOKIE, "-", "admin"},
      {COOKIE, "-", "admin"},
      {"Cookie: a=b; rota_session_%u=viewer; c=d\r\n", "-", "viewer"},
      {"Cookie: xrota_session_%u=viewer\r\n", "-", "-"},
      {"Cookie: rota_session_%u=viewer; rota_session_%u=admin\r\n", "-", "-"},
      {"Cookie: rota_session=viewer; rota_session_1=admin\r\n", "-", "-"}, /* of other ports */
      {"Cookie: rota_session_1=viewer; rota_session_%u=admin\r\n", "-", "admin"},
      {"Cookie: __Host-rota_session=admin\r\n", "-", "-"}, /* of https alone */
      {"Cookie: rota_session_%u=\r\n", "-", ""},
      {"Cookie: ;;=; ;\r\n", "-", "-"},
      {"Authorization: Bearer viewer\r\n" COOKIE, "viewer", "-"},
  };
  struct fixture f;
  begin(&f, (struct api_options){0});
  for (size_t i = 0; i < COUNT(list); i++) {
    char head[300];
    snprintf(head, sizeof head, "%s%s%s", GET, HOST, list[i].fields);
    ask(&f, head, NULL);
    assert_string_equal(f.seen.bearer, list[i].bearer);
    assert_string_equal(f.seen.session, list[i].session);
    assert_string_equal(f.seen.address, "127.0.0.1");
  }
  assert_int_equal(ask(&f, GET HOST COOKIE COOKIE, NULL), 400);
  assert_int_equal(ask(&f, GET HOST "Authorization: Bearer admin\r\nAuthorization: Bearer viewer\r\n", NULL), 400);
  end(&f);
}

/* A path of the route with something in its braces. */
static void path_of(const struct api_route_spec *spec, struct buf *out) {
  buf_reset(out);
  for (const char *at = spec->pattern; *at; at++) {
    if (*at == '{') {
      buf_str(out, "x");
      at = strchr(at, '}');
    } else {
      buf_char(out, *at);
    }
  }
}

static void every_route_holds_its_least_role(void **state) {
  (void)state;
  struct fixture f;
  struct buf path = {0}, head = {0};
  begin(&f, (struct api_options){0});
  for (int route = 0; route < API_ROUTE_COUNT; route++) {
    const struct api_route_spec *spec = api_route_spec((enum api_route)route);
    if (route == API_PAGE) continue;
    path_of(spec, &path);
    for (int role = API_ROLE_PUBLIC; role <= API_ROLE_ADMIN; role++) {
      buf_reset(&head);
      buf_fmt(&head, "%s %s HTTP/1.1\r\n%s", api_method_word(spec->method), buf_cstr(&path), HOST);
      if (role) buf_fmt(&head, "Authorization: Bearer %s\r\n", api_role_word((enum api_role)role));
      int expected = role >= (int)spec->role ? 200 : role ? 403 : 401;
      int status = ask(&f, buf_cstr(&head), spec->method == API_METHOD_POST ? "{}" : NULL);
      if (status != expected)
        fail_msg("%s as %s: %d, expected %d", spec->name, api_role_word((enum api_role)role), status, expected);
      bool bearer = strstr(buf_cstr(&f.answer), "\r\nWWW-Authenticate: Bearer\r\n") != NULL;
      assert_int_equal(bearer, expected == 401);
    }
  }
  end(&f);
  buf_release(&path);
  buf_release(&head);
}

static void a_body_isnt_looked_at_for_nobody(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, (struct api_options){0});
  assert_int_equal(ask(&f, POST HOST "Content-Length: 99999999\r\n", NULL), 401);
  assert_int_equal(ask(&f, POST HOST "Content-Type: text/plain\r\nContent-Length: 3\r\n", NULL), 401);
  assert_int_equal(ask(&f, "GET /api/v1/runs/%ff HTTP/1.1\r\n" HOST, NULL), 401);
  assert_int_equal(ask(&f, "GET /api/v1/nothing HTTP/1.1\r\n" HOST, NULL), 401);
  assert_int_equal(ask(&f, "POST /api/v1/status HTTP/1.1\r\n" HOST, NULL), 401);
  assert_int_equal(f.server.seen, 0);
  end(&f);
}

static void pages_lead_to_the_login(void **state) {
  (void)state;
  static const struct {
    const char *target;
    int status;
    const char *location;
  } list[] = {
      {"/", 303, "/login"},
      {"/runs", 303, "/login?next=/runs"},
      {"/runs?q=a&b=%20", 303, "/login?next=/runs%3Fq%3Da%26b%3D%2520"},
      {"//evil.example/", 401, NULL}, /* to a browser that is another host */
      {"/p/a.b/grid", 303, "/login?next=/p/a.b/grid"},
      {"/login", 200, NULL},
      {"/login?next=/runs", 200, NULL},
      {"/assets/login-A.js", 200, NULL},
      {"/assets/main-A.js", 401, NULL},
      {"/assets/none", 401, NULL},
      {"/api/", 401, NULL},
      {"/api/v1/runs", 401, NULL},
      {"/assets/../index.html", 401, NULL},
      {"/assets/%2e%2e/index.html", 401, NULL},
      {"/assets/..%2findex.html", 401, NULL},
  };
  struct fixture f;
  begin(&f, (struct api_options){0});
  for (size_t i = 0; i < COUNT(list); i++) {
    char head[300], location[300];
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n%s", list[i].target, HOST);
    int status = ask(&f, head, NULL);
    if (status != list[i].status) fail_msg("%s: %d", list[i].target, status);
    snprintf(location, sizeof location, "\r\nLocation: %s\r\n", list[i].location ? list[i].location : "");
    if (list[i].location && !strstr(buf_cstr(&f.answer), location))
      fail_msg("%s: not %s in\n%s", list[i].target, location, buf_cstr(&f.answer));
  }
  assert_int_equal(ask(&f, "POST /runs HTTP/1.1\r\n" HOST, NULL), 401);
  assert_int_equal(ask(&f, "GET /runs HTTP/1.1\r\n" HOST COOKIE, NULL), 200);
  assert_int_equal(ask(&f, "GET /assets/main-A.js HTTP/1.1\r\n" HOST COOKIE, NULL), 200);
  assert_int_equal(ask(&f, "GET /assets/../index.html HTTP/1.1\r\n" HOST COOKIE, NULL), 404);
  assert_int_equal(ask(&f, "GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" HOST COOKIE, NULL), 404);
  end(&f);
}

static void every_answer_ties_the_browsers_hands(void **state) {
  (void)state;
  static const struct row list[] = {
      {"an answer", GET HOST COOKIE, 200},
      {"an asset", "GET /assets/main-A.js HTTP/1.1\r\n" HOST COOKIE, 200},
      {"nobody", GET HOST, 401},
      {"foreign", GET "Host: a:%u\r\n", 421},
      {"csrf", POST HOST COOKIE, 403},
      {"to the login", "GET /runs HTTP/1.1\r\n" HOST, 303},
      {"malformed", GET HOST "X : y\r\n", 400},
      {"no such path", "GET /api/v1/x HTTP/1.1\r\n" HOST COOKIE, 404},
      {"too long", GET HOST "Content-Length: 1\r\n" COOKIE, 400},
  };
  static const char policy[] = "Content-Security-Policy: default-src 'self'; img-src 'self' data:; base-uri 'none'; "
                               "form-action 'self'; frame-ancestors 'none'; object-src 'none'";
  static const char *const headers[] = {
      policy,
      "X-Content-Type-Options: nosniff",
      "Referrer-Policy: no-referrer",
      "Cross-Origin-Opener-Policy: same-origin",
      "Cross-Origin-Resource-Policy: same-origin",
  };
  struct fixture f;
  begin(&f, (struct api_options){0});
  for (size_t i = 0; i < COUNT(list); i++) {
    assert_int_equal(ask(&f, list[i].head, strncmp(list[i].head, "POST", 4) ? NULL : "{}"), list[i].status);
    for (size_t h = 0; h < COUNT(headers); h++)
      if (!strstr(buf_cstr(&f.answer), headers[h])) fail_msg("%s lacks %s", list[i].name, headers[h]);
    assert_null(strstr(buf_cstr(&f.answer), "Strict-Transport-Security"));
    assert_null(strstr(buf_cstr(&f.answer), "Access-Control"));
  }
  end(&f);
}

static void a_proxy_is_believed_if_it_is_trusted(void **state) {
  (void)state;
  struct fixture f;
  begin(&f, (struct api_options){0});
  assert_int_equal(ask(&f, GET HOST COOKIE "X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\n", NULL), 200);
  assert_string_equal(f.seen.address, "127.0.0.1");
  assert_string_equal(f.seen.session, "admin"); /* plain http */

  struct net_range local;
  assert_true(net_range_parse("127.0.0.0/8", &local));
  const struct api_front front = {.public_url = "https://rota.example/", .proxies = &local, .proxies_len = 1};
  api_front_set(f.server.api, &front);
  assert_string_equal(api_url(f.server.api), "https://rota.example");
#define PROXIED GET "Host: rota.example\r\nX-Forwarded-Proto: https\r\nCookie: __Host-rota_session=admin\r\n"
  assert_int_equal(ask(&f, PROXIED "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", NULL), 200);
  assert_string_equal(f.seen.address, "203.0.113.9");
  assert_non_null(strstr(buf_cstr(&f.answer), "\r\nStrict-Transport-Security: max-age=31536000\r\n"));
  assert_int_equal(ask(&f, PROXIED, NULL), 200);
  assert_string_equal(f.seen.address, "127.0.0.1");
#define CHANGE POST "Host: rota.example\r\nX-Forwarded-Proto: https\r\nCookie: __Host-rota_session=admin\r\n"
  assert_int_equal(ask(&f, CHANGE "Origin: https://rota.example\r\n", "{}"), 200);
  assert_int_equal(ask(&f, CHANGE "Origin: http://rota.example\r\n", "{}"), 403);
  assert_int_equal(ask(&f, CHANGE "Origin: https://rota.example:8443\r\n", "{}"), 403);
  /* One that doesn't say how it is reached is reached as public_url says. */
  assert_int_equal(ask(&f, GET "Host: rota.example\r\nCookie: __Host-rota_session=admin\r\n", NULL), 200);
  assert_string_equal(f.seen.session, "admin");
  assert_int_equal(
      ask(&f, GET "Host: rota.example\r\nX-Forwarded-Proto: http\r\nCookie: __Host-rota_session=admin\r\n", NULL),
      401);
  /* A proxy that names the address behind it instead. */
  assert_int_equal(ask(&f, POST HOST COOKIE "Origin: https://rota.example\r\n", "{}"), 200);
  assert_int_equal(ask(&f, GET "Host: other.example\r\n" COOKIE, NULL), 421);
  api_front_set(f.server.api, &(struct api_front){0});
  assert_int_equal(ask(&f, PROXIED, NULL), 421);
  end(&f);
}

static void the_client_is_the_rightmost_that_is_no_proxy(void **state) {
  (void)state;
  static const struct {
    const char *values[3];
    size_t len;
    const char *client;
  } list[] = {
      {{NULL}, 0, "127.0.0.1"},
      {{"1.1.1.1"}, 1, "1.1.1.1"},
      {{"9.9.9.9, 1.1.1.1"}, 1, "1.1.1.1"},
      {{"9.9.9.9,1.1.1.1, 10.0.0.1,10.2.0.1"}, 1, "1.1.1.1"},
      {{"1.1.1.1", "10.0.0.1"}, 2, "1.1.1.1"},
      {{"9.9.9.9, 1.1.1.1", "10.0.0.1"}, 2, "1.1.1.1"},
      {{"10.0.0.1, 10.0.0.2"}, 1, "10.0.0.1"}, /* proxies alone: the farthest of them */
      {{"2001:db8::7"}, 1, "2001:db8::7"},
      {{"[2001:db8::7]"}, 1, "2001:db8::7"},
      {{"[2001:db8::7]:443"}, 1, "2001:db8::7"},
      {{"1.1.1.1:5555"}, 1, "1.1.1.1"},
      {{"::ffff:1.1.1.1"}, 1, "1.1.1.1"},
      {{"unknown"}, 1, "127.0.0.1"},
      {{"1.1.1.1, unknown, 10.0.0.1"}, 1, "10.0.0.1"},
      {{""}, 1, "127.0.0.1"},
      {{"1.1.1.1,"}, 1, "127.0.0.1"},
      {{"1.1.1.1, <script>"}, 1, "127.0.0.1"},
  };
  struct net_range trusted[2];
  assert_true(net_range_parse("127.0.0.1", &trusted[0]) && net_range_parse("10.0.0.0/8", &trusted[1]));
  for (size_t i = 0; i < COUNT(list); i++) {
    struct net_address client;
    char text[NET_ADDRESS_TEXT];
    net_address_parse("127.0.0.1", &client);
    forwarded_client(list[i].values, list[i].len, trusted, 2, &client);
    net_address_text(&client, text);
    if (strcmp(text, list[i].client) != 0) fail_msg("row %zu: %s", i, text);
  }
}

static void nobodys_socket_is_anybodys(void **state) {
  (void)state;
  struct server s;
  struct buf answer = {0};
  bool closed;
  server_start(&s, (struct api_options){0});
  uint16_t port = server_listen(&s, "127.0.0.1:0");
  static const char get[] = "GET /api/v1/status HTTP/1.1\r\nHost: anything\r\n\r\n";
  assert_int_equal(request_raw(&s, get, sizeof get - 1, &answer, &closed), 200);
  char text[200];
  snprintf(text, sizeof text, "GET /api/v1/status HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", (unsigned)port);
  assert_int_equal(request_port(&s, port, text, &answer), 401);
  server_stop(&s);
  buf_release(&answer);
}

static void one_address_has_a_limit_and_the_socket_its_own_room(void **state) {
  (void)state;
  struct fixture f;
  bool closed;
  int fds[6];
  struct buf local = {0};
  static const char get[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  begin(&f, (struct api_options){.address_connections_max = 3, .port_connections_max = 5, .connections_max = 2});
  for (int i = 0; i < 3; i++) fds[i] = client_connect_port(f.port);
  server_turn(&f.server, 5); /* all in one turn */
  assert_int_equal(ask(&f, GET HOST, NULL), 429);
  assert_non_null(strstr(buf_cstr(&f.answer), "\r\nRetry-After: 1\r\n"));
  for (int i = 0; i < 3; i++) assert_false(client_closed(&f.server, fds[i], 5));

  /* The proxy that is trusted stands for many, up to the number of all. */
  struct net_range proxy;
  assert_true(net_range_parse("127.0.0.1", &proxy));
  const struct api_front front = {.proxies = &proxy, .proxies_len = 1};
  api_front_set(f.server.api, &front);
  for (int i = 3; i < 5; i++) fds[i] = client_connect_port(f.port);
  assert_int_equal(ask(&f, GET HOST, NULL), 503);
  assert_int_equal(request_raw(&f.server, get, sizeof get - 1, &local, &closed), 200);
  for (int i = 0; i < 5; i++) close(fds[i]);
  for (int i = 0; i < 20; i++) server_turn(&f.server, 2);
  assert_int_equal(ask(&f, GET HOST COOKIE, NULL), 200);
  end(&f);
  buf_release(&local);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_our_own_hosts_are_served),
      cmocka_unit_test(a_foreign_host_is_refused_before_anybody_is_asked),
      cmocka_unit_test(a_change_must_come_from_our_own_pages),
      cmocka_unit_test(the_credentials_are_handed_on),
      cmocka_unit_test(every_route_holds_its_least_role),
      cmocka_unit_test(a_body_isnt_looked_at_for_nobody),
      cmocka_unit_test(pages_lead_to_the_login),
      cmocka_unit_test(every_answer_ties_the_browsers_hands),
      cmocka_unit_test(a_proxy_is_believed_if_it_is_trusted),
      cmocka_unit_test(the_client_is_the_rightmost_that_is_no_proxy),
      cmocka_unit_test(nobodys_socket_is_anybodys),
      cmocka_unit_test(one_address_has_a_limit_and_the_socket_its_own_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
