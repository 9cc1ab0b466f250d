/* An expression over the pipeline of the tests: what passes the check of types has that type when it is worked out,
 * or says why it can't be. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "tests/unit/spec/sample.h"

static const struct diag_place start = {1, 1, 0};

static void worked_out(struct sample *s, const struct expr *e, int type) {
  const char *message = NULL;
  struct value v;
  struct buf text = {0};
  if (expr_eval(e, &s->scope, &s->arena, &v, &message) < 0) {
    CHECK(message);
    return;
  }
  value_text(&v, &text);
  bool widened = type == VALUE_FLOAT && v.type == VALUE_INT;
  CHECK(type == VALUE_ANY || v.type == VALUE_NULL || widened || (int)v.type == type);
  buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct sample s;
  struct diag_list d;
  if (size > 4096 || memchr(data, '\0', size)) return 0;
  sample_init(&s, EVALUATE);
  const char *text = arena_strndup(&s.arena, (const char *)data, size);
  diag_init(&d, NULL, NULL, 0);
  const struct expr *e = expr_parse(&s.arena, text, start, &d);
  CHECK((e != NULL) == (d.errors == 0));
  int type = e ? expr_check(e, EXPR_WHEN, &s.pipeline, s.scope.task, &d) : -1;
  if (type >= 0) worked_out(&s, e, type);
  const struct template *t = template_parse(&s.arena, text, start, &d);
  if (t && template_check(t, EXPR_TASK, &s.pipeline, s.scope.task, &d) >= 0) {
    const char *message;
    struct value v;
    template_eval(t, &s.scope, &s.arena, &v, &message);
  }
  diag_release(&d);
  arena_release(&s.arena);
  return 0;
}
