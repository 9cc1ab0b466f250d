#include "scheduler/journal/schema.h"

#include <assert.h>
#include <string.h>

#include "scheduler/journal/tables.h"

static const char *const type_words[CODEC_TYPES] = {
#define X(name, word) word,
    CODEC_TYPE_LIST(X)
#undef X
};

/* ---- writing ---- */

static size_t number_of(const void *wanted, const void *const *list, size_t len) {
  size_t i = 0;
  while (i < len && list[i] != wanted) i++;
  assert(i < len); /* tables.h lists all of them */
  return i;
}

static size_t number_of_struct(const void *s) {
  return number_of(s, (const void *const *)codec_structs, codec_structs_len);
}

static size_t number_of_words(const void *w) {
  return number_of(w, (const void *const *)codec_words_lists, codec_words_lists_len);
}

static void write_word(struct buf *out, const char *word) {
  codec_write_text(out, word, strlen(word));
}

static bool on_the_wire(const struct codec_member *m) {
  return type_words[m->type][0] != '\0';
}

static void write_member(struct buf *out, const struct codec_member *m) {
  size_t of = 0;
  if (m->type == CODEC_ENUM || m->type == CODEC_VALUE)
    of = number_of_words(m->of);
  else if (m->of)
    of = number_of_struct(m->of);
  write_word(out, m->name);
  write_word(out, type_words[m->type]);
  codec_write_uint(out, of);
}

static void write_struct(struct buf *out, const struct codec_struct *s) {
  size_t members = 0, kinds = s->kinds ? ((const struct codec_words *)s->members->of)->len : 0;
  for (size_t i = 0; i < s->len; i++) members += on_the_wire(&s->members[i]);
  write_word(out, s->name);
  codec_write_uint(out, members);
  for (size_t i = 0; i < s->len; i++)
    if (on_the_wire(&s->members[i])) write_member(out, &s->members[i]);
  codec_write_uint(out, kinds);
  for (size_t i = 0; i < kinds; i++) codec_write_uint(out, number_of_struct(s->kinds[i]));
}

void schema_write(struct buf *out) {
  codec_write_uint(out, codec_words_lists_len);
  for (size_t i = 0; i < codec_words_lists_len; i++) {
    const struct codec_words *w = codec_words_lists[i];
    write_word(out, w->name);
    codec_write_uint(out, w->len);
    for (size_t k = 0; k < w->len; k++) write_word(out, w->words[k]);
  }
  codec_write_uint(out, codec_structs_len);
  for (size_t i = 0; i < codec_structs_len; i++) write_struct(out, codec_structs[i]);
}

/* ---- reading ---- */

/* A count that can't be more than there are bytes left. */
static size_t read_count(struct codec_in *in) {
  uint64_t n = codec_read_uint(in);
  if (n > (uint64_t)(in->end - in->at)) in->err = -1;
  return in->err ? 0 : (size_t)n;
}

static const char *read_word(struct codec_in *in) {
  size_t len;
  const char *word = codec_read_text(in, &len);
  if (!word) in->err = -1;
  return word ? word : "";
}

static int place_in(const char *word, const char *const *words, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (strcmp(word, words[i]) == 0) return (int)i;
  return -1;
}

static const struct codec_words *words_here(const char *name) {
  for (size_t i = 0; i < codec_words_lists_len; i++)
    if (strcmp(name, codec_words_lists[i]->name) == 0) return codec_words_lists[i];
  return NULL;
}

static const struct codec_struct *struct_here(const char *name) {
  for (size_t i = 0; i < codec_structs_len; i++)
    if (strcmp(name, codec_structs[i]->name) == 0) return codec_structs[i];
  return NULL;
}

static void read_words(struct codec_in *in, struct schema_words *w) {
  w->name = read_word(in);
  w->len = read_count(in);
  const struct codec_words *here = words_here(w->name);
  const char **words = arena_new_array(in->arena, w->len + 1, const char *);
  int *places = arena_new_array(in->arena, w->len + 1, int);
  for (size_t i = 0; i < w->len; i++) {
    words[i] = read_word(in);
    places[i] = here ? place_in(words[i], here->words, here->len) : -1;
  }
  w->words = words;
  w->here = places;
}

static bool names_struct(const struct schema_member *m) {
  return m->type == CODEC_STRUCT || m->type == CODEC_POINTER || m->type == CODEC_ARRAY;
}

/* Structs have been read up to `end`. What is here a member of a struct of another name isn't known. */
static void read_member(struct codec_in *in, struct schema_member *m, const struct codec_struct *here,
                        const struct schema_struct *structs, size_t end) {
  m->name = read_word(in);
  int type = place_in(read_word(in), type_words, CODEC_TYPES);
  m->of = (uint32_t)codec_read_uint(in);
  if (type < 0) in->err = -1;
  m->type = type < 0 ? CODEC_NONE : (enum codec_type)type;
  for (size_t i = 0; here && i < here->len; i++)
    if (strcmp(m->name, here->members[i].name) == 0 && here->members[i].type == m->type) m->here = &here->members[i];
  const struct codec_struct *of = m->here ? m->here->of : NULL;
  if (m->here && names_struct(m) && (m->of >= end || strcmp(of->name, structs[m->of].name) != 0)) m->here = NULL;
}

static void read_struct(struct codec_in *in, struct schema_struct *structs, size_t at) {
  struct schema_struct *s = &structs[at];
  s->name = read_word(in);
  s->len = read_count(in);
  s->here = struct_here(s->name);
  struct schema_member *members = arena_new_array(in->arena, s->len + 1, struct schema_member);
  for (size_t i = 0; i < s->len; i++) read_member(in, &members[i], s->here, structs, at);
  s->members = members;
  s->kinds_len = read_count(in);
  uint32_t *kinds = arena_new_array(in->arena, s->kinds_len + 1, uint32_t);
  for (size_t i = 0; i < s->kinds_len; i++) kinds[i] = (uint32_t)codec_read_uint(in);
  s->kinds = s->kinds_len ? kinds : NULL;
}

/* Every number names something, and structs hold only what stands before them, so that none holds itself. */
static bool sound(const struct schema *s) {
  for (size_t i = 0; i < s->structs_len; i++) {
    const struct schema_struct *st = &s->structs[i];
    for (size_t k = 0; k < st->len; k++) {
      const struct schema_member *m = &st->members[k];
      if (names_struct(m) && m->of >= i) return false;
      if ((m->type == CODEC_ENUM || m->type == CODEC_VALUE) && m->of >= s->words_len) return false;
    }
    for (size_t k = 0; k < st->kinds_len; k++)
      if (st->kinds[k] >= i) return false;
    if (st->kinds && (st->len != 1 || st->members[0].type != CODEC_ENUM)) return false;
  }
  return true;
}

const struct schema *schema_read(struct arena *a, const void *bytes, size_t len) {
  struct codec_in in;
  codec_in_begin(&in, NULL, a, bytes, len);
  struct schema *s = arena_new(a, struct schema);
  s->words_len = read_count(&in);
  struct schema_words *words = arena_new_array(a, s->words_len + 1, struct schema_words);
  for (size_t i = 0; i < s->words_len; i++) read_words(&in, &words[i]);
  s->words = words;
  s->structs_len = read_count(&in);
  struct schema_struct *structs = arena_new_array(a, s->structs_len + 1, struct schema_struct);
  for (size_t i = 0; i < s->structs_len && !in.err; i++) read_struct(&in, structs, i);
  s->structs = structs;
  return in.err || !sound(s) ? NULL : s;
}

const struct schema_struct *schema_find(const struct schema *s, const char *name) {
  for (size_t i = 0; i < s->structs_len; i++)
    if (strcmp(s->structs[i].name, name) == 0) return &s->structs[i];
  return NULL;
}
