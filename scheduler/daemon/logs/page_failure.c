/* Why a run failed or doesn't get on: a card for each cause, with the line that says it and what can be done. */
#include <inttypes.h>

#include "base/exit_words.h"
#include "scheduler/daemon/logs/failure_cards.h"
#include "scheduler/daemon/logs/log_pick.h"
#include "scheduler/daemon/logs/log_text.h"

#define NAMED_MAX 5 /* tasks in a sentence */

static void line_members(struct json *j, const struct failure_line *line) {
  jsonw_member_int(j, "n", (int64_t)line->n);
  jsonw_key(j, "text");
  jsonw_string_n(j, line->text, line->len);
}

static void error_member(struct json *j, const struct failure_error *error) {
  jsonw_key(j, "error");
  if (error->kind == ERROR_KIND_NONE) {
    jsonw_null(j);
    return;
  }
  jsonw_object(j);
  jsonw_member_int(j, "line", (int64_t)error->line.n);
  jsonw_key(j, "text");
  jsonw_string_n(j, error->line.text, error->line.len);
  jsonw_member_string(j, "kind", error_kind_word(error->kind));
  jsonw_member_string(j, "means", error_kind_sentence(error->kind));
  jsonw_object_end(j);
}

static void tail_member(struct page *p, const struct failure_cards *c, const struct failure_card *card) {
  struct failure_line lines[FAILURE_TAIL];
  size_t len = 0;
  int err;
  struct logfile *log = card->attempt ? log_pick_open(p, c->run.run.id.text, card->attempt, &err) : NULL;
  if (log && failure_tail(log, &p->arena, lines, &len)) len = 0;
  logfile_close(log);
  jsonw_key(&p->json, "tail");
  jsonw_array(&p->json);
  for (size_t i = 0; i < len; i++) {
    jsonw_object(&p->json);
    line_members(&p->json, &lines[i]);
    jsonw_object_end(&p->json);
  }
  jsonw_array_end(&p->json);
}

/* What of the run still runs, the card's own task first. */
static const char *still_running(struct page *p, const struct failure_cards *c, const struct failure_card *card) {
  struct buf out = {0};
  size_t live = 0;
  if (card->task->state == TASK_UNREACHABLE) {
    buf_fmt(&out, "it may still be running on %s; no second copy is started meanwhile",
            card->attempt ? card->attempt->host : "its host");
  }
  for (size_t i = 0; i < c->tasks_len; i++) {
    const struct task_row *t = &c->tasks[i];
    if (!task_state_live(t->state) || t->state == TASK_UNREACHABLE) continue;
    if (live < NAMED_MAX)
      buf_fmt(&out, "%s%s", live ? ", " : out.len ? "; of the run still runs " : "of the run still runs ", t->label);
    live++;
  }
  if (live > NAMED_MAX) buf_fmt(&out, " and %zu more", live - NAMED_MAX);
  if (out.len == 0) buf_str(&out, "nothing of the run is running");
  const char *text = arena_strdup(&p->arena, buf_cstr(&out));
  buf_release(&out);
  return text;
}

static void step(struct page *p, const char *text) {
  if (text) jsonw_string(&p->json, text);
}

/* In the order in which one would try them; none of them loses anything. */
static void next_member(struct page *p, const struct failure_cards *c, const struct failure_card *card) {
  struct arena *a = &p->arena;
  const char *name = arena_fmt(a, "%s#%" PRId64, c->run.pipeline, c->run.run.number), *label = card->task->label;
  enum task_state state = card->task->state;
  jsonw_key(&p->json, "next");
  jsonw_array(&p->json);
  step(p, error_kind_hint(card->error.kind));
  if (state == TASK_TIMED_OUT) step(p, "if it may take this long, give it more time with `timeout:`");
  if (state == TASK_LOST) {
    step(p, "look at what it has done so far: it was ended at some point in the middle");
    step(p, "`retries: {lost: 2}` starts it again by itself, if it may run twice");
  }
  if (state == TASK_UNREACHABLE) {
    step(p, "see to its host: once it answers, rota goes on by itself");
    step(p, arena_fmt(a, "if it needn't go on, `rota cancel --abandon %s` gives it up without waiting", name));
    if (card->attempt)
      step(p, arena_fmt(a, "if the host won't be back, `rota hosts down %s --reason TEXT` lets it be tried elsewhere",
                        card->attempt->host));
  }
  if (state == TASK_WAITING)
    step(p, arena_fmt(a, "`rota why %s %s` says what it waits for, and who holds that", name, label));
  if (card->attempt) step(p, arena_fmt(a, "`rota logs %s %s` shows all of its log", name, label));
  if (task_state_failure(state) && run_state_ended(c->run.run.state)) {
    step(p, arena_fmt(a, "once it is mended, `rota rerun %s` goes on from here and keeps what succeeded", name));
  } else if (task_state_failure(state)) {
    step(p, arena_fmt(a, "once the run has ended and it is mended, `rota rerun %s` goes on from here", name));
  }
  jsonw_array_end(&p->json);
}

static void outcome_members(struct page *p, const struct failure_card *card) {
  struct json *j = &p->json;
  const struct attempt_row *attempt = card->attempt;
  struct buf words = {0};
  if (attempt) exit_words(attempt->exit_code, attempt->signal, &words);
  jsonw_key(j, "exit_code");
  if (attempt && attempt->exit_code >= 0) {
    jsonw_int(j, attempt->exit_code);
  } else {
    jsonw_null(j);
  }
  jsonw_key(j, "signal");
  if (attempt && attempt->signal > 0) {
    jsonw_int(j, attempt->signal);
  } else {
    jsonw_null(j);
  }
  jsonw_member_string(j, "words", words.len ? buf_cstr(&words) : card->task->reason);
  jsonw_member_string(j, "reason", card->task->reason);
  jsonw_member_string(j, "host", attempt ? attempt->host : NULL);
  instant at = task_state_ended(card->task->state) ? card->task->ended_at : card->task->ready_at;
  if (attempt && attempt->unreachable_at != INSTANT_NONE) at = attempt->unreachable_at;
  jsonw_member_instant(j, "at", at);
  buf_release(&words);
}

static void card_write(struct page *p, const struct failure_cards *c, const struct failure_card *card) {
  struct json *j = &p->json;
  jsonw_object(j);
  jsonw_member_string(j, "kind", task_state_word(card->task->state));
  jsonw_member_string(j, "task", card->task->name);
  jsonw_member_string(j, "label", card->task->label);
  jsonw_key(j, "attempt");
  if (card->attempt) {
    jsonw_int(j, card->attempt->number);
  } else {
    jsonw_null(j);
  }
  outcome_members(p, card);
  error_member(j, &card->error);
  tail_member(p, c, card);
  jsonw_member_int(j, "same", (int64_t)card->same);
  jsonw_key(j, "same_labels");
  jsonw_array(j);
  for (size_t i = 0; i < card->labels_len; i++) jsonw_string(j, card->labels[i]);
  jsonw_array_end(j);
  jsonw_member_string(j, "running", still_running(p, c, card));
  next_member(p, c, card);
  jsonw_object_end(j);
}

void page_failure_read(struct page *p) {
  struct failure_cards *c = failure_cards_read(p);
  if (!c) return;
  jsonw_object(&p->json);
  jsonw_member_string(&p->json, "state", run_state_word(c->run.run.state));
  jsonw_key(&p->json, "cards");
  jsonw_array(&p->json);
  for (size_t i = 0; i < c->len; i++) card_write(p, c, &c->cards[i]);
  jsonw_array_end(&p->json);
  jsonw_object_end(&p->json);
}
