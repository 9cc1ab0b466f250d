/* The table of every key: where it may stand, what its value looks like, its default, and one sentence on it. It is
 * written in keys.def; all that knows keys asks here.
 */
#ifndef ROTA_SPEC_KEYS_H
#define ROTA_SPEC_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* scope, what it is called, and what the keys that it shares with a map of defaults stand in there */
#define SCOPE_LIST(X)                                                                                                \
  X(PIPELINE, "pipeline", "")                                                                                        \
  X(SCHEDULE, "schedule", "")                                                                                        \
  X(PARAM, "parameter", "")                                                                                          \
  X(TASK, "task", "defaults")                                                                                        \
  X(RETRIES, "retries", "")                                                                                          \
  X(UNREACHABLE, "unreachable", "")                                                                                  \
  X(OUTPUT, "output", "")                                                                                            \
  X(CONFIG, "configuration", "")                                                                                     \
  X(HOST, "host", "host_defaults")                                                                                   \
  X(RETENTION, "retention", "")                                                                                      \
  X(LOG, "log", "")                                                                                                  \
  X(TLS, "tls", "")                                                                                                  \
  X(SOCKET, "socket", "")                                                                                            \
  X(BACKUP, "backup", "")

enum key_scope {
#define X(name, word, defaults) SCOPE_##name,
  SCOPE_LIST(X)
#undef X
      SCOPE_COUNT
};

/* form and its words in the documentation; its JSON Schema stands in schema.c */
#define FORM_LIST(X)                                                                                                 \
  X(TEXT, "text")                                                                                                    \
  X(TEXTS, "text, or a list")                                                                                        \
  X(BOOL, "true or false")                                                                                           \
  X(COUNT, "whole number from 1")                                                                                    \
  X(COUNT0, "whole number from 0")                                                                                   \
  X(INTEGER, "whole number")                                                                                         \
  X(NUMBER, "number")                                                                                                \
  X(DURATION, "duration")                                                                                            \
  X(CRON, "cron expression")                                                                                         \
  X(ZONE, "IANA zone")                                                                                               \
  X(COMMAND, "script, or a list")                                                                                    \
  X(EXPRESSION, "expression")                                                                                        \
  X(NEEDS, "task, a list, or a map")                                                                                 \
  X(MATRIX, "map of name to list")                                                                                   \
  X(ENV, "map of NAME to text")                                                                                      \
  X(SLOTS, "map of slot to number")                                                                                  \
  X(OUTPUTS, "map of name to type")                                                                                  \
  X(RETRIES, "whole number, or a map")                                                                               \
  X(UNREACHABLE, "map")                                                                                              \
  X(SCHEDULES, "cron, a map, or a list")                                                                             \
  X(PARAMS, "map of name to map")                                                                                    \
  X(PARAM_VALUES, "map of name to value")                                                                            \
  X(VALUE, "value of its type")                                                                                      \
  X(VALUES, "list of words")                                                                                         \
  X(TYPE, "type")                                                                                                    \
  X(ITEM_TYPE, "type")                                                                                               \
  X(CODES, "list of exit statuses")                                                                                  \
  X(CATCHUP, "none, last or all")                                                                                    \
  X(OVERLAP, "queue, skip, cancel_running or allow")                                                                 \
  X(JITTER, "full or none")                                                                                          \
  X(LEFTOVERS, "kill or keep")                                                                                       \
  X(UNREACHABLE_THEN, "wait or retry")                                                                               \
  X(DEFAULTS, "map")                                                                                                 \
  X(TASKS, "map of name to map")                                                                                     \
  X(PATH, "path")                                                                                                    \
  X(PATHS, "path, or a list")                                                                                        \
  X(ADDRESS, "address:port, or none")                                                                                \
  X(URL, "url without a path")                                                                                       \
  X(NETWORKS, "address, range, or a list")                                                                           \
  X(TLS, "map")                                                                                                      \
  X(SOCKET, "map")                                                                                                   \
  X(ROLE, "viewer, operator or admin")                                                                               \
  X(UNITS, "map of slot to number, or to a list of names")                                                           \
  X(PLAIN_ENV, "map of NAME to text")                                                                                \
  X(HOST_DEFAULTS, "map")                                                                                            \
  X(HOSTS, "map of name to map")                                                                                     \
  X(GROUPS, "map of name to list of hosts")                                                                          \
  X(TRANSPORT, "auto, libssh2 or openssh")                                                                           \
  X(RETENTION, "map")                                                                                                \
  X(LOG, "map")                                                                                                      \
  X(BACKUP, "map")                                                                                                   \
  X(BACKUP_TIME, "time of day, or cron expression")                                                                  \
  X(SIZE, "size: 64MiB, 1GiB")                                                                                       \
  X(LATER, "reserved for a later version")

enum key_form {
#define X(name, words) FORM_##name,
  FORM_LIST(X)
#undef X
};

enum key_flag {
  KEY_SHARED = 1,   /* may stand in the map of defaults too */
  KEY_REQUIRED = 2, /* must be there */
  KEY_RESERVED = 4, /* an error that says so */
  KEY_INTERNAL = 8, /* in stored versions alone */
};

enum key_id {
#define KEY(scope, name, form, fallback, expr, flags, doc) KEY_##scope##_##name,
#include "scheduler/spec/keys.def"
#undef KEY
  KEY_COUNT
};

struct key {
  const char *name;
  enum key_scope scope;
  enum key_form form;
  unsigned flags;
  bool expr;            /* whether ${{ }} works in it */
  const char *fallback; /* the default, for people; "" if there is none */
  const char *doc;
};

const struct key *key_at(enum key_id id);
enum key_id key_id(const struct key *key);
/* The key of a scope by name; with `defaults` only those that may stand in its map of defaults. NULL if there is
 * none; internal keys are found too. */
const struct key *key_find(enum key_scope scope, const char *name, bool defaults);
/* The nearest key for a misspelt one; NULL if none is near. */
const char *key_nearest(enum key_scope scope, const char *name, bool defaults);
/* "task", or for the map of defaults "defaults". */
const char *key_scope_word(enum key_scope scope, bool defaults);
const char *key_form_words(enum key_form form);
/* The words of a form that takes one of a few; NULL for other forms. */
const char *const *key_form_choices(enum key_form form, size_t *count);

/* The keys as Markdown tables, for docs/pipeline-language.md: of pipelines, or of the configuration. */
void keys_markdown(bool config, struct buf *out);

#endif
