/* What the readers of pipelines and of the configuration share: a map is read by the rows of keys.def, and each kind
 * of value has one function that takes it, or says what is wrong with it.
 *
 * A reader never stops at an error: it reports it, leaves the field as it was and goes on, so that all errors of a
 * file are seen at once. A lenient reader rebuilds a stored version: unknown keys are passed over, and what only
 * newer rules object to is taken.
 */
#ifndef ROTA_SPEC_READER_H
#define ROTA_SPEC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/keys.h"
#include "scheduler/spec/yaml/node.h"

struct template;

struct reader {
  struct arena *arena; /* of what is read; the nodes live elsewhere and go before it */
  struct diag_list *diags;
  bool lenient;
};

/* Takes the value of one key into *field. */
typedef void field_reader(struct reader *r, const struct key *key, const struct node *n, void *field);

struct field {
  enum key_id key;
  field_reader *read;
  size_t offset; /* of what it fills, in the target of the map */
};

/* Reads a map of the keys of `scope`, in the order of `fields`, which has all of them. False if it isn't a map. */
bool reader_map(struct reader *r, const struct node *n, enum key_scope scope, bool defaults,
                const struct field *fields, size_t count, void *target);

/* Readers of one kind of value; what they fill stands beside them. */
field_reader read_text;     /* const char *  */
field_reader read_bool;     /* bool */
field_reader read_choice;   /* an enum, by the words of the key's form */
field_reader read_duration; /* duration, without expressions */
field_reader read_count;    /* int64_t, without expressions */
field_reader read_zone;     /* const char *, a zone that there is; in pipeline_schedule.c */
field_reader read_setting;  /* const struct template *, checked by the key's form where it is literal */

struct texts {
  const char *const *items;
  size_t len;
};
struct templates {
  const struct template *const *items;
  size_t len;
};
/* One text, or a list of texts. False after an error. */
bool reader_texts(struct reader *r, const char *what, const struct node *n, struct texts *out);
bool reader_templates(struct reader *r, const char *what, const struct node *n, struct templates *out);

/* True for text; else false with an error that says what `what` wants. */
bool reader_scalar(struct reader *r, const char *what, const struct node *n);
/* A template out of text; NULL after an error. */
const struct template *reader_template(struct reader *r, const char *what, const struct node *n);
/* Whether text is of the form, for literals; else false with an error. */
bool reader_literal(struct reader *r, const char *what, enum key_form form, const struct node *n);
/* A whole number as people write it, without an expression. */
bool reader_int(struct reader *r, const char *what, const struct node *n, int64_t *out);
/* A value of a type, from text, a list or, for JSON, anything. */
bool reader_value(struct reader *r, const char *what, enum value_type type, enum value_type items,
                  const struct node *n, struct value *out);
/* The word's type, and its place in *items for `list`; false after an error. `enum_type` allows enum, a string. */
bool reader_type(struct reader *r, const struct key *key, const struct node *n, bool *is_enum, enum value_type *out);
/* Reports an unknown name, with the nearest of the known ones. */
void reader_unknown(struct reader *r, struct diag_place place, const char *kind, const char *name,
                    const char *const *known, size_t count);

/* Reports a name that can't be a variable of the environment, and warns of a secret or of `$X` in the value;
 * `expressions` tells whether ${{ }} works there. In pipeline_env.c. */
bool env_pair_check(struct reader *r, const struct node *n, bool expressions);

/* [A-Za-z_][A-Za-z0-9_]*: names of parameters, outputs, matrix values, variables. */
bool name_valid(const char *name);
/* Strict decimal; false, with *help saying how to write it if that can be told (in the arena). */
bool int_parse(struct arena *a, const char *text, int64_t *out, const char **help);
bool float_parse(struct arena *a, const char *text, double *out, const char **help);

#endif
