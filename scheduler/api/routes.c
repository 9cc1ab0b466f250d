#include "scheduler/api/routes.h"

#include <assert.h>
#include <string.h>

static const struct api_route_spec routes[] = {
#define X(name, method, pattern, body, role) {#name, API_METHOD_##method, pattern, API_BODY_##body, API_ROLE_##role},
    API_ROUTES(X)
#undef X
};

static const char *const method_words[API_METHOD_COUNT] = {[API_METHOD_GET] = "GET", [API_METHOD_POST] = "POST"};

static const char *const role_words[] = {
#define X(name, word) word,
    API_ROLE_LIST(X)
#undef X
};

const struct api_route_spec *api_route_spec(enum api_route route) {
  assert((size_t)route < sizeof routes / sizeof routes[0]);
  return &routes[route];
}

const char *api_method_word(enum api_method method) {
  assert(method < API_METHOD_COUNT);
  return method_words[method];
}

const char *api_role_word(enum api_role role) {
  assert((size_t)role < sizeof role_words / sizeof role_words[0]);
  return role_words[role];
}

int api_role_from_word(const char *word) {
  for (size_t r = 0; r < sizeof role_words / sizeof role_words[0]; r++)
    if (strcmp(role_words[r], word) == 0) return (int)r;
  return -1;
}

int api_method_from_word(const char *word) {
  for (int m = 0; m < API_METHOD_COUNT; m++)
    if (strcmp(method_words[m], word) == 0) return m;
  return strcmp(word, "HEAD") == 0 ? API_METHOD_GET : -1;
}

/* Cuts the part after the slash at *at off and moves *at behind it; false at the end. */
static bool part_next(const char **at, const char *end, struct api_part *out) {
  if (*at == end || **at != '/') return false;
  const char *start = *at + 1;
  const char *stop = memchr(start, '/', (size_t)(end - start));
  if (!stop) stop = end;
  *out = (struct api_part){start, (size_t)(stop - start)};
  *at = stop;
  return true;
}

static bool part_is_param(struct api_part part) {
  return part.len > 2 && part.text[0] == '{';
}

static bool route_matches(const char *pattern, const char *path, size_t len, struct api_part params[API_PARAMS_MAX],
                          size_t *params_len) {
  const char *want_at = pattern, *want_end = pattern + strlen(pattern);
  const char *path_at = path, *path_end = path + len;
  struct api_part want, got;
  *params_len = 0;
  while (part_next(&want_at, want_end, &want)) {
    if (!part_next(&path_at, path_end, &got) || got.len == 0) return false;
    if (part_is_param(want)) {
      assert(*params_len < API_PARAMS_MAX);
      params[(*params_len)++] = got;
    } else if (want.len != got.len || memcmp(want.text, got.text, got.len) != 0) {
      return false;
    }
  }
  return path_at == path_end;
}

int api_route_find(enum api_method method, const char *path, size_t len, struct api_part params[API_PARAMS_MAX],
                   size_t *params_len, unsigned *allowed) {
  *allowed = 0;
  for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
    if (!route_matches(routes[i].pattern, path, len, params, params_len)) continue;
    if (routes[i].method == method) return (int)i;
    *allowed |= 1u << routes[i].method;
  }
  return -1;
}

struct api_part api_route_param(enum api_route route, size_t n) {
  const char *at = api_route_spec(route)->pattern, *end = at + strlen(at);
  struct api_part part;
  while (part_next(&at, end, &part))
    if (part_is_param(part) && n-- == 0) return (struct api_part){part.text + 1, part.len - 2};
  return (struct api_part){"", 0};
}
