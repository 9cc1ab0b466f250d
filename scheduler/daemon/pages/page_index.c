#include "scheduler/daemon/pages/page_index.h"

#include <assert.h>
#include <string.h>

#include "scheduler/api/target.h"

/* Which pages there are, and the API's path that has the data of each; NULL: it shows none at first. `{}` takes one
 * part of the path, a `*` at the end all that is below. `query`: the page's query is handed on. */
static const struct page_row {
  const char *path, *data;
  bool query;
} rows[] = {
    {"/", "/api/v1/overview", false},
    {"/p", "/api/v1/pipelines", false},
    {"/p/{}", "/api/v1/pipelines/{}", false},
    {"/p/{}/*", "/api/v1/pipelines/{}", false},
    {"/r/{}", "/api/v1/runs/{}", false},
    {"/r/{}/*", "/api/v1/runs/{}", false},
    {"/runs", "/api/v1/runs", true},
    {"/schedule", "/api/v1/schedule", false},
    {"/compare", "/api/v1/compare", true},
    {"/audit", "/api/v1/audit", false},
    {"/hosts", NULL, false},
    {"/hosts/*", NULL, false},
    {"/tokens", NULL, false},
    {"/help", NULL, false},
};

/* Whether the path is that of the row; what the braces took goes to *part. */
static bool row_matches(const char *pattern, const char *path, size_t len, struct api_part *part) {
  const char *end = path + len;
  while (*pattern) {
    if (*pattern == '*') return true;
    if (*pattern == '{') {
      const char *slash = memchr(path, '/', (size_t)(end - path));
      *part = (struct api_part){path, (size_t)((slash ? slash : end) - path)};
      if (part->len == 0) return false;
      path += part->len;
      pattern += 2;
    } else if (path < end && *pattern == *path) {
      path++;
      pattern++;
    } else {
      return false;
    }
  }
  return path == end;
}

static const struct page_row *row_find(const char *path, size_t len, struct api_part *part) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (row_matches(rows[i].path, path, len, part)) return &rows[i];
  return NULL;
}

/* The address of the data, as raw as the page's own. */
static const char *data_url(struct page *p, const struct page_row *row, struct api_part part, const char *query) {
  const char *braces = strstr(row->data, "{}");
  const char *url = row->data;
  if (braces)
    url = arena_fmt(&p->asked, "%.*s%.*s%s", (int)(braces - url), url, (int)part.len, part.text, braces + 2);
  return row->query && *query ? arena_fmt(&p->asked, "%s?%s", url, query) : url;
}

/* Makes the page ask for what the address says; false if that isn't a route that this role may read. */
static bool page_retarget(struct page *p, const char *url, enum api_role role) {
  struct api_part params[API_PARAMS_MAX];
  size_t params_len, path_len = strcspn(url, "?");
  unsigned allowed;
  int route = api_route_find(API_METHOD_GET, url, path_len, params, &params_len, &allowed);
  if (route < 0 || role < api_route_spec((enum api_route)route)->role) return false;
  struct api_pair *path = arena_new_array(&p->asked, API_PARAMS_MAX, struct api_pair);
  struct api_pair *query = arena_new_array(&p->asked, TARGET_QUERY_MAX, struct api_pair);
  for (size_t i = 0; i < params_len; i++) {
    struct api_part name = api_route_param((enum api_route)route, i);
    path[i].name = arena_strndup(&p->asked, name.text, name.len);
    path[i].value = target_decode(&p->asked, params[i].text, params[i].len, false);
    if (!path[i].value) return false;
  }
  int pairs = target_query(&p->asked, url + path_len + (url[path_len] == '?'), query);
  if (pairs < 0) return false;
  p->route = p->request.route = (enum api_route)route;
  p->request.path = path;
  p->request.path_len = params_len;
  p->request.query = query;
  p->request.query_len = (size_t)pairs;
  return true;
}

void page_index_open(struct page *p, const struct api_request *request) {
  size_t len = strcspn(request->target, "?");
  const char *query = request->target + len + (request->target[len] == '?');
  struct api_part part = {"", 0};
  const struct page_row *row = row_find(request->target, len, &part);
  p->index = row ? INDEX_PAGE : INDEX_NOTHING;
  if (!row || !row->data) return;
  const char *url = data_url(p, row, part, query);
  if (page_retarget(p, url, request->who.role)) p->index_url = url;
}

void page_index_bare(struct page *p) {
  p->route = p->request.route = API_PAGE;
  p->index_url = NULL;
}

/* Within a script nothing may look like its end, a comment or a reference. */
static void add_json(struct buf *out, const char *bytes, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t plain = at;
    while (plain < len && bytes[plain] != '<' && bytes[plain] != '>' && bytes[plain] != '&') plain++;
    buf_add(out, bytes + at, plain - at);
    if (plain < len) buf_fmt(out, "\\u%04x", (unsigned)bytes[plain]);
    at = plain + 1;
  }
}

static void add_attribute(struct buf *out, const char *text) {
  for (; *text; text++) {
    if (strchr("<>&\"'", *text))
      buf_fmt(out, "&#%d;", *text);
    else
      buf_char(out, *text);
  }
}

static void add_first(struct page *p, struct buf *out) {
  buf_str(out, "<script type=\"application/json\" id=\"first\" data-url=\"");
  add_attribute(out, p->index_url);
  buf_str(out, "\">");
  add_json(out, buf_cstr(&p->body), p->body.len);
  buf_str(out, "</script>");
}

void page_index_wrap(struct page *p, const struct asset *asset) {
  assert(asset && !asset->encoding);
  const char *text = (const char *)asset->bytes;
  const char *place = memmem(text, asset->len, ASSET_FIRST_DATA, sizeof ASSET_FIRST_DATA - 1);
  struct buf out = {0};
  if (place) {
    buf_add(&out, text, (size_t)(place - text));
    if (p->index_url && p->status == 200) add_first(p, &out);
    text = place + sizeof ASSET_FIRST_DATA - 1;
  }
  buf_add(&out, text, (size_t)((const char *)asset->bytes + asset->len - text));
  buf_release(&p->body);
  p->body = out;
  p->status = p->index == INDEX_NOTHING || p->status == 404 ? 404 : 200;
  p->title = NULL;
  p->headers_len = 0;
  p->content_type = "text/html; charset=utf-8";
}
