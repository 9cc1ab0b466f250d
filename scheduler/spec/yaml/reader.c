#include "scheduler/spec/yaml/reader.h"

#include <assert.h>
#include <string.h>

#include "base/instant.h"
#include "scheduler/spec/expr/expr.h"

/* The keys that there are, if they are few. */
static const char *keys_help(struct reader *r, enum key_scope scope, bool defaults) {
  struct buf list = {0};
  size_t count = 0;
  for (int i = 0; i < KEY_COUNT; i++) {
    const struct key *key = key_at((enum key_id)i);
    if (key->scope != scope || (key->flags & (KEY_RESERVED | KEY_INTERNAL))) continue;
    buf_fmt(&list, "%s%s", count++ ? ", " : "", key->name);
  }
  const char *where = key_scope_word(scope, defaults);
  const char *help = count <= 12 ? arena_fmt(&r->diags->arena, "the keys of '%s' are: %s", where, buf_cstr(&list))
                                 : arena_fmt(&r->diags->arena, "`rota schema` lists the keys of a %s", where);
  buf_release(&list);
  return help;
}

static void key_unknown(struct reader *r, const struct node *n, enum key_scope scope, bool defaults) {
  struct diag_place place = n->key_place;
  const struct key *task = key_find(SCOPE_TASK, n->key, false);
  bool seen = r->diags->errors < DIAG_MAX;
  const char *nearest = seen ? key_nearest(scope, n->key, defaults) : NULL, *where = key_scope_word(scope, defaults);
  if (task && (task->flags & KEY_RESERVED) && scope == SCOPE_PIPELINE)
    diag_error(r->diags, place, task->doc, "'%s' is reserved for a later version", n->key);
  else if (defaults && key_find(scope, n->key, false))
    diag_error(r->diags, place, scope == SCOPE_TASK ? "write it in the task" : "write it in the host",
               "'%s' can't stand in '%s'", n->key, where);
  else if (task && scope == SCOPE_PIPELINE)
    diag_error(r->diags, place, "write it in the task, or in 'defaults' for all of them",
               "'%s' is a key of a task, not of the pipeline", n->key);
  else if (nearest)
    diag_error(r->diags, place, arena_fmt(&r->diags->arena, "did you mean '%s'?", nearest), "unknown key '%s'",
               n->key);
  else if (scope == SCOPE_TASK && key_find(SCOPE_PIPELINE, n->key, false))
    diag_error(r->diags, place, "write it at the top of the file", "'%s' is a key of the pipeline, not of a task",
               n->key);
  else
    diag_error(r->diags, place, keys_help(r, scope, defaults), "unknown key '%s'", n->key);
}

bool reader_map(struct reader *r, const struct node *n, enum key_scope scope, bool defaults,
                const struct field *fields, size_t count, void *target) {
  if (n->kind == NODE_BROKEN) return false;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, NULL, "'%s' needs a map of keys, not %s", key_scope_word(scope, defaults),
               node_kind_word(n));
    return false;
  }
  const struct node *found[KEY_COUNT] = {NULL};
  for (const struct node *c = n->first; c; c = c->next) {
    const struct key *key = key_find(scope, c->key, defaults);
    if (key && (key->flags & KEY_INTERNAL) && !r->lenient) key = NULL;
    if (key && (key->flags & KEY_RESERVED) && !r->lenient)
      diag_error(r->diags, c->key_place, *key->doc ? key->doc : NULL, "'%s' is reserved for a later version", c->key);
    else if (key)
      found[key_id(key)] = c;
    else if (!r->lenient)
      key_unknown(r, c, scope, defaults);
  }
  for (size_t i = 0; i < count; i++) {
    const struct node *c = found[fields[i].key];
    const struct key *key = key_at(fields[i].key);
    assert(key->scope == scope);
    if (c && c->kind != NODE_BROKEN) fields[i].read(r, key, c, (char *)target + fields[i].offset);
    if (!c && (key->flags & KEY_REQUIRED) && !defaults)
      diag_error(r->diags, n->key ? n->key_place : n->place, NULL, "'%s' is missing here", key->name);
  }
  return true;
}

bool reader_scalar(struct reader *r, const char *what, const struct node *n) {
  if (n->kind == NODE_BROKEN) return false;
  if (node_null(n))
    diag_error(r->diags, n->key ? n->key_place : n->place,
               n->len ? "quote it to mean the word" : "write a value, or \"\" for an empty text",
               n->len ? "'%s' is null; it needs a value" : "'%s' has no value", what);
  else if (n->kind != NODE_SCALAR)
    diag_error(r->diags, n->place, NULL, "'%s' can't be %s here", what, node_kind_word(n));
  else
    return true;
  return false;
}

static bool expression_free(struct reader *r, const char *what, const struct node *n) {
  const char *at = strstr(n->text, "${{");
  if (!at) return true;
  diag_error(r->diags, node_place_at(n, (size_t)(at - n->text), 3), NULL, "'${{ }}' doesn't work in '%s'", what);
  return false;
}

void read_text(struct reader *r, const struct key *key, const struct node *n, void *field) {
  if (!reader_scalar(r, key->name, n)) return;
  if (!r->lenient && !expression_free(r, key->name, n)) return;
  *(const char **)field = arena_strndup(r->arena, n->text, n->len);
}

void read_bool(struct reader *r, const struct key *key, const struct node *n, void *field) {
  static const char *const yes[] = {"yes", "Yes", "YES", "on", "On", "ON", "y", "True", "TRUE", "1"};
  static const char *const no[] = {"no", "No", "NO", "off", "Off", "OFF", "n", "False", "FALSE", "0"};
  if (!reader_scalar(r, key->name, n)) return;
  if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0) {
    *(bool *)field = n->text[0] == 't';
    return;
  }
  const char *help = "write true or false";
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
    if (strcmp(n->text, yes[i]) == 0) help = "write true";
    if (strcmp(n->text, no[i]) == 0) help = "write false";
  }
  diag_error(r->diags, n->place, help, "'%s' must be true or false, not '%s'", key->name, n->text);
}

/* Every enum of the language has the size of an int; the order of its words is that of its values. */
void read_choice(struct reader *r, const struct key *key, const struct node *n, void *field) {
  size_t count = 0;
  const char *const *words = key_form_choices(key->form, &count);
  assert(words);
  if (!reader_scalar(r, key->name, n)) return;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(words[i], n->text) != 0) continue;
    *(int *)field = (int)i;
    return;
  }
  const char *nearest = diag_nearest(n->text, words, count);
  diag_error(r->diags, n->place, nearest ? arena_fmt(&r->diags->arena, "did you mean '%s'?", nearest) : NULL,
             "'%s' must be %s, not '%s'", key->name, key_form_words(key->form), n->text);
}

void read_duration(struct reader *r, const struct key *key, const struct node *n, void *field) {
  duration d;
  if (!reader_scalar(r, key->name, n) || !expression_free(r, key->name, n)) return;
  if (reader_literal(r, key->name, FORM_DURATION, n) && duration_parse(n->text, &d) == 0) *(duration *)field = d;
}

void read_count(struct reader *r, const struct key *key, const struct node *n, void *field) {
  int64_t i;
  if (!reader_scalar(r, key->name, n) || !expression_free(r, key->name, n)) return;
  if (reader_literal(r, key->name, key->form, n) && int_parse(r->arena, n->text, &i, NULL)) *(int64_t *)field = i;
}

const struct template *reader_template(struct reader *r, const char *what, const struct node *n) {
  return reader_scalar(r, what, n) ? template_parse(r->arena, n->text, n->text_place, r->diags) : NULL;
}

void read_setting(struct reader *r, const struct key *key, const struct node *n, void *field) {
  const struct template *t = reader_template(r, key->name, n);
  if (!t) return;
  if (!r->lenient && template_literal(t) && !reader_literal(r, key->name, key->form, n)) return;
  *(const struct template **)field = t;
}

/* The items of a list, or the one text as its only item. */
static size_t item_count(const struct node *n) {
  return n->kind == NODE_LIST ? n->len : 1;
}

bool reader_texts(struct reader *r, const char *what, const struct node *n, struct texts *out) {
  if (n->kind == NODE_MAP || n->kind == NODE_BROKEN) return reader_scalar(r, what, n);
  const char **items = arena_new_array(r->arena, item_count(n), const char *);
  size_t len = 0;
  bool ok = true;
  for (const struct node *c = n->kind == NODE_LIST ? n->first : n; c; c = n->kind == NODE_LIST ? c->next : NULL) {
    if (reader_scalar(r, what, c) && (r->lenient || expression_free(r, what, c)))
      items[len++] = arena_strndup(r->arena, c->text, c->len);
    else
      ok = false;
  }
  *out = (struct texts){items, len};
  return ok;
}

bool reader_templates(struct reader *r, const char *what, const struct node *n, struct templates *out) {
  if (n->kind == NODE_MAP || n->kind == NODE_BROKEN) return reader_scalar(r, what, n);
  const struct template **items = arena_new_array(r->arena, item_count(n), const struct template *);
  size_t len = 0;
  bool ok = true;
  for (const struct node *c = n->kind == NODE_LIST ? n->first : n; c; c = n->kind == NODE_LIST ? c->next : NULL) {
    items[len] = reader_template(r, what, c);
    if (items[len])
      len++;
    else
      ok = false;
  }
  *out = (struct templates){items, len};
  return ok;
}

void reader_unknown(struct reader *r, struct diag_place place, const char *kind, const char *name,
                    const char *const *known, size_t count) {
  /* Looking for near names costs time: not for errors that nobody will see. */
  if (r->diags->errors >= DIAG_MAX) count = 0;
  const char *nearest = diag_nearest(name, known, count), *help = NULL;
  struct buf list = {0};
  if (nearest) {
    help = arena_fmt(&r->diags->arena, "did you mean '%s'?", nearest);
  } else if (count > 0 && count <= 12) {
    for (size_t i = 0; i < count; i++) buf_fmt(&list, "%s%s", i ? ", " : "", known[i]);
    help = arena_fmt(&r->diags->arena, "known are: %s", buf_cstr(&list));
  }
  diag_error(r->diags, place, help, "unknown %s '%s'", kind, name);
  buf_release(&list);
}
