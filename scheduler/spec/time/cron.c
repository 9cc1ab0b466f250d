#include "scheduler/spec/time/cron.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"
#include "base/err.h"

#define NUMBER_CAP 9999 /* what is larger is out of range everywhere */
#define NAME_LEN   3

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
  const char *name;
  int low, high;
  const char *const *words; /* the first stands for `low` */
  size_t words_len;
};

enum { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELD_COUNT };

static const struct field fields[FIELD_COUNT] = {
    [FIELD_MINUTE] = {"minute", 0, 59, NULL, 0},
    [FIELD_HOUR] = {"hour", 0, 23, NULL, 0},
    [FIELD_DAY] = {"day of month", 1, 31, NULL, 0},
    [FIELD_MONTH] = {"month", 1, 12, month_names, 12},
    [FIELD_WEEKDAY] = {"day of week", 0, 7, weekday_names, 7},
};

static const struct {
  const char *word, *expression;
} words[] = {
#define X(word, expression) {word, expression},
    CRON_WORDS(X)
#undef X
};

/* What other programs understand and this one says otherwise. */
static const struct {
  const char *word, *meaning, *help;
} foreign[] = {
    {"?", "'?' is not part of cron", "write '*'"},
    {"L", "'L' (the last one) is not part of cron",
     "fire on days 28-31 and let `when:` ask whether date_add(run.date, 1) is in another month"},
    {"LW", "'LW' (the last working day) is not part of cron",
     "fire on the days that it may be and let `when:` ask for run.date"},
    {"W", "'W' (the nearest working day) is not part of cron",
     "fire on the days that it may be and let `when:` ask for run.date"},
    {"#", "'#' (the nth weekday of a month) is not part of cron",
     "fire on every such weekday and let `when:` ask for the day of run.date"},
    {"H", "'H' (a place chosen by hash) is not part of cron", "write a number, and `jitter:` to spread the starts"},
    {"~", "'~' (a random number) is not part of cron", "write a number, and `jitter:` to spread the starts"},
    {"%", "'%' belongs to a crontab's command", "the command goes into `run:` of a task"},
};

struct parser {
  const char *text;
  struct cron_fault *fault;
  const char *at, *end;      /* what is left of the field */
  const struct field *field; /* NULL: the whole expression */
};

static int wrong(struct parser *p, const char *from, size_t width, const char *help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static int wrong(struct parser *p, const char *from, size_t width, const char *help, const char *format, ...) {
  struct cron_fault *f = p->fault;
  f->field = p->field ? p->field->name : "expression";
  f->offset = (size_t)(from - p->text);
  f->width = width ? width : 1;
  int len = snprintf(f->message, sizeof f->message, "%s: ", f->field);
  va_list args;
  va_start(args, format);
  vsnprintf(f->message + len, sizeof f->message - (size_t)len, format, args);
  va_end(args);
  snprintf(f->help, sizeof f->help, "%s", help ? help : "");
  return ERR_INVALID;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static char peek(const struct parser *p) {
  return p->at < p->end ? *p->at : '\0';
}

static bool take(struct parser *p, char c) {
  if (p->at == p->end || *p->at != c) return false;
  p->at++;
  return true;
}

/* The letters that begin at `from`. */
static size_t word_len(const struct parser *p, const char *from) {
  size_t len = 0;
  while (from + len < p->end && is_letter(from[len])) len++;
  return len;
}

/* Neither a number nor a name nor a sign is where one of them must be: says what is there instead. */
static int wrong_here(struct parser *p, const char *wanted) {
  if (p->at == p->end) return wrong(p, p->at - (p->at > p->text), 1, NULL, "%s is missing at the end", wanted);
  char c = *p->at;
  size_t letters = word_len(p, p->at), len = letters ? letters : 1;
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    if (strlen(foreign[i].word) == len && strncasecmp(foreign[i].word, p->at, len) == 0)
      return wrong(p, p->at, len, foreign[i].help, "%s", foreign[i].meaning);
  }
  if (letters > 0) {
    int shown = letters > 20 ? 20 : (int)letters;
    char name[24], help[64] = "";
    snprintf(name, sizeof name, "%.*s", shown, p->at);
    const char *near = p->field->words ? diag_nearest(name, p->field->words, p->field->words_len) : NULL;
    if (near) snprintf(help, sizeof help, "did you mean '%s'? names have three letters", near);
    return wrong(p, p->at, letters, help, "'%s' is not known here; %s is wanted", name, wanted);
  }
  if (c == ',') return wrong(p, p->at, 1, "remove the comma, or write what is missing", "%s is missing", wanted);
  if (c > ' ' && c < 0x7f) return wrong(p, p->at, 1, NULL, "%s is wanted, not '%c'", wanted, c);
  return wrong(p, p->at, 1, NULL, "%s is wanted, not the byte 0x%02x", wanted, (unsigned)(unsigned char)c);
}

/* Digits; more than any field takes reads as NUMBER_CAP. */
static int take_digits(struct parser *p) {
  int n = 0;
  for (; is_digit(peek(p)); p->at++) n = n * 10 + (*p->at - '0') > NUMBER_CAP ? NUMBER_CAP : n * 10 + (*p->at - '0');
  return n;
}

/* A number or a name of the field. */
static int take_value(struct parser *p, int *out) {
  const struct field *f = p->field;
  const char *from = p->at;
  if (is_digit(peek(p))) {
    *out = take_digits(p);
    if (*out >= f->low && *out <= f->high) return 0;
    size_t len = (size_t)(p->at - from);
    return wrong(p, from, len, NULL, "%.*s is out of range, which is %d to %d", len > 20 ? 20 : (int)len, from,
                 f->low, f->high);
  }
  if (f->words && word_len(p, from) == NAME_LEN) {
    for (size_t i = 0; i < f->words_len; i++) {
      if (strncasecmp(f->words[i], from, NAME_LEN) != 0) continue;
      p->at += NAME_LEN;
      *out = f->low + (int)i;
      return 0;
    }
  }
  return wrong_here(p, f->words ? "a number or a name" : "a number");
}

static int wrong_order(struct parser *p, const char *from, int low, int high) {
  const struct field *f = p->field;
  char help[64];
  int top = f == &fields[FIELD_WEEKDAY] ? 6 : f->high;
  if (f == &fields[FIELD_WEEKDAY] && high == 0)
    snprintf(help, sizeof help, "7 is Sunday too: write %d-7", low);
  else
    snprintf(help, sizeof help, "write the two parts: %d-%d,%d-%d", low, top, f->low, high);
  size_t len = (size_t)(p->at - from);
  return wrong(p, from, len, help, "the range %.*s runs backwards", len > 20 ? 20 : (int)len, from);
}

static int take_step(struct parser *p, bool single, const char *from, int *step) {
  const char *const slash = p->at;
  if (!take(p, '/')) return 0;
  if (single) {
    char help[64];
    int step_len = (int)strspn(p->at, "0123456789");
    snprintf(help, sizeof help, "write %.*s-%d/%.*s", (int)(slash - from), from, p->field->high,
             step_len > 0 && step_len <= 4 ? step_len : 1, step_len > 0 && step_len <= 4 ? p->at : "N");
    return wrong(p, slash, 1, help, "a step must follow '*' or a range");
  }
  const char *number = p->at;
  if (!is_digit(peek(p))) return wrong_here(p, "a step's number");
  *step = take_digits(p);
  if (*step >= 1 && *step <= p->field->high) return 0;
  size_t len = (size_t)(p->at - number);
  const char *help = *step > p->field->high && p->field <= &fields[FIELD_HOUR]
                         ? "a longer interval is written `every:`, such as `every: 90m`"
                         : NULL;
  return wrong(p, number, len, help, "the step %.*s is out of range, which is 1 to %d", len > 20 ? 20 : (int)len,
               number, p->field->high);
}

/* `*`, a value or a range, and a step, into the bits. */
static int take_part(struct parser *p, uint64_t *bits) {
  const char *from = p->at;
  int low = p->field->low, high = p->field->high, step = 1, rc;
  bool single = false;
  if (!take(p, '*')) {
    if ((rc = take_value(p, &low)) < 0) return rc;
    high = low;
    single = !take(p, '-');
    if (!single && (rc = take_value(p, &high)) < 0) return rc;
    if (high < low) return wrong_order(p, from, low, high);
  }
  if ((rc = take_step(p, single, from, &step)) < 0) return rc;
  if (p->at < p->end && *p->at != ',') return wrong_here(p, "a comma or the field's end");
  for (int n = low; n <= high; n += step) *bits |= UINT64_C(1) << n;
  return 0;
}

static int take_field(struct parser *p, uint64_t *bits) {
  int rc;
  *bits = 0;
  do {
    if ((rc = take_part(p, bits)) < 0) return rc;
  } while (take(p, ','));
  assert(p->at == p->end && *bits != 0);
  return 0;
}

static int wrong_word(struct parser *p, const char *word, size_t len) {
  const char *known[sizeof words / sizeof *words];
  char name[24], help[64] = "";
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) known[i] = words[i].word;
  snprintf(name, sizeof name, "%.*s", (int)len, word);
  if (strcasecmp(name, "@reboot") == 0)
    return wrong(p, word, len, "a service of the system's own that calls rota does this",
                 "'@reboot' is no time of the clock");
  if (strcasecmp(name, "@every") == 0)
    return wrong(p, word, len, "write `every: 15m` instead of `cron:`", "'@every' is not part of cron");
  const char *near = diag_nearest(name, known, sizeof words / sizeof *words);
  if (near) snprintf(help, sizeof help, "did you mean '%s'?", near);
  return wrong(p, word, len, near ? help : "there are @hourly @daily @midnight @weekly @monthly @yearly @annually",
               "'%s' is not known", name);
}

/* The expression that a word like @daily stands for; NULL, with the fault filled, if it stands for none. */
static const char *expand_word(struct parser *p, const char *text) {
  size_t len = strcspn(text, " \t");
  const char *rest = text + len + strspn(text + len, " \t");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strlen(words[i].word) != len || strncasecmp(words[i].word, text, len) != 0) continue;
    if (*rest == '\0') return words[i].expression;
    wrong(p, rest, strlen(rest), "the command goes into `run:` of a task", "'%s' stands alone", words[i].word);
    return NULL;
  }
  for (size_t i = 0; i < len; i++) {
    if (text[i] > ' ' && text[i] < 0x7f && len < 24) continue;
    wrong(p, text, len, "there are @hourly @daily @midnight @weekly @monthly @yearly @annually",
          "this word is not known");
    return NULL;
  }
  wrong_word(p, text, len);
  return NULL;
}

struct token {
  const char *at;
  size_t len;
};

#define TOKENS_MAX 8

static size_t split(const char *text, struct token out[TOKENS_MAX]) {
  size_t n = 0;
  for (;;) {
    while (is_blank(*text)) text++;
    if (*text == '\0') return n;
    size_t len = strcspn(text, " \t");
    if (n < TOKENS_MAX) out[n++] = (struct token){text, len};
    text += len;
  }
}

/* Whether it could be a field in some dialect of cron, rather than a command. */
static bool looks_like_field(const struct token *t) {
  return strspn(t->at, "0123456789*,-/?LWH#") >= t->len;
}

static int wrong_count(struct parser *p, const struct token *tokens, size_t n) {
  static const char order[] = "minute, hour, day of month, month, day of week: \"30 2 * * *\"";
  if (n == 0) return wrong(p, p->text, 1, order, "it is empty");
  const struct token *last = &tokens[n - 1];
  size_t whole = (size_t)(last->at + last->len - tokens[0].at);
  if (strncmp(tokens[0].at, "TZ=", 3) == 0 || strncmp(tokens[0].at, "CRON_TZ=", 8) == 0)
    return wrong(p, tokens[0].at, tokens[0].len, "write the zone in `timezone:`", "a zone is not part of it");
  if (n < FIELD_COUNT)
    return wrong(p, tokens[0].at, whole, order, "it has %zu field%s, not five", n, n == 1 ? "" : "s");
  const struct token *sixth = &tokens[FIELD_COUNT];
  if (n <= FIELD_COUNT + 2 && looks_like_field(sixth))
    return wrong(p, tokens[0].at, whole, "remove the field of the seconds; for less than a minute write `every: 30s`",
                 "it has %zu fields, not five", n);
  return wrong(p, sixth->at, (size_t)(last->at + last->len - sixth->at), "the command goes into `run:` of a task",
               "there is more after the five fields");
}

/* Where both the day of month and the day of week must match, or the day of week is free, some day of the months has
 * to exist. Every 29 February meets every weekday within 400 years, so that the weekday never prevents it. */
static int check_fires(struct parser *p, const struct cron *c, const struct token *day) {
  static const uint8_t length[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!c->both_days) return 0;
  for (int month = 1; month <= 12; month++) {
    uint32_t exist = (uint32_t)((UINT64_C(2) << length[month]) - 2);
    if (c->months >> month & 1 && c->days & exist) return 0;
  }
  p->field = &fields[FIELD_DAY];
  return wrong(p, day->at, day->len, "write a day that one of its months has",
               "no month of it has such a day, so it never fires");
}

static int parse_fields(struct parser *p, const struct token tokens[FIELD_COUNT], struct cron *out) {
  uint64_t bits[FIELD_COUNT];
  bool star[FIELD_COUNT];
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    p->field = &fields[i];
    p->at = tokens[i].at;
    p->end = tokens[i].at + tokens[i].len;
    star[i] = *p->at == '*';
    int rc = take_field(p, &bits[i]);
    if (rc < 0) return rc;
  }
  *out = (struct cron){.minutes = bits[FIELD_MINUTE],
                       .hours = (uint32_t)bits[FIELD_HOUR],
                       .days = (uint32_t)bits[FIELD_DAY],
                       .months = (uint16_t)bits[FIELD_MONTH],
                       .weekdays = (uint8_t)((bits[FIELD_WEEKDAY] | bits[FIELD_WEEKDAY] >> 7) & 0x7f),
                       .both_days = star[FIELD_DAY] || star[FIELD_WEEKDAY],
                       .elapsed_time = star[FIELD_MINUTE] || star[FIELD_HOUR]};
  return check_fires(p, out, &tokens[FIELD_DAY]);
}

int cron_parse(const char *text, struct cron *out, struct cron_fault *fault) {
  struct token tokens[TOKENS_MAX];
  memset(out, 0, sizeof *out);
  memset(fault, 0, sizeof *fault);
  struct parser p = {.text = text, .fault = fault};
  size_t n = split(text, tokens);
  if (n > 0 && *tokens[0].at == '@') {
    const char *expression = expand_word(&p, tokens[0].at);
    if (!expression) return ERR_INVALID;
    n = split(expression, tokens);
  }
  if (n != FIELD_COUNT) return wrong_count(&p, tokens, n);
  return parse_fields(&p, tokens, out);
}
