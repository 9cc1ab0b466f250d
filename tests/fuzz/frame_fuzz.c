/* What a host answers: the first byte is the size of the pieces that it comes in. An answer is the same however it is
 * split, and never reaches beyond its bytes. */
#include <string.h>

#include "base/alloc.h"
#include "tests/fuzz/fuzz.h"
#include "worker/ssh/link/frame.h"

static const char nonce[] = "0123456789abcdef0123456789abcdef";

/* Feeds a copy of each piece, so that a sanitizer sees what is read behind it. */
static int feed(struct frame *f, const uint8_t *data, size_t size, size_t piece, size_t *taken) {
  int rc = 0;
  *taken = 0;
  frame_begin(f, nonce);
  while (*taken < size && rc == 0) {
    const size_t n = piece < size - *taken ? piece : size - *taken;
    size_t used = 0;
    char *copy = alloc_zeroed(1, n);
    memcpy(copy, data + *taken, n);
    rc = frame_feed(f, copy, n, &used);
    free(copy);
    CHECK(used <= n && (rc != 0 || used == n));
    *taken += used;
  }
  return rc;
}

static void compare(const struct frame *a, const struct frame *b) {
  CHECK(a->rc == b->rc && a->uptime_us == b->uptime_us && a->len == b->len && a->len >= 1);
  CHECK(a->rc >= 0 && a->rc <= 255);
  for (size_t i = 0; i < a->len; i++) {
    const struct section *x = &a->sections[i], *y = &b->sections[i];
    CHECK(strcmp(x->words, y->words) == 0 && strlen(x->words) <= FRAME_WORDS_MAX);
    CHECK(x->len == y->len && memcmp(x->body, y->body, x->len) == 0);
    CHECK(x->body[x->len] == '\0');
  }
}

static void find_mark(const uint8_t *data, size_t size, size_t piece) {
  struct mark m;
  mark_begin(&m, nonce);
  for (size_t at = 0; at < size;) {
    const size_t n = piece < size - at ? piece : size - at;
    size_t used = 0;
    const int rc = mark_feed(&m, (const char *)data + at, n, &used);
    CHECK(used <= n && m.noise_len <= FRAME_NOISE_KEPT);
    if (rc) return;
    at += n;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct frame whole = {0}, split = {0};
  size_t whole_taken, split_taken;
  if (size < 2) return 0;
  const size_t piece = (size_t)data[0] + 1;
  data++;
  size--;
  const int rc = feed(&whole, data, size, size, &whole_taken);
  CHECK(feed(&split, data, size, piece, &split_taken) == rc);
  if (rc == 1) {
    CHECK(whole_taken == split_taken);
    compare(&whole, &split);
  }
  find_mark(data, size, piece);
  frame_release(&whole);
  frame_release(&split);
  return 0;
}
