/* The routes of the API: one list from which come the enum, the matching, `Allow` and the documentation's test.
 *
 * A pattern is a path whose parts in braces take one part of the request's path each. docs/api.md says what each
 * route answers.
 */
#ifndef ROTA_API_ROUTES_H
#define ROTA_API_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

/* name, method, pattern, whether a body is needed: BODY, or OPTIONAL, or NONE for a GET */
#define API_ROUTES(X)                                                                                                \
  X(HEALTH, GET, "/healthz", NONE)                                                                                   \
  X(STATUS, GET, "/api/v1/status", NONE)                                                                             \
  X(PIPELINES, GET, "/api/v1/pipelines", NONE)                                                                       \
  X(PIPELINE, GET, "/api/v1/pipelines/{name}", NONE)                                                                 \
  X(VERSIONS, GET, "/api/v1/pipelines/{name}/versions", NONE)                                                        \
  X(FIRINGS, GET, "/api/v1/pipelines/{name}/firings", NONE)                                                          \
  X(TRIGGER, POST, "/api/v1/pipelines/{name}/runs", OPTIONAL)                                                        \
  X(PIPELINE_PAUSE, POST, "/api/v1/pipelines/{name}/pause", OPTIONAL)                                                \
  X(PIPELINE_RESUME, POST, "/api/v1/pipelines/{name}/resume", OPTIONAL)                                              \
  X(PAUSE, POST, "/api/v1/pause", OPTIONAL)                                                                          \
  X(RESUME, POST, "/api/v1/resume", OPTIONAL)                                                                        \
  X(RUNS, GET, "/api/v1/runs", NONE)                                                                                 \
  X(RUN, GET, "/api/v1/runs/{run}", NONE)                                                                            \
  X(EVENTS, GET, "/api/v1/runs/{run}/events", NONE)                                                                  \
  X(WHY, GET, "/api/v1/runs/{run}/why", NONE)                                                                        \
  X(RUN_LOG, GET, "/api/v1/runs/{run}/log", NONE)                                                                    \
  X(RERUN, POST, "/api/v1/runs/{run}/rerun", BODY)                                                                   \
  X(CANCEL, POST, "/api/v1/runs/{run}/cancel", OPTIONAL)                                                             \
  X(RETRY, POST, "/api/v1/runs/{run}/retry", BODY)                                                                   \
  X(MARK, POST, "/api/v1/runs/{run}/mark", BODY)                                                                     \
  X(NOTE, POST, "/api/v1/runs/{run}/note", BODY)                                                                     \
  X(KEEP, POST, "/api/v1/runs/{run}/keep", BODY)                                                                     \
  X(SCHEDULE, GET, "/api/v1/schedule", NONE)                                                                         \
  X(AUDIT, GET, "/api/v1/audit", NONE)                                                                               \
  X(RELOAD, POST, "/api/v1/reload", OPTIONAL)                                                                        \
  X(RESTORE, GET, "/api/v1/restore", NONE)                                                                           \
  X(RESTORE_ANSWER, POST, "/api/v1/restore", BODY)                                                                   \
  X(RESTORE_CLOSE, POST, "/api/v1/restore/close", OPTIONAL)                                                          \
  X(BACKUP, POST, "/api/v1/backup", BODY)

enum api_route {
#define X(name, method, pattern, body) API_##name,
  API_ROUTES(X)
#undef X
};

#define API_ROUTE_COUNT (API_BACKUP + 1)
#define API_PARAMS_MAX  2

enum api_method { API_METHOD_GET, API_METHOD_POST, API_METHOD_COUNT };
enum api_body { API_BODY_NONE, API_BODY_OPTIONAL, API_BODY_BODY };

struct api_route_spec {
  const char *name; /* "PIPELINE_PAUSE" */
  enum api_method method;
  const char *pattern;
  enum api_body body;
};

/* A part of a path or pattern. */
struct api_part {
  const char *text;
  size_t len;
};

const struct api_route_spec *api_route_spec(enum api_route route);
const char *api_method_word(enum api_method method);
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
