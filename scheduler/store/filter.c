#include "scheduler/store/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "scheduler/engine/states.h"

struct parser {
  struct filter *filter;
  struct diag_list *diags;
  const char *text, *at;
  instant now;
  VEC(struct filter_term) terms;
};

/* A word of the line: a key (may be missing) and its values, with where they stand. */
struct word {
  const char *key;   /* NULL for a text */
  const char *start; /* of the word */
  const char *value; /* where the value begins in the line */
  enum filter_op op;
  const char **values;
  size_t values_len;
};

static struct diag_place place_at(const struct parser *p, const char *from, const char *to) {
  uint32_t column = 1, width = 0, point;
  const char *end = p->text + strlen(p->text);
  for (const char *c = p->text; c < to;) {
    size_t n = utf8_read(c, (size_t)(end - c), &point);
    if (c < from)
      column++;
    else
      width++;
    c += n ? n : 1;
  }
  return (struct diag_place){1, column, width ? width : 1};
}

static bool wrong(struct parser *p, const char *from, const char *help, const char *format, const char *what) {
/* The format is a literal of a caller in this file, with one %s for `what`. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  diag_error(p->diags, place_at(p, from, p->at), help, format, what);
#pragma GCC diagnostic pop
  return false;
}

/* ---- words ---- */

static bool at_end(char c) {
  return c == '\0' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool read_quoted(struct parser *p, struct buf *out) {
  const char *open = p->at++;
  while (*p->at && *p->at != '"') {
    if (*p->at == '\\' && (p->at[1] == '"' || p->at[1] == '\\')) p->at++;
    buf_char(out, *p->at++);
  }
  if (*p->at++ == '"') return true;
  p->at--;
  diag_error(p->diags, place_at(p, open, p->at), "end it with another \"", "the quote isn't closed");
  return false;
}

/* One alternative, up to a comma or the end of the word. */
static bool read_value(struct parser *p, struct buf *out) {
  buf_reset(out);
  while (!at_end(*p->at) && *p->at != ',') {
    if (*p->at != '"')
      buf_char(out, *p->at++);
    else if (!read_quoted(p, out))
      return false;
  }
  return true;
}

static enum filter_op read_op(struct parser *p) {
  char c = *p->at;
  if (c != '<' && c != '>') return FILTER_EQ;
  bool equal = p->at[1] == '=';
  p->at += equal ? 2 : 1;
  if (c == '<') return equal ? FILTER_LE : FILTER_LT;
  return equal ? FILTER_GE : FILTER_GT;
}

static bool read_values(struct parser *p, struct word *w) {
  VEC(const char *) values = {0};
  struct buf value = {0};
  bool good = true;
  for (;;) {
    good = read_value(p, &value);
    if (!good) break;
    vec_push(&values, arena_strdup(&p->filter->arena, buf_cstr(&value)));
    if (*p->at != ',') break;
    p->at++;
  }
  w->values = arena_new_array(&p->filter->arena, values.len + 1, const char *);
  for (size_t i = 0; i < values.len; i++) w->values[i] = values.items[i];
  w->values_len = values.len;
  vec_release(&values);
  buf_release(&value);
  return good;
}

static bool read_word(struct parser *p, struct word *w) {
  memset(w, 0, sizeof *w);
  w->start = p->at;
  size_t len = strcspn(p->at, ": \t\r\n\"");
  if (p->at[len] == ':' && len > 0) {
    w->key = arena_strndup(&p->filter->arena, p->at, len);
    p->at += len + 1;
    w->op = read_op(p);
    w->value = p->at;
    return read_values(p, w);
  }
  w->value = p->at;
  struct buf text = {0};
  bool good = true;
  while (good && !at_end(*p->at))
    if (*p->at == '"')
      good = read_quoted(p, &text);
    else
      buf_char(&text, *p->at++);
  w->values = arena_new_array(&p->filter->arena, 1, const char *);
  w->values[0] = arena_strdup(&p->filter->arena, buf_cstr(&text));
  w->values_len = 1;
  buf_release(&text);
  return good;
}

/* ---- what each key takes ---- */

static bool check_state(struct parser *p, struct word *w, struct filter_term *t) {
  (void)t;
  static const char *const words[] = {
#define X(name, word, sentence) word,
      RUN_STATE_LIST(X)
#undef X
  };
  for (size_t i = 0; i < w->values_len; i++) {
    bool known = false;
    for (size_t k = 0; k < RUN_STATES; k++) known |= strcmp(words[k], w->values[i]) == 0;
    if (!known)
      return wrong(p, w->value, "the states are queued, running, cancelling, succeeded, failed and cancelled",
                   "'%s' isn't a state of a run", w->values[i]);
  }
  return true;
}

static bool check_trigger(struct parser *p, struct word *w, struct filter_term *t) {
  (void)t;
  static const char *const words[] = {
#define X(name, word) word,
      TRIGGER_LIST(X)
#undef X
  };
  for (size_t i = 0; i < w->values_len; i++) {
    bool known = false;
    if (strcmp(w->values[i], "cron") == 0) w->values[i] = "schedule";
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) known |= strcmp(words[k], w->values[i]) == 0;
    if (!known)
      return wrong(p, w->value, "the triggers are schedule, manual, rerun and command", "'%s' isn't a trigger",
                   w->values[i]);
  }
  return true;
}

static bool check_pattern(struct parser *p, struct word *w, struct filter_term *t) {
  (void)p, (void)t;
  for (size_t i = 0; i < w->values_len; i++)
    if (w->values[i][0] == '\0') return wrong(p, w->start, NULL, "'%s' needs a value", w->key);
  return true;
}

/* A day as it is means all of it: two terms. */
static bool check_started(struct parser *p, struct word *w, struct filter_term *t) {
  const char *text = w->values[0];
  int64_t day;
  duration age;
  if (text[0] == '-' && duration_parse(text + 1, &age) == 0) {
    t->number = p->now - age;
    if (t->op == FILTER_EQ) t->op = FILTER_GE;
    return true;
  }
  if (instant_parse(text, &t->number) == 0) return true;
  if (date_parse(text, &day) != 0)
    return wrong(p, w->value, "write >-24h, >2026-03-29 or >2026-03-29T01:30:00Z", "'%s' isn't a time", text);
  t->number = day * USEC_PER_DAY;
  if (t->op == FILTER_GT || t->op == FILTER_LE) t->number += USEC_PER_DAY - 1;
  if (t->op != FILTER_EQ) return true;
  t->op = FILTER_GE;
  struct filter_term end = *t;
  end.op = FILTER_LT;
  end.number += USEC_PER_DAY;
  vec_push(&p->terms, end);
  return true;
}

static bool check_duration(struct parser *p, struct word *w, struct filter_term *t) {
  if (duration_parse(w->values[0], &t->number) == 0) return true;
  return wrong(p, w->value, "write for example dur:>10m", "'%s' isn't a duration", w->values[0]);
}

static bool check_param(struct parser *p, struct word *w, struct filter_term *t) {
  t->param = w->key + strlen("param.");
  for (const char *c = t->param; *c; c++)
    if (*c == '"' || *c == '\\') return wrong(p, w->start, NULL, "'%s' isn't the name of a parameter", t->param);
  return t->param[0] || wrong(p, w->start, "write param.NAME:VALUE", "the parameter's name is missing%s", "");
}

static const struct {
  const char *word;
  bool alternatives, compares;
  bool (*check)(struct parser *p, struct word *w, struct filter_term *t);
} keys[] = {
    [FILTER_STATE] = {"state", true, false, check_state},
    [FILTER_PIPELINE] = {"p", true, false, check_pattern},
    [FILTER_OWNER] = {"owner", true, false, check_pattern},
    [FILTER_TAG] = {"tag", true, false, check_pattern},
    [FILTER_TASK] = {"task", true, false, check_pattern},
    [FILTER_TRIGGER] = {"trigger", true, false, check_trigger},
    [FILTER_STARTED] = {"started", false, true, check_started},
    [FILTER_DURATION] = {"dur", false, true, check_duration},
    [FILTER_PARAM] = {"param.", true, true, check_param},
};
#define KEYS (sizeof keys / sizeof keys[0])

static int key_named(const char *word) {
  if (strcmp(word, "pipeline") == 0) return FILTER_PIPELINE;
  if (strncmp(word, "param.", 6) == 0) return FILTER_PARAM;
  for (size_t i = 0; i < KEYS; i++)
    if (strcmp(keys[i].word, word) == 0) return (int)i;
  return -1;
}

static bool unknown_key(struct parser *p, const struct word *w) {
  const char *words[KEYS];
  for (size_t i = 0; i < KEYS; i++) words[i] = keys[i].word;
  const char *near = diag_nearest(w->key, words, KEYS);
  struct buf help = {0};
  if (near)
    buf_fmt(&help, "did you mean '%s'?", near);
  else
    buf_str(&help, "the keys are state, p, owner, tag, task, trigger, started, dur and param.NAME; quote a text");
  diag_error(p->diags, place_at(p, w->start, w->start + strlen(w->key)), buf_cstr(&help), "unknown key '%s'", w->key);
  buf_release(&help);
  return false;
}

static bool read_term(struct parser *p) {
  struct word w;
  if (!read_word(p, &w)) return false;
  struct filter_term t = {.key = FILTER_TEXT, .op = w.op, .values = w.values, .values_len = w.values_len};
  if (w.key) {
    int key = key_named(w.key);
    if (key < 0) return unknown_key(p, &w);
    t.key = (enum filter_key)key;
    if (w.values[0][0] == '\0') return wrong(p, w.start, NULL, "'%s' needs a value", w.key);
    if (w.op != FILTER_EQ && !keys[key].compares)
      return wrong(p, w.start + strlen(w.key) + 1, NULL, "'%s' can't be compared with < or >", w.key);
    if (w.values_len > 1 && (!keys[key].alternatives || w.op != FILTER_EQ))
      return wrong(p, w.value, NULL, "'%s' takes one value", w.key);
    if (!keys[key].check(p, &w, &t)) return false;
  }
  vec_push(&p->terms, t);
  return true;
}

int filter_parse(struct filter *f, const char *text, instant now, struct diag_list *diags) {
  memset(f, 0, sizeof *f);
  if (!text) return 0;
  size_t errors = diags->errors;
  struct parser p = {.filter = f, .diags = diags, .text = text, .at = text, .now = now};
  if (strlen(text) > FILTER_TEXT_MAX || !utf8_valid(text, strlen(text))) {
    diag_error(diags, (struct diag_place){0}, NULL, "the filter must be UTF-8 of at most %d bytes", FILTER_TEXT_MAX);
    return ERR_INVALID;
  }
  for (;;) {
    while (*p.at && at_end(*p.at)) p.at++;
    if (!*p.at) break;
    if (!read_term(&p))
      while (!at_end(*p.at)) p.at++;
    if (p.terms.len > FILTER_TERMS_MAX) {
      diag_error(diags, (struct diag_place){0}, NULL, "the filter has more than %d terms", FILTER_TERMS_MAX);
      break;
    }
  }
  struct filter_term *terms = arena_new_array(&f->arena, p.terms.len + 1, struct filter_term);
  if (p.terms.len) memcpy(terms, p.terms.items, p.terms.len * sizeof *terms);
  f->terms = terms;
  f->terms_len = p.terms.len;
  vec_release(&p.terms);
  if (diags->errors == errors) return 0;
  filter_release(f);
  return ERR_INVALID;
}

void filter_release(struct filter *f) {
  arena_release(&f->arena);
  memset(f, 0, sizeof *f);
}
