#include <assert.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "scheduler/journal/codec_wire.h"
#include "scheduler/journal/schema.h"
#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/pipeline.h"

void codec_in_begin(struct codec_in *in, const struct schema *schema, struct arena *arena, const void *bytes,
                    size_t len) {
  memset(in, 0, sizeof *in);
  in->at = bytes;
  in->end = in->at + len;
  in->schema = schema;
  in->arena = arena;
}

void codec_in_release(struct codec_in *in) {
  for (size_t i = 0; i < in->pipelines.len; i++) pipeline_release(in->pipelines.items[i]);
  vec_release(&in->pipelines);
}

/* ---- what is on the wire (codec_wire.h) ---- */

static void corrupt(struct codec_in *in) {
  if (!in->err) in->err = ERR_CORRUPT;
  in->at = in->end;
}

uint64_t codec_read_uint(struct codec_in *in) {
  uint64_t n = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in->at == in->end) break;
    uint8_t byte = *in->at++;
    n |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return n;
  }
  corrupt(in);
  return 0;
}

int64_t wire_int(struct codec_in *in) {
  uint64_t n = codec_read_uint(in);
  return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

instant wire_instant(struct codec_in *in) {
  uint64_t n = codec_read_uint(in);
  if (n == 0) return INSTANT_NONE;
  n--;
  return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

struct wire_text wire_text(struct codec_in *in) {
  uint64_t n = codec_read_uint(in);
  struct wire_text text = {0};
  if (n == 0) return text;
  text.brief = (n - 1) & 1;
  text.len = (size_t)((n - 1) >> 1);
  size_t held = text.brief ? CODEC_BRIEF_DIGEST : text.len;
  if (held > (size_t)(in->end - in->at)) {
    corrupt(in);
    return (struct wire_text){0};
  }
  text.bytes = (const char *)in->at;
  in->at += held;
  return text;
}

/* An item takes a byte at least, so a count can't make more of them than there are bytes. */
size_t wire_count(struct codec_in *in, bool *null) {
  uint64_t n = codec_read_uint(in);
  *null = n == 0;
  if (n > 1 + (uint64_t)(in->end - in->at)) corrupt(in);
  return n == 0 || in->err ? 0 : (size_t)(n - 1);
}

const struct schema_struct *wire_kind(struct codec_in *in, const struct schema_struct *s, uint64_t tag) {
  if (tag < s->kinds_len) return &in->schema->structs[s->kinds[tag]];
  corrupt(in);
  return NULL;
}

/* ---- into structs ---- */

const char *codec_read_text(struct codec_in *in, size_t *len) {
  struct wire_text text = wire_text(in);
  *len = text.len;
  if (text.brief) corrupt(in);
  return text.bytes && !in->err ? arena_strndup(in->arena, text.bytes, text.len) : NULL;
}

static const char *read_string(struct codec_in *in) {
  size_t len;
  return codec_read_text(in, &len);
}

static struct pipeline *read_pipeline(struct codec_in *in) {
  uint64_t n = codec_read_uint(in);
  if (n == 0) return NULL;
  if (n > 1) {
    if (n - 2 < in->pipelines.len) return in->pipelines.items[n - 2];
    corrupt(in);
    return NULL;
  }
  struct wire_text json = wire_text(in);
  struct pipeline *p = json.bytes && !json.brief ? pipeline_from_json(json.bytes, json.len) : NULL;
  if (!p) {
    corrupt(in);
    return NULL;
  }
  vec_push(&in->pipelines, p);
  return p;
}

static uint64_t read_word(struct codec_in *in, const struct schema_words *w) {
  uint64_t n = codec_read_uint(in);
  if (n >= w->len) {
    corrupt(in);
  } else if (w->here[n] < 0) {
    in->err = in->err ? in->err : ERR_NEWER;
    in->at = in->end;
  }
  return in->err ? 0 : (uint64_t)w->here[n];
}

static struct value read_value(struct codec_in *in, const struct schema_words *types, int depth) {
  struct value v = {.type = (enum value_type)read_word(in, types)};
  uint64_t bits;
  size_t len;
  if (depth > VALUE_NEST_MAX) corrupt(in);
  switch (v.type) {
  case VALUE_ANY:
  case VALUE_NULL: break;
  case VALUE_BOOL: v.boolean = codec_read_uint(in) != 0; break;
  case VALUE_INT: v.integer = wire_int(in); break;
  case VALUE_DATE: v.days = wire_int(in); break;
  case VALUE_DATETIME: v.at = wire_int(in); break;
  case VALUE_DURATION: v.span = wire_int(in); break;
  case VALUE_FLOAT:
    bits = codec_read_uint(in);
    memcpy(&v.number, &bits, sizeof bits);
    break;
  case VALUE_STRING:
  case VALUE_JSON:
    v.text.bytes = codec_read_text(in, &len);
    v.text.len = len;
    break;
  case VALUE_LIST: {
    v.list.len = (size_t)codec_read_uint(in);
    if (v.list.len > (size_t)(in->end - in->at)) corrupt(in);
    if (in->err) v.list.len = 0;
    struct value *items = arena_new_array(in->arena, v.list.len + 1, struct value);
    for (size_t i = 0; i < v.list.len; i++) items[i] = read_value(in, types, depth + 1);
    v.list.items = items;
    break;
  }
  }
  return v;
}

static void store_uint(void *at, size_t size, uint64_t n) {
  uint8_t n8 = (uint8_t)n;
  uint32_t n32 = (uint32_t)n;
  memcpy(at, size == 1 ? (void *)&n8 : size == 4 ? (void *)&n32 : (void *)&n, size);
}

static void store_pointer(void *at, const void *pointer) {
  memcpy(at, &pointer, sizeof pointer);
}

/* Sets the LEN behind an array; those that share one must agree. */
static void store_length(struct codec_in *in, const struct codec_member *m, char *base, size_t len) {
  while (m->type != CODEC_LEN) m++;
  size_t before;
  memcpy(&before, base + m->offset, sizeof before);
  if (before && before != len) corrupt(in);
  memcpy(base + m->offset, &len, sizeof len);
}

static const void *read_items(struct codec_in *in, const struct schema_member *m, size_t len) {
  const struct schema_struct *of = &in->schema->structs[m->of];
  const size_t sizes[CODEC_TYPES] = {[CODEC_ARRAY] = m->type == CODEC_ARRAY && of->here ? of->here->size : 0,
                                     [CODEC_TEXTS] = sizeof(char *),
                                     [CODEC_NUMBERS] = sizeof(uint32_t),
                                     [CODEC_DIGESTS] = SHA256_HEX_SIZE,
                                     [CODEC_PIPELINES] = sizeof(struct pipeline *)};
  size_t size = sizes[m->type];
  char *items = arena_array(in->arena, len + 1, size);
  for (size_t i = 0; i < len && !in->err; i++) {
    char *at = items + i * size;
    struct wire_text text;
    switch (m->type) {
    case CODEC_ARRAY: codec_read(in, of, at); break;
    case CODEC_TEXTS: store_pointer(at, read_string(in)); break;
    case CODEC_NUMBERS: store_uint(at, sizeof(uint32_t), codec_read_uint(in)); break;
    case CODEC_DIGESTS:
      text = wire_text(in);
      if (text.brief || text.len >= SHA256_HEX_SIZE) corrupt(in);
      if (!in->err && text.bytes) memcpy(at, text.bytes, text.len);
      break;
    default: store_pointer(at, read_pipeline(in)); break;
    }
  }
  return items;
}

static void read_array(struct codec_in *in, const struct schema_member *m, char *base) {
  bool null;
  size_t len;
  const void *items;
  if (m->type == CODEC_BYTES) {
    items = codec_read_text(in, &len);
    null = !items;
  } else {
    len = wire_count(in, &null);
    items = null ? NULL : read_items(in, m, len);
  }
  store_pointer(base + m->here->offset, items);
  if (!null) store_length(in, m->here, base, len);
}

static void read_chars(struct codec_in *in, const struct codec_member *to, char *at, bool ended) {
  struct wire_text text = wire_text(in);
  if (text.brief || text.len + ended > to->size) corrupt(in);
  if (!in->err && text.bytes) memcpy(at, text.bytes, text.len);
}

static void read_ring(struct codec_in *in, const struct codec_member *to, char *at) {
  size_t len = (size_t)codec_read_uint(in), room = to->size / sizeof(uint32_t);
  for (size_t i = 0; i < len && !in->err; i++) {
    uint64_t n = codec_read_uint(in);
    if (i < room) store_uint(at + i * sizeof(uint32_t), sizeof(uint32_t), n);
  }
}

static void read_pointer(struct codec_in *in, const struct schema_struct *of, char *at) {
  if (!codec_read_uint(in)) return;
  void *what = arena_alloc(in->arena, of->here->size);
  codec_read(in, of, what);
  store_pointer(at, what);
}

static void read_member(struct codec_in *in, const struct schema_member *m, char *base) {
  const struct codec_member *to = m->here;
  char *at = base + to->offset;
  instant t;
  switch (m->type) {
  case CODEC_NONE:
  case CODEC_LEN: break;
  case CODEC_BOOL: store_uint(at, to->size, codec_read_uint(in) != 0); break;
  case CODEC_UINT: store_uint(at, to->size, codec_read_uint(in)); break;
  case CODEC_INT:
  case CODEC_KNOWN: store_uint(at, to->size, (uint64_t)wire_int(in)); break;
  case CODEC_ENUM: store_uint(at, to->size, read_word(in, &in->schema->words[m->of])); break;
  case CODEC_INSTANT:
    t = wire_instant(in);
    memcpy(at, &t, sizeof t);
    break;
  case CODEC_TEXT:
  case CODEC_SECRET: store_pointer(at, read_string(in)); break;
  case CODEC_CHARS: read_chars(in, to, at, true); break;
  case CODEC_SEED: read_chars(in, to, at, false); break;
  case CODEC_STRUCT: codec_read(in, &in->schema->structs[m->of], at); break;
  case CODEC_POINTER: read_pointer(in, &in->schema->structs[m->of], at); break;
  case CODEC_RING: read_ring(in, to, at); break;
  case CODEC_PIPELINE: store_pointer(at, read_pipeline(in)); break;
  case CODEC_VALUE: {
    struct value v = read_value(in, &in->schema->words[m->of], 0);
    memcpy(at, &v, sizeof v);
    break;
  }
  case CODEC_BYTES:
  case CODEC_ARRAY:
  case CODEC_TEXTS:
  case CODEC_NUMBERS:
  case CODEC_DIGESTS:
  case CODEC_PIPELINES: read_array(in, m, base); break;
  }
}

static void set_unknown(const struct codec_struct *s, char *base) {
  for (size_t i = 0; i < s->len; i++) {
    const struct codec_member *m = &s->members[i];
    const instant none = INSTANT_NONE;
    if (m->type == CODEC_INSTANT) memcpy(base + m->offset, &none, sizeof none);
    if (m->type == CODEC_KNOWN) store_uint(base + m->offset, m->size, UINT64_MAX);
    if (m->type == CODEC_STRUCT) set_unknown(m->of, base + m->offset);
  }
}

void codec_read(struct codec_in *in, const struct schema_struct *from, void *to) {
  assert(from->here);
  set_unknown(from->here, to);
  for (size_t i = 0; i < from->len && !in->err; i++) {
    if (from->members[i].here)
      read_member(in, &from->members[i], to);
    else
      wire_pass(in, &from->members[i]);
  }
  if (!from->kinds || in->err) return;
  /* The tag as it is here; its place on the wire is that of the same word there. */
  const struct codec_member *tag = from->here->members;
  const struct schema_words *words = &in->schema->words[from->members[0].of];
  uint32_t kind;
  memcpy(&kind, (const char *)to + tag->offset, sizeof kind);
  for (size_t n = 0; n < words->len; n++) {
    if (words->here[n] != (int)kind) continue;
    const struct schema_struct *s = wire_kind(in, from, n);
    if (s && s->here == from->here->kinds[kind])
      codec_read(in, s, (char *)to + from->here->kinds_offset);
    else
      corrupt(in);
    return;
  }
}
