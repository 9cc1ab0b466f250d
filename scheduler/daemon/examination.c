#include "scheduler/daemon/examination.h"

#include "base/json.h"

static const char *const words[] = {
#define X(name, word) word,
    DOCTOR_RESULT_LIST(X)
#undef X
};

const char *doctor_result_word(enum doctor_result result) {
  return words[result];
}

void examination_json(const char *host, instant at, const struct doctor_check *checks, size_t len, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_object(&j);
  jsonw_member_string(&j, "host", host);
  jsonw_member_instant(&j, "at", at);
  jsonw_key(&j, "checks");
  jsonw_array(&j);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&j);
    jsonw_member_string(&j, "name", checks[i].name);
    jsonw_member_string(&j, "result", words[checks[i].result]);
    jsonw_member_string(&j, "text", checks[i].text);
    jsonw_member_string(&j, "todo", checks[i].todo);
    jsonw_object_end(&j);
  }
  jsonw_array_end(&j);
  jsonw_object_end(&j);
}
