/* How the lists of tables_*.c become tables. For these files alone.
 *
 * A list is MEMBERS_s(M, S) with an M(S, member, TYPE, of) for each member in its order.
 */
#ifndef ROTA_JOURNAL_TABLES_PARTS_H
#define ROTA_JOURNAL_TABLES_PARTS_H

#include "scheduler/journal/tables.h"

/* A member that is missing from its list is missing from the initializer of `check` as well. */
#pragma GCC diagnostic error "-Wmissing-field-initializers"
/* The first member of a union's first kind may be of any kind itself. */
#pragma GCC diagnostic ignored "-Wmissing-braces"

extern const struct codec_words words_firing_outcome, words_run_state, words_task_state, words_wait_reason,
    words_trigger, words_event_row_kind, words_host_contact, words_host_order, words_value_type, words_rerun_mode,
    words_engine_report_kind, words_engine_end, words_engine_event_kind, words_change_kind, words_decision_kind;

#define CODEC_NONES CODEC_NONE /* of a struct */

#define ZERO_NONE      0
#define ZERO_LEN       0
#define ZERO_BOOL      0
#define ZERO_INT       0
#define ZERO_UINT      0
#define ZERO_KNOWN     0
#define ZERO_INSTANT   0
#define ZERO_ENUM      0
#define ZERO_TEXT      0
#define ZERO_SECRET    0
#define ZERO_BYTES     0
#define ZERO_POINTER   0
#define ZERO_ARRAY     0
#define ZERO_TEXTS     0
#define ZERO_NUMBERS   0
#define ZERO_DIGESTS   0
#define ZERO_PIPELINE  0
#define ZERO_PIPELINES 0
#define ZERO_NONES                                                                                                   \
  { 0 }
#define ZERO_CHARS                                                                                                   \
  { 0 }
#define ZERO_SEED                                                                                                    \
  { 0 }
#define ZERO_STRUCT                                                                                                  \
  { 0 }
#define ZERO_RING                                                                                                    \
  { 0 }
#define ZERO_VALUE                                                                                                   \
  { 0 }

#define MEMBER(S, name, TYPE, of) {#name, CODEC_##TYPE, offsetof(struct S, name), sizeof(((struct S *)0)->name), of},
#define ZERO(S, name, TYPE, of)   ZERO_##TYPE,
#define STRUCT(S)                                                                                                    \
  static const struct S check_##S __attribute__((unused)) = {MEMBERS_##S(ZERO, S)};                                  \
  static const struct codec_member members_##S[] = {MEMBERS_##S(MEMBER, S)};                                         \
  const struct codec_struct codec_##S = {                                                                            \
      #S, sizeof(struct S), members_##S, sizeof members_##S / sizeof *members_##S, NULL, 0};

/* `first` is any member of the union: where it begins. */
#define UNION(S, tag, words, LIST, first)                                                                            \
  static const struct S check_##S __attribute__((unused)) = {0, {{0}}};                                              \
  static const struct codec_struct *const kinds_##S[] = {LIST(X)};                                                   \
  static const struct codec_member members_##S[] = {                                                                 \
      {#tag, CODEC_ENUM, offsetof(struct S, tag), sizeof(((struct S *)0)->tag), words}};                             \
  const struct codec_struct codec_##S = {#S, sizeof(struct S), members_##S, 1, kinds_##S, offsetof(struct S, first)};

#endif
