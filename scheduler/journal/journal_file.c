#include "scheduler/journal/journal_file.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"

/* Four bits at a time: a table that a reader can check, and fast enough for what a journal writes. */
static uint32_t crc32(const char *bytes, size_t len) {
  static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                     0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                     0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < len; i++) {
    crc ^= (uint8_t)bytes[i];
    crc = table[crc & 15] ^ (crc >> 4);
    crc = table[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

static void put32(char *to, uint32_t n) {
  for (int i = 0; i < 4; i++) to[i] = (char)(uint8_t)(n >> (8 * i));
}

static uint32_t get32(const char *from) {
  uint32_t n = 0;
  for (int i = 3; i >= 0; i--) n = n << 8 | (uint8_t)from[i];
  return n;
}

size_t journal_frame_begin(struct buf *out, enum journal_frame_kind kind) {
  size_t begin = out->len;
  const char head[JOURNAL_HEAD] = {[JOURNAL_HEAD - 1] = (char)kind};
  buf_add(out, head, sizeof head);
  return begin;
}

void journal_frame_end(struct buf *out, size_t begin) {
  size_t len = out->len - begin - JOURNAL_HEAD;
  assert(len <= JOURNAL_LENGTH_MAX);
  put32(out->bytes + begin, (uint32_t)len);
}

void journal_frames_seal(char *bytes, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t payload = get32(bytes + at);
    put32(bytes + at + 4, crc32(bytes + at + 8, payload + 1));
    at += JOURNAL_HEAD + payload;
  }
}

int journal_open(struct journal_reader *r, const char *path) {
  memset(r, 0, sizeof *r);
  struct stat st;
  char magic[JOURNAL_MAGIC_LEN];
  r->file = fopen(path, "rbe");
  if (!r->file || fstat(fileno(r->file), &st)) return err_from_errno(errno);
  if (!S_ISREG(st.st_mode)) return ERR_INVALID;
  r->size = (uint64_t)st.st_size;
  if (fread(magic, 1, sizeof magic, r->file) != sizeof magic) return ferror(r->file) ? ERR_IO : ERR_INVALID;
  if (memcmp(magic, JOURNAL_MAGIC, sizeof magic) != 0) return ERR_INVALID;
  r->at = sizeof magic;
  return 0;
}

void journal_close(struct journal_reader *r) {
  if (r->file) fclose(r->file);
  r->file = NULL;
  buf_release(&r->buf);
}

static bool read_more(struct journal_reader *r, size_t len) {
  buf_reserve(&r->buf, len + 1);
  size_t n = fread(r->buf.bytes + r->buf.len, 1, len, r->file);
  r->buf.len += n;
  return n == len;
}

/* The rest of the file holds no whole frame: a part of one, or the zeros of a file that was made longer first. */
static int tail(struct journal_reader *r) {
  for (size_t i = 0; i < r->buf.len; i++)
    if (r->buf.bytes[i]) return ERR_CORRUPT;
  for (int c; (c = fgetc(r->file)) != EOF;)
    if (c) return ERR_CORRUPT;
  return ferror(r->file) ? ERR_IO : ERR_AGAIN;
}

int journal_next(struct journal_reader *r, struct journal_frame *out) {
  uint64_t left = r->size - r->at;
  buf_reset(&r->buf);
  if (left == 0) return 0;
  if (left < JOURNAL_HEAD) return ERR_AGAIN;
  if (!read_more(r, JOURNAL_HEAD)) return ERR_IO;
  size_t len = get32(r->buf.bytes);
  uint32_t check = get32(r->buf.bytes + 4);
  if (len == 0 && check == 0) return tail(r);
  if (len > JOURNAL_LENGTH_MAX) return ERR_CORRUPT;
  if (len > left - JOURNAL_HEAD) return ERR_AGAIN;
  if (!read_more(r, len)) return ERR_IO;
  if (crc32(r->buf.bytes + 8, len + 1) != check) return left == JOURNAL_HEAD + len ? ERR_AGAIN : ERR_CORRUPT;
  r->at += JOURNAL_HEAD + len;
  *out = (struct journal_frame){(enum journal_frame_kind)(uint8_t)r->buf.bytes[8], r->buf.bytes + JOURNAL_HEAD, len};
  return 1;
}
