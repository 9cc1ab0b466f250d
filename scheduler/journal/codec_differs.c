#include <string.h>

#include "base/digest.h"
#include "scheduler/journal/codec_wire.h"
#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/pipeline.h"

static bool text_differs(struct wire_text then, const char *now, size_t len) {
  if (!then.bytes || !now) return then.bytes != now;
  if (then.len != len) return true;
  if (!then.brief) return memcmp(then.bytes, now, len) != 0;
  uint8_t digest[SHA256_SIZE];
  sha256(now, len, digest);
  return memcmp(then.bytes, digest, CODEC_BRIEF_DIGEST) != 0;
}

static bool string_differs(struct codec_in *in, const char *now) {
  return text_differs(wire_text(in), now, now ? strlen(now) : 0);
}

static uint64_t load(const char *at, size_t size) {
  uint64_t n = 0;
  uint32_t n32;
  if (size == 1) return *(const uint8_t *)at;
  if (size == sizeof n32) return memcpy(&n32, at, size), n32;
  return memcpy(&n, at, sizeof n), n;
}

static bool int_differs(int64_t then, const char *at, size_t size) {
  uint64_t now = load(at, size);
  return then != (size == 4 ? (int64_t)(int32_t)(uint32_t)now : (int64_t)now);
}

static const void *load_pointer(const char *at) {
  const void *pointer;
  memcpy(&pointer, at, sizeof pointer);
  return pointer;
}

static bool word_differs(struct codec_in *in, const struct schema_words *w, uint64_t now) {
  uint64_t n = codec_read_uint(in);
  return n >= w->len || w->here[n] < 0 || (uint64_t)w->here[n] != now;
}

static bool pipeline_differs(struct codec_in *in, const struct pipeline *now) {
  uint64_t n = codec_read_uint(in);
  if (n > 1) return false; /* the same as one that was compared */
  if (n == 0 || !now) return n != 0 || now;
  struct buf json = {0};
  pipeline_json(now, &json);
  bool differs = text_differs(wire_text(in), buf_cstr(&json), json.len);
  buf_release(&json);
  return differs;
}

/* By what both write as JSON of the same type. */
static bool value_differs(struct codec_in *in, const struct schema_words *types, const struct value *now) {
  if (word_differs(in, types, now->type)) return true;
  uint64_t bits;
  switch (now->type) {
  case VALUE_ANY:
  case VALUE_NULL: return false;
  case VALUE_BOOL: return (codec_read_uint(in) != 0) != now->boolean;
  case VALUE_INT: return wire_int(in) != now->integer;
  case VALUE_DATE: return wire_int(in) != now->days;
  case VALUE_DATETIME: return wire_int(in) != now->at;
  case VALUE_DURATION: return wire_int(in) != now->span;
  case VALUE_FLOAT: return memcpy(&bits, &now->number, sizeof bits), codec_read_uint(in) != bits;
  case VALUE_STRING:
  case VALUE_JSON: return text_differs(wire_text(in), now->text.bytes, now->text.len);
  case VALUE_LIST:
    if (codec_read_uint(in) != now->list.len) return true;
    for (size_t i = 0; i < now->list.len; i++)
      if (value_differs(in, types, &now->list.items[i])) return true;
    return false;
  }
  return true;
}

/* `.name[i]` behind what is there. */
static void path_add(struct buf *path, const char *name) {
  if (path->len) buf_char(path, '.');
  buf_str(path, name);
}

static bool item_differs(struct codec_in *in, const struct schema_member *m, const char *items, size_t i,
                         struct buf *path) {
  const struct schema_struct *of = &in->schema->structs[m->of];
  switch (m->type) {
  case CODEC_ARRAY: return codec_differs(in, of, items + i * of->here->size, path);
  case CODEC_TEXTS: return string_differs(in, ((const char *const *)(const void *)items)[i]);
  case CODEC_NUMBERS: return codec_read_uint(in) != ((const uint32_t *)(const void *)items)[i];
  case CODEC_DIGESTS: return string_differs(in, items + i * SHA256_HEX_SIZE);
  default: return pipeline_differs(in, ((const struct pipeline *const *)(const void *)items)[i]);
  }
}

static bool array_differs(struct codec_in *in, const struct schema_member *m, const char *base, struct buf *path) {
  const struct codec_member *length = m->here;
  while (length->type != CODEC_LEN) length++;
  const char *items = load_pointer(base + m->here->offset);
  size_t now = (size_t)load(base + length->offset, sizeof now);
  if (m->type == CODEC_BYTES) return text_differs(wire_text(in), items, now);
  bool null;
  size_t then = wire_count(in, &null);
  /* No array and an array of nothing are the same. */
  if (then != (items ? now : 0)) return true;
  size_t before = path->len;
  for (size_t i = 0; i < then; i++) {
    buf_fmt(path, "[%zu]", i);
    if (item_differs(in, m, items, i, path)) return true;
    buf_truncate(path, before);
  }
  return false;
}

static bool ring_differs(struct codec_in *in, const char *at, size_t size) {
  size_t then = (size_t)codec_read_uint(in);
  bool differs = then != size / sizeof(uint32_t);
  for (size_t i = 0; i < then && !in->err && !differs; i++)
    differs = codec_read_uint(in) != load(at + i * sizeof(uint32_t), sizeof(uint32_t));
  return differs;
}

static bool member_differs(struct codec_in *in, const struct schema_member *m, const char *base, struct buf *path) {
  const struct codec_member *to = m->here;
  const char *at = base + to->offset;
  const struct schema *s = in->schema;
  switch (m->type) {
  case CODEC_NONE:
  case CODEC_LEN: return false;
  case CODEC_BOOL:
  case CODEC_UINT: return codec_read_uint(in) != load(at, to->size);
  case CODEC_INT:
  case CODEC_KNOWN: return int_differs(wire_int(in), at, to->size);
  case CODEC_ENUM: return word_differs(in, &s->words[m->of], load(at, to->size));
  case CODEC_INSTANT: return int_differs(wire_instant(in), at, to->size);
  case CODEC_TEXT:
  case CODEC_SECRET: return string_differs(in, load_pointer(at));
  case CODEC_CHARS: return text_differs(wire_text(in), at, strnlen(at, to->size));
  case CODEC_SEED: return text_differs(wire_text(in), at, to->size);
  case CODEC_STRUCT: return codec_differs(in, &s->structs[m->of], at, path);
  case CODEC_POINTER:
    if ((codec_read_uint(in) != 0) != (load_pointer(at) != NULL)) return true;
    return load_pointer(at) && codec_differs(in, &s->structs[m->of], load_pointer(at), path);
  case CODEC_RING: return ring_differs(in, at, to->size);
  case CODEC_PIPELINE: return pipeline_differs(in, load_pointer(at));
  case CODEC_VALUE: return value_differs(in, &s->words[m->of], (const struct value *)(const void *)at);
  case CODEC_BYTES:
  case CODEC_ARRAY:
  case CODEC_TEXTS:
  case CODEC_NUMBERS:
  case CODEC_DIGESTS:
  case CODEC_PIPELINES: return array_differs(in, m, base, path);
  }
  return true;
}

static bool union_differs(struct codec_in *in, const struct schema_struct *then, const char *now, struct buf *path) {
  const struct schema_words *words = &in->schema->words[then->members[0].of];
  const struct codec_struct *here = then->here;
  uint64_t tag = codec_read_uint(in), kind = load(now + here->members->offset, here->members->size);
  if (tag >= words->len || words->here[tag] < 0 || (uint64_t)words->here[tag] != kind) {
    path_add(path, here->members->name);
    return true;
  }
  const struct schema_struct *s = wire_kind(in, then, tag);
  return !s || s->here != here->kinds[kind] || codec_differs(in, s, now + here->kinds_offset, path);
}

bool codec_differs(struct codec_in *in, const struct schema_struct *then, const void *now, struct buf *path) {
  if (then->kinds) return union_differs(in, then, now, path);
  size_t before = path->len;
  for (size_t i = 0; i < then->len; i++) {
    const struct schema_member *m = &then->members[i];
    if (!m->here) {
      wire_pass(in, m);
      continue;
    }
    path_add(path, m->name);
    if (member_differs(in, m, now, path)) return true;
    buf_truncate(path, before);
  }
  return in->err != 0;
}
