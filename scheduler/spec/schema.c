#include "scheduler/spec/schema.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "scheduler/spec/keys.h"

#define SCALAR      "\"type\":[\"string\",\"number\",\"boolean\"]"
#define TEMPLATE    "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\\\\{\"}"
#define LIST_OF(x)  "{\"type\":\"array\",\"items\":{" x "}}"
#define MAP_OF(x)   "\"type\":\"object\",\"additionalProperties\":{" x "}"
#define ONE_OR_LIST "\"anyOf\":[{" SCALAR "}," LIST_OF(SCALAR) "]"
#define WHOLE(min)  "\"anyOf\":[{\"type\":\"integer\"" min "}," TEMPLATE "]"
#define DURATION    "\"type\":\"string\",\"pattern\":\"^([0-9]+(d|h|ms|m|s))+$|\\\\$\\\\{\\\\{\""
#define CRON                                                                                                         \
  "\"type\":\"string\",\"pattern\":\"^\\\\s*(@[a-z]+|\\\\S+(\\\\s+\\\\S+){4})\\\\s*$\",\"examples\":[\"30 2 * * "    \
  "*\"]"
#define NAME      "\"propertyNames\":{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]*$\"},"
#define TASK_NAME "\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9_-]{1,128}$\"},"
#define REF(def)  "\"$ref\":\"#/$defs/" def "\""

/* The members of the schema of a form; NULL for those that take one of a few words. */
static const struct {
  enum key_form form;
  const char *members;
} forms[] = {
    {FORM_TEXT, SCALAR},
    {FORM_TEXTS, ONE_OR_LIST},
    {FORM_BOOL, "\"type\":\"boolean\""},
    {FORM_COUNT, WHOLE(",\"minimum\":1")},
    {FORM_COUNT0, WHOLE(",\"minimum\":0")},
    {FORM_INTEGER, WHOLE("")},
    {FORM_NUMBER, "\"anyOf\":[{\"type\":\"number\"}," TEMPLATE "]"},
    {FORM_DURATION, DURATION},
    {FORM_CRON, CRON},
    {FORM_ZONE, "\"type\":\"string\",\"examples\":[\"Europe/Oslo\"]"},
    {FORM_COMMAND, "\"anyOf\":[{\"type\":\"string\"}," LIST_OF(SCALAR) "]"},
    {FORM_EXPRESSION, "\"type\":[\"string\",\"boolean\"]"},
    {FORM_NEEDS, "\"anyOf\":[{\"type\":\"string\"}," LIST_OF("\"type\":\"string\"") ",{" MAP_OF(
                     "\"enum\":[\"same\",\"all\"]") "}]"},
    {FORM_MATRIX, NAME MAP_OF("\"anyOf\":[" TEMPLATE "," LIST_OF(SCALAR) "]")},
    {FORM_ENV, NAME MAP_OF(SCALAR)},
    {FORM_SLOTS, MAP_OF(WHOLE(",\"minimum\":1"))},
    {FORM_OUTPUTS, NAME MAP_OF("\"anyOf\":[{\"type\":\"string\"},{" REF("output") "}]")},
    {FORM_RETRIES, "\"anyOf\":[{\"type\":\"integer\",\"minimum\":0}," TEMPLATE ",{" REF("retries") "}]"},
    {FORM_UNREACHABLE, REF("unreachable")},
    {FORM_SCHEDULES, "\"anyOf\":[{" CRON "},{" REF("schedule") "},{\"type\":\"array\",\"items\":{\"anyOf\":[{" CRON
                                                               "},{" REF("schedule") "}]}}]"},
    {FORM_PARAMS, NAME MAP_OF(REF("parameter"))},
    {FORM_PARAM_VALUES, "\"type\":\"object\""},
    {FORM_VALUE, ""},
    {FORM_VALUES, "\"type\":\"array\",\"minItems\":1,\"items\":{" SCALAR "}"},
    {FORM_CODES,
     "\"anyOf\":[{\"type\":\"integer\"}," LIST_OF("\"type\":\"integer\",\"minimum\":1,\"maximum\":255") "]"},
    {FORM_DEFAULTS, REF("defaults")},
    {FORM_TASKS, "\"minProperties\":1," TASK_NAME MAP_OF(REF("task"))},
    {FORM_PATH, "\"type\":\"string\""},
    {FORM_PATHS, ONE_OR_LIST},
    {FORM_ADDRESS, "\"type\":\"string\",\"pattern\":\"^none$|:[0-9]{1,5}$\""},
    {FORM_URL, "\"type\":\"string\",\"pattern\":\"^https?://[^/?#@]+/?$\""},
    {FORM_NETWORKS, "\"anyOf\":[{\"type\":\"string\"}," LIST_OF("\"type\":\"string\"") "]"},
    {FORM_TLS, REF("tls")},
    {FORM_SOCKET, REF("socket")},
    {FORM_UNITS, MAP_OF("\"anyOf\":[{\"type\":\"integer\",\"minimum\":0}," LIST_OF(SCALAR) "]")},
    {FORM_PLAIN_ENV, NAME MAP_OF(SCALAR)},
    {FORM_HOST_DEFAULTS, REF("host_defaults")},
    {FORM_HOSTS, MAP_OF("\"anyOf\":[{\"type\":\"null\"},{" REF("host") "}]")},
    {FORM_GROUPS, MAP_OF("\"anyOf\":[{\"type\":\"string\"}," LIST_OF("\"type\":\"string\"") "]")},
    {FORM_RETENTION, REF("retention")},
    {FORM_LOG, REF("log")},
    {FORM_BACKUP, REF("backup")},
    {FORM_BACKUP_TIME,
     "\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^([01]?[0-9]|2[0-3]):[0-5][0-9]$\"},{" CRON "}]"},
    {FORM_SIZE, "\"type\":\"string\",\"pattern\":\"^[0-9]+[KMGT]iB$\""},
};

static void choices(struct buf *out, const char *const *words, size_t count) {
  buf_str(out, "\"enum\":[");
  for (size_t i = 0; i < count; i++) buf_fmt(out, "%s\"%s\"", i ? "," : "", words[i]);
  buf_char(out, ']');
}

static void form_members(struct buf *out, enum key_form form) {
  size_t count = 0;
  const char *const *words = key_form_choices(form, &count);
  if (words) {
    choices(out, words, count);
    return;
  }
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (forms[i].form == form) {
      buf_str(out, forms[i].members);
      return;
    }
  assert(false); /* every form has a schema */
}

static void property(struct buf *out, const struct key *key) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_string(&j, key->name);
  buf_str(out, ":{\"description\":");
  struct buf text = {0};
  buf_str(&text, key->doc);
  if (*key->fallback) buf_fmt(&text, " Default: %s.", key->fallback);
  jsonw_init(&j, out);
  jsonw_string_n(&j, buf_cstr(&text), text.len);
  buf_release(&text);
  size_t before = out->len;
  buf_char(out, ',');
  form_members(out, key->form);
  if (out->len == before + 1) buf_truncate(out, before);
  buf_char(out, '}');
}

/* The members of the object of a scope. */
static void object_members(struct buf *out, enum key_scope scope, bool defaults) {
  const char *comma = "";
  buf_str(out, "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
  for (int i = 0; i < KEY_COUNT; i++) {
    const struct key *key = key_at((enum key_id)i);
    if (key->scope != scope || (key->flags & (KEY_RESERVED | KEY_INTERNAL))) continue;
    if (defaults && !(key->flags & KEY_SHARED)) continue;
    buf_str(out, comma);
    property(out, key);
    comma = ",";
  }
  buf_str(out, "},\"required\":[");
  comma = "";
  for (int i = 0; i < KEY_COUNT && !defaults; i++) {
    const struct key *key = key_at((enum key_id)i);
    if (key->scope != scope || !(key->flags & KEY_REQUIRED)) continue;
    buf_fmt(out, "%s\"%s\"", comma, key->name);
    comma = ",";
  }
  buf_char(out, ']');
}

static void definition(struct buf *out, enum key_scope scope, bool defaults) {
  if (out->bytes[out->len - 1] != '{') buf_char(out, ',');
  buf_fmt(out, "\"%s\":{", key_scope_word(scope, defaults));
  object_members(out, scope, defaults);
  buf_char(out, '}');
}

static void schema_write(struct buf *out, const char *title, enum key_scope root, const enum key_scope *others,
                         size_t count) {
  buf_fmt(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"%s\",", title);
  object_members(out, root, false);
  buf_str(out, ",\"$defs\":{");
  for (size_t i = 0; i < count; i++) {
    definition(out, others[i], false);
    if (*key_scope_word(others[i], true)) definition(out, others[i], true);
  }
  buf_str(out, "}}\n");
}

void schema_pipeline(struct buf *out) {
  static const enum key_scope others[] = {SCOPE_SCHEDULE, SCOPE_PARAM,       SCOPE_TASK,
                                          SCOPE_RETRIES,  SCOPE_UNREACHABLE, SCOPE_OUTPUT};
  schema_write(out, "A pipeline of rota", SCOPE_PIPELINE, others, sizeof others / sizeof *others);
}

void schema_config(struct buf *out) {
  static const enum key_scope others[] = {SCOPE_HOST, SCOPE_RETENTION, SCOPE_LOG,
                                          SCOPE_TLS,  SCOPE_SOCKET,    SCOPE_BACKUP};
  schema_write(out, "The configuration of rota", SCOPE_CONFIG, others, sizeof others / sizeof *others);
}
