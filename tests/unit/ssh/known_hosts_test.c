#include "worker/ssh/transport/known_hosts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/unit.h"
#include "worker/ssh/transport/host_names.h"

/* Keys of ed25519 that nobody has: the type, then 32 times the same byte. */
struct key {
  unsigned char blob[51];
};

static struct key key_of(unsigned char fill) {
  struct key k = {{0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5', '1', '9', 0, 0, 0, 32}};
  memset(k.blob + 19, fill, 32);
  return k;
}

/* In the texts of the tests {1} stands for the key of fill 1. */
static void text_write(struct buf *out, const char *text) {
  for (; *text; text++) {
    if (*text != '{') {
      buf_char(out, *text);
      continue;
    }
    struct key k = key_of((unsigned char)strtol(text + 1, NULL, 10));
    buf_str(out, "ssh-ed25519 ");
    base64_encode(out, k.blob, sizeof k.blob);
    text = strchr(text, '}');
  }
}

static struct known_hosts *known_of(const char *text) {
  struct buf b = {0};
  text_write(&b, text);
  struct known_hosts *k = known_hosts_new();
  known_hosts_add(k, "kh", buf_cstr(&b), b.len);
  buf_release(&b);
  return k;
}

struct row {
  const char *text, *host;
  int port, fill;
  enum known_verdict want;
  int line;
};

static const struct row rows[] = {
    {"", "a", 22, 1, KNOWN_UNKNOWN, 0},
    {"a {1}\n", "a", 22, 1, KNOWN_MATCH, 1},
    {"a {1}", "a", 22, 1, KNOWN_MATCH, 1},
    {"\n# no\n  \t\n a\t{1} me@there # x\r\n", "a", 22, 1, KNOWN_MATCH, 4},
    {"a {1}\n", "a", 22, 2, KNOWN_CHANGED, 1},
    {"a {1}\na {2}\n", "a", 22, 2, KNOWN_MATCH, 2},
    {"A.Example {1}\n", "a.eXample", 22, 1, KNOWN_MATCH, 1},
    {"a {1}\n", "ab", 22, 1, KNOWN_UNKNOWN, 0},
    {"b,a,10.0.0.1 {1}\n", "10.0.0.1", 22, 1, KNOWN_MATCH, 1},
    {"*.example {1}\n", "a.example", 22, 1, KNOWN_MATCH, 1},
    {"*.example {1}\n", "example", 22, 1, KNOWN_UNKNOWN, 0},
    {"gpu0? {1}\n", "gpu07", 22, 1, KNOWN_MATCH, 1},
    {"gpu0? {1}\n", "gpu0", 22, 1, KNOWN_UNKNOWN, 0},
    {"gpu*,!gpu07 {1}\n", "gpu07", 22, 1, KNOWN_UNKNOWN, 0},
    {"!gpu07,gpu* {1}\n", "gpu08", 22, 1, KNOWN_MATCH, 1},
    {"!gpu07 {1}\n", "gpu08", 22, 1, KNOWN_UNKNOWN, 0},
    {"[a]:2222 {1}\n", "a", 2222, 1, KNOWN_MATCH, 1},
    {"[a]:2222 {1}\n", "a", 22, 1, KNOWN_UNKNOWN, 0},
    {"a {1}\n", "a", 2222, 1, KNOWN_MATCH, 1},
    {"a {1}\n", "a", 2222, 2, KNOWN_UNKNOWN, 0},
    {"[a]:2222 {1}\na {2}\n", "a", 2222, 2, KNOWN_CHANGED, 1},
    {"[*]:2222 {1}\n", "b", 2222, 1, KNOWN_MATCH, 1},
    {"@revoked * {1}\na {1}\n", "a", 22, 1, KNOWN_REVOKED, 1},
    {"a {1}\n@revoked\ta\t{1}\n", "a", 22, 1, KNOWN_REVOKED, 2},
    {"a {1}\n@revoked a {2}\n", "a", 22, 1, KNOWN_MATCH, 1},
    {"@revoked a {2}\n", "a", 22, 1, KNOWN_UNKNOWN, 0},
    {"@revoked a {1}\n", "a", 2222, 1, KNOWN_REVOKED, 1},
    {"@cert-authority *.example {1}\n", "a.example", 22, 2, KNOWN_NEEDS_CA, 1},
    {"@cert-authority *.example {1}\n", "a.example", 2222, 2, KNOWN_NEEDS_CA, 1},
    {"@cert-authority * {1}\na {2}\n", "a", 22, 2, KNOWN_MATCH, 2},
    {"a {3}\n@cert-authority * {1}\n", "a", 22, 2, KNOWN_NEEDS_CA, 2},
    {"@cert-authority *,!a {1}\n", "a", 22, 1, KNOWN_UNKNOWN, 0},
    /* What isn't well formed spoils nothing else. */
    {"@other a {1}\na {2}\n", "a", 22, 2, KNOWN_MATCH, 2},
    {"@revoked @revoked a {1}\na {1}\n", "a", 22, 1, KNOWN_MATCH, 2},
    {"a ssh-ed25519\na ssh-ed25519 AAAA\na ssh-rsa AAAA=\nb\n|1|x|y {1}\na {1}\n", "a", 22, 1, KNOWN_MATCH, 6},
    {"a 1024 35 1234567\na {1}\n", "a", 22, 1, KNOWN_MATCH, 2},
    {"a ssh-new AAAAB3NzaC1uZXc=\n", "a", 22, 1, KNOWN_UNKNOWN, 0},
    {"* {1}\n", "\xff\x01,!*", 22, 1, KNOWN_MATCH, 1},
    {"|1|7Hb0RIa4WH+WJVFyvl5hPXoLMpA=|0EMvU0iMIU0bu/CZNdl5p9OuoZw= {1}\n", "b", 22, 1, KNOWN_UNKNOWN, 0},
};

static void a_line_decides_what_a_key_is(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct row *r = &rows[i];
    struct key key = key_of((unsigned char)r->fill);
    struct known_hosts *k = known_of(r->text);
    for (int narrowed = 0; narrowed < 2; narrowed++) {
      if (narrowed) known_hosts_narrow(k, r->host, (uint16_t)r->port);
      struct known_answer a = known_hosts_look(k, r->host, (uint16_t)r->port, key.blob, sizeof key.blob);
      if (a.verdict != r->want || a.line != (uint32_t)r->line) print_error("row %zu: %s\n", i, r->text);
      assert_int_equal(a.verdict, r->want);
      assert_int_equal(a.line, r->line);
      if (r->line) assert_string_equal(a.file, "kh");
    }
    known_hosts_free(k);
  }
}

static void names_are_hashed_as_ssh_does_it(void **state) {
  (void)state;
  struct buf name = {0}, text = {0};
  host_name_write(&name, "GPU01", 2222);
  assert_string_equal(buf_cstr(&name), "[gpu01]:2222");
  host_name_hash(&text, buf_cstr(&name));
  assert_true(host_names_valid(text.bytes, text.len));
  assert_true(host_names_match(text.bytes, text.len, "[gpu01]:2222"));
  assert_false(host_names_match(text.bytes, text.len, "gpu01"));
  text.bytes[10] ^= 1;
  assert_false(host_names_match(text.bytes, text.len, "[gpu01]:2222"));
  buf_release(&name);
  buf_release(&text);
}

static void broken_lines_are_counted(void **state) {
  (void)state;
  struct known_hosts *k = known_of("# fine\n\na {1}\nb\n@x c {2}\nc ssh-ed25519 AAAA\n");
  assert_int_equal(known_hosts_skipped(k), 3);
  known_hosts_narrow(k, "a", 22);
  assert_int_equal(known_hosts_skipped(k), 3);
  known_hosts_free(k);
}

static void a_huge_line_is_passed_over(void **state) {
  (void)state;
  size_t len = 3 * KNOWN_HOSTS_LINE_MAX;
  struct buf b = {0};
  buf_reserve(&b, len);
  for (size_t i = 0; i < len; i++) buf_char(&b, i % 2 ? '*' : 'a');
  text_write(&b, " {1}\n*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b {1}\na {2}\n");
  struct known_hosts *k = known_hosts_new();
  known_hosts_add(k, "kh", b.bytes, b.len);
  assert_int_equal(known_hosts_skipped(k), 1);
  char host[1000];
  memset(host, 'a', sizeof host - 1);
  host[sizeof host - 1] = '\0';
  struct key key = key_of(2);
  assert_int_equal(known_hosts_look(k, host, 22, key.blob, sizeof key.blob).verdict, KNOWN_UNKNOWN);
  assert_int_equal(known_hosts_look(k, "a", 22, key.blob, sizeof key.blob).verdict, KNOWN_MATCH);
  known_hosts_free(k);
  buf_release(&b);
}

static void any_bytes_are_borne(void **state) {
  (void)state;
  static const char pieces[] = "@| \t\n\r,*!?#a1=+[]:\\\"\0\xff";
  srand(4); /* NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time */
  struct key key = key_of(1);
  for (int round = 0; round < 3000; round++) {
    struct buf b = {0};
    for (int i = rand() % 200; i >= 0; i--) {
      int kind = rand() % 12;
      if (kind == 0) text_write(&b, "{1}");
      if (kind == 1) buf_str(&b, "@revoked ");
      if (kind == 2) buf_str(&b, "|1|");
      if (kind > 2) buf_char(&b, pieces[(size_t)rand() % (sizeof pieces - 1)]);
    }
    char *exact = malloc(b.len ? b.len : 1); /* so that a read behind it is seen */
    memcpy(exact, b.bytes, b.len);
    struct known_hosts *k = known_hosts_new();
    known_hosts_add(k, "kh", exact, b.len);
    free(exact);
    known_hosts_look(k, "a1", 22, key.blob, (size_t)rand() % sizeof key.blob);
    known_hosts_types(k, "a", 2222);
    known_hosts_narrow(k, "a", 22);
    known_hosts_free(k);
    buf_release(&b);
  }
}

static void the_types_that_are_known_are_told(void **state) {
  (void)state;
  struct known_hosts *k = known_of("a {1}\n[a]:2222 {1}\n@cert-authority b {2}\n@revoked c {1}\n");
  struct known_types t = known_hosts_types(k, "a", 22);
  assert_true(t.any && t.types[KEY_TYPE_ED25519] && !t.types[KEY_TYPE_RSA] && !t.authority);
  assert_true(known_hosts_types(k, "a", 2022).any); /* by its bare name */
  assert_false(known_hosts_types(k, "b", 22).any);
  assert_true(known_hosts_types(k, "b", 22).authority);
  assert_false(known_hosts_types(k, "c", 22).any);
  known_hosts_free(k);
}

static void a_changed_key_is_held_against_one_of_its_type(void **state) {
  (void)state;
  /* 128 bytes make an RSA key of the least size. */
  unsigned char rsa[4 + 7 + 4 + 1 + 4 + 129] = {0,   0, 0, 7, 's', 's', 'h', '-', 'r', 's',
                                                'a', 0, 0, 0, 1,   3,   0,   0,   0,   129};
  rsa[21] = 0x80;
  struct buf b = {0};
  text_write(&b, "a {1}\na ssh-rsa ");
  base64_encode(&b, rsa, sizeof rsa);
  text_write(&b, "\na {2}\n");
  struct known_hosts *k = known_hosts_new();
  known_hosts_add(k, "kh", b.bytes, b.len);
  assert_int_equal(known_hosts_skipped(k), 0);
  rsa[100] = 1;
  struct known_answer a = known_hosts_look(k, "a", 22, rsa, sizeof rsa);
  assert_int_equal(a.verdict, KNOWN_CHANGED);
  assert_int_equal(a.line, 2);
  assert_int_equal(a.type, KEY_TYPE_RSA);
  known_hosts_free(k);
  buf_release(&b);
}

static char dir[64];

static int enter(void **state) {
  (void)state;
  strcpy(dir, "/tmp/rota-known-test-XXXXXX");
  return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state) {
  (void)state;
  return chdir("/") == 0 && dir_remove_at(AT_FDCWD, dir) == 0 ? 0 : -1;
}

static void new_keys_are_appended_in_the_manner_of_the_file(void **state) {
  (void)state;
  struct key one = key_of(1), two = key_of(2), three = key_of(3);
  struct stat st;
  assert_int_equal(known_hosts_append("ssh/kh", "HostA", 2222, one.blob, sizeof one.blob), 0);
  assert_int_equal(stat("ssh", &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  assert_int_equal(stat("ssh/kh", &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  struct buf b = {0};
  assert_int_equal(file_read("ssh/kh", 1000, &b), 0);
  assert_memory_equal(b.bytes, "[hosta]:2222 ssh-ed25519 AAAA", 29);
  buf_str(&b, "|1|7Hb0RIa4WH+WJVFyvl5hPXoLMpA=|0EMvU0iMIU0bu/CZNdl5p9OuoZw= ");
  text_write(&b, "{9}"); /* without an end of the line */
  assert_int_equal(file_write("ssh/kh", b.bytes, b.len, 0600, false), 0);
  assert_int_equal(known_hosts_append("ssh/kh", "hostb", 22, two.blob, sizeof two.blob), 0);
  struct known_hosts *k = known_hosts_new();
  assert_int_equal(known_hosts_read(k, "ssh/kh"), 0);
  assert_int_equal(known_hosts_read(k, "ssh/missing"), 0);
  assert_int_equal(known_hosts_read(k, "/dev/null"), 0);
  assert_int_equal(known_hosts_read(k, "ssh"), ERR_INVALID);
  assert_int_equal(known_hosts_look(k, "hostA", 2222, one.blob, sizeof one.blob).verdict, KNOWN_MATCH);
  struct known_answer a = known_hosts_look(k, "hostb", 22, two.blob, sizeof two.blob);
  assert_int_equal(a.verdict, KNOWN_MATCH);
  assert_int_equal(a.line, 3);
  assert_int_equal(known_hosts_look(k, "hostb", 22, three.blob, sizeof three.blob).verdict, KNOWN_CHANGED);
  buf_reset(&b);
  assert_int_equal(file_read("ssh/kh", 1000, &b), 0);
  assert_null(strstr(b.bytes, "hostb"));
  assert_int_equal(known_hosts_append("ssh/kh", "c", 22, "no key", 6), ERR_INVALID);
  known_hosts_free(k);
  buf_release(&b);
}

static void random_names(struct buf *out) {
  static const char *const names[] = {"a",  "b", "ab", "A",  "a.b", "[a]:22", "[b]:2222", "10.0.0.1", "*", "a*",
                                      "*b", "?", "!a", "!b", "*.b", "!*.b",   "a?b",      "[*]:2222", "",  "!"};
  for (int i = rand() % 3; i >= 0; i--) {
    buf_str(out, names[(size_t)rand() % COUNT(names)]);
    if (i) buf_char(out, ',');
  }
}

static void random_file(void) {
  static const char *const markers[] = {"", "", "", "", "@revoked ", "@cert-authority ", "@what "};
  struct buf b = {0};
  for (int line = 1; line <= 12; line++) {
    char key[8];
    snprintf(key, sizeof key, "{%d}", line);
    buf_str(&b, markers[(size_t)rand() % COUNT(markers)]);
    random_names(&b);
    buf_str(&b, rand() % 3 ? " " : "\t  ");
    text_write(&b, key);
    buf_str(&b, rand() % 2 ? " comment\n" : "\n");
  }
  assert_int_equal(file_write("kh", b.bytes, b.len, 0600, false), 0);
  buf_release(&b);
}

/* What `ssh-keygen -F` says: for each key of the file whether a line with it is for the host. */
static void ask_keygen(const char *name, char found[16]) {
  char command[128], line[4096];
  snprintf(command, sizeof command, "ssh-keygen -F '%s' -f kh 2>/dev/null", name);
  memset(found, 0, 16);
  FILE *p = popen(command, "r");
  while (fgets(line, sizeof line, p)) {
    if (line[0] == '#') continue;
    for (int fill = 1; fill <= 12; fill++) {
      struct buf b = {0};
      char key[8];
      snprintf(key, sizeof key, "{%d}", fill);
      text_write(&b, key);
      if (strstr(line, b.bytes)) found[fill] = 1;
      buf_release(&b);
    }
  }
  pclose(p);
}

static void lines_are_found_as_ssh_keygen_finds_them(void **state) {
  (void)state;
  if (access("/usr/bin/ssh-keygen", X_OK)) skip();
  static const struct {
    const char *host;
    int port;
    const char *name;
  } asked[] = {
      {"a", 22, "a"}, {"b", 22, "b"}, {"a.b", 22, "a.b"}, {"10.0.0.1", 22, "10.0.0.1"}, {"b", 2222, "[b]:2222"}};
  srand(20); /* NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time */
  for (int round = 0; round < 40; round++) {
    random_file();
    if (round % 2 && system("ssh-keygen -q -H -f kh >/dev/null 2>&1") < 0) fail();
    struct known_hosts *k = known_hosts_new();
    assert_int_equal(known_hosts_read(k, "kh"), 0);
    for (size_t i = 0; i < COUNT(asked); i++) {
      char found[16];
      ask_keygen(asked[i].name, found);
      for (int fill = 1; fill <= 12; fill++) {
        struct key key = key_of((unsigned char)fill);
        struct known_answer a = known_hosts_look(k, asked[i].host, (uint16_t)asked[i].port, key.blob,
                                                 sizeof key.blob);
        char want[FINGERPRINT_SIZE];
        key_fingerprint(key.blob, sizeof key.blob, want);
        bool got = a.verdict != KNOWN_UNKNOWN && strcmp(a.fingerprint, want) == 0;
        if (a.verdict == KNOWN_NEEDS_CA && !got) continue; /* an authority before it decides: no word on this line */
        if (asked[i].port != 22 && !found[fill]) continue; /* the bare name may count, which ssh-keygen doesn't ask */
        assert_int_equal(got, found[fill]);
      }
    }
    known_hosts_free(k);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_decides_what_a_key_is),
      cmocka_unit_test(names_are_hashed_as_ssh_does_it),
      cmocka_unit_test(broken_lines_are_counted),
      cmocka_unit_test(a_huge_line_is_passed_over),
      cmocka_unit_test(any_bytes_are_borne),
      cmocka_unit_test(the_types_that_are_known_are_told),
      cmocka_unit_test(a_changed_key_is_held_against_one_of_its_type),
      cmocka_unit_test_setup_teardown(new_keys_are_appended_in_the_manner_of_the_file, enter, leave),
      cmocka_unit_test_setup_teardown(lines_are_found_as_ssh_keygen_finds_them, enter, leave),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
