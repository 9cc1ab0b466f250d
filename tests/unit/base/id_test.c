/* Ids, digests and the error codes. */
#include "base/id.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/err.h"
#include "tests/unit/unit.h"

static void ids_have_the_layout_of_ulid(void **state) {
  (void)state;
  static const uint8_t zero[10], ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  static const uint8_t counted[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  assert_string_equal(id_make(0, zero).text, "00000000000000000000000000");
  assert_string_equal(id_make(-5, zero).text, "00000000000000000000000000");
  assert_string_equal(id_make(((INT64_C(1) << 48) - 1) * USEC_PER_MS, ones).text, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
  /* The example of the specification: 1469918176385 is written 01ARYZ6S41. */
  assert_string_equal(id_make(INT64_C(1469918176385) * USEC_PER_MS, counted).text, "01aryz6s41000g40r40m30e209");
}

static void ids_sort_by_time_as_text(void **state) {
  (void)state;
  struct id before = {0};
  instant t = INT64_C(1700000000000000);
  for (int i = 0; i < 1000; i++, t += (i % 7 + 1) * USEC_PER_MS * 997) {
    uint8_t random[10];
    random_bytes(random, sizeof random);
    struct id id = id_make(t, random);
    assert_true(id_valid(id.text));
    assert_true(strcmp(before.text, id.text) < 0);
    before = id;
  }
}

static void ids_are_recognised(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool valid, prefix;
  } rows[] = {
      {"01aryz6s41000g40r40m30e209", true, true},
      {"01aryz6s41000g40r40m30e20", false, true},
      {"01aryz6s41000g40r40m30e2099", false, false},
      {"01ARYZ6S41000G40R40M30E209", false, false},
      {"01aryz6s41000g40r40m30e20i", false, false},
      {"01aryz6s41000g40r40m30e20l", false, false},
      {"01aryz6s41000g40r40m30e20o", false, false},
      {"01aryz6s41000g40r40m30e20u", false, false},
      {"8zzzzzzzzzzzzzzzzzzzzzzzzz", false, false},
      {"7zzzzzzzzzzzzzzzzzzzzzzzzz", true, true},
      {"0", false, true},
      {"", false, false},
      {"8", false, false},
      {"01/../..", false, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (id_valid(rows[i].text) != rows[i].valid) fail_msg("id_valid(\"%s\")", rows[i].text);
    if (id_prefix_valid(rows[i].text) != rows[i].prefix) fail_msg("id_prefix_valid(\"%s\")", rows[i].text);
  }
}

static void digests_are_those_of_the_standard(void **state) {
  (void)state;
  char hex[SHA256_HEX_SIZE];
  sha256_hex("", 0, hex);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha256_hex("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  /* RFC 2202, case 2 */
  static const uint8_t want[SHA1_SIZE] = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74,
                                          0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
  uint8_t mac[SHA1_SIZE];
  assert_true(hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, mac));
  assert_memory_equal(mac, want, sizeof want);
}

static void base64_is_that_of_the_standard(void **state) {
  (void)state;
  static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  struct buf out = {0}, back = {0};
  for (size_t len = 0; len < COUNT(texts); len++) {
    buf_reset(&out);
    base64_encode(&out, "foobar", len);
    assert_string_equal(buf_cstr(&out), texts[len]);
    buf_reset(&back);
    assert_true(base64_decode(&back, texts[len], strlen(texts[len])));
    assert_int_equal(back.len, len);
    if (len) assert_memory_equal(back.bytes, "foobar", len);
  }
  static const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "=m9v", "Zg==Zg==", "Zm9v\n", "Z-_v", "===="};
  for (size_t i = 0; i < COUNT(bad); i++) assert_false(base64_decode(&back, bad[i], strlen(bad[i])));
  assert_int_equal(back.len, 6);
  buf_release(&out);
  buf_release(&back);
}

static void codes_have_names_and_texts(void **state) {
  (void)state;
  assert_string_equal(err_name(ERR_FULL), "ERR_FULL");
  assert_string_equal(err_text(ERR_FULL), "no space left");
  assert_string_equal(err_name(0), "ERR_UNKNOWN");
  assert_string_equal(err_text(-1000), "unknown error");
  static const struct {
    int errnum, code;
  } rows[] = {{ENOSPC, ERR_FULL}, {EDQUOT, ERR_FULL},   {ENOENT, ERR_NOT_FOUND},         {EEXIST, ERR_EXISTS},
              {EIO, ERR_IO},      {EACCES, ERR_DENIED}, {ECONNREFUSED, ERR_UNREACHABLE}, {EAGAIN, ERR_AGAIN},
              {12345, ERR_IO}};
  for (size_t i = 0; i < COUNT(rows); i++) assert_int_equal(err_from_errno(rows[i].errnum), rows[i].code);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_have_the_layout_of_ulid),
      cmocka_unit_test(ids_sort_by_time_as_text),
      cmocka_unit_test(ids_are_recognised),
      cmocka_unit_test(digests_are_those_of_the_standard),
      cmocka_unit_test(base64_is_that_of_the_standard),
      cmocka_unit_test(codes_have_names_and_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
