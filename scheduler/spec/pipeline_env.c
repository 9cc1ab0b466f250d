#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline_build.h"

static void list_grow(struct arena *a, struct env_list *list, size_t more, struct env_spec **next) {
  struct env_spec *items = arena_new_array(a, list->len + more, struct env_spec);
  if (list->len) memcpy(items, list->items, list->len * sizeof *items);
  *next = items + list->len;
  list->items = items;
}

bool env_files_add(struct reader *r, const char *what, const struct node *n, struct env_list *list) {
  struct texts files;
  struct env_spec *next;
  if (!reader_texts(r, what, n, &files)) return false;
  list_grow(r->arena, list, files.len, &next);
  for (size_t i = 0; i < files.len; i++) next[i].file = files.items[i];
  list->len += files.len;
  return true;
}

static bool ends_in(const char *name, const char *end) {
  size_t n = strlen(name), e = strlen(end);
  return n >= e && strcasecmp(name + n - e, end) == 0;
}

static void secret_warn(struct reader *r, const struct node *n) {
  static const char *const ends[] = {"PASSWORD", "PASSWD", "TOKEN", "SECRET", "API_KEY", "ACCESS_KEY"};
  if (n->len == 0 || strstr(n->text, "${{")) return;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    if (ends_in(n->key, ends[i])) {
      diag_warning(r->diags, n->place,
                   "put it into a file that only the task's account can read, and name that in 'env_file'",
                   "'%s' looks like a secret; whoever can read this file has it", n->key);
      return;
    }
}

static void dollar_warn(struct reader *r, const struct node *n, bool expressions) {
  for (const char *p = strchr(n->text, '$'); p; p = strchr(p + 1, '$')) {
    bool brace = p[1] == '{' && p[2] != '{';
    const char *name = p + 1 + brace;
    if (!isalpha((unsigned char)*name) && *name != '_') continue;
    int len = (int)strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    diag_warning(r->diags, node_place_at(n, (size_t)(p - n->text), (uint32_t)(len + 1 + 2 * brace)),
                 expressions
                     ? arena_fmt(&r->diags->arena, "write ${{ env.%.*s }}, or expand it in the script", len, name)
                     : "write the value itself, or expand it in the script",
                 "'$%.*s' is not expanded in 'env'", len, name);
    return;
  }
}

bool env_pair_check(struct reader *r, const struct node *n, bool expressions) {
  if (!name_valid(n->key)) {
    diag_error(r->diags, n->key_place, "use letters, digits and '_', and begin with no digit",
               "'%s' can't be the name of a variable", n->key);
    return false;
  }
  if (strncmp(n->key, "ROTA_", 5) == 0) {
    diag_error(r->diags, n->key_place, "choose another name", "names that begin with ROTA_ are rota's own");
    return false;
  }
  if (n->kind == NODE_SCALAR && !node_null(n)) {
    secret_warn(r, n);
    dollar_warn(r, n, expressions);
  }
  return true;
}

/* A stored version keeps the order of files and pairs: a list of {file: F} and {name: N, value: V}. */
static bool steps_add(struct reader *r, const struct node *n, struct env_list *list) {
  struct env_spec *next;
  list_grow(r->arena, list, n->len, &next);
  for (const struct node *c = n->first; c; c = c->next) {
    const struct node *file = node_get(c, "file"), *name = node_get(c, "name"), *value = node_get(c, "value");
    if (file && file->kind == NODE_SCALAR)
      next->file = arena_strdup(r->arena, file->text);
    else if (name && name->kind == NODE_SCALAR && value && (next->value = reader_template(r, "env", value)))
      next->name = arena_strdup(r->arena, name->text);
    else
      return false;
    next++, list->len++;
  }
  return true;
}

bool env_pairs_add(struct reader *r, const struct node *n, struct env_list *list) {
  struct env_spec *next;
  if (r->lenient && n->kind == NODE_LIST) return steps_add(r, n, list);
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, "write NAME: value, one a line", "'env' needs a map of names, not %s",
               node_kind_word(n));
    return false;
  }
  list_grow(r->arena, list, n->len, &next);
  for (const struct node *c = n->first; c; c = c->next) {
    if (c->kind == NODE_BROKEN || (!r->lenient && !env_pair_check(r, c, true))) continue;
    next->value = reader_template(r, c->key, c);
    if (!next->value) continue;
    next->name = arena_strdup(r->arena, c->key);
    next++, list->len++;
  }
  return true;
}
