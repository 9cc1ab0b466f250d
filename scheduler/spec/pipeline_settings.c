/* The keys of a task whose values are maps: matrix, outputs, slots, retries, unreachable. */
#include <string.h>

#include "scheduler/spec/config.h"
#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/matrix.h"
#include "scheduler/spec/pipeline_tasks.h"

#define OUTPUTS_MAX 1000 /* of a task */

static bool map_wanted(struct reader *r, const char *what, const struct node *n, const char *example) {
  if (n->kind == NODE_MAP) return true;
  if (n->kind != NODE_BROKEN)
    diag_error(r->diags, n->place, example, "'%s' needs a map, not %s", what, node_kind_word(n));
  return false;
}

static bool name_check(struct reader *r, const struct node *n, const char *kind) {
  if (name_valid(n->key)) return true;
  diag_error(r->diags, n->key_place, "use letters, digits and '_', and begin with no digit",
             "'%s' can't be the name of %s", n->key, kind);
  return false;
}

static bool axis_read(struct reader *r, const struct node *n, struct matrix_axis *axis) {
  struct templates items = {0};
  if (n->kind == NODE_BROKEN || !name_check(r, n, "a matrix value")) return false;
  axis->name = arena_strdup(r->arena, n->key);
  if (n->kind == NODE_SCALAR) {
    if (!reader_scalar(r, n->key, n)) return false;
    axis->whole = reader_template(r, n->key, n);
    if (axis->whole && template_literal(axis->whole)) {
      diag_error(r->diags, n->place,
                 arena_fmt(&r->diags->arena, "write %s: [%s], or an expression that gives a list", n->key, n->text),
                 "'%s' needs a list of values", n->key);
      return false;
    }
    return axis->whole != NULL;
  }
  if (n->kind == NODE_LIST && n->len == 0)
    return (axis->items = arena_new_array(r->arena, 1, const struct template *)), true;
  if (!reader_templates(r, n->key, n, &items)) return false;
  axis->items = items.items;
  axis->items_len = items.len;
  return true;
}

void read_matrix(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  if (!map_wanted(r, key->name, n, "write matrix: {name: [1, 2]}")) return;
  if (n->len > MATRIX_AXES_MAX) {
    diag_error(r->diags, n->key_place, NULL, "a matrix has at most %d keys", MATRIX_AXES_MAX);
    return;
  }
  struct matrix_axis *axes = arena_new_array(r->arena, n->len ? n->len : 1, struct matrix_axis);
  size_t len = 0, product = 1;
  for (const struct node *c = n->first; c; c = c->next)
    if (axis_read(r, c, &axes[len])) {
      if (axes[len].items && product <= PIPELINE_TASKS_MAX) product *= axes[len].items_len;
      len++;
    }
  if (n->len == 0) diag_error(r->diags, n->place, "write matrix: {name: [1, 2]}", "'matrix' is empty");
  if (product > PIPELINE_TASKS_MAX && !r->lenient)
    diag_error(r->diags, n->key_place, NULL, "the matrix has more than 10,000 instances");
  t->matrix = axes;
  t->matrix_len = len;
}

static void read_output_type(struct reader *r, const struct key *key, const struct node *n, void *field) {
  reader_type(r, key, n, NULL, field);
}

static const struct field output_fields[] = {
    {KEY_OUTPUT_type, read_output_type, offsetof(struct output_spec, type)},
    {KEY_OUTPUT_items, read_output_type, offsetof(struct output_spec, items)},
};

void read_outputs(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  if (!map_wanted(r, key->name, n, "write outputs: {rows: int}")) return;
  if (n->len > OUTPUTS_MAX) {
    diag_error(r->diags, n->key_place, NULL, "a task has at most %d outputs", OUTPUTS_MAX);
    return;
  }
  struct output_spec *outputs = arena_new_array(r->arena, n->len, struct output_spec);
  size_t len = 0;
  for (const struct node *c = n->first; c; c = c->next) {
    struct output_spec *o = &outputs[len];
    *o = (struct output_spec){.type = VALUE_STRING, .items = VALUE_STRING};
    if (c->kind == NODE_BROKEN || !name_check(r, c, "an output")) continue;
    if (c->kind == NODE_MAP)
      reader_map(r, c, SCOPE_OUTPUT, false, output_fields, sizeof output_fields / sizeof *output_fields, o);
    else
      reader_type(r, key_at(KEY_OUTPUT_type), c, NULL, &o->type);
    o->name = arena_strdup(r->arena, c->key);
    len++;
  }
  t->outputs = outputs;
  t->outputs_len = len;
}

static bool name_among(const char *const *names, size_t count, const char *name) {
  size_t i = 0;
  while (i < count && strcmp(names[i], name) != 0) i++;
  return i < count;
}

/* Several hosts may have the same slot: it is listed once. */
static bool units_have(const struct config_slot *slots, size_t len, const char *name, const char **names,
                       size_t *count) {
  bool found = false;
  for (size_t i = 0; i < len; i++) {
    found = found || strcmp(slots[i].name, name) == 0;
    if (*count < 64 && !name_among(names, *count, slots[i].name)) names[(*count)++] = slots[i].name;
  }
  return found;
}

/* A slot that neither a host nor the limits of the configuration have. */
static void slot_known(struct reader *r, const struct node *n) {
  const struct builder *b = builder_of(r);
  const char *names[64];
  size_t count = 0;
  bool found = false;
  if (!b->config || b->local || r->lenient) return;
  for (size_t i = 0; i < b->config->hosts_len; i++)
    found = units_have(b->config->hosts[i].slots, b->config->hosts[i].slots_len, n->key, names, &count) || found;
  found = units_have(b->config->limits, b->config->limits_len, n->key, names, &count) || found;
  if (!found) reader_unknown(r, n->key_place, "slot", n->key, names, count);
}

void read_slots(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  if (!map_wanted(r, key->name, n, "write slots: {gpu: 1}")) return;
  struct slot_spec *slots = arena_new_array(r->arena, n->len ? n->len : 1, struct slot_spec);
  size_t len = 0;
  for (const struct node *c = n->first; c; c = c->next) {
    if (c->kind == NODE_BROKEN || !reader_scalar(r, c->key, c)) continue;
    slots[len].amount = reader_template(r, c->key, c);
    if (!slots[len].amount) continue;
    if (!r->lenient && template_literal(slots[len].amount) && !reader_literal(r, c->key, FORM_COUNT, c)) continue;
    slot_known(r, c);
    slots[len++].name = arena_strdup(r->arena, c->key);
  }
  t->slots = slots;
  t->slots_len = len;
}

static bool codes_read(struct reader *r, const char *what, const struct node *n, const int **out, size_t *out_len) {
  int *codes = arena_new_array(r->arena, n->kind == NODE_LIST ? n->len : 1, int);
  size_t len = 0;
  if (n->kind == NODE_MAP) return reader_scalar(r, what, n);
  for (const struct node *c = n->kind == NODE_LIST ? n->first : n; c; c = n->kind == NODE_LIST ? c->next : NULL) {
    int64_t code;
    if (!reader_int(r, what, c, &code)) return false;
    if (code < 1 || code > 255) {
      diag_error(r->diags, c->place, "0 is success, and a task killed by signal 9 has 137",
                 "an exit status to retry is 1 to 255, not %s", c->text);
      return false;
    }
    if ((code == 78 || code == 99) && what[0] == 'e')
      diag_warning(r->diags, c->place, NULL,
                   code == 78 ? "exit status 78 is a configuration error, which is never retried"
                              : "exit status 99 skips the task; it is never retried");
    codes[len++] = (int)code;
  }
  *out = codes;
  *out_len = len;
  return true;
}

static void read_codes(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct retry_spec *s = field;
  if (strcmp(key->name, "exit_codes") == 0)
    codes_read(r, key->name, n, &s->exit_codes, &s->exit_codes_len);
  else
    codes_read(r, key->name, n, &s->not_exit_codes, &s->not_exit_codes_len);
}

#define AT(name) offsetof(struct retry_spec, name)
static const struct field retry_fields[] = {
    {KEY_RETRIES_max, read_setting, AT(max)},       {KEY_RETRIES_delay, read_setting, AT(delay)},
    {KEY_RETRIES_factor, read_setting, AT(factor)}, {KEY_RETRIES_cap, read_setting, AT(cap)},
    {KEY_RETRIES_jitter, read_choice, AT(jitter)},  {KEY_RETRIES_exit_codes, read_codes, 0},
    {KEY_RETRIES_not_exit_codes, read_codes, 0},    {KEY_RETRIES_lost, read_setting, AT(lost)},
};
#undef AT

void read_retries(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct retry_spec s = {.jitter = JITTER_FULL};
  if (n->kind == NODE_SCALAR) {
    s.max = reader_template(r, key->name, n);
    if (s.max && template_literal(s.max) && !r->lenient && !reader_literal(r, key->name, FORM_COUNT0, n)) return;
  } else if (!reader_map(r, n, SCOPE_RETRIES, false, retry_fields, sizeof retry_fields / sizeof *retry_fields, &s)) {
    return;
  }
  t->retries = s;
  if (n->kind == NODE_SCALAR || r->lenient) return;
  if (s.exit_codes && s.not_exit_codes)
    diag_error(r->diags, node_get(n, "not_exit_codes")->key_place, NULL,
               "'exit_codes' and 'not_exit_codes' exclude each other");
  if (!s.max && !node_get(n, "max") && !node_get(n, "lost"))
    diag_warning(r->diags, n->key_place, "add max: 3", "'%s' has no 'max', so nothing is retried", key->name);
}

#define AT(name) offsetof(struct task_spec, name)
static const struct field unreachable_fields[] = {
    {KEY_UNREACHABLE_after, read_setting, AT(unreachable_after)},
    {KEY_UNREACHABLE_then, read_choice, AT(unreachable_then)},
};
#undef AT

void read_unreachable(struct reader *r, const struct key *key, const struct node *n, void *field) {
  (void)key;
  reader_map(r, n, SCOPE_UNREACHABLE, false, unreachable_fields,
             sizeof unreachable_fields / sizeof *unreachable_fields, field);
}
