#include "scheduler/daemon/handlers/restore_view.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const words[] = {
#define X(name, word) word,
    RESTORE_ANSWER_LIST(X)
#undef X
};

const char *restore_answer_word(enum restore_answer answer) {
  return words[answer];
}

bool restore_item_takes(const struct restore_item *item, enum restore_answer answer) {
  bool task = item->what && item->what[0];
  switch (answer) {
  case RESTORE_NONE: return false;
  case RESTORE_SKIP: return true;
  case RESTORE_MARK: return item->firing || !item->run_known || task;
  case RESTORE_RUN: return item->firing ? item->pipeline != NULL : item->run_known && task;
  }
  return false;
}

bool restore_item_acts(const struct restore_item *item, enum restore_answer answer) {
  return answer == RESTORE_RUN || (answer == RESTORE_MARK && !item->firing && item->run_known);
}

void restore_item_text(const struct restore_item *item, struct buf *out) {
  if (item->firing) {
    char at[INSTANT_TEXT_SIZE] = "an unknown instant";
    if (item->scheduled_for != INSTANT_NONE) instant_format_utc(item->scheduled_for, at);
    buf_fmt(out, "the firing of %s for %s", item->pipeline ? item->pipeline : "an unknown pipeline", at);
  } else {
    buf_fmt(out, "%s of run %s", item->what && item->what[0] ? item->what : "an unknown task", item->run_id);
  }
}

void restore_item_json(const struct restore_item *item, struct json *j) {
  char key[24];
  snprintf(key, sizeof key, "%" PRId64, item->key);
  jsonw_object(j);
  jsonw_member_string(j, "key", key);
  jsonw_member_string(j, "kind", item->firing ? "firing" : "attempt");
  jsonw_member_string(j, "pipeline", item->pipeline);
  jsonw_member_string(j, "schedule", item->firing ? item->what : NULL);
  jsonw_member_string(j, "task", !item->firing && item->what && item->what[0] ? item->what : NULL);
  jsonw_member_string(j, "run", item->run_id);
  jsonw_member_bool(j, "run_known", item->run_known);
  jsonw_member_string(j, "attempt", item->attempt_id);
  jsonw_member_instant(j, "scheduled_for", item->scheduled_for);
  jsonw_member_string(j, "found", item->found);
  jsonw_key(j, "choices");
  jsonw_array(j);
  for (int answer = RESTORE_SKIP; answer <= RESTORE_RUN; answer++) {
    if (restore_item_takes(item, (enum restore_answer)answer)) jsonw_string(j, words[answer]);
  }
  jsonw_array_end(j);
  jsonw_member_string(j, "answer", item->answer == RESTORE_NONE ? NULL : words[item->answer]);
  jsonw_object_end(j);
}
