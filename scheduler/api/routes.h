/* The routes of the API: one list from which come the enum, the matching, `Allow` and the documentation's test.
 *
 * A pattern is a path whose parts in braces take one part of the request's path each. docs/api.md says what each
 * route answers.
 */
#ifndef ROTA_API_ROUTES_H
#define ROTA_API_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

/* name, method, pattern, whether a body is needed (BODY, or OPTIONAL, or NONE for a GET), the least role that may */
#define API_ROUTES(X)                                                                                                \
  X(HEALTHZ, GET, "/healthz", NONE, PUBLIC)                                                                          \
  X(METRICS, GET, "/metrics", NONE, VIEWER)                                                                          \
  X(HEALTH, GET, "/api/v1/health", NONE, VIEWER)                                                                     \
  X(LOGIN, POST, "/api/v1/login", BODY, PUBLIC)                                                                      \
  X(LOGOUT, POST, "/api/v1/logout", OPTIONAL, VIEWER)                                                                \
  X(ME, GET, "/api/v1/me", NONE, VIEWER)                                                                             \
  X(LOGIN_LINK, POST, "/api/v1/login-links", OPTIONAL, VIEWER)                                                       \
  X(TOKENS, GET, "/api/v1/tokens", NONE, ADMIN)                                                                      \
  X(TOKEN_CREATE, POST, "/api/v1/tokens", BODY, ADMIN)                                                               \
  X(TOKEN_REVOKE, POST, "/api/v1/tokens/{token}/revoke", OPTIONAL, ADMIN)                                            \
  X(SESSIONS, GET, "/api/v1/sessions", NONE, VIEWER)                                                                 \
  X(SESSION_REVOKE, POST, "/api/v1/sessions/{session}/revoke", OPTIONAL, VIEWER)                                     \
  X(OPENAPI, GET, "/api/v1/openapi.json", NONE, VIEWER)                                                              \
  X(STREAM, GET, "/api/v1/stream", NONE, VIEWER)                                                                     \
  X(STATUS, GET, "/api/v1/status", NONE, VIEWER)                                                                     \
  X(OVERVIEW, GET, "/api/v1/overview", NONE, VIEWER)                                                                 \
  X(PIPELINES, GET, "/api/v1/pipelines", NONE, VIEWER)                                                               \
  X(PIPELINE, GET, "/api/v1/pipelines/{name}", NONE, VIEWER)                                                         \
  X(GRID, GET, "/api/v1/pipelines/{name}/grid", NONE, VIEWER)                                                        \
  X(GRAPH, GET, "/api/v1/pipelines/{name}/graph", NONE, VIEWER)                                                      \
  X(TREND, GET, "/api/v1/pipelines/{name}/trend", NONE, VIEWER)                                                      \
  X(VERSIONS, GET, "/api/v1/pipelines/{name}/versions", NONE, VIEWER)                                                \
  X(FIRINGS, GET, "/api/v1/pipelines/{name}/firings", NONE, VIEWER)                                                  \
  X(PIPELINE_EVENTS, GET, "/api/v1/pipelines/{name}/events", NONE, VIEWER)                                           \
  X(TRIGGER, POST, "/api/v1/pipelines/{name}/runs", OPTIONAL, OPERATOR)                                              \
  X(PIPELINE_NOTE, POST, "/api/v1/pipelines/{name}/note", BODY, OPERATOR)                                            \
  X(PIPELINE_PAUSE, POST, "/api/v1/pipelines/{name}/pause", OPTIONAL, OPERATOR)                                      \
  X(PIPELINE_RESUME, POST, "/api/v1/pipelines/{name}/resume", OPTIONAL, OPERATOR)                                    \
  X(PAUSE, POST, "/api/v1/pause", OPTIONAL, OPERATOR)                                                                \
  X(RESUME, POST, "/api/v1/resume", OPTIONAL, OPERATOR)                                                              \
  X(RUNS, GET, "/api/v1/runs", NONE, VIEWER)                                                                         \
  X(RUNS_COUNT, GET, "/api/v1/run-count", NONE, VIEWER)                                                              \
  X(RUN, GET, "/api/v1/runs/{run}", NONE, VIEWER)                                                                    \
  X(RUN_GRAPH, GET, "/api/v1/runs/{run}/graph", NONE, VIEWER)                                                        \
  X(RUN_FILES, GET, "/api/v1/runs/{run}/files", NONE, VIEWER)                                                        \
  X(RUN_FAILURE, GET, "/api/v1/runs/{run}/failure", NONE, VIEWER)                                                    \
  X(EVENTS, GET, "/api/v1/runs/{run}/events", NONE, VIEWER)                                                          \
  X(WHY, GET, "/api/v1/runs/{run}/why", NONE, VIEWER)                                                                \
  X(RUN_LOG, GET, "/api/v1/runs/{run}/log", NONE, VIEWER)                                                            \
  X(LOG_LINES, GET, "/api/v1/runs/{run}/log/lines", NONE, VIEWER)                                                    \
  X(LOG_SEARCH, GET, "/api/v1/runs/{run}/log/search", NONE, VIEWER)                                                  \
  X(LOG_FILE, GET, "/api/v1/runs/{run}/log/file", NONE, VIEWER)                                                      \
  X(RERUN, POST, "/api/v1/runs/{run}/rerun", BODY, OPERATOR)                                                         \
  X(CANCEL, POST, "/api/v1/runs/{run}/cancel", OPTIONAL, OPERATOR)                                                   \
  X(RETRY, POST, "/api/v1/runs/{run}/retry", BODY, OPERATOR)                                                         \
  X(MARK, POST, "/api/v1/runs/{run}/mark", BODY, OPERATOR)                                                           \
  X(NOTE, POST, "/api/v1/runs/{run}/note", BODY, OPERATOR)                                                           \
  X(KEEP, POST, "/api/v1/runs/{run}/keep", BODY, OPERATOR)                                                           \
  X(COMPARE, GET, "/api/v1/compare", NONE, VIEWER)                                                                   \
  X(SCHEDULE, GET, "/api/v1/schedule", NONE, VIEWER)                                                                 \
  X(UNRUN, GET, "/api/v1/firings", NONE, VIEWER)                                                                     \
  X(HOSTS, GET, "/api/v1/hosts", NONE, VIEWER)                                                                       \
  X(HOST, GET, "/api/v1/hosts/{host}", NONE, VIEWER)                                                                 \
  X(HOST_DRAIN, POST, "/api/v1/hosts/{host}/drain", OPTIONAL, OPERATOR)                                              \
  X(HOST_UP, POST, "/api/v1/hosts/{host}/up", OPTIONAL, OPERATOR)                                                    \
  X(HOST_DOWN, POST, "/api/v1/hosts/{host}/down", OPTIONAL, OPERATOR)                                                \
  X(HOST_CHECK, POST, "/api/v1/hosts/{host}/check", OPTIONAL, OPERATOR)                                              \
  X(HOST_DOCTOR, POST, "/api/v1/hosts/{host}/doctor", OPTIONAL, OPERATOR)                                            \
  X(AUDIT, GET, "/api/v1/audit", NONE, VIEWER)                                                                       \
  X(RELOAD, POST, "/api/v1/reload", OPTIONAL, OPERATOR)                                                              \
  X(RESTORE, GET, "/api/v1/restore", NONE, VIEWER)                                                                   \
  X(RESTORE_ANSWER, POST, "/api/v1/restore", BODY, OPERATOR)                                                         \
  X(RESTORE_CLOSE, POST, "/api/v1/restore/close", OPTIONAL, OPERATOR)                                                \
  X(BACKUP, POST, "/api/v1/backup", BODY, ADMIN)                                                                     \
  X(PAGE, GET, "/*", NONE, VIEWER)

enum api_route {
#define X(name, method, pattern, body, role) API_##name,
  API_ROUTES(X)
#undef X
};

#define API_ROUTE_COUNT (API_PAGE + 1)
#define API_PARAMS_MAX  2

enum api_method { API_METHOD_GET, API_METHOD_POST, API_METHOD_COUNT };
enum api_body { API_BODY_NONE, API_BODY_OPTIONAL, API_BODY_BODY };

/* What a person or program may do, each all that stands before it too. PUBLIC is nobody in particular. */
#define API_ROLE_LIST(X)                                                                                             \
  X(PUBLIC, "none")       /* the login and the health alone */                                                       \
  X(VIEWER, "viewer")     /* reads everything */                                                                     \
  X(OPERATOR, "operator") /* also runs, retries, cancels, pauses */                                                  \
  X(ADMIN, "admin")       /* also manages tokens and backups */

enum api_role {
#define X(name, word) API_ROLE_##name,
  API_ROLE_LIST(X)
#undef X
};

struct api_route_spec {
  const char *name; /* "PIPELINE_PAUSE" */
  enum api_method method;
  const char *pattern;
  enum api_body body;
  enum api_role role; /* the least that may */
};

/* A part of a path or pattern. */
struct api_part {
  const char *text;
  size_t len;
};

const struct api_route_spec *api_route_spec(enum api_route route);
const char *api_method_word(enum api_method method);
const char *api_role_word(enum api_role role);
/* -1 if it is none. */
int api_role_from_word(const char *word);
/* GET or POST; HEAD counts as GET. -1 for any other word; the case matters. */
int api_method_from_word(const char *word);

/* Finds the route of a raw path (still percent-encoded, without a query). The parts that the braces took are put
 * into `params` in order. Returns the route, or -1 with *allowed (a bit for each method) saying what the path would
 * answer to: none of it means that there is no such path. */
int api_route_find(enum api_method method, const char *path, size_t len, struct api_part params[API_PARAMS_MAX],
                   size_t *params_len, unsigned *allowed);
/* The name within the nth braces of the route's pattern. */
struct api_part api_route_param(enum api_route route, size_t n);

#endif
