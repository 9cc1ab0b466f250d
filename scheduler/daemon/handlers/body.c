#include "scheduler/daemon/handlers/body.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BODY_DEPTH_FLAGS (JSON_REJECT_DUPLICATES)

static void fault(struct body *b, const char *text) {
  if (!b->fault) b->fault = text;
}

static void check_members(struct body *b, const char *const *allowed) {
  const char *member;
  json_t *value;
  json_object_foreach(b->root, member, value) {
    bool known = false;
    struct buf list = {0};
    for (size_t i = 0; allowed[i]; i++) {
      known = known || strcmp(allowed[i], member) == 0;
      buf_fmt(&list, "%s%s", i ? ", " : "", allowed[i]);
    }
    if (!known)
      fault(b, arena_fmt(b->arena, "unknown member '%s'; it takes: %s", member, list.len ? list.bytes : "none"));
    buf_release(&list);
  }
}

void body_open(struct body *b, struct arena *a, const char *text, size_t len, const char *const *allowed) {
  *b = (struct body){.arena = a};
  if (len == 0) return;
  json_error_t error;
  b->root = json_loadb(text, len, BODY_DEPTH_FLAGS, &error);
  if (!b->root) {
    fault(b, arena_fmt(a, "the body is not well-formed JSON: line %d, column %d: %s", error.line, error.column,
                       error.text));
  } else if (!json_is_object(b->root)) {
    fault(b, "the body must be a JSON object");
  } else {
    check_members(b, allowed);
  }
}

void body_close(struct body *b) {
  json_decref(b->root);
  b->root = NULL;
}

/* JSON's null counts as absent. */
static json_t *member_of(struct body *b, const char *member) {
  if (b->fault || !b->root) return NULL;
  json_t *value = json_object_get(b->root, member);
  return json_is_null(value) ? NULL : value;
}

static void missing(struct body *b, const char *member) {
  fault(b, arena_fmt(b->arena, "'%s' is missing", member));
}

static void mistyped(struct body *b, const char *member, const char *expected) {
  fault(b, arena_fmt(b->arena, "'%s' must be %s", member, expected));
}

const char *body_text(struct body *b, const char *member, bool required) {
  const json_t *value = member_of(b, member);
  if (!value && required) missing(b, member);
  if (!value) return NULL;
  if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
    mistyped(b, member, "a string without NUL bytes");
    return NULL;
  }
  if (required && !json_string_length(value)) mistyped(b, member, "more than an empty text");
  return arena_strdup(b->arena, json_string_value(value));
}

bool body_flag(struct body *b, const char *member, bool fallback) {
  const json_t *value = member_of(b, member);
  if (!value) return fallback;
  if (!json_is_boolean(value)) mistyped(b, member, "true or false");
  return json_is_true(value);
}

instant body_instant(struct body *b, const char *member) {
  const char *text = body_text(b, member, false);
  instant at = INSTANT_NONE;
  if (text && instant_parse(text, &at)) mistyped(b, member, "an instant like 2026-03-29T02:30:00+02:00");
  return at;
}

static struct value value_of_json(struct body *b, json_t *json) {
  char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
  struct value value = value_null();
  if (!text || value_from_json(b->arena, VALUE_ANY, VALUE_ANY, text, strlen(text), &value)) {
    fault(b, "a value can't be read");
  }
  free(text);
  return value;
}

const struct param_given *body_params(struct body *b, const char *member, size_t *len) {
  *len = 0;
  json_t *object = member_of(b, member);
  if (!object) return NULL;
  if (!json_is_object(object)) {
    mistyped(b, member, "an object of names and values");
    return NULL;
  }
  struct param_given *given = arena_new_array(b->arena, json_object_size(object) + 1, struct param_given);
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    struct param_given *g = &given[(*len)++];
    g->name = arena_strdup(b->arena, name);
    if (json_is_string(value)) {
      g->text = arena_strdup(b->arena, json_string_value(value));
    } else {
      g->value = value_of_json(b, value);
    }
  }
  return given;
}

int body_word(struct body *b, const char *member, const char *const *words, bool required) {
  const char *text = body_text(b, member, required);
  if (!text) return -1;
  struct buf list = {0};
  int found = -1;
  for (int i = 0; words[i]; i++) {
    if (strcmp(words[i], text) == 0) found = i;
    buf_fmt(&list, "%s%s", i ? ", " : "", words[i]);
  }
  if (found < 0) mistyped(b, member, arena_fmt(b->arena, "one of %s", buf_cstr(&list)));
  buf_release(&list);
  return found;
}
