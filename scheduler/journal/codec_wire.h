/* The tokens of the wire, for what reads, compares and prints. */
#ifndef ROTA_JOURNAL_CODEC_WIRE_H
#define ROTA_JOURNAL_CODEC_WIRE_H

#include "base/instant.h"
#include "scheduler/journal/codec.h"
#include "scheduler/journal/schema.h"

/* Borrowed from the wire; without a NUL at its end. */
struct wire_text {
  const char *bytes; /* the text, or when brief its digest; NULL for NULL */
  size_t len;        /* of the text */
  bool brief;
};

int64_t wire_int(struct codec_in *in);
instant wire_instant(struct codec_in *in);
struct wire_text wire_text(struct codec_in *in);
size_t wire_count(struct codec_in *in, bool *null);
/* What follows the tag of a union; NULL and ERR_CORRUPT if it can't be. */
const struct schema_struct *wire_kind(struct codec_in *in, const struct schema_struct *s, uint64_t tag);
/* Passes over a member. */
void wire_pass(struct codec_in *in, const struct schema_member *m);

#endif
