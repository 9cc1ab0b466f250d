#include "scheduler/engine/states.h"

#include <string.h>

#include "scheduler/engine/rows.h"

/* Every word list is the same shape: an array by the enum's number, and a search over it. */
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static int word_find(const char *const *words, int count, const char *word) {
  for (int i = 0; i < count; i++)
    if (strcmp(words[i], word) == 0) return i;
  return -1;
}

#define X(name, word, sentence) word,
static const char *const run_words[] = {RUN_STATE_LIST(X)};
static const char *const task_words[] = {TASK_STATE_LIST(X)};
static const char *const firing_words[] = {FIRING_LIST(X)};
static const char *const contact_words[] = {CONTACT_LIST(X)};
static const char *const order_words[] = {ORDER_LIST(X)};
#undef X
#define X(name, word, sentence) sentence,
static const char *const run_sentences[] = {RUN_STATE_LIST(X)};
static const char *const task_sentences[] = {TASK_STATE_LIST(X)};
static const char *const contact_sentences[] = {CONTACT_LIST(X)};
static const char *const order_sentences[] = {ORDER_LIST(X)};
#undef X
#define X(name, word) word,
static const char *const wait_words[] = {WAIT_LIST(X)};
static const char *const trigger_words[] = {TRIGGER_LIST(X)};
static const char *const event_words[] = {EVENT_ROW_LIST(X)};
#undef X

const char *run_state_word(enum run_state s) {
  return run_words[s];
}
const char *run_state_sentence(enum run_state s) {
  return run_sentences[s];
}
int run_state_from_word(const char *word) {
  return word_find(run_words, COUNT(run_words), word);
}
const char *task_state_word(enum task_state s) {
  return task_words[s];
}
const char *task_state_sentence(enum task_state s) {
  return task_sentences[s];
}
int task_state_from_word(const char *word) {
  return word_find(task_words, COUNT(task_words), word);
}
const char *wait_word(enum wait_reason w) {
  return wait_words[w];
}
int wait_from_word(const char *word) {
  return word_find(wait_words, COUNT(wait_words), word);
}
const char *trigger_word(enum trigger t) {
  return trigger_words[t];
}
int trigger_from_word(const char *word) {
  return word_find(trigger_words, COUNT(trigger_words), word);
}
const char *firing_word(enum firing_outcome f) {
  return firing_words[f];
}
int firing_from_word(const char *word) {
  return word_find(firing_words, COUNT(firing_words), word);
}
const char *host_contact_word(enum host_contact c) {
  return contact_words[c];
}
const char *host_contact_sentence(enum host_contact c) {
  return contact_sentences[c];
}
int host_contact_from_word(const char *word) {
  return word_find(contact_words, COUNT(contact_words), word);
}
const char *host_order_word(enum host_order o) {
  return order_words[o];
}
const char *host_order_sentence(enum host_order o) {
  return order_sentences[o];
}
int host_order_from_word(const char *word) {
  return word_find(order_words, COUNT(order_words), word);
}
const char *event_row_word(enum event_row_kind kind) {
  return event_words[kind];
}

bool run_state_ended(enum run_state s) {
  return s >= RUN_SUCCEEDED;
}
bool task_state_ended(enum task_state s) {
  return s >= TASK_SUCCEEDED;
}
bool task_state_live(enum task_state s) {
  return s >= TASK_STARTING && s <= TASK_UNREACHABLE;
}
bool task_state_failure(enum task_state s) {
  return s == TASK_FAILED || s == TASK_TIMED_OUT || s == TASK_LOST;
}
