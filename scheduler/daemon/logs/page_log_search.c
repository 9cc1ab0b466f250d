/* A search through a whole log: by text, by expression, or for the lines that tell of errors. */
#include <string.h>

#include "scheduler/daemon/logs/first_error.h"
#include "scheduler/daemon/logs/log_pattern.h"
#include "scheduler/daemon/logs/log_pick.h"
#include "scheduler/daemon/logs/log_scan.h"
#include "scheduler/daemon/logs/log_text.h"

#define LIMIT_DEFAULT 200
#define LIMIT_MAX     1000
#define TEXT_MAX      ((size_t)400)
#define TEXT_BEFORE   ((size_t)100) /* of it before the first hit */
#define SPANS_MAX     50
#define TIME_MAX      (5 * USEC_PER_SEC)

struct search {
  struct page *page;
  struct log_finder finder;
  struct log_scan scan;
  int64_t after; /* lines up to this one were told before */
  uint64_t limit, total, written;
  int64_t last;    /* the last line written; -1: none */
  int64_t counted; /* the last line counted; -1: none */
  bool more;       /* a match stands behind the last one written */
};

/* The text round the first hit, and all hits that lie in it, in the units of a browser's strings. */
static void match_text(struct search *s, const char *line, size_t len, struct log_hit hit) {
  struct json *j = &s->page->json;
  size_t begin = len <= TEXT_MAX || hit.begin <= TEXT_BEFORE ? 0 : log_text_begin(line, len, hit.begin - TEXT_BEFORE);
  size_t shown = log_text_cut(line + begin, len - begin, TEXT_MAX);
  jsonw_member_int(j, "offset", (int64_t)(s->scan.offset + (size_t)(line - s->scan.bytes) + begin));
  jsonw_key(j, "text");
  jsonw_string_n(j, line + begin, shown);
  jsonw_key(j, "spans");
  jsonw_array(j);
  size_t at = begin, units = 0;
  for (int i = 0; i < SPANS_MAX && hit.begin < begin + shown; i++) {
    size_t end = hit.end < begin + shown ? hit.end : begin + shown;
    units += log_text_units(line + at, hit.begin - at);
    jsonw_array(j);
    jsonw_int(j, (int64_t)units);
    units += log_text_units(line + hit.begin, end - hit.begin);
    jsonw_int(j, (int64_t)units);
    jsonw_array_end(j);
    at = end;
    if (!s->finder.next(s->finder.ctx, line, len, end, &hit)) break;
  }
  jsonw_array_end(j);
}

static void match_take(struct search *s, size_t begin, size_t end, struct log_hit hit) {
  int64_t n = (int64_t)log_scan_line(&s->scan, begin);
  if (n == s->counted) return; /* of a long line, or of one that a gap goes through */
  s->counted = n;
  s->total++;
  if (n <= s->after) return;
  if (s->written == s->limit) {
    s->more = true;
    return;
  }
  jsonw_object(&s->page->json);
  jsonw_member_int(&s->page->json, "n", n);
  match_text(s, s->scan.bytes + begin, end - begin, (struct log_hit){hit.begin - begin, hit.end - begin});
  jsonw_object_end(&s->page->json);
  s->written++;
  s->last = n;
}

static void chunk_search(struct search *s) {
  struct log_hit hit;
  for (size_t from = 0; from < s->scan.len;) {
    size_t end;
    if (!s->finder.next(s->finder.ctx, s->scan.bytes, s->scan.len, from, &hit)) return;
    size_t begin = log_line_bounds(s->scan.bytes, s->scan.len, hit.begin, &end);
    match_take(s, begin, end, hit);
    from = end + 1;
  }
}

/* 0 or an error; *late if it was given up. */
static int log_search(struct search *s, struct logfile *log, bool *late) {
  int64_t until = clock_monotonic() + TIME_MAX;
  int rc;
  log_scan_init(&s->scan, log, 0, 0, false);
  while ((rc = log_scan_next(&s->scan)) > 0 && !*late) {
    chunk_search(s);
    *late = clock_monotonic() > until;
  }
  log_scan_release(&s->scan);
  return rc < 0 ? rc : 0;
}

static void answer(struct page *p, struct search *s, struct log_pattern *pattern, struct logfile *log) {
  bool late = false;
  jsonw_object(&p->json);
  jsonw_key(&p->json, "matches");
  jsonw_array(&p->json);
  int err = log ? log_search(s, log, &late) : 0;
  if (err) {
    log_pick_problem(p, err);
    return;
  }
  jsonw_array_end(&p->json);
  jsonw_member_int(&p->json, "total", (int64_t)s->total);
  jsonw_member_bool(&p->json, "at_least", late || (pattern && log_pattern_gave_up(pattern) > 0));
  jsonw_key(&p->json, "next");
  if (s->more) {
    jsonw_int(&p->json, s->last);
  } else {
    jsonw_null(&p->json);
  }
  jsonw_object_end(&p->json);
}

static struct log_pattern *pattern_of(struct page *p, const char *q, bool regex, bool match_case) {
  struct log_pattern_fault fault;
  if (!q) {
    page_problem(p, 422, "Bad query", "'q' is missing: what to look for, or `errors=1` instead");
    return NULL;
  }
  struct log_pattern *pattern = log_pattern_new(q, regex, match_case, &fault);
  if (!pattern && fault.column) {
    page_problem(p, 422, "Bad expression", "'q', column %zu: %s", fault.column, fault.text);
  } else if (!pattern) {
    page_problem(p, 422, "Bad query", "'q': %s", fault.text);
  }
  return pattern;
}

void page_log_search_read(struct page *p) {
  bool errors = page_number(p, "errors", 0, 0, 1) == 1, regex = page_number(p, "regex", 0, 0, 1) == 1;
  bool match_case = page_number(p, "case", 0, 0, 1) == 1;
  struct search s = {.page = p, .last = -1, .counted = -1};
  s.after = page_number(p, "after", -1, -1, INT64_MAX);
  s.limit = (uint64_t)page_number(p, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX);
  if (p->status >= 400) return;
  struct log_pattern *pattern = errors ? NULL : pattern_of(p, api_query(&p->request, "q"), regex, match_case);
  struct first_error *finder = errors ? first_error_new() : NULL;
  struct log_pick pick;
  if ((pattern || finder) && log_pick(p, &pick)) {
    s.finder = finder ? first_error_finder(finder) : log_pattern_finder(pattern);
    answer(p, &s, pattern, pick.log);
    log_pick_release(&pick);
  }
  first_error_free(finder);
  log_pattern_free(pattern);
}
