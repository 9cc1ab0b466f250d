/* What a host answers is cut into sections, wherever its bytes are split and whatever they are. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/link/frame.h"

#define N "0123456789abcdef0123456789abcdef"
#define M "0123456789abcdef0123456789abcdeF"

struct expected {
  const char *words, *body;
};

static const struct sample {
  const char *name, *bytes, *left; /* `left` isn't taken */
  int result, rc;
  int64_t uptime_us;
  struct expected sections[4];
} samples[] = {
    {"nothing but the end", N " 0\n", "", 1, 0, -1, {{"", ""}}},
    {"an empty line before the end", "\n" N " 0\n", "", 1, 0, -1, {{"", ""}}},
    {"an rc", "\n" N " 255\n", "", 1, 255, -1, {{"", ""}}},
    {"an uptime", "\n" N " 1 12.34\n", "", 1, 1, 12340000, {{"", ""}}},
    {"an uptime without a fraction", N " 0 7\n", "", 1, 0, 7000000, {{"", ""}}},
    {"an error", "ERR root it's full\n\n" N " 1\n", "", 1, 1, -1, {{"", "ERR root it's full\n"}}},
    {"a body without an LF", "x\n" N " 0\n", "", 1, 0, -1, {{"", "x"}}},
    {"a section", "\n" N ": look a b\nbody\n\n" N " 0\n", "", 1, 0, -1, {{"", ""}, {"look a b", "body\n"}}},
    {"sections without bodies", N ": a\n" N ": b\n" N " 0\n", "", 1, 0, -1, {{"", ""}, {"a", ""}, {"b", ""}}},
    {"sections as remote.sh prints them",
     "\n" N ": a\n\n" N ": b\nxy\n" N " 0\n",
     "",
     1,
     0,
     -1,
     {{"", ""}, {"a", ""}, {"b", "xy"}}},
    {"what comes behind", N " 0\nraw\nbytes", "raw\nbytes", 1, 0, -1, {{"", ""}}},
    {"another nonce is content", M " 0\n" N " 0\n", "", 1, 0, -1, {{"", M " 0"}}},
    {"the nonce within a line is content", "x" N " 0\n" N " 0\n", "", 1, 0, -1, {{"", "x" N " 0"}}},
    {"no rc", N "\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an empty rc", N " \n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an rc of letters", N " ok\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an rc that is too large", N " 256\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an rc of many digits", N " 00000000000000000001\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an uptime of letters", N " 0 x\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an uptime that is cut", N " 0 \n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"an uptime without an end", N " 0 1234567890123\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"something behind the uptime", N " 0 1.5 2\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"the nonce with something else behind it", N "x\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"a section without words", N ": \n" N " 0\n", "", 1, 0, -1, {{"", ""}, {"", ""}}},
    {"a section with control characters", N ": a\033[2J\n", NULL, ERR_INVALID, 0, 0, {{0}}},
    {"not complete", "\n" N ": a\nbody\n" N " 0", NULL, 0, 0, 0, {{0}}},
};

static void check_sections(const struct sample *s, const struct frame *f) {
  size_t n = 1;
  while (n < 4 && s->sections[n].words) n++;
  assert_int_equal(f->len, n);
  for (size_t i = 0; i < n; i++) {
    assert_string_equal(f->sections[i].words, s->sections[i].words);
    assert_int_equal(f->sections[i].len, strlen(s->sections[i].body));
    assert_string_equal(f->sections[i].body, s->sections[i].body);
  }
  assert_int_equal(f->rc, s->rc);
  assert_int_equal(f->uptime_us, s->uptime_us);
}

/* Feeds it in pieces of `piece` bytes; the first is `first` long. */
static void check_split(const struct sample *s, size_t first, size_t piece) {
  struct frame f = {0};
  const size_t len = strlen(s->bytes);
  size_t at = 0, n = first;
  int rc = 0;
  frame_begin(&f, N);
  while (at < len && rc == 0) {
    size_t used = 0;
    if (n > len - at) n = len - at;
    char *copy = alloc_zeroed(1, n ? n : 1); /* so that a sanitizer sees a read beyond it */
    memcpy(copy, s->bytes + at, n);
    rc = frame_feed(&f, copy, n, &used);
    free(copy);
    assert_true(used <= n);
    if (rc == 0) assert_int_equal(used, n);
    at += used;
    n = piece;
  }
  assert_int_equal(rc, s->result);
  if (rc == 1) {
    assert_string_equal(s->bytes + at, s->left);
    check_sections(s, &f);
  }
  frame_release(&f);
}

static void an_answer_is_the_same_however_it_is_split(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(samples); i++) {
    const size_t len = strlen(samples[i].bytes);
    check_split(&samples[i], len, len);
    check_split(&samples[i], 1, 1);
    for (size_t first = 1; first < len; first++) {
      check_split(&samples[i], first, len);
      check_split(&samples[i], first, 7);
    }
  }
}

static void bodies_may_hold_any_bytes(void **state) {
  (void)state;
  struct buf b = {0};
  struct frame f = {0};
  size_t used;
  buf_str(&b, "\n" N ": log\n");
  const size_t at = b.len;
  for (int i = 0; i < 3000; i++) buf_char(&b, (char)(i * 7));
  const size_t len = b.len - at;
  buf_str(&b, "\n" N " 0\n");
  frame_begin(&f, N);
  assert_int_equal(frame_feed(&f, b.bytes, b.len, &used), 1);
  assert_int_equal(f.len, 2);
  assert_int_equal(f.sections[1].len, len);
  assert_memory_equal(f.sections[1].body, b.bytes + at, len);
  frame_release(&f);
  buf_release(&b);
}

static void a_frame_can_be_used_again(void **state) {
  (void)state;
  struct frame f = {0};
  size_t used;
  for (int i = 0; i < 3; i++) {
    frame_begin(&f, i == 1 ? M : N);
    if (i == 1) { /* half an answer is given up */
      assert_int_equal(frame_feed(&f, "half", 4, &used), 0);
      continue;
    }
    static const char answer[] = N ": a\nb\n" N " 3\n";
    assert_int_equal(frame_feed(&f, answer, strlen(answer), &used), 1);
    assert_int_equal(used, strlen(answer));
    assert_int_equal(f.rc, 3);
    assert_string_equal(f.sections[1].body, "b");
  }
  frame_release(&f);
}

static void an_answer_without_end_is_given_up(void **state) {
  (void)state;
  struct frame f = {0};
  char piece[65536];
  size_t used, total = 0;
  int rc = 0;
  memset(piece, 'x', sizeof piece);
  frame_begin(&f, N);
  while (rc == 0 && total < 2 * FRAME_MAX) {
    rc = frame_feed(&f, piece, sizeof piece, &used);
    total += used;
  }
  assert_int_equal(rc, ERR_TOO_LARGE);
  assert_true(total <= FRAME_MAX);
  frame_release(&f);
}

static void too_many_sections_are_given_up(void **state) {
  (void)state;
  struct frame f = {0};
  size_t used;
  int rc = 0;
  frame_begin(&f, N);
  for (size_t i = 0; i < FRAME_SECTIONS_MAX + 1 && rc == 0; i++) rc = frame_feed(&f, N ": a\n", 36, &used);
  assert_int_equal(rc, ERR_TOO_LARGE);
  frame_release(&f);
}

/* A host that lies: random bytes, with pieces of the protocol among them. */
static void random_bytes_do_no_harm(void **state) {
  (void)state;
  static const char *const parts[] = {N, "\n", " 0\n", ": ", " ", "9", "a", ": x\n", " 0 1.2\n", "."};
  unsigned seed = 1;
  for (int round = 0; round < 20000; round++) {
    struct frame f = {0};
    struct mark m;
    frame_begin(&f, N);
    mark_begin(&m, N);
    int rc = 0, found = 0;
    for (int i = 0; i < 12; i++) {
      char byte = (char)rand_r(&seed);
      const char *part = rand_r(&seed) % 4 ? parts[(size_t)rand_r(&seed) % COUNT(parts)] : NULL;
      size_t used = 0;
      const size_t len = part ? strlen(part) : 1;
      if (rc == 0) rc = frame_feed(&f, part ? part : &byte, len, &used);
      assert_true(used <= len);
      for (size_t k = 0; rc == 1 && k < f.len; k++) assert_int_equal(f.sections[k].body[f.sections[k].len], 0);
      if (found == 0) found = mark_feed(&m, part ? part : &byte, len, &used);
      assert_true(m.noise_len <= FRAME_NOISE_KEPT);
    }
    frame_release(&f);
  }
}

static const struct {
  const char *bytes, *noise, *left;
  int result;
} marks[] = {
    {"\n" N "\n", "", "", 1},
    {N "\nmore", "", "more", 1},
    {"Welcome!\nbye\n\n" N "\n", "Welcome! bye", "", 1},
    {"no line feed\n" N "\n", "no line feed", "", 1},
    {"\033[31mred\n" N "\n", " [31mred", "", 1},
    {"echo " N "\n" N "\n", "echo " N, "", 1},
    {N N "\n" N "\n", N N, "", 1},
    {N " 0\n" N "\n", N " 0", "", 1},
    {"hello " N "\n", NULL, NULL, 0},
    {N, NULL, NULL, 0},
};

static void a_mark_is_found_behind_what_a_login_prints(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(marks); i++) {
    const size_t len = strlen(marks[i].bytes);
    for (size_t piece = 1; piece <= len; piece++) {
      struct mark m;
      size_t at = 0;
      int rc = 0;
      mark_begin(&m, N);
      while (at < len && rc == 0) {
        size_t used = 0;
        rc = mark_feed(&m, marks[i].bytes + at, piece < len - at ? piece : len - at, &used);
        at += used;
      }
      assert_int_equal(rc, marks[i].result);
      if (rc != 1) continue;
      assert_string_equal(m.noise, marks[i].noise);
      assert_string_equal(marks[i].bytes + at, marks[i].left);
    }
  }
}

static void noise_is_kept_up_to_its_limit(void **state) {
  (void)state;
  struct mark m;
  char piece[4096];
  size_t used, total = 0;
  int rc = 0;
  memset(piece, 'y', sizeof piece);
  mark_begin(&m, N);
  while (rc == 0 && total < 2 * FRAME_NOISE_MAX) {
    rc = mark_feed(&m, piece, sizeof piece, &used);
    total += used;
  }
  assert_int_equal(rc, ERR_TOO_LARGE);
  assert_int_equal(m.noise_len, FRAME_NOISE_KEPT);
}

static void nonces_differ(void **state) {
  (void)state;
  char a[FRAME_NONCE_LEN + 1], b[FRAME_NONCE_LEN + 1];
  frame_nonce(a);
  frame_nonce(b);
  assert_int_equal(strlen(a), FRAME_NONCE_LEN);
  assert_int_equal(strspn(a, "0123456789abcdef"), FRAME_NONCE_LEN);
  assert_string_not_equal(a, b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_is_the_same_however_it_is_split),
      cmocka_unit_test(bodies_may_hold_any_bytes),
      cmocka_unit_test(a_frame_can_be_used_again),
      cmocka_unit_test(an_answer_without_end_is_given_up),
      cmocka_unit_test(too_many_sections_are_given_up),
      cmocka_unit_test(random_bytes_do_no_harm),
      cmocka_unit_test(a_mark_is_found_behind_what_a_login_prints),
      cmocka_unit_test(noise_is_kept_up_to_its_limit),
      cmocka_unit_test(nonces_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
