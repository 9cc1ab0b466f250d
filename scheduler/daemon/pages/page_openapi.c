/* The document that describes the API to programs. */
#include "scheduler/api/openapi.h"
#include "scheduler/daemon/pages/page.h"

void page_openapi_read(struct page *p) {
  size_t len;
  const char *text = openapi_text(&len);
  buf_add(&p->body, text, len);
}
