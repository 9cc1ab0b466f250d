/* The JSON body of a request, read member by member. The first fault is kept as a sentence for the problem document;
 * after it every read gives nothing. Strict: an unknown member, a wrong type or a duplicate is a fault. */
#ifndef ROTA_DAEMON_BODY_H
#define ROTA_DAEMON_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/instant.h"
#include "scheduler/spec/scope.h"

struct json_t;

struct body {
  struct json_t *root; /* an object; NULL for an empty body */
  struct arena *arena; /* of what is handed out */
  const char *fault;   /* NULL while all is well */
};

/* `allowed` are the members that may be there, ended by NULL. */
void body_open(struct body *b, struct arena *a, const char *text, size_t len, const char *const *allowed);
void body_close(struct body *b);

/* NULL if it isn't there; with `required` that is a fault. */
const char *body_text(struct body *b, const char *member, bool required);
bool body_flag(struct body *b, const char *member, bool fallback);
/* INSTANT_NONE if it isn't there. */
instant body_instant(struct body *b, const char *member);
/* The members of an object as parameters or outputs by name, each with its value; a string stays text, to be read as
 * what was declared. */
const struct param_given *body_params(struct body *b, const char *member, size_t *len);
/* The index of the member's text in `words` (ended by NULL), or -1 if it isn't there. */
int body_word(struct body *b, const char *member, const char *const *words, bool required);

#endif
