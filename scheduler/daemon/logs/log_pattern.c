#include "scheduler/daemon/logs/log_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/instant.h"

#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 1000
#define HEAP_KB     4096
#define STACK_MIN   ((size_t)32 * 1024)
#define STACK_MAX   ((size_t)256 * 1024)
#define TIME_MAX    (5 * USEC_PER_SEC)
#define GAVE_UP_MAX 200
#define RUNS_A_LOOK 64 /* at the clock */

/* Compiled code with what it needs to run. */
struct machine {
  pcre2_code *code;
  pcre2_match_data *data;
  bool fast; /* there is machine code for it */
};

struct log_pattern {
  char *needle; /* a text that every match contains; NULL if none is known */
  size_t needle_len;
  struct machine folded; /* finds the needle in any case; without code memmem does */
  struct machine regex;  /* without code the needle is all that is looked for */
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  uint64_t gave_up, runs;
  int64_t until; /* monotonic */
};

/* ---- what an expression can't do without ---- */

/* Behind a class or group that begins at `at`. */
static const char *class_skip(const char *at) {
  at += at[1] == '^' ? 2 : 1;
  if (*at == ']') at++;
  while (*at && *at != ']') {
    if (*at == '[' && at[1] == ':') {
      const char *end = strstr(at, ":]");
      if (end) at = end + 1;
    }
    at += at[0] == '\\' && at[1] ? 2 : 1;
  }
  return *at ? at + 1 : at;
}

static const char *group_skip(const char *at) {
  int depth = 0;
  while (*at) {
    if (*at == '\\' && at[1]) {
      at += 2;
    } else if (*at == '[') {
      at = class_skip(at);
    } else {
      depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
      at++;
      if (depth == 0) break;
    }
  }
  return at;
}

struct run {
  char text[LOG_PATTERN_MAX + 1], best[LOG_PATTERN_MAX + 1];
  size_t len, best_len;
};

static void run_end(struct run *r) {
  if (r->len > r->best_len) {
    memcpy(r->best, r->text, r->len);
    r->best_len = r->len;
  }
  r->len = 0;
}

/* A character that may be missing, or come often: what stands before it still counts. */
static void run_doubt(struct run *r, char quantifier) {
  char last = r->len ? r->text[r->len - 1] : '\0';
  if (quantifier != '+' && r->len) {
    r->len--;
    while (r->len && ((unsigned char)last & 0xc0) == 0x80) last = r->text[--r->len];
  }
  run_end(r);
}

/* Of what may be a quantifier, "{2,3}"; of a brace that stands for itself it is the brace alone. */
static size_t braces_len(const char *at) {
  size_t inside = strspn(at + 1, "0123456789, ");
  return at[1 + inside] == '}' ? inside + 2 : 1;
}

/* The longest run of plain characters outside all groups, if the expression is of a kind that this can judge: without
 * alternatives there, options, comments and quoting. False says that nothing is known. */
static bool needle_of(const char *text, struct run *r) {
  *r = (struct run){0};
  if (strstr(text, "(?") || strstr(text, "(*") || strstr(text, "\\Q")) return false;
  for (const char *at = text; *at;) {
    unsigned char c = (unsigned char)*at;
    if (c == '|') return false;
    if (c == '(' || c == '[') {
      run_end(r);
      at = c == '(' ? group_skip(at) : class_skip(at);
    } else if (c == '*' || c == '?' || c == '+' || c == '{') {
      run_doubt(r, *at);
      at += c == '{' ? braces_len(at) : 1;
    } else if (c == '\\' && at[1] && strchr(".[](){}*+?^$|\\/-", at[1])) {
      r->text[r->len++] = at[1];
      at += 2;
    } else if (c == '\\' || c == '.' || c == '^' || c == '$') {
      /* What follows a letter behind a backslash may belong to it: \x41, \p{Lu}, \g1. */
      run_end(r);
      if (c == '\\' && at[1] && !strchr("dDwWsSbB", at[1])) return false;
      at += c == '\\' && at[1] ? 2 : 1;
    } else {
      r->text[r->len++] = (char)c;
      at++;
    }
  }
  run_end(r);
  return r->best_len >= 2;
}

/* ---- making ---- */

static int machine_make(struct machine *m, const char *text, size_t len, uint32_t options,
                        struct log_pattern_fault *fault) {
  int code;
  PCRE2_SIZE at;
  uint32_t all = options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  if (options & PCRE2_LITERAL) all &= ~(uint32_t)PCRE2_NEVER_BACKSLASH_C;
  m->code = pcre2_compile((PCRE2_SPTR)text, len, all, &code, &at, NULL);
  if (!m->code) {
    *fault = (struct log_pattern_fault){.column = at + 1};
    pcre2_get_error_message(code, (PCRE2_UCHAR *)fault->text, sizeof fault->text);
    return -1;
  }
  m->fast = pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE) == 0;
  m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
  return m->data ? 0 : -1;
}

static void machine_release(struct machine *m) {
  pcre2_match_data_free(m->data);
  pcre2_code_free(m->code);
}

static int context_make(struct log_pattern *p) {
  p->context = pcre2_match_context_create(NULL);
  p->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
  if (!p->context) return -1;
  pcre2_set_match_limit(p->context, MATCH_LIMIT);
  pcre2_set_depth_limit(p->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(p->context, HEAP_KB);
  if (p->stack) pcre2_jit_stack_assign(p->context, NULL, p->stack);
  return 0;
}

static bool ascii(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)text[i] >= 0x80) return false;
  }
  return true;
}

static int parts_make(struct log_pattern *p, const char *text, bool regex, bool match_case,
                      struct log_pattern_fault *fault) {
  struct run *r = alloc_new(struct run);
  bool known = !regex || needle_of(text, r);
  int rc = 0;
  if (known) {
    p->needle = alloc_strdup(regex ? r->best : text);
    p->needle_len = strlen(p->needle);
  }
  if (known && !match_case) {
    rc = machine_make(&p->folded, p->needle, p->needle_len, PCRE2_LITERAL | PCRE2_CASELESS, fault);
  }
  if (rc == 0 && regex) {
    uint32_t fold = match_case ? 0 : PCRE2_CASELESS;
    rc = machine_make(&p->regex, text, strlen(text), fold | (ascii(text, strlen(text)) ? 0 : PCRE2_UCP), fault);
  }
  free(r);
  return rc;
}

struct log_pattern *log_pattern_new(const char *text, bool regex, bool match_case, struct log_pattern_fault *fault) {
  size_t len = strlen(text);
  *fault = (struct log_pattern_fault){.text = "no memory for it"};
  const char *wrong = len == 0                            ? "there is nothing to look for"
                      : len > LOG_PATTERN_MAX             ? "it is longer than 1,024 bytes"
                      : !regex && memchr(text, '\n', len) ? "a line has no line break in it"
                                                          : NULL;
  if (wrong) {
    snprintf(fault->text, sizeof fault->text, "%s", wrong);
    return NULL;
  }
  struct log_pattern *p = alloc_new(struct log_pattern);
  p->until = clock_monotonic() + TIME_MAX;
  if (context_make(p) == 0 && parts_make(p, text, regex, match_case, fault) == 0) return p;
  log_pattern_free(p);
  return NULL;
}

void log_pattern_free(struct log_pattern *p) {
  if (!p) return;
  machine_release(&p->folded);
  machine_release(&p->regex);
  pcre2_jit_stack_free(p->stack);
  pcre2_match_context_free(p->context);
  free(p->needle);
  free(p);
}

uint64_t log_pattern_gave_up(const struct log_pattern *p) {
  return p->gave_up;
}

/* ---- finding ---- */

/* Whether the expression has shown that it leads nowhere: by lines given up, or by the time that all of it took. */
static bool astray(struct log_pattern *p) {
  if (++p->runs % RUNS_A_LOOK == 0 && clock_monotonic() > p->until) p->gave_up += GAVE_UP_MAX;
  return p->gave_up >= GAVE_UP_MAX;
}

/* A match of nothing isn't one. */
static bool machine_run(struct log_pattern *p, struct machine *m, const char *bytes, size_t len, size_t from,
                        struct log_hit *hit) {
  PCRE2_SPTR subject = (PCRE2_SPTR)bytes;
  int rc = m->fast ? pcre2_jit_match(m->code, subject, len, from, PCRE2_NOTEMPTY, m->data, p->context)
                   : pcre2_match(m->code, subject, len, from, PCRE2_NOTEMPTY, m->data, p->context);
  if (rc == PCRE2_ERROR_NOMATCH) return false;
  if (rc < 0) {
    p->gave_up++;
    return false;
  }
  const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
  *hit = (struct log_hit){at[0], at[1]};
  return hit->end > hit->begin; /* \K within an assertion can turn them round */
}

static bool needle_next(struct log_pattern *p, const char *bytes, size_t len, size_t from, struct log_hit *hit) {
  if (p->folded.code) return machine_run(p, &p->folded, bytes, len, from, hit);
  const char *at = memmem(bytes + from, len - from, p->needle, p->needle_len);
  if (at) *hit = (struct log_hit){(size_t)(at - bytes), (size_t)(at - bytes) + p->needle_len};
  return at != NULL;
}

static bool pattern_next(void *ctx, const char *bytes, size_t len, size_t from, struct log_hit *hit) {
  struct log_pattern *p = ctx;
  if (!p->regex.code) return needle_next(p, bytes, len, from, hit);
  bool begun = from > 0 && bytes[from - 1] != '\n'; /* within a line, behind a former hit */
  while (from < len) {
    size_t at = from, end;
    if (p->needle && !begun) {
      if (!needle_next(p, bytes, len, from, hit)) return false;
      at = hit->begin;
    }
    size_t begin = log_line_bounds(bytes, len, at, &end);
    size_t whole = end > begin && bytes[end - 1] == '\r' ? end - 1 : end;
    if ((!begun || from <= whole) && !astray(p) &&
        machine_run(p, &p->regex, bytes + begin, whole - begin, begun ? from - begin : 0, hit)) {
      *hit = (struct log_hit){begin + hit->begin, begin + hit->end};
      return true;
    }
    from = end + 1;
    begun = false;
  }
  return false;
}

struct log_finder log_pattern_finder(struct log_pattern *p) {
  return (struct log_finder){p, pattern_next};
}
