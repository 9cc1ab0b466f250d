/* The functions of the language, each with the check of its types and its work. */
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "scheduler/spec/expr/expr_eval.h"
#include "scheduler/spec/expr/format_date.h"

static bool wrong(struct arena *a, const char **why, const char *function, const char *wanted,
                  const struct expr_type *given) {
  *why = arena_fmt(a, "%s() takes %s, not %s", function, wanted, value_type_word(given->type));
  return false;
}

static bool may_be(const struct expr_type *t, enum value_type type) {
  return t->type == type || t->type == VALUE_ANY;
}

static bool numeric(enum value_type type) {
  return type == VALUE_INT || type == VALUE_FLOAT;
}

/* --- success(), failure(), always() ------------------------------------------------------------------------------
 */

static bool check_status(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                         const char **why) {
  (void)args, (void)count, (void)a, (void)why;
  *out = (struct expr_type){.type = VALUE_BOOL};
  return true;
}

static int call_success(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)args, (void)count;
  *out = value_bool(e->scope->success);
  return 0;
}

static int call_failure(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)args, (void)count;
  *out = value_bool(e->scope->failure);
  return 0;
}

static int call_always(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)args, (void)count;
  *out = value_bool(!e->scope->cancelled);
  return 0;
}

/* --- Dates -------------------------------------------------------------------------------------------------------
 */

static bool check_day(const struct expr_type *t, const char *function, struct arena *a, const char **why) {
  const struct expr_node *n = t->literal;
  struct value ignored;
  if (n && n->literal.type == VALUE_STRING)
    return value_convert(a, VALUE_DATE, VALUE_ANY, &n->literal, &ignored, why) == 0;
  bool ok = may_be(t, VALUE_DATE) || t->type == VALUE_DATETIME || t->type == VALUE_STRING;
  return ok || wrong(a, why, function, "a date first", t);
}

/* A text is read as a date. */
static int take_day(struct expr_eval *e, const char *function, const struct value *v, struct value *out) {
  const char *why = NULL;
  *out = *v;
  if (v->type == VALUE_DATE || v->type == VALUE_DATETIME) return 0;
  if (v->type != VALUE_STRING) return eval_fail(e, "%s() takes a date, not %s", function, value_type_word(v->type));
  int rc = value_convert(e->arena, VALUE_DATE, VALUE_ANY, v, out, &why);
  return rc < 0 ? eval_fail(e, "%s", why) : 0;
}

static bool check_date_add(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                           const char **why) {
  (void)count;
  if (!check_day(&args[0], "date_add", a, why)) return false;
  if (!may_be(&args[1], VALUE_INT)) return wrong(a, why, "date_add", "a whole number of days second", &args[1]);
  enum value_type type = args[0].type;
  *out = (struct expr_type){.type = type == VALUE_STRING ? VALUE_DATE : type};
  return true;
}

static int call_date_add(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)count;
  int rc = take_day(e, "date_add", &args[0], out);
  if (rc < 0) return rc;
  if (args[1].type != VALUE_INT)
    return eval_fail(e, "date_add() takes a whole number of days, not %s", value_type_word(args[1].type));
  int64_t days = args[1].integer;
  bool fits = days >= -4000000 && days <= 4000000; /* more than there are between the years 1 and 9999 */
  if (fits && out->type == VALUE_DATE) {
    out->days += days;
    fits = eval_days_valid(out->days);
  } else if (fits) {
    fits = !__builtin_add_overflow(out->at, days * USEC_PER_DAY, &out->at) && eval_instant_valid(out->at);
  }
  return fits ? 0 : eval_fail(e, "the result is beyond the years 1 to 9999");
}

static bool check_format_date(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                              const char **why) {
  (void)count;
  if (!check_day(&args[0], "format_date", a, why)) return false;
  if (!may_be(&args[1], VALUE_STRING)) return wrong(a, why, "format_date", "a text second", &args[1]);
  const struct expr_node *n = args[1].literal;
  char fault = n ? format_date_fault(n->literal.text.bytes) : '\0';
  if (fault) *why = arena_fmt(a, "format_date() doesn't know %%%s", value_quoted(a, &fault, 1));
  *out = (struct expr_type){.type = VALUE_STRING};
  return fault == '\0';
}

static int call_format_date(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)count;
  struct value day;
  int rc = take_day(e, "format_date", &args[0], &day);
  if (rc < 0) return rc;
  if (args[1].type != VALUE_STRING)
    return eval_fail(e, "format_date() takes a text, not %s", value_type_word(args[1].type));
  char fault = format_date_fault(args[1].text.bytes);
  if (fault) return eval_fail(e, "format_date() doesn't know %%%s", value_quoted(e->arena, &fault, 1));
  if (args[1].text.len > EXPR_VALUE_MAX / 16) return eval_fail(e, "the text of format_date() is too long");
  const struct scope_run *run = &e->scope->run;
  struct civil c = {0};
  if (day.type == VALUE_DATE)
    civil_from_days(day.days, &c.year, &c.month, &c.day);
  else
    c = civil_from_instant(day.at, day.at == run->interval_start ? run->interval_offset_s : run->scheduled_offset_s);
  struct buf text = {0};
  format_date(&c, args[1].text.bytes, &text);
  rc = eval_spend(e, text.len);
  if (rc == 0) *out = value_string(e->arena, buf_cstr(&text));
  buf_release(&text);
  return rc;
}

/* --- len, min, max, abs, default ---------------------------------------------------------------------------------
 */

static bool check_len(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                      const char **why) {
  (void)count;
  *out = (struct expr_type){.type = VALUE_INT};
  if (may_be(&args[0], VALUE_STRING) || args[0].type == VALUE_LIST) return true;
  return wrong(a, why, "len", "a text or a list", &args[0]);
}

static int call_len(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)count;
  if (args[0].type == VALUE_LIST) {
    *out = value_int((int64_t)args[0].list.len);
    return 0;
  }
  if (args[0].type != VALUE_STRING)
    return eval_fail(e, "len() takes a text or a list, not %s", value_type_word(args[0].type));
  int64_t points = 0;
  for (size_t i = 0; i < args[0].text.len; i++) points += ((unsigned char)args[0].text.bytes[i] & 0xc0) != 0x80;
  *out = value_int(points);
  return 0;
}

static bool check_extreme(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                          const char **why) {
  bool list = count == 1 && args[0].type == VALUE_LIST;
  enum value_type type = list ? args[0].items : args[0].type;
  if (count == 1 && !list && args[0].type != VALUE_ANY) {
    *why = arena_fmt(a, "one value alone must be a list, not %s", value_type_word(type));
    return false;
  }
  for (size_t i = 0; i < count && !list; i++) {
    enum value_type other = args[i].type;
    bool numbers = numeric(type) && numeric(other);
    if (type != other && type != VALUE_ANY && other != VALUE_ANY && !numbers) {
      *why = arena_fmt(a, "%s doesn't compare with %s", value_type_word(type), value_type_word(other));
      return false;
    }
    if (numbers && type != other) type = VALUE_FLOAT;
    if (other == VALUE_ANY) type = VALUE_ANY;
  }
  *out = (struct expr_type){.type = type};
  if (type == VALUE_ANY || expr_types_compare(type, type, true)) return true;
  *why = arena_fmt(a, "there is no order of values of type %s", value_type_word(type));
  return false;
}

static int extreme(struct expr_eval *e, const char *name, int sign, const struct value *args, size_t count,
                   struct value *out) {
  if (count == 1) {
    if (args[0].type != VALUE_LIST) return eval_fail(e, "%s() of one value takes a list", name);
    count = args[0].list.len;
    args = args[0].list.items;
  }
  if (count == 0) return eval_fail(e, "%s() of an empty list", name);
  bool widen = false;
  *out = args[0];
  for (size_t i = 0; i < count; i++) {
    int order = 0, rc;
    if (args[i].type == VALUE_NULL) return eval_fail(e, "%s(): value %zu is null", name, i + 1);
    if (args[i].type != args[0].type && !(numeric(args[i].type) && numeric(args[0].type)))
      return eval_fail(e, "%s doesn't compare with %s", value_type_word(args[0].type), value_type_word(args[i].type));
    if ((rc = eval_compare(e, &args[i], out, true, &order)) < 0) return rc;
    if (order * sign > 0) *out = args[i];
    widen |= args[i].type == VALUE_FLOAT;
  }
  if (widen && out->type == VALUE_INT) *out = value_float((double)out->integer);
  return 0;
}

static int call_min(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  return extreme(e, "min", -1, args, count, out);
}

static int call_max(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  return extreme(e, "max", 1, args, count, out);
}

static bool check_abs(const struct expr_type *args, size_t count, struct arena *a, struct expr_type *out,
                      const char **why) {
  (void)count;
  *out = (struct expr_type){.type = args[0].type};
  return numeric(args[0].type) || args[0].type == VALUE_ANY || wrong(a, why, "abs", "a number", &args[0]);
}

static int call_abs(struct expr_eval *e, const struct value *args, size_t count, struct value *out) {
  (void)count;
  if (!numeric(args[0].type)) return eval_fail(e, "abs() takes a number, not %s", value_type_word(args[0].type));
  *out = args[0];
  bool negative = args[0].type == VALUE_INT ? args[0].integer < 0 : args[0].number < 0;
  return negative ? eval_negate(e, &args[0], out) : 0;
}

/* --- The table ---------------------------------------------------------------------------------------------------
 */

#define MANY UINT32_MAX

static const struct expr_function functions[] = {
    {"success", "success()", 0, 0, true, check_status, call_success},
    {"failure", "failure()", 0, 0, true, check_status, call_failure},
    {"always", "always()", 0, 0, true, check_status, call_always},
    {"date_add", "date_add(date, days)", 2, 2, false, check_date_add, call_date_add},
    {"format_date", "format_date(date, '%Y-%m-%d')", 2, 2, false, check_format_date, call_format_date},
    {"len", "len(text or list)", 1, 1, false, check_len, call_len},
    {"min", "min(list) or min(a, b, ...)", 1, MANY, false, check_extreme, call_min},
    {"max", "max(list) or max(a, b, ...)", 1, MANY, false, check_extreme, call_max},
    {"abs", "abs(number)", 1, 1, false, check_abs, call_abs},
    {"default", "default(value, other)", 2, 2, false, NULL, NULL},
};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

const struct expr_function *expr_function(const char *name) {
  for (size_t i = 0; i < FUNCTIONS; i++) {
    if (strcmp(functions[i].name, name) == 0) return &functions[i];
  }
  return NULL;
}

size_t expr_function_names(const char **names, size_t room) {
  size_t count = FUNCTIONS < room ? FUNCTIONS : room;
  for (size_t i = 0; i < count; i++) names[i] = functions[i].name;
  return count;
}
