/* Settings that may be expressions, resolved for one run or task. */
#include "base/err.h"
#include "scheduler/spec/scope.h"

static int setting_value(const struct template *t, const struct scope *s, struct arena *a, enum value_type type,
                         struct value *out, const char **message) {
  if (template_literal(t)) return value_parse(a, type, VALUE_ANY, t->parts[0].text, out, message);
  struct value v;
  int rc = template_eval(t, s, a, &v, message);
  if (rc < 0) return rc;
  if (v.type == VALUE_NULL && t->len == 1 && t->parts[0].expr)
    return expr_eval_value(t->parts[0].expr, s, a, out, message);
  /* Several pieces make a text, which is read as if it had been written so: "${{ params.minutes }}m". */
  if (t->len > 1) return value_parse(a, type, VALUE_ANY, v.text.bytes, out, message);
  return value_convert(a, type, VALUE_ANY, &v, out, message);
}

int setting_duration(const struct template *t, const struct scope *s, struct arena *a, duration fallback,
                     duration *out, const char **message) {
  *out = fallback;
  if (!t) return 0;
  struct value v;
  int rc = setting_value(t, s, a, VALUE_DURATION, &v, message);
  if (rc == 0) *out = v.span;
  return rc;
}

int setting_int(const struct template *t, const struct scope *s, struct arena *a, int64_t fallback, int64_t min,
                int64_t max, int64_t *out, const char **message) {
  *out = fallback;
  if (!t) return 0;
  struct value v;
  int rc = setting_value(t, s, a, VALUE_INT, &v, message);
  if (rc < 0) return rc;
  if (v.integer < min || v.integer > max) {
    *message = arena_fmt(a, "expected a whole number from %lld to %lld, not %lld", (long long)min, (long long)max,
                         (long long)v.integer);
    return ERR_INVALID;
  }
  *out = v.integer;
  return 0;
}

int setting_float(const struct template *t, const struct scope *s, struct arena *a, double fallback, double *out,
                  const char **message) {
  *out = fallback;
  if (!t) return 0;
  struct value v;
  int rc = setting_value(t, s, a, VALUE_FLOAT, &v, message);
  if (rc == 0) *out = v.number;
  return rc;
}

int setting_text(const struct template *t, const struct scope *s, struct arena *a, const char **out,
                 const char **message) {
  *out = NULL;
  if (!t) return 0;
  if (template_literal(t)) {
    *out = t->parts[0].text;
    return 0;
  }
  struct value v;
  int rc = template_eval(t, s, a, &v, message);
  if (rc < 0) return rc;
  if (v.type == VALUE_NULL && t->len == 1) rc = expr_eval_value(t->parts[0].expr, s, a, &v, message);
  if (rc < 0) return rc;
  if (v.type == VALUE_STRING || v.type == VALUE_JSON) {
    *out = v.text.bytes;
    return 0;
  }
  struct buf text = {0};
  value_text(&v, &text);
  *out = arena_strndup(a, buf_cstr(&text), text.len);
  buf_release(&text);
  return 0;
}
