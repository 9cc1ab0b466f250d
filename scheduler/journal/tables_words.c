/* The words of enums. */
#include "scheduler/journal/tables_parts.h"

#define WORDS(name)                                                                                                  \
  const struct codec_words words_##name = {#name, list_##name, sizeof list_##name / sizeof *list_##name};

#define X(name, word, sentence) #name,
static const char *const list_firing_outcome[] = {FIRING_LIST(X)};
#undef X
WORDS(firing_outcome)

#define X(name, word, sentence) #name,
static const char *const list_run_state[] = {RUN_STATE_LIST(X)};
#undef X
WORDS(run_state)

#define X(name, word, sentence) #name,
static const char *const list_task_state[] = {TASK_STATE_LIST(X)};
#undef X
WORDS(task_state)

#define X(name, word) #name,
static const char *const list_wait_reason[] = {WAIT_LIST(X)};
#undef X
WORDS(wait_reason)

#define X(name, word) #name,
static const char *const list_trigger[] = {TRIGGER_LIST(X)};
#undef X
WORDS(trigger)

#define X(name, word) #name,
static const char *const list_event_row_kind[] = {EVENT_ROW_LIST(X)};
#undef X
WORDS(event_row_kind)

#define X(name, word, sentence) #name,
static const char *const list_host_contact[] = {CONTACT_LIST(X)};
#undef X
WORDS(host_contact)

#define X(name, word, sentence) #name,
static const char *const list_host_order[] = {ORDER_LIST(X)};
#undef X
WORDS(host_order)

#define X(name, word) #name,
static const char *const list_value_type[] = {VALUE_TYPE_LIST(X)};
#undef X
WORDS(value_type)

#define X(name, word) #name,
static const char *const list_rerun_mode[] = {RERUN_LIST(X)};
#undef X
WORDS(rerun_mode)

#define X(name) #name,
static const char *const list_engine_report_kind[] = {ENGINE_REPORT_LIST(X)};
#undef X
WORDS(engine_report_kind)

#define X(name) #name,
static const char *const list_engine_end[] = {ENGINE_END_LIST(X)};
#undef X
WORDS(engine_end)

#define X(name, member) #name,
static const char *const list_engine_event_kind[] = {ENGINE_EVENT_LIST(X)};
#undef X
WORDS(engine_event_kind)

#define X(name, member) #name,
static const char *const list_change_kind[] = {CHANGE_LIST(X)};
#undef X
WORDS(change_kind)

#define X(name, member) #name,
static const char *const list_decision_kind[] = {DECISION_LIST(X)};
#undef X
WORDS(decision_kind)

const struct codec_words *const codec_words_lists[] = {
    &words_firing_outcome,    &words_run_state,      &words_task_state,         &words_wait_reason,
    &words_trigger,           &words_event_row_kind, &words_host_contact,       &words_host_order,
    &words_value_type,        &words_rerun_mode,     &words_engine_report_kind, &words_engine_end,
    &words_engine_event_kind, &words_change_kind,    &words_decision_kind,
};
const size_t codec_words_lists_len = sizeof codec_words_lists / sizeof *codec_words_lists;
