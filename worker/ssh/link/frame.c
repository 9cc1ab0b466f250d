#include "worker/ssh/link/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"

#define KEPT_BETWEEN (64u << 10) /* bytes of memory that an idle frame may keep */

struct frame_piece { /* offsets, because the bytes move while they grow */
  size_t words, body, end;
};

void frame_nonce(char out[FRAME_NONCE_LEN + 1]) {
  static const char digits[] = "0123456789abcdef";
  unsigned char bytes[FRAME_NONCE_LEN / 2];
  random_bytes(bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  out[FRAME_NONCE_LEN] = '\0';
}

static void piece_begin(struct frame *f, size_t words, size_t body) {
  if (f->len == f->pieces_cap) {
    f->pieces_cap = f->pieces_cap ? 2 * f->pieces_cap : 8;
    f->pieces = alloc_grown(f->pieces, f->pieces_cap, sizeof *f->pieces);
    f->sections = alloc_grown(f->sections, f->pieces_cap, sizeof *f->sections);
  }
  f->pieces[f->len++] = (struct frame_piece){words, body, body};
}

/* The section under way ends before the line that begins at `line`. */
static void piece_end(struct frame *f, size_t line) {
  struct frame_piece *p = &f->pieces[f->len - 1];
  p->end = line > p->body ? line - 1 : line;
}

void frame_begin(struct frame *f, const char *nonce) {
  assert(strlen(nonce) == FRAME_NONCE_LEN);
  memcpy(f->nonce, nonce, sizeof f->nonce);
  if (f->bytes.cap > KEPT_BETWEEN) buf_release(&f->bytes);
  buf_reset(&f->bytes);
  f->line = f->len = 0;
  f->rc = 0;
  f->uptime_us = -1;
  piece_begin(f, 0, 0);
}

void frame_release(struct frame *f) {
  buf_release(&f->bytes);
  free(f->pieces);
  free(f->sections);
  *f = (struct frame){0};
}

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

static bool words_valid(const char *words, size_t len) {
  if (len > FRAME_WORDS_MAX) return false;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)words[i] < 0x20 || words[i] == 0x7f) return false;
  return true;
}

/* "12345.67" as microseconds; -1 if it's anything else. At most 12 digits before the point, six after. */
static int64_t uptime_read(const char *text, size_t len) {
  int64_t us = 0, unit = 1000000;
  size_t i = 0;
  for (; i < len && digit(text[i]); i++) {
    if (i == 12) return -1;
    us = us * 10 + (text[i] - '0');
  }
  if (i == 0) return -1;
  us *= unit;
  if (i == len) return us;
  if (text[i++] != '.') return -1;
  for (; i < len; i++) {
    if (!digit(text[i]) || unit == 1) return -1;
    unit /= 10;
    us += (text[i] - '0') * unit;
  }
  return us;
}

/* What follows NONCE in the last line: " RC" or " RC UPTIME". */
static int end_take(struct frame *f, const char *text, size_t len) {
  size_t i = 1;
  int rc = 0;
  for (; i < len && digit(text[i]); i++) {
    if (i > 3) return ERR_INVALID;
    rc = rc * 10 + (text[i] - '0');
  }
  if (i == 1 || rc > 255) return ERR_INVALID;
  if (i < len) {
    if (text[i] != ' ') return ERR_INVALID;
    f->uptime_us = uptime_read(text + i + 1, len - i - 1);
    if (f->uptime_us < 0) return ERR_INVALID;
  }
  f->rc = rc;
  return 1;
}

/* The answer is whole: its bytes don't move any more. */
static void sections_make(struct frame *f) {
  for (size_t i = 0; i < f->len; i++) {
    const struct frame_piece *p = &f->pieces[i];
    const bool any = p->end > p->body;
    /* The byte behind a body is the LF that isn't part of it. */
    if (any) f->bytes.bytes[p->end] = '\0';
    f->sections[i] = (struct section){.words = i ? f->bytes.bytes + p->words : "",
                                      .body = any ? f->bytes.bytes + p->body : "",
                                      .len = p->end - p->body};
  }
}

/* The line under way got its LF, the last byte there is. */
static int line_take(struct frame *f) {
  const size_t line = f->line, lf = f->bytes.len - 1;
  char *text = f->bytes.bytes + line;
  f->line = f->bytes.len;
  if (lf - line < FRAME_NONCE_LEN || memcmp(text, f->nonce, FRAME_NONCE_LEN) != 0) return 0;
  const char *rest = text + FRAME_NONCE_LEN;
  const size_t len = lf - line - FRAME_NONCE_LEN;
  if (len > 1 && rest[0] == ':' && rest[1] == ' ') {
    if (!words_valid(rest + 2, len - 2)) return ERR_INVALID;
    if (f->len == FRAME_SECTIONS_MAX) return ERR_TOO_LARGE;
    piece_end(f, line);
    f->bytes.bytes[lf] = '\0';
    piece_begin(f, line + FRAME_NONCE_LEN + 2, f->line);
    return 0;
  }
  if (len < 2 || rest[0] != ' ') return ERR_INVALID;
  const int rc = end_take(f, rest, len);
  if (rc != 1) return rc;
  piece_end(f, line);
  sections_make(f);
  return 1;
}

int frame_feed(struct frame *f, const char *bytes, size_t len, size_t *used) {
  *used = 0;
  while (*used < len) {
    const char *at = bytes + *used, *lf = memchr(at, '\n', len - *used);
    const size_t n = lf ? (size_t)(lf - at) + 1 : len - *used;
    if (n > FRAME_MAX - f->bytes.len) return ERR_TOO_LARGE;
    buf_add(&f->bytes, at, n);
    *used += n;
    const int rc = lf ? line_take(f) : 0;
    if (rc) return rc;
  }
  return 0;
}

void mark_begin(struct mark *m, const char *nonce) {
  assert(strlen(nonce) == FRAME_NONCE_LEN);
  *m = (struct mark){0};
  memcpy(m->nonce, nonce, sizeof m->nonce);
}

/* The first bytes of all are kept: without the mark itself and the empty line before it. */
static void noise_trim(struct mark *m, size_t before) {
  if (m->noise_len > before) m->noise_len = before;
  while (m->noise_len && m->noise[m->noise_len - 1] == ' ') m->noise_len--;
  m->noise[m->noise_len] = '\0';
}

int mark_feed(struct mark *m, const char *bytes, size_t len, size_t *used) {
  for (size_t i = 0; i < len; i++) {
    const char c = bytes[i];
    *used = i + 1;
    m->total++;
    if (c == '\n') {
      if (m->line_len == FRAME_NONCE_LEN && memcmp(m->line, m->nonce, FRAME_NONCE_LEN) == 0) {
        noise_trim(m, m->total - FRAME_NONCE_LEN - 1);
        return 1;
      }
      m->line_len = 0;
    } else {
      if (m->line_len < FRAME_NONCE_LEN) m->line[m->line_len] = c;
      m->line_len++;
    }
    if (m->total > FRAME_NOISE_MAX) return ERR_TOO_LARGE;
    if (m->noise_len < FRAME_NOISE_KEPT) m->noise[m->noise_len++] = (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
  }
  *used = len;
  return 0;
}
