#include "scheduler/spec/yaml/node.h"

#include <stdint.h>
#include <string.h>

#include <yaml.h>

#include "base/map.h"
#include "scheduler/spec/yaml/node_fault.h"

#define KEYS_SCANNED 16 /* a map with more keys gets a hash map to find duplicates */

struct frame {
  struct node *node, *last;
  const char *key; /* waiting for its value; NULL if a key comes next */
  struct diag_place key_place;
  bool drop; /* the value that comes is thrown away */
  struct map seen;
};

struct loader {
  yaml_parser_t parser;
  struct arena *arena;
  struct diag_list *diags;
  const char *text;
  size_t len;
  struct frame frames[NODE_DEPTH_MAX];
  int depth;
  struct node *root;
  size_t nodes, documents;
  size_t index, offset; /* a cursor: code points and the bytes that they take */
  bool stop;
};

/* The byte offset of a mark. Marks are asked for in rising order, so the whole file is walked once. */
static size_t mark_offset(struct loader *l, const yaml_mark_t *mark) {
  if (mark->index < l->index) l->index = l->offset = 0;
  while (l->index < mark->index && l->offset < l->len) {
    l->offset++;
    while (l->offset < l->len && ((unsigned char)l->text[l->offset] & 0xc0) == 0x80) l->offset++;
    l->index++;
  }
  return l->offset;
}

static struct diag_place event_place(const yaml_event_t *e) {
  const yaml_mark_t *s = &e->start_mark, *t = &e->end_mark;
  size_t width = s->line == t->line && t->column > s->column ? t->column - s->column : 1;
  return (struct diag_place){(uint32_t)s->line + 1, (uint32_t)s->column + 1, (uint32_t)width};
}

static bool text_at(const struct loader *l, size_t offset, const char *what) {
  size_t n = strlen(what);
  return offset <= l->len && l->len - offset >= n && memcmp(l->text + offset, what, n) == 0;
}

static void stop_error(struct loader *l, struct diag_place place, const char *help, const char *message) {
  diag_error(l->diags, place, help, "%s", message);
  l->stop = true;
}

static const struct node *frame_find(const struct frame *f, const char *key) {
  if (f->seen.len) return map_get(&f->seen, key);
  for (const struct node *n = f->node->first; n; n = n->next)
    if (strcmp(n->key, key) == 0) return n;
  return NULL;
}

static void frame_append(struct frame *f, struct node *n) {
  if (f->last)
    f->last->next = n;
  else
    f->node->first = n;
  f->last = n;
  f->node->len++;
  if (f->node->kind != NODE_MAP || f->node->len < KEYS_SCANNED) return;
  if (!f->seen.len)
    for (struct node *old = f->node->first; old; old = old->next) map_put(&f->seen, old->key, old);
  else
    map_put(&f->seen, n->key, n);
}

static void key_take(struct loader *l, struct frame *f, struct node *n) {
  f->key_place = n->place;
  f->drop = true;
  f->key = "";
  if (n->kind == NODE_BROKEN) return;
  if (n->kind != NODE_SCALAR) {
    if (n->kind == NODE_MAP && n->flow && f->node->flow) {
      diag_error(l->diags, f->node->place, "rota writes expressions as ${{ ... }}, and in quotes within [ ] or { }",
                 "'{{ ... }}' is no expression");
      f->node->kind = NODE_BROKEN;
    } else {
      diag_error(l->diags, n->place, NULL, "a key must be text, not %s", node_kind_word(n));
    }
    return;
  }
  f->key = n->text;
  if (n->style == NODE_PLAIN && strcmp(n->text, "<<") == 0) {
    diag_error(l->diags, n->place, "put what all tasks share under 'defaults'", "'<<' (merge) is not supported");
    return;
  }
  const struct node *old = frame_find(f, n->text);
  if (old)
    diag_error(l->diags, n->place, NULL, "duplicate key '%s'; it stands on line %u already", n->text,
               old->key_place.line);
  f->drop = old != NULL;
}

/* Puts a node where it belongs: at the root, at the end of a list, as a key or as the value of one. */
static void node_add(struct loader *l, struct node *n) {
  if (++l->nodes > NODE_COUNT_MAX) {
    stop_error(l, n->place, "split it into several pipelines", "the file has more than 150,000 keys and values");
    return;
  }
  if (l->depth == 0) {
    l->root = n;
    return;
  }
  struct frame *f = &l->frames[l->depth - 1];
  if (f->node->kind == NODE_BROKEN) return;
  if (f->node->kind == NODE_LIST) {
    frame_append(f, n);
  } else if (!f->key) {
    key_take(l, f, n);
  } else {
    n->key = f->key;
    n->key_place = f->key_place;
    if (!f->drop) frame_append(f, n);
    f->key = NULL;
    f->drop = false;
  }
}

static void properties_check(struct loader *l, struct node *n, const yaml_char_t *anchor, const yaml_char_t *tag) {
  if (anchor)
    diag_error(l->diags, n->place,
               "put what all tasks share under 'defaults'; text that begins with '&' needs quotes",
               "an anchor ('&%s') is not supported", (const char *)anchor);
  if (tag) {
    static const char core[] = "tag:yaml.org,2002:";
    bool is_core = strncmp((const char *)tag, core, sizeof core - 1) == 0;
    diag_error(l->diags, n->place, "text that begins with '!' needs quotes; an expression may also say 'not'",
               "a tag ('%s%s') is not supported", is_core ? "!!" : "",
               (const char *)tag + (is_core ? sizeof core - 1 : 0));
    n->kind = NODE_BROKEN;
  }
}

static struct node *node_new(struct loader *l, const yaml_event_t *e, enum node_kind kind) {
  struct node *n = arena_new(l->arena, struct node);
  n->kind = kind;
  n->place = n->text_place = event_place(e);
  return n;
}

/* The text of a block scalar begins on the line below, behind the indentation of its first line that isn't blank. */
static struct diag_place block_place(struct loader *l, const yaml_event_t *e) {
  size_t at = mark_offset(l, &e->start_mark);
  while (at < l->len && l->text[at] != '\n') at++;
  while (at < l->len) {
    size_t start = ++at;
    while (at < l->len && l->text[at] == ' ') at++;
    if (at < l->len && l->text[at] != '\n' && l->text[at] != '\r')
      return (struct diag_place){(uint32_t)e->start_mark.line + 2, (uint32_t)(at - start) + 1, 1};
    while (at < l->len && l->text[at] != '\n') at++;
  }
  return event_place(e);
}

static void scalar_style(struct loader *l, struct node *n, const yaml_event_t *e) {
  bool in_flow = l->depth > 0 && l->frames[l->depth - 1].node->flow;
  switch (e->data.scalar.style) {
  case YAML_SINGLE_QUOTED_SCALAR_STYLE:
  case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
    n->style = NODE_QUOTED;
    n->text_place.column++;
    n->text_place.width = n->place.width > 2 ? n->place.width - 2 : 1;
    return;
  case YAML_LITERAL_SCALAR_STYLE: n->style = NODE_LITERAL; break;
  case YAML_FOLDED_SCALAR_STYLE: n->style = NODE_FOLDED; break;
  default: {
    size_t end = mark_offset(l, &e->end_mark);
    if (in_flow && n->len && n->text[n->len - 1] == '$' && text_at(l, end, "{{"))
      stop_error(l, (struct diag_place){n->place.line, n->place.column + n->place.width - 1, 3},
                 "write it in quotes: \"${{ ... }}\"", "'${{' within [ ] or { } must be quoted");
    size_t at = end;
    while (at < l->len && (l->text[at] == ' ' || l->text[at] == '\t')) at++;
    n->commented = at > end && at < l->len && l->text[at] == '#' && e->start_mark.line == e->end_mark.line;
    return;
  }
  }
  n->text_place = block_place(l, e);
  n->place.width = 1;
}

static void scalar_event(struct loader *l, const yaml_event_t *e) {
  struct node *n = node_new(l, e, NODE_SCALAR);
  n->len = e->data.scalar.length;
  if (n->len > NODE_SCALAR_MAX) {
    stop_error(l, n->place, "put it into a file beside the pipeline", "this text is over 256 KiB");
    return;
  }
  n->text = arena_strndup(l->arena, (const char *)e->data.scalar.value, n->len);
  scalar_style(l, n, e);
  if (memchr(e->data.scalar.value, 0, n->len)) {
    diag_error(l->diags, n->place, NULL, "a NUL character can't be part of text");
    n->kind = NODE_BROKEN;
  }
  properties_check(l, n, e->data.scalar.anchor, e->data.scalar.tag);
  if (!l->stop) node_add(l, n);
}

static void alias_event(struct loader *l, const yaml_event_t *e) {
  struct node *n = node_new(l, e, NODE_BROKEN);
  diag_error(
      l->diags, n->place,
      "write the value out, or put what all tasks share under 'defaults'; text that begins with '*', as a cron "
      "expression may, needs quotes",
      "an alias ('*%s') is not supported", (const char *)e->data.alias.anchor);
  node_add(l, n);
}

static void collection_event(struct loader *l, const yaml_event_t *e) {
  bool list = e->type == YAML_SEQUENCE_START_EVENT;
  struct node *n = node_new(l, e, list ? NODE_LIST : NODE_MAP);
  n->flow = list ? e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                 : e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
  if (l->depth == NODE_DEPTH_MAX) {
    stop_error(l, n->place, NULL, "lists and maps are nested more than 64 deep");
    return;
  }
  node_add(l, n);
  if (l->stop) return;
  if (list)
    properties_check(l, n, e->data.sequence_start.anchor, e->data.sequence_start.tag);
  else
    properties_check(l, n, e->data.mapping_start.anchor, e->data.mapping_start.tag);
  l->frames[l->depth++] = (struct frame){.node = n};
}

static void frame_pop(struct loader *l) {
  map_release(&l->frames[--l->depth].seen);
}

static void document_event(struct loader *l, const yaml_event_t *e) {
  if (l->documents++)
    stop_error(l, event_place(e), "put the second document into a file of its own", "a file holds one document");
}

static void event_take(struct loader *l, const yaml_event_t *e) {
  switch (e->type) {
  case YAML_SCALAR_EVENT: scalar_event(l, e); break;
  case YAML_ALIAS_EVENT: alias_event(l, e); break;
  case YAML_SEQUENCE_START_EVENT:
  case YAML_MAPPING_START_EVENT: collection_event(l, e); break;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: frame_pop(l); break;
  case YAML_DOCUMENT_START_EVENT: document_event(l, e); break;
  case YAML_STREAM_END_EVENT: l->stop = true; break;
  default: break;
  }
}

static bool load(struct loader *l) {
  if (!yaml_parser_initialize(&l->parser)) abort(); /* out of memory is its one failure */
  yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&l->parser, (const unsigned char *)l->text, l->len);
  bool ended = false;
  while (!l->stop) {
    yaml_event_t e;
    if (!yaml_parser_parse(&l->parser, &e)) {
      node_fault(&l->parser, l->text, l->len, l->diags);
      break;
    }
    event_take(l, &e);
    ended = e.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&e);
  }
  while (l->depth) frame_pop(l);
  yaml_parser_delete(&l->parser);
  return ended;
}

struct node *node_read(struct arena *a, const char *text, size_t len, struct diag_list *diags) {
  if (!text_check(text, len, diags)) return NULL;
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, len -= 3; /* a byte order mark has no column */
  struct loader l = {.arena = a, .diags = diags, .text = text, .len = len};
  if (!load(&l)) return NULL;
  if (!l.root || node_null(l.root)) {
    diag_error(diags, (struct diag_place){0}, "`rota new NAME` writes one to start from", "there is nothing in it");
    return NULL;
  }
  return l.root;
}

const struct node *node_get(const struct node *map, const char *key) {
  if (map->kind != NODE_MAP) return NULL;
  for (const struct node *n = map->first; n; n = n->next)
    if (strcmp(n->key, key) == 0) return n;
  return NULL;
}

bool node_null(const struct node *n) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  if (n->kind != NODE_SCALAR || n->style != NODE_PLAIN || n->len > 4) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(n->text, words[i]) == 0) return true;
  return false;
}

const char *node_kind_word(const struct node *n) {
  if (n->kind == NODE_LIST) return "a list";
  if (n->kind == NODE_MAP) return "a map";
  return node_null(n) ? "nothing" : "text";
}

struct diag_place node_place_at(const struct node *n, size_t offset, uint32_t width) {
  if (n->text_place.line == 0) return n->place;
  struct diag_place p = {n->text_place.line, n->text_place.column, width};
  if (n->style == NODE_FOLDED || ((n->style == NODE_PLAIN || n->style == NODE_QUOTED) && strchr(n->text, '\n')))
    return n->place;
  uint32_t indent = p.column;
  for (size_t i = 0; i < offset && n->text[i]; i++) {
    if (n->text[i] == '\n')
      p.line++, p.column = indent;
    else if (((unsigned char)n->text[i] & 0xc0) != 0x80)
      p.column++;
  }
  return p;
}
