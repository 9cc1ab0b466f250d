/* The body of each request that changes something: the first byte chooses the route, whose members are read as its
 * handler reads them. A fault stops all reading and is a sentence; what was read is of its type; parameters are the
 * same after a way through JSON. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "scheduler/daemon/handlers/body.h"

struct member {
  const char *name;
  enum { TEXT, NEEDED, FLAG, INSTANT, WORD, PARAMS } kind;
};

/* scheduler/daemon/handlers: requests.c and those who record. */
static const struct member routes[][8] = {
    {{"params", PARAMS}, {"for", INSTANT}, {"now", FLAG}, {"force", FLAG}, {"dry_run", FLAG}},
    {{"mode", WORD}, {"task", TEXT}, {"params", PARAMS}, {"version", WORD}, {"on", TEXT}, {"dry_run", FLAG}},
    {{"task", TEXT}, {"abandon", FLAG}},
    {{"task", NEEDED}, {"state", WORD}, {"reason", NEEDED}, {"outputs", PARAMS}},
    {{"text", NEEDED}},
    {{"keep", FLAG}},
    {{"reason", TEXT}, {"dry_run", FLAG}},
    {{NULL, TEXT}},
};
#define ROUTES (sizeof routes / sizeof *routes)

static void same_after_json(struct arena *a, const struct param_given *g) {
  struct buf text = {0};
  struct json j;
  struct value again;
  jsonw_init(&j, &text);
  value_json(&g->value, &j);
  CHECK(value_from_json(a, VALUE_ANY, VALUE_ANY, text.bytes, text.len, &again) == 0);
  CHECK(value_equal(&g->value, &again));
  buf_release(&text);
}

static void params(struct body *b, const char *name) {
  size_t len = 1;
  const struct param_given *given = body_params(b, name, &len);
  CHECK(given || len == 0);
  for (size_t i = 0; i < len && !b->fault; i++) {
    CHECK(given[i].name && utf8_valid(given[i].name, strlen(given[i].name)));
    for (size_t k = 0; k < i; k++) CHECK(strcmp(given[i].name, given[k].name) != 0);
    if (given[i].text)
      CHECK(utf8_valid(given[i].text, strlen(given[i].text)));
    else
      same_after_json(b->arena, &given[i]);
  }
}

static void member(struct body *b, const struct member *m) {
  static const char *const words[] = {"failed", "all",       "from",    "only", "same",
                                      "newest", "succeeded", "skipped", NULL};
  const bool faulty = b->fault != NULL;
  const char *text = NULL;
  switch (m->kind) {
  case TEXT:
  case NEEDED:
    text = body_text(b, m->name, m->kind == NEEDED);
    CHECK(!text || utf8_valid(text, strlen(text)));
    CHECK(m->kind != NEEDED || b->fault || (text && *text));
    CHECK(!faulty || !text);
    break;
  case FLAG:
    CHECK(!faulty || body_flag(b, m->name, true));
    body_flag(b, m->name, false);
    break;
  case INSTANT: CHECK(body_instant(b, m->name) == INSTANT_NONE || !b->fault); break;
  case WORD: {
    int word = body_word(b, m->name, words, true);
    CHECK(word < 8 && (word >= 0 || b->fault));
    break;
  }
  case PARAMS: params(b, m->name); break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena a = {0};
  struct body b;
  const char *allowed[9] = {0};
  if (size < 1) return 0;
  const struct member *members = routes[data[0] % ROUTES];
  for (size_t i = 0; i < 8 && members[i].name; i++) allowed[i] = members[i].name;
  body_open(&b, &a, (const char *)data + 1, size - 1, allowed);
  CHECK(b.fault || size == 1 || b.root);
  const char *first = b.fault;
  for (size_t i = 0; allowed[i]; i++) member(&b, &members[i]);
  CHECK(!first || b.fault == first);
  CHECK(!b.fault || *b.fault);
  body_close(&b);
  arena_release(&a);
  return 0;
}
