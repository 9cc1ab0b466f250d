/* What a shell on a host answers, cut into sections. Pure and incremental: fed with bytes as they come, in pieces of
 * any size, the result is the same. Everything may come from a host that lies: sizes are bounded, nothing is trusted.
 *
 * An answer is bytes up to the line "NONCE RC" or "NONCE RC UPTIME" (seconds of /proc/uptime with two decimals).
 * Within it a line "NONCE: words..." begins a section; its body goes on to the LF before the next line that begins
 * with NONCE (that LF isn't part of it). What comes before the first section is section "", which is always there.
 * NONCE is 32 hex digits that are new for each request, so nothing that a task printed can look like one.
 */
#ifndef ROTA_WORKER_SSH_LINK_FRAME_H
#define ROTA_WORKER_SSH_LINK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FRAME_NONCE_LEN    32
#define FRAME_MAX          (2u << 20) /* bytes of an answer */
#define FRAME_SECTIONS_MAX 8192
#define FRAME_WORDS_MAX    2048 /* bytes of a section's words */
#define FRAME_NOISE_KEPT   200  /* bytes of what came before a mark that are kept */
#define FRAME_NOISE_MAX    (1u << 20)

struct section {
  const char *words; /* NUL-terminated, printable; "" of the first */
  const char *body;  /* any bytes, followed by a NUL */
  size_t len;
};

/* Writes a new random nonce. */
void frame_nonce(char out[FRAME_NONCE_LEN + 1]);

struct frame_piece;

struct frame {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf bytes;
  size_t line; /* where the line under way begins in bytes */
  struct frame_piece *pieces;
  size_t pieces_cap;
  struct section *sections;
  size_t len; /* of both */
  int rc;
  int64_t uptime_us; /* -1: not told */
};

/* Prepares for the answer to `nonce`; what a former answer left is given up. A zeroed struct may be given. */
void frame_begin(struct frame *f, const char *nonce);
/* Takes of the bytes what belongs to the answer, *used of them. 1: the answer is complete, `sections` and `rc` are
 * there until the next call; 0: more is needed, all was used; ERR_TOO_LARGE or ERR_INVALID: it's no answer, and
 * nothing that comes after can be understood. */
int frame_feed(struct frame *f, const char *bytes, size_t len, size_t *used);
void frame_release(struct frame *f);

/* The search for a line that is nothing but a nonce: what a login shell prints before is noise. */
struct mark {
  char nonce[FRAME_NONCE_LEN + 1];
  char noise[FRAME_NOISE_KEPT + 1]; /* the first of it, with control characters as spaces */
  size_t noise_len;                 /* kept */
  size_t total;                     /* all bytes so far */
  char line[FRAME_NONCE_LEN + 1];   /* the beginning of the line under way */
  size_t line_len;                  /* of the whole of it */
};

void mark_begin(struct mark *m, const char *nonce);
/* 1: found, *used bytes taken with it; 0: not yet; ERR_TOO_LARGE: over FRAME_NOISE_MAX without it. */
int mark_feed(struct mark *m, const char *bytes, size_t len, size_t *used);

#endif
