/* A pipeline's file: whatever the bytes are, reading ends with a pipeline or with errors, never both nor neither, and
 * what was read is the same after a way through its canonical JSON, as the store keeps it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/diag.h"
#include "scheduler/spec/pipeline.h"

static void same_after_json(const struct pipeline *p) {
  struct buf first = {0}, second = {0};
  pipeline_json(p, &first);
  struct pipeline *again = pipeline_from_json(first.bytes, first.len);
  CHECK(again);
  pipeline_json(again, &second);
  CHECK(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
  pipeline_release(again);
  buf_release(&first);
  buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  const struct pipeline_source source = {.name = "fuzz", .file = "fuzz.yaml", .text = text, .len = size};
  struct diag_list diags;
  struct buf shown = {0};
  diag_init(&diags, "fuzz.yaml", text, size);
  struct pipeline *p = pipeline_read(&source, &diags);
  CHECK((p != NULL) == (diags.errors == 0));
  diag_render(&diags, &shown, false);
  if (p) same_after_json(p);
  pipeline_release(p);
  buf_release(&shown);
  diag_release(&diags);
  return 0;
}
