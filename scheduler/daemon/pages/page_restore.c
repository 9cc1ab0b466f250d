/* The questions that a restore left, answered or not, in the order of what happened. */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "scheduler/daemon/handlers/restore_view.h"
#include "scheduler/daemon/pages/page.h"

#define LIMIT_DEFAULT 50

void page_restore_read(struct page *p) {
  struct restore_item *items;
  size_t len, shown = 0;
  int64_t after = page_number(p, "after", 0, 0, INT64_MAX), last = 0;
  size_t limit = (size_t)page_number(p, "limit", LIMIT_DEFAULT, 1, HISTORY_LIMIT_MAX);
  if (p->status >= 400) return;
  int err = restore_items(p->history, &p->arena, &items, &len);
  if (err) {
    page_problem(p, 503, "Not readable", "the rows can't be read: %s; repeat it", err_text(err));
    return;
  }
  jsonw_object(&p->json);
  jsonw_key(&p->json, "items");
  jsonw_array(&p->json);
  size_t i = 0;
  for (; i < len && shown < limit; i++) {
    if (items[i].key <= after) continue;
    restore_item_json(&items[i], &p->json);
    last = items[i].key;
    shown++;
  }
  jsonw_array_end(&p->json);
  char next[24];
  snprintf(next, sizeof next, "%" PRId64, last);
  jsonw_member_string(&p->json, "next", i < len ? next : NULL);
  jsonw_object_end(&p->json);
}
