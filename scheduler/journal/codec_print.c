/* Bytes as readable text, by the writer's own tables: also what this version doesn't know. Passing over something is
 * printing it nowhere. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "scheduler/journal/codec_wire.h"
#include "scheduler/spec/expr/value.h"

#define TEXT_SHOWN 2000 /* bytes of a long text */

/* Where it goes, and where a member's name must be put once it is known that it has something to say. */
struct print {
  struct codec_in *in;
  struct buf *out; /* NULL: nowhere */
};

static void print_struct(struct print *p, const struct schema_struct *s);

static void begin(struct print *p, const char *name) {
  if (!p->out) return;
  if (p->out->len && !strchr(" {[", p->out->bytes[p->out->len - 1])) buf_char(p->out, ' ');
  if (name) buf_fmt(p->out, "%s=", name);
}

static void print_number(struct print *p, const char *name, int64_t n, int64_t nothing) {
  if (!p->out || n == nothing) return;
  begin(p, name);
  buf_fmt(p->out, "%" PRId64, n);
}

static void print_instant(struct print *p, const char *name, instant t) {
  char text[INSTANT_TEXT_SIZE];
  if (!p->out || t == INSTANT_NONE) return;
  instant_format_utc(t, text);
  begin(p, name);
  buf_str(p->out, text);
}

static void print_text(struct print *p, const char *name, struct wire_text text, bool secret) {
  if (!p->out || !text.bytes) return;
  begin(p, name);
  if (secret) {
    buf_fmt(p->out, "(%zu bytes)", text.len);
  } else if (text.brief) {
    buf_fmt(p->out, "(%zu bytes, sha256 ", text.len);
    for (size_t i = 0; i < CODEC_BRIEF_DIGEST; i++) buf_fmt(p->out, "%02x", (unsigned char)text.bytes[i]);
    buf_str(p->out, "...)");
  } else {
    struct json j;
    jsonw_init(&j, p->out);
    jsonw_string_n(&j, text.bytes, text.len < TEXT_SHOWN ? text.len : TEXT_SHOWN);
    if (text.len > TEXT_SHOWN) buf_fmt(p->out, "(and %zu bytes more)", text.len - TEXT_SHOWN);
  }
}

static const char *word_of(struct print *p, const struct schema_words *w, uint64_t n) {
  if (n < w->len) return w->words[n];
  wire_kind(p->in, &(const struct schema_struct){0}, n); /* there is none: marks the bytes as damaged */
  return "";
}

static void print_value(struct print *p, const char *name, const struct schema_words *types, int depth) {
  const char *type = word_of(p, types, codec_read_uint(p->in));
  uint64_t bits;
  double number;
  if (strcmp(type, "STRING") == 0 || strcmp(type, "JSON") == 0) {
    print_text(p, name, wire_text(p->in), false);
  } else if (strcmp(type, "DATETIME") == 0) {
    print_instant(p, name, wire_int(p->in));
  } else if (strcmp(type, "FLOAT") == 0) {
    bits = codec_read_uint(p->in);
    memcpy(&number, &bits, sizeof number);
    begin(p, name);
    if (p->out) buf_fmt(p->out, "%.17g", number);
  } else if (strcmp(type, "BOOL") == 0) {
    print_number(p, name, (int64_t)codec_read_uint(p->in), INT64_MIN);
  } else if (strcmp(type, "LIST") == 0 && depth <= VALUE_NEST_MAX) {
    begin(p, name);
    if (p->out) buf_char(p->out, '[');
    for (uint64_t n = codec_read_uint(p->in); n > 0 && !p->in->err; n--) print_value(p, NULL, types, depth + 1);
    if (p->out) buf_char(p->out, ']');
  } else if (strcmp(type, "ANY") != 0 && strcmp(type, "NULL") != 0) {
    print_number(p, name, wire_int(p->in), INT64_MIN);
  }
}

/* In braces; nothing if all of it has nothing to say. What has but one member is that member. */
static void print_nested(struct print *p, const char *name, const struct schema_struct *s) {
  if (s->len == 1 && !s->kinds && s->members[0].type == CODEC_CHARS) {
    print_text(p, name, wire_text(p->in), false);
    return;
  }
  size_t before = p->out ? p->out->len : 0;
  begin(p, name);
  if (p->out) buf_char(p->out, '{');
  print_struct(p, s);
  if (!p->out) return;
  if (p->out->bytes[p->out->len - 1] == '{')
    buf_truncate(p->out, before);
  else
    buf_char(p->out, '}');
}

static void print_pipeline(struct print *p, const char *name) {
  uint64_t n = codec_read_uint(p->in);
  if (n == 0) return;
  if (n == 1) {
    print_text(p, name, wire_text(p->in), false);
  } else if (p->out) {
    begin(p, name);
    buf_fmt(p->out, "(as the %" PRIu64 ". above)", n - 1);
  }
}

static void print_items(struct print *p, const struct schema_member *m) {
  bool null;
  size_t len = wire_count(p->in, &null);
  if (len == 0) return;
  begin(p, m->name);
  if (p->out) buf_char(p->out, '[');
  for (size_t i = 0; i < len && !p->in->err; i++) {
    switch (m->type) {
    case CODEC_ARRAY: print_nested(p, NULL, &p->in->schema->structs[m->of]); break;
    case CODEC_TEXTS:
    case CODEC_DIGESTS: print_text(p, NULL, wire_text(p->in), false); break;
    case CODEC_NUMBERS: print_number(p, NULL, (int64_t)codec_read_uint(p->in), INT64_MIN); break;
    default: print_pipeline(p, NULL); break;
    }
  }
  if (p->out) buf_char(p->out, ']');
}

static void print_ring(struct print *p, const char *name) {
  uint64_t len = codec_read_uint(p->in);
  begin(p, name);
  if (p->out) buf_char(p->out, '[');
  for (; len > 0 && !p->in->err; len--) print_number(p, NULL, (int64_t)codec_read_uint(p->in), INT64_MIN);
  if (p->out) buf_char(p->out, ']');
}

static void print_seed(struct print *p, const char *name) {
  struct wire_text text = wire_text(p->in);
  begin(p, name);
  for (size_t i = 0; p->out && text.bytes && i < text.len; i++) buf_fmt(p->out, "%02x", (unsigned char)text.bytes[i]);
}

static void print_member(struct print *p, const struct schema_member *m) {
  const struct schema *s = p->in->schema;
  switch (m->type) {
  case CODEC_NONE:
  case CODEC_LEN: break;
  case CODEC_BOOL:
    if (codec_read_uint(p->in) == 0) break;
    begin(p, NULL);
    if (p->out) buf_str(p->out, m->name);
    break;
  case CODEC_UINT: print_number(p, m->name, (int64_t)codec_read_uint(p->in), 0); break;
  case CODEC_INT: print_number(p, m->name, wire_int(p->in), 0); break;
  case CODEC_KNOWN: print_number(p, m->name, wire_int(p->in), -1); break;
  case CODEC_INSTANT: print_instant(p, m->name, wire_instant(p->in)); break;
  case CODEC_ENUM: {
    const char *word = word_of(p, &s->words[m->of], codec_read_uint(p->in));
    begin(p, m->name);
    if (p->out) buf_str(p->out, word);
    break;
  }
  case CODEC_TEXT:
  case CODEC_BYTES:
  case CODEC_CHARS: print_text(p, m->name, wire_text(p->in), false); break;
  case CODEC_SECRET: print_text(p, m->name, wire_text(p->in), true); break;
  case CODEC_SEED: print_seed(p, m->name); break;
  case CODEC_STRUCT: print_nested(p, m->name, &s->structs[m->of]); break;
  case CODEC_POINTER:
    if (codec_read_uint(p->in)) print_nested(p, m->name, &s->structs[m->of]);
    break;
  case CODEC_RING: print_ring(p, m->name); break;
  case CODEC_PIPELINE: print_pipeline(p, m->name); break;
  case CODEC_VALUE: print_value(p, m->name, &s->words[m->of], 0); break;
  case CODEC_ARRAY:
  case CODEC_TEXTS:
  case CODEC_NUMBERS:
  case CODEC_DIGESTS:
  case CODEC_PIPELINES: print_items(p, m); break;
  }
}

static void print_union(struct print *p, const struct schema_struct *s) {
  const struct schema_words *words = &p->in->schema->words[s->members[0].of];
  uint64_t tag = codec_read_uint(p->in);
  const char *word = word_of(p, words, tag);
  const struct schema_struct *kind = wire_kind(p->in, s, tag);
  begin(p, NULL);
  if (p->out) buf_str(p->out, word);
  if (kind) print_struct(p, kind);
}

static void print_struct(struct print *p, const struct schema_struct *s) {
  if (s->kinds) {
    print_union(p, s);
    return;
  }
  for (size_t i = 0; i < s->len && !p->in->err; i++) print_member(p, &s->members[i]);
}

void codec_print(struct codec_in *in, const struct schema_struct *of, struct buf *out) {
  struct print p = {.in = in, .out = out};
  print_struct(&p, of);
}

void wire_pass(struct codec_in *in, const struct schema_member *m) {
  struct print p = {.in = in};
  print_member(&p, m);
}
