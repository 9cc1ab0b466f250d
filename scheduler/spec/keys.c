#include "scheduler/spec/keys.h"

#include <assert.h>
#include <string.h>

#include "base/diag.h"
#include "scheduler/spec/pipeline.h"

static const struct key keys[KEY_COUNT] = {
#define KEY(scope, name, form, fallback, expr, flags, doc)                                                           \
  {#name, SCOPE_##scope, FORM_##form, flags, expr, fallback, doc},
#include "scheduler/spec/keys.def"
#undef KEY
};

static const struct {
  const char *word, *defaults;
} scopes[SCOPE_COUNT] = {
#define X(name, word, defaults) {word, defaults},
    SCOPE_LIST(X)
#undef X
};

static const char *const form_words[] = {
#define X(name, words) words,
    FORM_LIST(X)
#undef X
};

#define X(name, word) word,
static const char *const catchup_words[] = {CATCHUP_LIST(X)};
static const char *const overlap_words[] = {OVERLAP_LIST(X)};
static const char *const jitter_words[] = {JITTER_LIST(X)};
static const char *const leftovers_words[] = {LEFTOVERS_LIST(X)};
static const char *const unreachable_words[] = {UNREACHABLE_LIST(X)};
#undef X
static const char *const transport_words[] = {"auto", "libssh2", "openssh"};
static const char *const role_words[] = {"viewer", "operator", "admin"};
static const char *const type_words[] = {"string", "int",      "float",    "bool", "enum",
                                         "date",   "datetime", "duration", "list", "json"};
static const char *const item_words[] = {"string", "int", "float", "bool", "date", "datetime", "duration"};

const struct key *key_at(enum key_id id) {
  assert(id < KEY_COUNT);
  return &keys[id];
}

enum key_id key_id(const struct key *key) {
  return (enum key_id)(key - keys);
}

static bool fits(const struct key *k, enum key_scope scope, bool defaults) {
  return k->scope == scope && (!defaults || (k->flags & KEY_SHARED));
}

const struct key *key_find(enum key_scope scope, const char *name, bool defaults) {
  for (size_t i = 0; i < KEY_COUNT; i++)
    if (fits(&keys[i], scope, defaults) && strcmp(keys[i].name, name) == 0) return &keys[i];
  return NULL;
}

const char *key_nearest(enum key_scope scope, const char *name, bool defaults) {
  const char *names[KEY_COUNT];
  size_t count = 0;
  for (size_t i = 0; i < KEY_COUNT; i++)
    if (fits(&keys[i], scope, defaults) && !(keys[i].flags & (KEY_RESERVED | KEY_INTERNAL)))
      names[count++] = keys[i].name;
  return diag_nearest(name, names, count);
}

const char *key_scope_word(enum key_scope scope, bool defaults) {
  return defaults ? scopes[scope].defaults : scopes[scope].word;
}

const char *key_form_words(enum key_form form) {
  return form_words[form];
}

const char *const *key_form_choices(enum key_form form, size_t *count) {
  static const struct {
    enum key_form form;
    const char *const *words;
    size_t count;
  } choices[] = {
#define CHOICE(form, words) {FORM_##form, words, sizeof words / sizeof *words}
      CHOICE(CATCHUP, catchup_words),
      CHOICE(OVERLAP, overlap_words),
      CHOICE(JITTER, jitter_words),
      CHOICE(LEFTOVERS, leftovers_words),
      CHOICE(UNREACHABLE_THEN, unreachable_words),
      CHOICE(TRANSPORT, transport_words),
      CHOICE(ROLE, role_words),
      CHOICE(TYPE, type_words),
      CHOICE(ITEM_TYPE, item_words),
#undef CHOICE
  };
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
    if (choices[i].form != form) continue;
    *count = choices[i].count;
    return choices[i].words;
  }
  return NULL;
}

/* A cell: `|` would end it. */
static void cell(struct buf *out, const char *text) {
  buf_str(out, " ");
  for (; *text; text++) {
    if (*text == '|') buf_char(out, '\\');
    buf_char(out, *text);
  }
  buf_str(out, " |");
}

static void key_row(const struct key *k, struct buf *out) {
  buf_fmt(out, "| `%s` |", k->name);
  cell(out, key_form_words(k->form));
  cell(out, k->flags & KEY_REQUIRED ? "required" : k->fallback);
  if (k->scope < SCOPE_CONFIG) cell(out, k->expr ? "yes" : "");
  if (k->scope == SCOPE_TASK || k->scope == SCOPE_HOST) cell(out, k->flags & KEY_SHARED ? "yes" : "");
  cell(out, k->doc);
  buf_char(out, '\n');
}

static void scope_table(enum key_scope scope, struct buf *out) {
  bool config = scope >= SCOPE_CONFIG;
  const char *defaults = scopes[scope].defaults;
  buf_fmt(out, "### Keys of %s %s\n\n| key | value | default |%s",
          strchr("aeiou", scopes[scope].word[0]) ? "an" : "a", scopes[scope].word, config ? "" : " `${{ }}` |");
  if (*defaults) buf_fmt(out, " in `%s` |", defaults);
  buf_fmt(out, " |\n|---|---|---|%s%s---|\n", config ? "" : "---|", *defaults ? "---|" : "");
  bool reserved = false;
  for (size_t i = 0; i < KEY_COUNT; i++) {
    if (keys[i].scope != scope) continue;
    reserved = reserved || (keys[i].flags & KEY_RESERVED);
    if (!(keys[i].flags & (KEY_RESERVED | KEY_INTERNAL))) key_row(&keys[i], out);
  }
  buf_char(out, '\n');
  if (!reserved) return;
  buf_str(out, "Reserved for a later version, and an error that says so now:");
  const char *comma = " ";
  for (size_t i = 0; i < KEY_COUNT; i++) {
    if (keys[i].scope != scope || !(keys[i].flags & KEY_RESERVED)) continue;
    buf_fmt(out, "%s`%s`", comma, keys[i].name);
    comma = ", ";
  }
  buf_str(out, ".\n\n");
}

void keys_markdown(bool config, struct buf *out) {
  for (int s = 0; s < SCOPE_COUNT; s++)
    if ((s >= SCOPE_CONFIG) == config) scope_table((enum key_scope)s, out);
}
