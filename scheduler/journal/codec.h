/* Plain structs to bytes and back, by tables: one description of a struct serves writing, reading, comparing and
 * printing. The tables of the engine's structs are in tables.h; the bytes carry the writer's tables along (schema.h),
 * so that a later version, whose structs have other members, reads what an earlier one wrote.
 *
 * On the wire a struct is its members in the order of the writer's table, without names. Numbers are varints (7 bits
 * a byte, the lowest first; signed ones in zigzag); an instant is 0 for INSTANT_NONE, else zigzag + 1; a text is 0
 * for NULL, else 1 + 2 * length + brief, and its bytes, or when brief the first 16 bytes of its SHA-256; an array is
 * 0 for NULL, else 1 + count, and its items; a pointer is 0 or 1, and what it points to; an enum is its place in the
 * writer's list of words. A pipeline is 0 for NULL, 1 and its canonical JSON as a text, or n + 2 for the nth of this
 * frame.
 */
#ifndef ROTA_JOURNAL_CODEC_H
#define ROTA_JOURNAL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

struct pipeline;

/* The words stand in the schema of a journal. Members that have no word aren't on the wire. */
#define CODEC_TYPE_LIST(X)                                                                                           \
  X(NONE, "") /* left out: nothing that the engine sees */                                                           \
  X(LEN, "")  /* the length of the arrays before it */                                                               \
  X(BOOL, "bool")                                                                                                    \
  X(INT, "int") /* of any size, signed */                                                                            \
  X(UINT, "uint")                                                                                                    \
  X(KNOWN, "known") /* a signed one whose -1 means unknown, which it is if an older journal hasn't got it */         \
  X(INSTANT, "instant")                                                                                              \
  X(ENUM, "enum")                                                                                                    \
  X(TEXT, "text")     /* const char *, ended by a NUL */                                                             \
  X(SECRET, "secret") /* a text that isn't printed */                                                                \
  X(BYTES, "bytes")   /* const char *, with the LEN that follows */                                                  \
  X(CHARS, "chars")   /* char[n], ended by a NUL */                                                                  \
  X(SEED, "seed")     /* uint8_t[n] */                                                                               \
  X(STRUCT, "struct")                                                                                                \
  X(POINTER, "pointer") /* to one struct, or NULL */                                                                 \
  X(ARRAY, "array")     /* const struct s *, with the LEN that follows; as all below */                              \
  X(TEXTS, "texts")     /* const char *const * */                                                                    \
  X(NUMBERS, "numbers") /* const uint32_t * */                                                                       \
  X(RING, "ring")       /* uint32_t[n], of a fixed size */                                                           \
  X(DIGESTS, "digests") /* const char (*)[SHA256_HEX_SIZE] */                                                        \
  X(PIPELINE, "pipeline")                                                                                            \
  X(PIPELINES, "pipelines")                                                                                          \
  X(VALUE, "value") /* struct value */

enum codec_type {
#define X(name, word) CODEC_##name,
  CODEC_TYPE_LIST(X)
#undef X
};
#define CODEC_TYPES (CODEC_VALUE + 1)

struct codec_words {
  const char *name;
  const char *const *words;
  size_t len;
};

struct codec_member {
  const char *name;
  enum codec_type type;
  size_t offset, size;
  const void *of; /* struct codec_words of an ENUM; struct codec_struct of STRUCT, POINTER, ARRAY; else NULL */
};

/* With `kinds` it is a tagged union: its one member is the tag, an ENUM, and behind that comes one of the kinds. */
struct codec_struct {
  const char *name;
  size_t size;
  const struct codec_member *members;
  size_t len;
  const struct codec_struct *const *kinds;
  size_t kinds_offset;
};

/* ---- writing ---- */

struct codec_out {
  struct buf *out;
  bool brief; /* of a text longer than CODEC_BRIEF bytes only the length and a digest are written */
  VEC(const struct pipeline *) pipelines; /* written so far */
};
#define CODEC_BRIEF        128
#define CODEC_BRIEF_DIGEST 16

void codec_out_begin(struct codec_out *o, struct buf *out, bool brief); /* the next frame */
void codec_out_release(struct codec_out *o);
void codec_write(struct codec_out *o, const struct codec_struct *of, const void *what);
void codec_write_uint(struct buf *out, uint64_t n);
void codec_write_text(struct buf *out, const char *bytes, size_t len); /* never brief; NULL is NULL */

/* ---- reading ---- */

struct schema;
struct schema_struct;

/* After the first thing that can't be read `err` is set and stays, and everything is read as nothing. ERR_CORRUPT:
 * the bytes aren't what the schema says; ERR_NEWER: a word that this version doesn't know. */
struct codec_in {
  const uint8_t *at, *end;
  const struct schema *schema;
  struct arena *arena;              /* what is read lives there */
  VEC(struct pipeline *) pipelines; /* a reference each */
  int err;
};

void codec_in_begin(struct codec_in *in, const struct schema *schema, struct arena *arena, const void *bytes,
                    size_t len);
void codec_in_release(struct codec_in *in);
uint64_t codec_read_uint(struct codec_in *in);
/* In the arena, ended by a NUL; NULL for NULL. A brief one is an error here. */
const char *codec_read_text(struct codec_in *in, size_t *len);
/* `to` is a zeroed struct of this version's table. What the journal knows nothing of gets its default: zero, NULL,
 * INSTANT_NONE, and -1 where that means unknown. What this version knows nothing of is passed over. */
void codec_read(struct codec_in *in, const struct schema_struct *from, void *to);

/* ---- comparing and printing ---- */

/* The first member in which the struct `now` differs from what was written, as "task.state" in `path`; false if none
 * does. Members that only one of the two knows don't count. If one differs, the place of the reader is undefined. */
bool codec_differs(struct codec_in *in, const struct schema_struct *then, const void *now, struct buf *path);
/* `state=waiting attempts=2 reason="..."`: what is zero, false, NULL or unknown is left out. SECRET texts are shown
 * as their length. */
void codec_print(struct codec_in *in, const struct schema_struct *of, struct buf *out);

#endif
