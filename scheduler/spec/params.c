/* The parameters of a new run: what was given, what the schedule says, what the pipeline says. */
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "scheduler/spec/expr/expr_ast.h"
#include "scheduler/spec/scope.h"

struct resolver {
  const struct scope *scope; /* without parameters: a default may use run.* alone */
  struct arena *arena;
  struct diag_list *diags;
};

static const struct diag_place nowhere = {0};

static int value_order(const struct value *l, const struct value *r) {
  if (l->type == VALUE_INT && r->type == VALUE_INT) return l->integer < r->integer ? -1 : l->integer > r->integer;
  if (l->type == VALUE_INT || l->type == VALUE_FLOAT) {
    double a = l->type == VALUE_INT ? (double)l->integer : l->number;
    double b = r->type == VALUE_INT ? (double)r->integer : r->number;
    return a < b ? -1 : a > b;
  }
  int64_t a = l->type == VALUE_DATE ? l->days : l->type == VALUE_DATETIME ? l->at : l->span;
  int64_t b = r->type == VALUE_DATE ? r->days : r->type == VALUE_DATETIME ? r->at : r->span;
  return a < b ? -1 : a > b;
}

static const char *shown(struct arena *a, const struct value *v) {
  struct buf text = {0};
  value_text(v, &text);
  const char *out = value_quoted(a, buf_cstr(&text), text.len);
  buf_release(&text);
  return out;
}

static int wrong(struct resolver *r, const struct param_spec *p, const char *help, const char *why) {
  diag_error(r->diags, nowhere, help ? help : p->help, "parameter '%s': %s", p->name, why);
  return ERR_INVALID;
}

/* One value, or one item of a list, against the bounds and the listed values. */
static int check_one(struct resolver *r, const struct param_spec *p, const struct value *v) {
  if (p->has_min && value_order(v, &p->min) < 0) {
    return wrong(
        r, p, NULL,
        arena_fmt(r->arena, "%s is less than its least value, %s", shown(r->arena, v), shown(r->arena, &p->min)));
  }
  if (p->has_max && value_order(v, &p->max) > 0) {
    return wrong(
        r, p, NULL,
        arena_fmt(r->arena, "%s is more than its greatest value, %s", shown(r->arena, v), shown(r->arena, &p->max)));
  }
  if (!p->values_len || v->type != VALUE_STRING) return 0;
  for (size_t i = 0; i < p->values_len; i++) {
    if (strcmp(p->values[i], v->text.bytes) == 0) return 0;
  }
  const char *help = expr_suggest(r->arena, v->text.bytes, p->values, p->values_len);
  return wrong(r, p, help, arena_fmt(r->arena, "%s is none of its values", shown(r->arena, v)));
}

static int check_value(struct resolver *r, const struct param_spec *p, const struct value *v) {
  if (v->type == VALUE_NULL) return p->type == VALUE_JSON ? 0 : wrong(r, p, NULL, "it has no value");
  if (value_size(v) > PARAM_VALUE_MAX + sizeof *v)
    return wrong(r, p, NULL, arena_fmt(r->arena, "its value is over %d bytes", PARAM_VALUE_MAX));
  if (v->type != VALUE_LIST) return check_one(r, p, v);
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < v->list.len; i++) rc = check_one(r, p, &v->list.items[i]);
  return rc;
}

static int take_given(struct resolver *r, const struct param_spec *p, const struct param_given *given,
                      struct value *out) {
  const char *why = NULL;
  int rc;
  if (given->text && strlen(given->text) > PARAM_VALUE_MAX)
    return wrong(r, p, NULL, arena_fmt(r->arena, "its value is over %d bytes", PARAM_VALUE_MAX));
  if (given->text)
    rc = value_parse(r->arena, p->type, p->items, given->text, out, &why);
  else
    rc = value_convert(r->arena, p->type, p->items, &given->value, out, &why);
  if (rc < 0) return wrong(r, p, NULL, why);
  if (!given->text) *out = value_copy(r->arena, out);
  return check_value(r, p, out);
}

static int take_default(struct resolver *r, const struct param_spec *p, struct value *out) {
  const char *why = NULL;
  struct value v = p->default_literal;
  int rc = 0;
  if (v.type == VALUE_ANY && p->default_value) rc = template_eval(p->default_value, r->scope, r->arena, &v, &why);
  bool text = p->default_value && template_literal(p->default_value) && v.type == VALUE_STRING;
  if (rc == 0 && text)
    rc = value_parse(r->arena, p->type, p->items, v.text.bytes, out, &why);
  else if (rc == 0)
    rc = value_convert(r->arena, p->type, p->items, &v, out, &why);
  if (rc < 0) return wrong(r, p, NULL, arena_fmt(r->arena, "its default: %s", why));
  *out = value_copy(r->arena, out);
  return check_value(r, p, out);
}

static int take(struct resolver *r, size_t i, const struct param_given *given, const struct value *scheduled,
                struct value *out) {
  const struct param_spec *p = &r->scope->pipeline->params[i];
  if (given) return take_given(r, p, given, out);
  if (scheduled) {
    const struct param_given of_schedule = {.name = p->name, .value = *scheduled};
    return take_given(r, p, &of_schedule, out);
  }
  if (p->default_value || p->default_literal.type != VALUE_ANY) return take_default(r, p, out);
  const char *help = p->help ? p->help : arena_fmt(r->arena, "give it with -p %s=VALUE", p->name);
  diag_error(r->diags, nowhere, help, "parameter '%s' must be given", p->name);
  return ERR_INVALID;
}

static void unknown(struct resolver *r, const char *name) {
  const struct pipeline *p = r->scope->pipeline;
  const char *help = NULL;
  if (r->diags->errors < DIAG_MAX) {
    const char **names = arena_new_array(r->arena, p->params_len, const char *);
    for (size_t i = 0; i < p->params_len; i++) names[i] = p->params[i].name;
    help = p->params_len ? expr_suggest(r->arena, name, names, p->params_len) : "the pipeline has no parameters";
  }
  diag_error(r->diags, nowhere, help, "unknown parameter %s", value_quoted(r->arena, name, strlen(name)));
}

/* Puts what was given in its parameter's place; by a map, since both may be many. */
static int choose(struct resolver *r, const struct param_given *given, size_t len,
                  const struct param_given **chosen) {
  const struct pipeline *p = r->scope->pipeline;
  struct map places = {0};
  int rc = 0;
  for (size_t i = 0; len > 0 && i < p->params_len; i++) map_put(&places, p->params[i].name, &chosen[i]);
  for (size_t i = 0; i < len; i++) {
    const struct param_given **place = map_get(&places, given[i].name);
    if (place) {
      *place = &given[i];
    } else {
      unknown(r, given[i].name);
      rc = ERR_INVALID;
    }
  }
  map_release(&places);
  return rc;
}

int params_resolve(const struct scope *s, const struct param_given *given, size_t given_len,
                   const struct schedule_spec *schedule, struct arena *a, struct value *out,
                   struct diag_list *diags) {
  struct scope bare = *s;
  bare.params = bare.matrix = NULL;
  struct resolver r = {&bare, a, diags};
  const struct pipeline *p = s->pipeline;
  const struct param_given **chosen = arena_new_array(a, p->params_len, const struct param_given *);
  const struct value **scheduled = arena_new_array(a, p->params_len, const struct value *);
  int rc = choose(&r, given, given_len, chosen);
  for (size_t k = 0; schedule && k < schedule->params_len; k++) {
    if (schedule->params[k].param < p->params_len) scheduled[schedule->params[k].param] = &schedule->params[k].value;
  }
  for (size_t i = 0; i < p->params_len; i++) {
    out[i] = value_null();
    if (take(&r, i, chosen[i], scheduled[i], &out[i]) < 0) rc = ERR_INVALID;
  }
  return rc;
}
