#include "scheduler/spec/yaml/node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static struct node *node_from(struct arena *a, const json_t *v, int depth, size_t *count);

static bool child_add(struct arena *a, struct node *parent, struct node **last, const char *key, const json_t *v,
                      int depth, size_t *count) {
  struct node *child = node_from(a, v, depth, count);
  if (!child) return false;
  if (key) child->key = arena_strdup(a, key);
  if (*last)
    (*last)->next = child;
  else
    parent->first = child;
  *last = child;
  parent->len++;
  return true;
}

static bool children_add(struct arena *a, struct node *n, const json_t *v, int depth, size_t *count) {
  struct node *last = NULL;
  const char *key;
  json_t *item;
  size_t i;
  if (json_is_array(v)) {
    json_array_foreach(v, i, item) if (!child_add(a, n, &last, NULL, item, depth, count)) return false;
    return true;
  }
  json_t *object = json_incref((json_t *)(uintptr_t)v); /* jansson's iteration wants it without const */
  bool ok = true;
  json_object_foreach(object, key, item) ok = ok && child_add(a, n, &last, key, item, depth, count);
  json_decref(object);
  return ok;
}

static struct node *node_from(struct arena *a, const json_t *v, int depth, size_t *count) {
  if (depth >= NODE_DEPTH_MAX + 4 || ++*count > 4 * NODE_COUNT_MAX) return NULL;
  struct node *n = arena_new(a, struct node);
  if (json_is_object(v) || json_is_array(v)) {
    n->kind = json_is_array(v) ? NODE_LIST : NODE_MAP;
    return children_add(a, n, v, depth + 1, count) ? n : NULL;
  }
  n->kind = NODE_SCALAR;
  n->style = json_is_string(v) ? NODE_QUOTED : NODE_PLAIN;
  if (json_is_string(v)) {
    n->text = arena_strndup(a, json_string_value(v), json_string_length(v));
    if (strlen(n->text) != json_string_length(v)) return NULL;
  } else {
    char *text = json_dumps(v, JSON_ENCODE_ANY);
    if (!text) return NULL;
    n->text = arena_strdup(a, text);
    free(text);
  }
  n->len = strlen(n->text);
  return n;
}

struct node *node_from_json(struct arena *a, const char *text, size_t len) {
  json_error_t error;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
  if (!root) return NULL;
  size_t count = 0;
  struct node *n = node_from(a, root, 0, &count);
  json_decref(root);
  return n;
}
