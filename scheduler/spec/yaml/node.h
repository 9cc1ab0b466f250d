/* A YAML document as a tree in which every node knows its place; also made from JSON, for stored versions.
 *
 * The reader is strict: one document, UTF-8, text keys without duplicates, and none of anchors, aliases, tags and
 * `<<`. It is bounded: depth, scalars and nodes have limits that are checked while libyaml's events come in, so that
 * a hostile file costs no more time and memory than a large honest one. A fault that leaves the rest readable makes
 * a NODE_BROKEN, which readers pass over in silence, since it has been reported; an error of YAML's own syntax ends
 * the document.
 *
 * Nothing in the tree is interpreted: `no`, `010` and `1e3` are the text that was written, and who reads the node
 * decides by the type that is expected there.
 */
#ifndef ROTA_SPEC_NODE_H
#define ROTA_SPEC_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#define NODE_DEPTH_MAX  64
#define NODE_SCALAR_MAX (256 * 1024)
#define NODE_COUNT_MAX  150000 /* keys and values: 10,000 tasks with some seven settings each */

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP, NODE_BROKEN };
enum node_style { NODE_PLAIN, NODE_QUOTED, NODE_LITERAL, NODE_FOLDED };

struct node {
  enum node_kind kind;
  enum node_style style;
  bool flow;                    /* a list or map in [ ] or { } */
  bool commented;               /* a plain scalar with a comment on its line */
  struct diag_place place;      /* of the node; line 0 when it comes from JSON */
  struct diag_place text_place; /* of the first character of a scalar's text */
  const char *text;             /* of a scalar; NUL-terminated, without a NUL inside */
  size_t len;                   /* bytes of the text, or the number of children */
  const char *key;              /* of a child of a map */
  struct diag_place key_place;
  struct node *first, *next; /* children of a list or map; the next sibling */
};

/* NULL after an error of syntax or of the limits; else the root, though `diags` may have got errors. An empty
 * document is such an error. `diags` has the same text, for the carets. */
struct node *node_read(struct arena *a, const char *text, size_t len, struct diag_list *diags);
/* From JSON: strings are quoted scalars, all else plain ones. NULL if it isn't JSON or over the limits. */
struct node *node_from_json(struct arena *a, const char *text, size_t len);

/* The child of a map by its key; NULL if there is none. */
const struct node *node_get(const struct node *map, const char *key);
/* A plain scalar that YAML calls null: nothing, `~`, `null`. */
bool node_null(const struct node *n);
/* What it is, for messages: "a list", "a map", "text", "nothing". */
const char *node_kind_word(const struct node *n);
/* Appends it as JSON: quoted text is a string; plain text is null, a boolean or a number if YAML 1.2's core schema
 * says so, else a string. */
void node_json(const struct node *n, struct buf *out);
/* True for plain text that the core schema reads as a number that JSON can hold; "010" and "1_000" are none. */
bool node_number(const struct node *n);

/* The place of the byte at `offset` within a scalar's text, `width` code points wide; exact in block scalars and in
 * text on one line. */
struct diag_place node_place_at(const struct node *n, size_t offset, uint32_t width);

#endif
