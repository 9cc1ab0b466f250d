/* The file of a journal: a line `rota journal 1`, then frames, each written whole behind the one before.
 *
 *   length  4 bytes, little-endian: of the payload
 *   check   4 bytes: CRC-32 (ISO-HDLC) of kind and payload
 *   kind    1 byte
 *   payload
 *
 * The first frame is the SCHEMA, then come START with its DONE, and STEP with its DONE as often as the engine was
 * called; the ZONEs that a step asked for the first time, or that have changed since, stand before its DONE. Payloads
 * are the structs of tables.h. A DONE goes on with the rows and then the decisions, each as a count and so many
 * items, and each item as its length and its bytes, where long texts are brief. STOP is the last one if recording
 * ended before the daemon did.
 *
 * What a crash leaves behind the last whole frame is not an error: a frame whose end is missing, or zeros.
 */
#ifndef ROTA_JOURNAL_JOURNAL_FILE_H
#define ROTA_JOURNAL_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define JOURNAL_MAGIC      "rota journal 1\n"
#define JOURNAL_MAGIC_LEN  (sizeof JOURNAL_MAGIC - 1)
#define JOURNAL_HEAD       9
#define JOURNAL_LENGTH_MAX (1024u * 1024 * 1024)

/* name, letter */
#define JOURNAL_LIST(X) X(SCHEMA, 'S') X(START, 'B') X(ZONE, 'Z') X(STEP, 'I') X(DONE, 'O') X(STOP, 'E')
enum journal_frame_kind {
#define X(name, letter) JOURNAL_##name = letter,
  JOURNAL_LIST(X)
#undef X
};

/* Room for the head at the end of the buffer; the payload is appended behind it. Returns where the frame begins. */
size_t journal_frame_begin(struct buf *out, enum journal_frame_kind kind);
/* Fills in the length. The check is journal_frames_seal's. */
void journal_frame_end(struct buf *out, size_t begin);
/* Fills in the checks of the frames that fill these bytes. */
void journal_frames_seal(char *bytes, size_t len);

struct journal_frame {
  enum journal_frame_kind kind;
  const char *bytes;
  size_t len;
};

/* Reads one behind the other. */
struct journal_reader {
  FILE *file;
  uint64_t size, at; /* bytes of the file, and of what was read whole */
  struct buf buf;
};
/* ERR_INVALID if it isn't a journal, or of another format; else as the file can't be read. */
int journal_open(struct journal_reader *r, const char *path);
void journal_close(struct journal_reader *r);
/* 1: there is one, valid until the next call. 0: no more. ERR_AGAIN: what follows `at` is what a crash left.
 * ERR_CORRUPT: it is damaged. ERR_IO. */
int journal_next(struct journal_reader *r, struct journal_frame *out);

#endif
