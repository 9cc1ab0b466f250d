/* The tables of a journal's writer, as they stand in its first frame, and how they fit those of this version.
 *
 * Structs, members and words are found again by their names. A struct or member of another type is one that isn't
 * known. Roots are the structs of frames (tables.h), from which all others are reached.
 */
#ifndef ROTA_JOURNAL_SCHEMA_H
#define ROTA_JOURNAL_SCHEMA_H

#include "scheduler/journal/codec.h"

struct schema_words {
  const char *name;
  const char *const *words;
  const int *here; /* the place of each in this version's list; -1 */
  size_t len;
};

struct schema_member {
  const char *name;
  enum codec_type type;
  uint32_t of;                     /* the number of its words or struct */
  const struct codec_member *here; /* NULL: this version hasn't got it */
};

struct schema_struct {
  const char *name;
  const struct schema_member *members;
  size_t len;
  const uint32_t *kinds; /* structs, by the place of the tag; NULL if it isn't a union */
  size_t kinds_len;
  const struct codec_struct *here; /* NULL: this version hasn't got it */
};

struct schema {
  const struct schema_words *words;
  size_t words_len;
  const struct schema_struct *structs;
  size_t structs_len;
};

/* This version's tables. */
void schema_write(struct buf *out);
/* In the arena. NULL if it isn't one. */
const struct schema *schema_read(struct arena *a, const void *bytes, size_t len);
/* NULL if the writer had none of that name. */
const struct schema_struct *schema_find(const struct schema *s, const char *name);

#endif
