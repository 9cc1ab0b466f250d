/* The buffer, the arena, the vector: what holds memory. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "tests/unit/unit.h"

static void an_empty_buffer_is_an_empty_string(void **state) {
  (void)state;
  struct buf b = {0};
  assert_string_equal(buf_cstr(&b), "");
  buf_truncate(&b, 0);
  buf_reset(&b);
  size_t len = 1;
  char *bytes = buf_steal(&b, &len);
  assert_string_equal(bytes, "");
  assert_int_equal(len, 0);
  free(bytes);
}

static void a_buffer_grows_and_stays_terminated(void **state) {
  (void)state;
  struct buf b = {0};
  for (int i = 0; i < 10000; i++) {
    buf_char(&b, (char)('a' + i % 26));
    assert_int_equal(b.bytes[b.len], '\0');
  }
  assert_int_equal(b.len, 10000);
  assert_int_equal(strlen(buf_cstr(&b)), 10000);
  for (int i = 0; i < 10000; i++) assert_int_equal(b.bytes[i], 'a' + i % 26);
  buf_truncate(&b, 3);
  assert_string_equal(buf_cstr(&b), "abc");
  buf_reset(&b);
  assert_string_equal(buf_cstr(&b), "");
  buf_release(&b);
  assert_null(b.bytes);
}

static void a_buffer_formats_what_is_longer_than_its_room(void **state) {
  (void)state;
  struct buf b = {0};
  buf_str(&b, "x");
  for (int width = 1; width < 300; width++) {
    buf_reset(&b);
    buf_fmt(&b, "%*d|%s", width, 7, "end");
    assert_int_equal(b.len, (size_t)width + 4);
    assert_string_equal(b.bytes + width - 1, "7|end");
  }
  buf_release(&b);
}

static void whole_numbers_are_written_to_their_ends(void **state) {
  (void)state;
  static const int64_t numbers[] = {0, 7, -1, 1000000, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    char want[32], text[INT_TEXT_SIZE];
    struct buf b = {0};
    snprintf(want, sizeof want, "%lld", (long long)numbers[i]);
    buf_int(&b, numbers[i]);
    assert_string_equal(buf_cstr(&b), want);
    assert_string_equal(int_text(numbers[i], text), want);
    buf_release(&b);
  }
}

static void a_stolen_buffer_is_the_callers(void **state) {
  (void)state;
  struct buf b = {0};
  size_t len;
  buf_add(&b, "a\0b", 3);
  char *bytes = buf_steal(&b, &len);
  assert_int_equal(len, 3);
  assert_memory_equal(bytes, "a\0b", 4);
  assert_int_equal(b.len, 0);
  assert_null(b.bytes);
  free(bytes);
}

static void arena_blocks_are_aligned_zeroed_and_apart(void **state) {
  (void)state;
  struct arena a = {0};
  static const size_t sizes[] = {0, 1, 15, 16, 17, 4000, 5000, 100000, 300000, 24};
  for (int round = 0; round < 3; round++) {
    unsigned char *blocks[200] = {0};
    for (size_t i = 0; i < COUNT(blocks); i++) {
      size_t size = sizes[i % COUNT(sizes)];
      blocks[i] = arena_alloc(&a, size);
      assert_int_equal((uintptr_t)blocks[i] % sizeof(max_align_t) % 16, 0);
      for (size_t k = 0; k < size; k++)
        if (blocks[i][k] != 0) fail_msg("byte %zu of block %zu isn't zero in round %d", k, i, round);
      memset(blocks[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < COUNT(blocks); i++)
      for (size_t k = 0; k < sizes[i % COUNT(sizes)]; k++)
        if (blocks[i][k] != (unsigned char)(i + 1)) fail_msg("block %zu was overwritten at %zu", i, k);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
  }
  arena_release(&a);
  arena_release(&a);
}

static void arena_text_is_copied(void **state) {
  (void)state;
  struct arena a = {0};
  assert_string_equal(arena_strdup(&a, "abc"), "abc");
  assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
  assert_string_equal(arena_strndup(&a, NULL, 0), "");
  int64_t *behind = arena_new(&a, int64_t); /* texts lie close together, what comes behind them is aligned */
  assert_int_equal((uintptr_t)behind % _Alignof(max_align_t), 0);
  assert_int_equal(*behind, 0);
  assert_string_equal(arena_fmt(&a, "%s-%d", "x", 42), "x-42");
  char *big = arena_fmt(&a, "%10000d", 1);
  assert_int_equal(strlen(big), 10000);
  assert_true(a.used >= 10000);
  int *numbers = arena_new_array(&a, 100, int);
  assert_int_equal(numbers[99], 0);
  arena_release(&a);
}

static void an_arena_that_is_reset_is_empty_and_zeroed(void **state) {
  (void)state;
  struct arena a = {0};
  for (size_t size = 16; size <= 1024 * 1024; size *= 4) {
    for (int i = 0; i < 5; i++) memset(arena_alloc(&a, size), 0xff, size);
    assert_int_equal(a.used, 5 * size);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    const unsigned char *bytes = arena_alloc(&a, 2 * size);
    for (size_t i = 0; i < 2 * size; i++) assert_int_equal(bytes[i], 0);
    arena_reset(&a);
  }
  static const char *const texts[] = {"a", "", "#12"};
  assert_string_equal(arena_join(&a, texts, 3), "a#12");
  assert_string_equal(arena_join(&a, texts, 0), "");
  arena_release(&a);
}

static void a_vector_grows_and_swaps_out(void **state) {
  (void)state;
  VEC(int) v = {0};
  for (int i = 0; i < 1000; i++) vec_push(&v, i);
  assert_int_equal(v.len, 1000);
  for (int i = 0; i < 1000; i++) assert_int_equal(v.items[i], i);
  vec_swap_remove(&v, 10);
  assert_int_equal(v.items[10], 999);
  assert_int_equal(v.len, 999);
  vec_release(&v);
  assert_int_equal(v.len + v.cap, 0);
}

static void allocations_are_zeroed_and_formatted(void **state) {
  (void)state;
  int *numbers = alloc_zeroed(10, sizeof *numbers);
  for (int i = 0; i < 10; i++) assert_int_equal(numbers[i], 0);
  numbers = alloc_grown(numbers, 1000, sizeof *numbers);
  numbers[999] = 1;
  free(numbers);
  char *text = alloc_fmt("%s/%d", "a", 1);
  assert_string_equal(text, "a/1");
  char *copy = alloc_strdup(text);
  assert_string_equal(copy, text);
  free(copy);
  free(text);
}

static void what_a_library_asks_for_in_vain_ends_the_process(void **state) {
  (void)state;
  pid_t child = fork();
  if (child == 0) {
    close(STDERR_FILENO);
    _exit(alloc_bytes((size_t)1 << 62) == NULL);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  free(alloc_bytes(0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_buffer_is_an_empty_string),
      cmocka_unit_test(a_buffer_grows_and_stays_terminated),
      cmocka_unit_test(a_buffer_formats_what_is_longer_than_its_room),
      cmocka_unit_test(whole_numbers_are_written_to_their_ends),
      cmocka_unit_test(a_stolen_buffer_is_the_callers),
      cmocka_unit_test(arena_blocks_are_aligned_zeroed_and_apart),
      cmocka_unit_test(arena_text_is_copied),
      cmocka_unit_test(an_arena_that_is_reset_is_empty_and_zeroed),
      cmocka_unit_test(a_vector_grows_and_swaps_out),
      cmocka_unit_test(allocations_are_zeroed_and_formatted),
      cmocka_unit_test(what_a_library_asks_for_in_vain_ends_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
