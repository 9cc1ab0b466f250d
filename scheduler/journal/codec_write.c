#include <assert.h>
#include <string.h>

#include "base/digest.h"
#include "scheduler/journal/codec.h"
#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/pipeline.h"

void codec_out_begin(struct codec_out *o, struct buf *out, bool brief) {
  o->out = out;
  o->brief = brief;
  o->pipelines.len = 0;
}

void codec_out_release(struct codec_out *o) {
  vec_release(&o->pipelines);
}

void codec_write_uint(struct buf *out, uint64_t n) {
  uint8_t bytes[10];
  size_t len = 0;
  for (; n >= 0x80; n >>= 7) bytes[len++] = (uint8_t)(n | 0x80);
  bytes[len++] = (uint8_t)n;
  buf_add(out, bytes, len);
}

static uint64_t zigzag(int64_t n) {
  return n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1;
}

void codec_write_text(struct buf *out, const char *bytes, size_t len) {
  codec_write_uint(out, bytes ? 1 + 2 * (uint64_t)len : 0);
  if (bytes) buf_add(out, bytes, len);
}

static void write_text(struct codec_out *o, const char *bytes, size_t len) {
  if (!o->brief || !bytes || len <= CODEC_BRIEF) {
    codec_write_text(o->out, bytes, len);
    return;
  }
  uint8_t digest[SHA256_SIZE];
  sha256(bytes, len, digest);
  codec_write_uint(o->out, 2 + 2 * (uint64_t)len);
  buf_add(o->out, digest, CODEC_BRIEF_DIGEST);
}

static void write_string(struct codec_out *o, const char *text) {
  write_text(o, text, text ? strlen(text) : 0);
}

/* A count, then so many items follow; false for none. */
static bool write_count(struct codec_out *o, const void *items, size_t len) {
  codec_write_uint(o->out, items ? 1 + (uint64_t)len : 0);
  return items != NULL;
}

static void write_pipeline(struct codec_out *o, const struct pipeline *p) {
  size_t i = 0;
  while (i < o->pipelines.len && o->pipelines.items[i] != p) i++;
  codec_write_uint(o->out, !p ? 0 : i < o->pipelines.len ? 2 + i : 1);
  if (!p || i < o->pipelines.len) return;
  vec_push(&o->pipelines, p);
  struct buf json = {0};
  pipeline_json(p, &json);
  codec_write_text(o->out, buf_cstr(&json), json.len);
  buf_release(&json);
}

static void write_value(struct codec_out *o, const struct value *v) {
  uint64_t bits;
  codec_write_uint(o->out, v->type);
  switch (v->type) {
  case VALUE_ANY:
  case VALUE_NULL: break;
  case VALUE_BOOL: codec_write_uint(o->out, v->boolean); break;
  case VALUE_INT: codec_write_uint(o->out, zigzag(v->integer)); break;
  case VALUE_DATE: codec_write_uint(o->out, zigzag(v->days)); break;
  case VALUE_DATETIME: codec_write_uint(o->out, zigzag(v->at)); break;
  case VALUE_DURATION: codec_write_uint(o->out, zigzag(v->span)); break;
  case VALUE_FLOAT:
    memcpy(&bits, &v->number, sizeof bits);
    codec_write_uint(o->out, bits);
    break;
  case VALUE_STRING:
  case VALUE_JSON: write_text(o, v->text.bytes, v->text.len); break;
  case VALUE_LIST:
    codec_write_uint(o->out, v->list.len);
    for (size_t i = 0; i < v->list.len; i++) write_value(o, &v->list.items[i]);
    break;
  }
}

static uint64_t load_uint(const void *at, size_t size) {
  uint8_t n8;
  uint32_t n32;
  uint64_t n64;
  switch (size) {
  case 1: return memcpy(&n8, at, 1), n8;
  case 4: return memcpy(&n32, at, 4), n32;
  default: assert(size == 8); return memcpy(&n64, at, 8), n64;
  }
}

static int64_t load_int(const void *at, size_t size) {
  int32_t n32;
  if (size != 4) return (int64_t)load_uint(at, size);
  return memcpy(&n32, at, 4), n32;
}

/* The arrays before a LEN have it in common. */
static size_t length_of(const struct codec_member *m, const char *base) {
  while (m->type != CODEC_LEN) m++;
  size_t len;
  memcpy(&len, base + m->offset, sizeof len);
  return len;
}

static void write_items(struct codec_out *o, const struct codec_member *m, const void *items, size_t len) {
  const struct codec_struct *of = m->of;
  if (m->type == CODEC_BYTES) {
    write_text(o, items, len);
    return;
  }
  if (!write_count(o, items, len)) return;
  for (size_t i = 0; i < len; i++) {
    switch (m->type) {
    case CODEC_ARRAY: codec_write(o, of, (const char *)items + i * of->size); break;
    case CODEC_TEXTS: write_string(o, ((const char *const *)items)[i]); break;
    case CODEC_NUMBERS: codec_write_uint(o->out, ((const uint32_t *)items)[i]); break;
    case CODEC_DIGESTS: write_string(o, (const char *)items + i * SHA256_HEX_SIZE); break;
    default: write_pipeline(o, ((const struct pipeline *const *)items)[i]); break;
    }
  }
}

static void write_ring(struct codec_out *o, const void *at, size_t size) {
  size_t len = size / sizeof(uint32_t);
  codec_write_uint(o->out, len);
  for (size_t i = 0; i < len; i++)
    codec_write_uint(o->out, load_uint((const char *)at + i * sizeof(uint32_t), sizeof(uint32_t)));
}

static void write_instant(struct codec_out *o, const void *at) {
  instant t;
  memcpy(&t, at, sizeof t);
  codec_write_uint(o->out, t == INSTANT_NONE ? 0 : zigzag(t) + 1);
}

static void write_member(struct codec_out *o, const struct codec_member *m, const char *base) {
  const char *at = base + m->offset;
  const void *pointer = NULL;
  memcpy(&pointer, at, m->size >= sizeof pointer ? sizeof pointer : 0);
  switch (m->type) {
  case CODEC_NONE:
  case CODEC_LEN: break;
  case CODEC_BOOL:
  case CODEC_UINT:
  case CODEC_ENUM: codec_write_uint(o->out, load_uint(at, m->size)); break;
  case CODEC_INT:
  case CODEC_KNOWN: codec_write_uint(o->out, zigzag(load_int(at, m->size))); break;
  case CODEC_INSTANT: write_instant(o, at); break;
  case CODEC_TEXT:
  case CODEC_SECRET: write_string(o, pointer); break;
  case CODEC_CHARS: write_text(o, at, strnlen(at, m->size)); break;
  case CODEC_SEED: codec_write_text(o->out, at, m->size); break;
  case CODEC_STRUCT: codec_write(o, m->of, at); break;
  case CODEC_POINTER:
    codec_write_uint(o->out, pointer != NULL);
    if (pointer) codec_write(o, m->of, pointer);
    break;
  case CODEC_RING: write_ring(o, at, m->size); break;
  case CODEC_PIPELINE: write_pipeline(o, pointer); break;
  case CODEC_VALUE: write_value(o, (const struct value *)(const void *)at); break;
  case CODEC_BYTES:
  case CODEC_ARRAY:
  case CODEC_TEXTS:
  case CODEC_NUMBERS:
  case CODEC_DIGESTS:
  case CODEC_PIPELINES: write_items(o, m, pointer, length_of(m, base)); break;
  }
}

void codec_write(struct codec_out *o, const struct codec_struct *of, const void *what) {
  for (size_t i = 0; i < of->len; i++) write_member(o, &of->members[i], what);
  if (!of->kinds) return;
  uint64_t kind = load_uint((const char *)what + of->members->offset, of->members->size);
  codec_write(o, of->kinds[kind], (const char *)what + of->kinds_offset);
}
