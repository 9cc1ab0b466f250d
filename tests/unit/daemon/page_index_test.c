/* Which page shows which data first, and how it stands in the template. */
#include "tests/unit/unit.h"

#include <string.h>

#include "scheduler/daemon/pages/page_index.h"

static struct page opened(const char *target, enum api_role role) {
  struct page p = {.route = API_PAGE, .status = 200};
  struct api_request request = {.route = API_PAGE, .target = target, .who = {.role = role}};
  page_index_open(&p, &request);
  return p;
}

static void closed(struct page *p) {
  arena_release(&p->arena);
  arena_release(&p->asked);
  buf_release(&p->body);
}

static void each_page_has_the_data_that_it_shows_first(void **state) {
  (void)state;
  static const struct {
    const char *target, *url;
    enum api_route route;
    enum page_index index;
  } rows[] = {
      {"/", "/api/v1/overview", API_OVERVIEW, INDEX_PAGE},
      {"/?x=1", "/api/v1/overview", API_OVERVIEW, INDEX_PAGE},
      {"/p", "/api/v1/pipelines", API_PIPELINES, INDEX_PAGE},
      {"/p/a.nightly", "/api/v1/pipelines/a.nightly", API_PIPELINE, INDEX_PAGE},
      {"/p/a.nightly/graph?v=1", "/api/v1/pipelines/a.nightly", API_PIPELINE, INDEX_PAGE},
      {"/r/0123", "/api/v1/runs/0123", API_RUN, INDEX_PAGE},
      {"/r/0123/t/train%5B1%5D/log", "/api/v1/runs/0123", API_RUN, INDEX_PAGE},
      {"/runs", "/api/v1/runs", API_RUNS, INDEX_PAGE},
      {"/runs?q=state%3Afailed", "/api/v1/runs?q=state%3Afailed", API_RUNS, INDEX_PAGE},
      {"/compare?a=1&b=2", "/api/v1/compare?a=1&b=2", API_COMPARE, INDEX_PAGE},
      {"/schedule", "/api/v1/schedule", API_SCHEDULE, INDEX_PAGE},
      {"/audit", "/api/v1/audit", API_AUDIT, INDEX_PAGE},
      {"/tokens", NULL, API_PAGE, INDEX_PAGE},
      {"/hosts", NULL, API_PAGE, INDEX_PAGE},
      {"/hosts/gpu01", NULL, API_PAGE, INDEX_PAGE},
      {"/help", NULL, API_PAGE, INDEX_PAGE},
      {"/runs?q=%zz", NULL, API_PAGE, INDEX_PAGE},
      {"/p/", NULL, API_PAGE, INDEX_NOTHING},
      {"/runs/", NULL, API_PAGE, INDEX_NOTHING},
      {"/r", NULL, API_PAGE, INDEX_NOTHING},
      {"/nothing", NULL, API_PAGE, INDEX_NOTHING},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct page p = opened(rows[i].target, API_ROLE_VIEWER);
    assert_int_equal(p.index, rows[i].index);
    assert_int_equal(p.route, rows[i].route);
    if (rows[i].url)
      assert_string_equal(p.index_url, rows[i].url);
    else
      assert_null(p.index_url);
    closed(&p);
  }
}

static void the_data_s_path_and_query_are_decoded(void **state) {
  (void)state;
  struct page p = opened("/r/nightly%23412/gantt", API_ROLE_VIEWER);
  assert_string_equal(api_path(&p.request, "run"), "nightly#412");
  closed(&p);
  p = opened("/runs?q=state%3Afailed+p:a", API_ROLE_VIEWER);
  assert_string_equal(api_query(&p.request, "q"), "state:failed p:a");
  closed(&p);
}

static void who_may_not_read_the_data_gets_none(void **state) {
  (void)state;
  struct page p = opened("/", API_ROLE_PUBLIC);
  assert_null(p.index_url);
  assert_int_equal(p.route, API_PAGE);
  closed(&p);
}

static const char html[] = "<head><!--first--></head>";
static const struct asset template = {
    .path = "/index.html", .bytes = (const unsigned char *)html, .len = sizeof html - 1, .flags = ASSET_TEMPLATE};

static void data_can_not_end_its_script(void **state) {
  (void)state;
  struct page p = opened("/runs?q=a&b=\"'><x", API_ROLE_VIEWER);
  buf_str(&p.body, "{\"a\":\"</script><!--&amp;\"}");
  page_index_wrap(&p, &template);
  assert_string_equal(p.body.bytes, "<head><script type=\"application/json\" id=\"first\" "
                                    "data-url=\"/api/v1/runs?q=a&#38;b=&#34;&#39;&#62;&#60;x\">"
                                    "{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026amp;\"}</script></head>");
  assert_int_equal(p.status, 200);
  assert_string_equal(p.content_type, "text/html; charset=utf-8");
  closed(&p);
}

static void what_can_not_be_read_is_left_out(void **state) {
  (void)state;
  static const struct {
    const char *target;
    int status, answered;
  } rows[] = {
      {"/p", 503, 200}, {"/r/x", 404, 404}, {"/nothing", 200, 404}, {"/help", 200, 200}, {"/runs?q=(", 422, 200}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct page p = opened(rows[i].target, API_ROLE_VIEWER);
    p.status = rows[i].status;
    p.title = "Not readable";
    page_index_wrap(&p, &template);
    assert_string_equal(p.body.bytes, "<head></head>");
    assert_int_equal(p.status, rows[i].answered);
    assert_null(p.title);
    closed(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_page_has_the_data_that_it_shows_first),
      cmocka_unit_test(the_data_s_path_and_query_are_decoded),
      cmocka_unit_test(who_may_not_read_the_data_gets_none),
      cmocka_unit_test(data_can_not_end_its_script),
      cmocka_unit_test(what_can_not_be_read_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
