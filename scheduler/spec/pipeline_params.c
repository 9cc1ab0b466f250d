#include <stdio.h>
#include <string.h>

#include "scheduler/spec/pipeline_build.h"

#define PARAMS_MAX 1000
#define VALUES_MAX 1000 /* of an enum */

struct param_draft {
  struct param_spec *spec;
  const struct node *node, *items, *values, *min, *max;
  bool typed, is_enum;
};

/* Both of the same type, one that has an order. */
static int value_order(const struct value *a, const struct value *b) {
  switch (a->type) {
  case VALUE_FLOAT: return (a->number > b->number) - (a->number < b->number);
  case VALUE_DATE: return (a->days > b->days) - (a->days < b->days);
  case VALUE_DATETIME: return (a->at > b->at) - (a->at < b->at);
  case VALUE_DURATION: return (a->span > b->span) - (a->span < b->span);
  default: return (a->integer > b->integer) - (a->integer < b->integer);
  }
}

static bool type_ordered(enum value_type t) {
  return t == VALUE_INT || t == VALUE_FLOAT || t == VALUE_DATE || t == VALUE_DATETIME || t == VALUE_DURATION;
}

static bool bound_check(struct reader *r, const struct param_spec *spec, const struct node *n,
                        const struct value *v) {
  struct buf text = {0}, bound = {0};
  bool low = spec->has_min && value_order(v, &spec->min) < 0;
  bool high = spec->has_max && value_order(v, &spec->max) > 0;
  if (low || high) {
    value_text(v, &text);
    value_text(low ? &spec->min : &spec->max, &bound);
    diag_error(r->diags, n->place, NULL, "%s is %s the %s of parameter '%s', %s", buf_cstr(&text),
               low ? "below" : "over", low ? "min" : "max", spec->name, buf_cstr(&bound));
  }
  buf_release(&text);
  buf_release(&bound);
  return !low && !high;
}

bool param_check(struct reader *r, const struct param_spec *spec, const struct node *n, const struct value *v) {
  if (spec->values) {
    for (size_t i = 0; i < spec->values_len; i++)
      if (strcmp(spec->values[i], v->text.bytes) == 0) return true;
    char kind[64 + PIPELINE_NAME_MAX];
    snprintf(kind, sizeof kind, "value for parameter '%.128s':", spec->name);
    reader_unknown(r, n->place, kind, v->text.bytes, spec->values, spec->values_len);
    return false;
  }
  if (v->type != VALUE_LIST) return bound_check(r, spec, n, v);
  bool ok = true;
  const struct node *item = n->kind == NODE_LIST ? n->first : NULL;
  for (size_t i = 0; i < v->list.len; i++) {
    ok = bound_check(r, spec, item ? item : n, &v->list.items[i]) && ok;
    if (item) item = item->next;
  }
  return ok;
}

bool param_value(struct reader *r, const struct param_spec *spec, const struct node *n, struct value *out) {
  return reader_value(r, spec->name, spec->type, spec->items, n, out) && (r->lenient || param_check(r, spec, n, out));
}

static void read_type(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  d->typed = reader_type(r, key, n, &d->is_enum, &d->spec->type);
}

static void read_items(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  if (d->typed && d->spec->type != VALUE_LIST)
    diag_error(r->diags, n->key_place, "write type: list", "'items' is for lists");
  else
    reader_type(r, key, n, NULL, &d->spec->items);
}

static void read_values(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  struct texts words;
  d->values = n;
  if (d->typed && !d->is_enum) {
    diag_error(r->diags, n->key_place, "write type: enum", "'values' is for enums");
    return;
  }
  if (n->kind == NODE_LIST && n->len > VALUES_MAX) {
    diag_error(r->diags, n->place, NULL, "'values' has more than %d words", VALUES_MAX);
    return;
  }
  if (!reader_texts(r, key->name, n, &words)) return;
  for (size_t i = 1; i < words.len; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(words.items[i], words.items[k]) == 0)
        diag_error(r->diags, n->place, NULL, "the word '%s' stands twice in 'values'", words.items[i]);
  if (words.len == 0) diag_error(r->diags, n->place, NULL, "'values' is empty");
  d->spec->values = words.items;
  d->spec->values_len = words.len;
}

static void read_bound(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  struct param_spec *s = d->spec;
  bool is_min = key->name[1] == 'i';
  enum value_type type = s->type == VALUE_LIST ? s->items : s->type;
  if (!d->typed) return;
  if (!type_ordered(type)) {
    diag_error(r->diags, n->key_place, NULL, "'%s' doesn't fit the type %s", key->name,
               d->is_enum ? "enum" : value_type_word(type));
    return;
  }
  if (!reader_value(r, key->name, type, VALUE_STRING, n, is_min ? &s->min : &s->max)) return;
  *(is_min ? &s->has_min : &s->has_max) = true;
  if (s->has_min && s->has_max && value_order(&s->min, &s->max) > 0)
    diag_error(r->diags, n->place, NULL, "'min' of parameter '%s' is over its 'max'", s->name);
}

/* A default as text: a list or an object becomes its JSON, since a default is one template. */
static void default_literal(struct reader *r, struct param_spec *s, const struct node *n) {
  struct value v;
  struct buf text = {0};
  if (!param_value(r, s, n, &v)) return;
  s->default_literal = v;
  value_text(&v, &text);
  const struct template *t = template_parse(r->arena, buf_cstr(&text), n->text_place, r->diags);
  if (t) s->default_value = t;
  buf_release(&text);
}

/* Stands for a default that has been reported: the parameter isn't one without a default. */
static const struct template faulty = {.source = ""};

static void read_default(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  d->spec->default_value = &faulty;
  if (!d->typed) return;
  if (n->kind == NODE_SCALAR && strstr(n->text, "${{")) {
    const struct template *t = reader_template(r, key->name, n);
    if (t) d->spec->default_value = t;
    return;
  }
  struct buf json = {0};
  node_json(n, &json);
  if (strstr(buf_cstr(&json), "${{"))
    diag_error(r->diags, n->place, "write it as one expression: default: \"${{ [a, b] }}\"",
               "'${{ }}' doesn't work inside of a default that is a list or a map");
  else
    default_literal(r, d->spec, n);
  buf_release(&json);
}

static void read_help(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct param_draft *d = field;
  read_text(r, key, n, &d->spec->help);
}

static const struct field fields[] = {
    {KEY_PARAM_type, read_type, 0}, {KEY_PARAM_items, read_items, 0}, {KEY_PARAM_values, read_values, 0},
    {KEY_PARAM_min, read_bound, 0}, {KEY_PARAM_max, read_bound, 0},   {KEY_PARAM_default, read_default, 0},
    {KEY_PARAM_help, read_help, 0},
};

static void param_read(struct reader *r, const struct node *n, struct param_spec *spec) {
  struct param_draft draft = {.spec = spec, .node = n};
  spec->name = arena_strdup(r->arena, n->key);
  spec->place = n->key_place;
  spec->type = spec->items = VALUE_STRING;
  spec->default_literal.type = VALUE_ANY;
  if (!name_valid(n->key))
    diag_error(r->diags, n->key_place, "use letters, digits and '_', and begin with no digit",
               "'%s' can't be the name of a parameter", n->key);
  if (n->kind == NODE_SCALAR && !node_null(n)) {
    diag_error(r->diags, n->place,
               arena_fmt(&r->diags->arena, "write %s: {type: %s, default: %s}", n->key,
                         node_number(n) ? strpbrk(n->text, ".eE") ? "float" : "int" : "string", n->text),
               "parameter '%s' needs a map with its type", n->key);
    return;
  }
  if (!reader_map(r, n, SCOPE_PARAM, false, fields, sizeof fields / sizeof *fields, &draft)) return;
  if (draft.is_enum && !draft.values)
    diag_error(r->diags, n->key_place, "write values: [one, two]", "the enum '%s' has no 'values'", n->key);
}

void read_params(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct pipeline *p = field;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write NAME: {type: int, default: 5}", "'%s' needs a map of names, not %s",
               key->name, node_kind_word(n));
    return;
  }
  if (n->len > PARAMS_MAX) {
    diag_error(r->diags, n->key_place, NULL, "a pipeline has at most %d parameters", PARAMS_MAX);
    return;
  }
  struct param_spec *params = arena_new_array(r->arena, n->len, struct param_spec);
  size_t len = 0;
  for (const struct node *c = n->first; c; c = c->next)
    if (c->kind != NODE_BROKEN) param_read(r, c, &params[len++]);
  p->params = params;
  p->params_len = len;
}
