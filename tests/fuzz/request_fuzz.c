/* What a request brings, as the API reads it before anybody is asked: its target, headers with lists and addresses,
 * and the filter line of lists. The first byte, a digit, chooses which. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/diag.h"
#include "scheduler/api/forwarded.h"
#include "scheduler/api/range.h"
#include "scheduler/api/routes.h"
#include "scheduler/api/target.h"
#include "scheduler/store/filter.h"

static void target(struct arena *a, const char *text) {
  struct api_pair pairs[TARGET_QUERY_MAX];
  int n = target_query(a, text, pairs);
  for (int i = 0; i < n; i++) CHECK(pairs[i].name && pairs[i].value);
  target_decode(a, text, strlen(text), false);
}

static void range(struct arena *a, const char *text) {
  (void)a;
  static const uint64_t sizes[] = {0, 1, 10, UINT64_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct range r = range_read(text, sizes[i]);
    CHECK(r.status == 416 || (r.first <= sizes[i] && r.length <= sizes[i] - r.first));
  }
}

static void address(struct arena *a, const char *text) {
  struct net_range trusted;
  struct net_address client = {{0}};
  struct net_endpoint endpoint;
  struct net_origin origin;
  char shown[NET_ENDPOINT_TEXT];
  (void)a;
  if (net_range_parse(text, &trusted)) forwarded_client(&text, 1, &trusted, 1, &client);
  if (net_endpoint_parse(text, &endpoint)) net_endpoint_text(&endpoint, shown);
  net_range_parse("0.0.0.0/0", &trusted);
  forwarded_client(&text, 1, &trusted, 1, &client);
  net_origin_parse(text, true, &origin);
  net_host_parse(text, 80, &origin);
}

static void filter(struct arena *a, const char *text) {
  struct filter f = {0};
  struct diag_list diags;
  (void)a;
  diag_init(&diags, "filter", text, strlen(text));
  int err = filter_parse(&f, text, INT64_C(1774767600) * USEC_PER_SEC, &diags);
  CHECK((err == 0) == (diags.errors == 0));
  diag_release(&diags);
  filter_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(struct arena *, const char *) = {target, range, address, filter};
  struct arena a = {0};
  if (size < 1 || memchr(data + 1, '\0', size - 1)) return 0;
  const char *text = arena_strndup(&a, (const char *)data + 1, size - 1);
  readers[data[0] % 4](&a, text);
  arena_release(&a);
  return 0;
}
