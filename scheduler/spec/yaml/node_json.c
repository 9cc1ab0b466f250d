#include "scheduler/spec/yaml/node.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"

bool node_number(const struct node *n) {
  if (n->kind != NODE_SCALAR || n->style != NODE_PLAIN) return false;
  const char *p = n->text;
  if (*p == '-') p++;
  if (*p == '0' && isdigit((unsigned char)p[1])) return false;
  size_t digits = strspn(p, "0123456789");
  p += digits;
  if (!digits) return false;
  if (*p == '.') {
    size_t fraction = strspn(p + 1, "0123456789");
    if (!fraction) return false;
    p += 1 + fraction;
  }
  if (*p == 'e' || *p == 'E') {
    p++;
    if (*p == '+' || *p == '-') p++;
    size_t exponent = strspn(p, "0123456789");
    if (!exponent) return false;
    p += exponent;
  }
  return *p == 0;
}

static void write_node(const struct node *n, struct json *j) {
  if (n->kind == NODE_LIST) {
    jsonw_array(j);
    for (const struct node *i = n->first; i; i = i->next) write_node(i, j);
    jsonw_array_end(j);
  } else if (n->kind == NODE_MAP) {
    jsonw_object(j);
    for (const struct node *i = n->first; i; i = i->next) {
      jsonw_key(j, i->key);
      write_node(i, j);
    }
    jsonw_object_end(j);
  } else if (n->kind == NODE_BROKEN || node_null(n)) {
    jsonw_null(j);
  } else if (node_number(n)) {
    jsonw_raw(j, n->text, n->len);
  } else if (n->style == NODE_PLAIN && (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)) {
    jsonw_bool(j, n->text[0] == 't');
  } else {
    jsonw_string_n(j, n->text, n->len);
  }
}

void node_json(const struct node *n, struct buf *out) {
  struct json j;
  jsonw_init(&j, out);
  write_node(n, &j);
}
