#include <assert.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/spec/time/zone.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static uint64_t seed(void) {
  const char *given = getenv("ROTA_SEED");
  uint64_t s = given ? strtoull(given, NULL, 0) : (uint64_t)clock_now();
  print_message("ROTA_SEED=%llu\n", (unsigned long long)s);
  return s;
}

static instant at(const char *text) {
  instant t;
  assert_int_equal(instant_parse(text, &t), 0);
  return t;
}

static struct zone *load(const char *name) {
  struct zone *z;
  int rc = zone_load(name, NULL, &z);
  if (rc < 0) fail_msg("%s: %s; is tzdata installed?", name, err_name(rc));
  return z;
}

/* TZif files made by hand. */

struct made {
  int version;
  const int64_t *at;
  const uint8_t *type_after;
  uint32_t changes;
  const int32_t *offsets; /* a type each; the second is summer time */
  uint32_t types, leaps;
  const char *footer;
};

static void put(struct buf *b, uint64_t n, int size) {
  while (size-- > 0) buf_char(b, (char)(n >> (8 * size)));
}

static void make_header(struct buf *b, const struct made *m, bool empty) {
  buf_str(b, "TZif");
  buf_char(b, (char)('0' + m->version));
  for (int i = 0; i < 15; i++) buf_char(b, '\0');
  const uint32_t counts[] = {0, 0, m->leaps, m->changes, m->types, 8};
  const uint32_t least[] = {0, 0, 0, 0, 1, 1};
  for (size_t i = 0; i < 6; i++) put(b, empty ? least[i] : counts[i], 4);
}

static void make_file(struct buf *b, const struct made *m) {
  make_header(b, m, true);
  put(b, 0, 7);
  make_header(b, m, false);
  for (uint32_t i = 0; i < m->changes; i++) put(b, (uint64_t)m->at[i], 8);
  for (uint32_t i = 0; i < m->changes; i++) buf_char(b, (char)m->type_after[i]);
  for (uint32_t i = 0; i < m->types; i++) {
    put(b, (uint32_t)m->offsets[i], 4);
    buf_char(b, i == 1);
    buf_char(b, i == 1 ? 4 : 0);
  }
  buf_add(b, "STD\0DST", 8);
  for (uint32_t i = 0; i < m->leaps; i++) buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\1", 12);
  buf_fmt(b, "\n%s\n", m->footer);
}

static int parse_made(const struct made *m, struct zone **out) {
  struct buf b = {0};
  make_file(&b, m);
  int rc = zone_parse("Made/Up", b.bytes, b.len, out);
  buf_release(&b);
  return rc;
}

static void names_cannot_leave_the_folder(void **state) {
  (void)state;
  static const char *const good[] = {"UTC", "Europe/Oslo", "America/Argentina/Buenos_Aires", "Etc/GMT+7",
                                     "America/Port-au-Prince"};
  static const char *const bad[] = {"",    "/etc/passwd",  "../UTC", "Europe/../UTC", "Europe//Oslo", "Europe/",
                                    "a.b", "Europe/Oslo ", "Zürich", ":UTC",          "a\nb"};
  char longest[ZONE_NAME_SIZE + 1];
  struct zone *z;
  for (size_t i = 0; i < COUNT(good); i++)
    if (!zone_name_valid(good[i])) fail_msg("refused: %s", good[i]);
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (zone_name_valid(bad[i])) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(zone_load(bad[i], NULL, &z), ERR_INVALID);
    assert_null(z);
  }
  memset(longest, 'a', ZONE_NAME_SIZE);
  longest[ZONE_NAME_SIZE] = '\0';
  assert_false(zone_name_valid(longest));
  longest[ZONE_NAME_SIZE - 1] = '\0';
  assert_true(zone_name_valid(longest));
}

static void utc_needs_no_file(void **state) {
  (void)state;
  static const char *const names[] = {"UTC", "Etc/UTC"};
  for (size_t i = 0; i < COUNT(names); i++) {
    struct zone *z;
    assert_int_equal(zone_load(names[i], "/nonexistent", &z), 0);
    assert_string_equal(zone_name(z), names[i]);
    assert_int_equal(zone_offset(z, at("2026-07-01T00:00:00Z")), 0);
    struct zone_span span = zone_span_at(z, 0);
    assert_true(span.start == ZONE_SPAN_FIRST && span.end == ZONE_SPAN_LAST);
    assert_string_equal(span.abbreviation, "UTC");
    assert_false(zone_stale(z));
    zone_free(z);
  }
  assert_int_equal(zone_offset(zone_utc(), 0), 0);
}

static void what_is_no_zone_is_refused(void **state) {
  (void)state;
  char dir[] = "/tmp/rota-zone-XXXXXX";
  assert_non_null(mkdtemp(dir));
  char *path = path_join(dir, "File");
  char *large = calloc(1, ZONE_FILE_LIMIT + 1);
  struct zone *z;
  assert_int_equal(zone_load("Nowhere", dir, &z), ERR_NOT_FOUND);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(zone_load("File", dir, &z), ERR_NOT_FOUND);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(file_write(path, "TZif", 4, 0600, false), 0);
  assert_int_equal(zone_load("File", dir, &z), ERR_CORRUPT);
  assert_int_equal(file_write(path, "", 0, 0600, false), 0);
  assert_int_equal(zone_load("File", dir, &z), ERR_CORRUPT);
  assert_int_equal(file_write(path, large, ZONE_FILE_LIMIT + 1, 0600, false), 0);
  assert_int_equal(zone_load("File", dir, &z), ERR_TOO_LARGE);
  unlink(path);
  rmdir(dir);
  free(large);
  free(path);
}

static void damaged_files_are_refused(void **state) {
  (void)state;
  static const int64_t rising[] = {1000, 2000}, falling[] = {2000, 1000};
  static const uint8_t types[] = {1, 0}, far[] = {1, 7};
  static const int32_t offsets[] = {3600, 7200}, wild[] = {3600, 26 * 3600};
  const struct made good = {2, rising, types, 2, offsets, 2, 0, "STD-1DST,M3.5.0,M10.5.0/3"};
  struct made bad[7];
  for (size_t i = 0; i < COUNT(bad); i++) bad[i] = good;
  bad[0].version = 1;
  bad[1].at = falling;
  bad[2].type_after = far;
  bad[3].offsets = wild;
  bad[4].leaps = 1;
  bad[5].footer = "STD-1DST";
  bad[6].types = 0;
  struct zone *z;
  assert_int_equal(parse_made(&good, &z), 0);
  zone_free(z);
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (parse_made(&bad[i], &z) != ERR_CORRUPT) fail_msg("accepted: case %zu", i);
    assert_null(z);
  }
}

/* Under the address sanitizer this finds any read beyond the end. */
static void cut_and_flipped_files_do_no_harm(void **state) {
  (void)state;
  static const int64_t changes[] = {1000, 2000, 1000000};
  static const uint8_t types[] = {1, 0, 1};
  static const int32_t offsets[] = {3600, 7200};
  const struct made m = {2, changes, types, 3, offsets, 2, 0, "STD-1DST,M3.5.0,M10.5.0/3"};
  struct buf b = {0};
  struct zone *z;
  make_file(&b, &m);
  assert(b.len > 0);
  for (size_t len = 0; len < b.len; len++) {
    char *cut = malloc(len + 1);
    memcpy(cut, b.bytes, len);
    char *exact = realloc(cut, len ? len : 1);
    assert_int_equal(zone_parse("Cut", exact, len, &z), ERR_CORRUPT);
    free(exact);
  }
  uint64_t random = seed();
  for (int i = 0; i < 20000; i++) {
    char *copy = malloc(b.len);
    memcpy(copy, b.bytes, b.len);
    for (int flips = 1 + i % 3; flips > 0; flips--) {
      uint64_t r = next_random(&random);
      copy[r % b.len] = (char)(r >> 32);
    }
    if (zone_parse("Flipped", copy, b.len, &z) == 0) {
      struct civil c = zone_civil(z, (instant)(next_random(&random) % (200 * 365 * (uint64_t)USEC_PER_DAY)));
      instant out[2], gap;
      zone_local_to_instants(z, &c, out, &gap);
      zone_free(z);
    }
    free(copy);
  }
  buf_release(&b);
}

static void local_times_mean_none_one_or_two_instants(void **state) {
  (void)state;
  static const struct {
    const char *zone, *local; /* with a Z that stands for the zone's own clock */
    int count;
    const char *first, *second; /* or the gap's end */
  } cases[] = {
      {"America/New_York", "2025-03-09T02:30:00Z", 0, "2025-03-09T07:00:00Z", NULL},
      {"America/New_York", "2025-03-09T03:00:00Z", 1, "2025-03-09T07:00:00Z", NULL},
      {"America/New_York", "2025-11-02T01:30:00Z", 2, "2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"},
      {"America/New_York", "2040-03-11T02:30:00Z", 0, "2040-03-11T07:00:00Z", NULL},
      {"America/New_York", "2040-11-04T01:30:00Z", 2, "2040-11-04T05:30:00Z", "2040-11-04T06:30:00Z"},
      {"Europe/London", "1970-01-01T00:30:00Z", 1, "1969-12-31T23:30:00Z", NULL},
      {"Europe/London", "2025-10-26T01:30:00Z", 2, "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"},
      {"Australia/Lord_Howe", "2025-10-05T02:15:00Z", 0, "2025-10-04T15:30:00Z", NULL},
      {"Australia/Lord_Howe", "2025-04-06T01:45:00Z", 2, "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"},
      {"Australia/Lord_Howe", "2045-10-01T02:15:00Z", 0, "2045-09-30T15:30:00Z", NULL},
      {"Australia/Lord_Howe", "2045-04-02T01:45:00Z", 2, "2045-04-01T14:45:00Z", "2045-04-01T15:15:00Z"},
      {"Pacific/Apia", "2011-12-30T12:00:00Z", 0, "2011-12-30T10:00:00Z", NULL},
      {"Pacific/Apia", "2011-12-31T00:00:00Z", 1, "2011-12-30T10:00:00Z", NULL},
      {"America/Sao_Paulo", "2018-11-04T00:00:00Z", 0, "2018-11-04T03:00:00Z", NULL},
      {"Africa/Casablanca", "2025-02-23T02:30:00Z", 2, "2025-02-23T01:30:00Z", "2025-02-23T02:30:00Z"},
      {"Africa/Casablanca", "2025-04-06T02:30:00Z", 0, "2025-04-06T02:00:00Z", NULL},
      {"Europe/Dublin", "2025-07-01T12:00:00Z", 1, "2025-07-01T11:00:00Z", NULL},
      {"Europe/Dublin", "2045-07-01T12:00:00Z", 1, "2045-07-01T11:00:00Z", NULL},
      {"Europe/Dublin", "2045-01-01T12:00:00Z", 1, "2045-01-01T12:00:00Z", NULL},
      {"America/Nuuk", "2045-03-25T00:30:00Z", 1, "2045-03-25T02:30:00Z", NULL},
      {"America/Nuuk", "2045-03-25T23:30:00Z", 0, "2045-03-26T01:00:00Z", NULL},
      {"Asia/Gaza", "2090-07-01T12:00:00Z", 1, "2090-07-01T09:00:00Z", NULL},
      {"Africa/Monrovia", "1971-06-01T12:00:00Z", 1, "1971-06-01T12:44:30Z", NULL},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct zone *z = load(cases[i].zone);
    struct civil c = civil_from_instant(at(cases[i].local), 0);
    instant out[2] = {INSTANT_NONE, INSTANT_NONE}, gap = INSTANT_NONE;
    int n = zone_local_to_instants(z, &c, out, &gap);
    assert_int_equal(zone_local_to_instants(z, &c, out, NULL), n); /* who doesn't ask for the end of a gap */
    if (n != cases[i].count || (n == 0 ? gap : out[0]) != at(cases[i].first) ||
        (n == 2 && out[1] != at(cases[i].second)))
      fail_msg("%s %s: %d instants", cases[i].zone, cases[i].local, n);
    zone_free(z);
  }
}

static void the_fraction_of_a_second_is_kept(void **state) {
  (void)state;
  struct zone *z = load("Europe/Oslo");
  struct civil c = {2026, 7, 1, 12, 0, 0, 250000};
  instant out[2];
  assert_int_equal(zone_local_to_instants(z, &c, out, NULL), 1);
  assert_true(out[0] == at("2026-07-01T10:00:00.25Z"));
  assert_int_equal(zone_civil(z, out[0]).usec, 250000);
  zone_free(z);
}

static void spans_say_when_the_clocks_change(void **state) {
  (void)state;
  static const struct {
    const char *zone, *t, *start, *end, *abbreviation;
    int32_t offset_s;
    bool is_dst;
  } cases[] = {
      {"Europe/Oslo", "2026-07-01T00:00:00Z", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "CEST", 7200, true},
      {"Europe/Oslo", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "CEST", 7200, true},
      {"Europe/Oslo", "2026-03-29T00:59:59.999999Z", "2025-10-26T01:00:00Z", "2026-03-29T01:00:00Z", "CET", 3600,
       false},
      {"Europe/Oslo", "2260-07-01T00:00:00Z", "2260-03-25T01:00:00Z", "2260-10-28T01:00:00Z", "CEST", 7200, true},
      {"America/Nuuk", "2050-01-01T00:00:00Z", "2049-10-31T01:00:00Z", "2050-03-27T01:00:00Z", "-02", -7200, false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct zone *z = load(cases[i].zone);
    struct zone_span span = zone_span_at(z, at(cases[i].t));
    assert_string_equal(span.abbreviation, cases[i].abbreviation);
    assert_int_equal(span.offset_s, cases[i].offset_s);
    assert_int_equal(span.is_dst, cases[i].is_dst);
    if (span.start != at(cases[i].start) || span.end != at(cases[i].end)) fail_msg("case %zu", i);
    zone_free(z);
  }
}

static void a_file_of_nothing_but_a_rule_is_as_good(void **state) {
  (void)state;
  static const int32_t offsets[] = {3600};
  const struct made m = {2, NULL, NULL, 0, offsets, 1, 0, "CET-1CEST,M3.5.0,M10.5.0/3"};
  struct zone *slim, *full = load("Europe/Berlin");
  assert_int_equal(parse_made(&m, &slim), 0);
  uint64_t random = seed();
  instant from = at("1997-01-01T00:00:00Z"), until = at("2400-01-01T00:00:00Z");
  for (int i = 0; i < 100000; i++) {
    instant t = from + (instant)(next_random(&random) % (uint64_t)(until - from));
    struct zone_span a = zone_span_at(slim, t), b = zone_span_at(full, t);
    assert_int_equal(a.offset_s, b.offset_s);
    assert_string_equal(a.abbreviation, b.abbreviation);
    assert_true(a.end == b.end);
  }
  zone_free(slim);
  zone_free(full);
}

static void after_the_last_change_without_a_rule_nothing_changes(void **state) {
  (void)state;
  static const int64_t changes[] = {0};
  static const uint8_t types[] = {1};
  static const int32_t offsets[] = {3600, 7200};
  const struct made m = {2, changes, types, 1, offsets, 2, 0, ""};
  struct zone *z;
  assert_int_equal(parse_made(&m, &z), 0);
  assert_int_equal(zone_offset(z, -1), 3600);
  assert_int_equal(zone_offset(z, at("2500-01-01T00:00:00Z")), 7200);
  assert_true(zone_span_at(z, 0).end == ZONE_SPAN_LAST);
  zone_free(z);
}

/* Asia/Gaza isn't among them: zic itself writes other changes after 2040 into its slim file than into its fat one. */
static void fat_and_slim_files_agree(void **state) {
  (void)state;
  static const char *const names[] = {"America/New_York", "Europe/Dublin", "Africa/Casablanca", "America/Nuuk",
                                      "Asia/Beirut",      "Pacific/Apia",  "Asia/Tokyo",        "Australia/Lord_Howe",
                                      "Antarctica/Troll", "Etc/GMT+7"};
  static const char *const kinds[] = {"fat", "slim"};
  char dir[] = "/tmp/rota-zone-XXXXXX", command[256];
  assert_non_null(mkdtemp(dir));
  for (size_t i = 0; i < 2; i++) {
    snprintf(command, sizeof command, "zic -b %s -d %s/%s /usr/share/zoneinfo/tzdata.zi 2>/dev/null", kinds[i], dir,
             kinds[i]);
    if (access("/usr/share/zoneinfo/tzdata.zi", R_OK) == 0 && system(command) == 0) continue;
    dir_remove_at(AT_FDCWD, dir);
    print_message("skipped: no zic or no tzdata.zi\n");
    skip();
  }
  uint64_t random = seed();
  instant from = at("1850-01-01T00:00:00Z"), until = at("2300-01-01T00:00:00Z");
  for (size_t i = 0; i < COUNT(names); i++) {
    struct zone *z[2];
    for (size_t k = 0; k < 2; k++) {
      char path[64];
      snprintf(path, sizeof path, "%s/%s", dir, kinds[k]);
      assert_int_equal(zone_load(names[i], path, &z[k]), 0);
    }
    for (int n = 0; n < 20000; n++) {
      instant t = from + (instant)(next_random(&random) % (uint64_t)(until - from));
      struct zone_span a = zone_span_at(z[0], t), b = zone_span_at(z[1], t);
      if (a.offset_s != b.offset_s || a.is_dst != b.is_dst) fail_msg("%s at %lld", names[i], (long long)t);
    }
    zone_free(z[0]);
    zone_free(z[1]);
  }
  dir_remove_at(AT_FDCWD, dir);
}

static void a_replaced_file_is_noticed(void **state) {
  (void)state;
  static const int32_t offsets[] = {3600};
  const struct made m = {2, NULL, NULL, 0, offsets, 1, 0, "CET-1"};
  char dir[] = "/tmp/rota-zone-XXXXXX";
  assert_non_null(mkdtemp(dir));
  char *path = path_join(dir, "Here");
  struct buf b = {0};
  struct zone *z;
  make_file(&b, &m);
  assert_int_equal(file_write(path, b.bytes, b.len, 0600, false), 0);
  assert_int_equal(zone_load("Here", dir, &z), 0);
  assert_false(zone_stale(z));
  size_t len;
  const void *bytes = zone_bytes(z, &len);
  assert_int_equal(len, b.len);
  assert_memory_equal(bytes, b.bytes, len);
  assert_null(zone_bytes(zone_utc(), &len));
  assert_int_equal(len, 0);
  assert_int_equal(file_write(path, b.bytes, b.len, 0600, false), 0);
  assert_true(zone_stale(z));
  zone_free(z);
  assert_int_equal(zone_load("Here", dir, &z), 0);
  assert_false(zone_stale(z));
  unlink(path);
  assert_true(zone_stale(z));
  zone_free(z);
  rmdir(dir);
  buf_release(&b);
  free(path);
}

/* Each of what tells a file from the one that was read, by itself: who changes a file may keep some of it. */
static void a_file_that_is_changed_in_its_place_is_noticed(void **state) {
  (void)state;
  static const int32_t offsets[] = {3600};
  const struct made m = {2, NULL, NULL, 0, offsets, 1, 0, "CET-1"};
  char dir[] = "/tmp/rota-zone-XXXXXX";
  assert_non_null(mkdtemp(dir));
  char *path = path_join(dir, "Here");
  struct buf b = {0};
  struct zone *z;
  make_file(&b, &m);
  for (int longer = 0; longer < 2; longer++) {
    assert_int_equal(file_write(path, b.bytes, b.len, 0600, false), 0);
    assert_int_equal(zone_load("Here", dir, &z), 0);
    struct stat read, now;
    assert_int_equal(stat(path, &read), 0);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    do { /* the clock of the files may be a coarse one */
      assert_int_equal(pwrite(fd, "\n", 1, read.st_size - !longer), 1);
      assert_int_equal(fstat(fd, &now), 0);
    } while (now.st_mtim.tv_sec == read.st_mtim.tv_sec && now.st_mtim.tv_nsec == read.st_mtim.tv_nsec);
    assert_int_equal(now.st_ino, read.st_ino);
    assert_true(zone_stale(z));
    close(fd);
    zone_free(z);
  }
  unlink(path);
  rmdir(dir);
  buf_release(&b);
  free(path);
}

static void the_machine_names_its_zone(void **state) {
  (void)state;
  static const struct {
    const char *link, *file, *name;
  } cases[] = {
      {"/usr/share/zoneinfo/Europe/Oslo", NULL, "Europe/Oslo"},
      {"../usr/share/zoneinfo/Europe/Oslo", "Asia/Tokyo\n", "Europe/Oslo"},
      {"/usr/share/zoneinfo/posix/Europe/Oslo", NULL, "Europe/Oslo"},
      {NULL, "Asia/Tokyo\n", "Asia/Tokyo"},
      {"/somewhere/else", "Asia/Tokyo", "Asia/Tokyo"},
      {"/usr/share/zoneinfo/right/Europe/Oslo", NULL, "Europe/Oslo"},
      {"/usr/share/zoneinfo/../../etc/passwd", "Asia/Tokyo", "Asia/Tokyo"},
      {NULL, "../../etc/passwd\n", "UTC"},
      {NULL, "", "UTC"},
      {NULL, NULL, "UTC"},
  };
  char dir[] = "/tmp/rota-zone-XXXXXX", name[ZONE_NAME_SIZE];
  assert_non_null(mkdtemp(dir));
  char *link = path_join(dir, "localtime"), *file = path_join(dir, "timezone");
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (cases[i].link) assert_int_equal(symlink(cases[i].link, link), 0);
    if (cases[i].file) assert_int_equal(file_write(file, cases[i].file, strlen(cases[i].file), 0600, false), 0);
    zone_local_name(dir, name);
    assert_string_equal(name, cases[i].name);
    unlink(link);
    unlink(file);
  }
  rmdir(dir);
  free(link);
  free(file);
  zone_local_name(NULL, name);
  assert_true(zone_name_valid(name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_cannot_leave_the_folder),
      cmocka_unit_test(utc_needs_no_file),
      cmocka_unit_test(what_is_no_zone_is_refused),
      cmocka_unit_test(damaged_files_are_refused),
      cmocka_unit_test(cut_and_flipped_files_do_no_harm),
      cmocka_unit_test(local_times_mean_none_one_or_two_instants),
      cmocka_unit_test(the_fraction_of_a_second_is_kept),
      cmocka_unit_test(spans_say_when_the_clocks_change),
      cmocka_unit_test(a_file_of_nothing_but_a_rule_is_as_good),
      cmocka_unit_test(after_the_last_change_without_a_rule_nothing_changes),
      cmocka_unit_test(fat_and_slim_files_agree),
      cmocka_unit_test(a_replaced_file_is_noticed),
      cmocka_unit_test(a_file_that_is_changed_in_its_place_is_noticed),
      cmocka_unit_test(the_machine_names_its_zone),
  };
  return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
