#include "scheduler/spec/time/zone.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/spec/time/zone_rule.h"

#define OFFSET_LIMIT_S (26 * 3600)

struct zone_type {
  int32_t offset_s;
  bool is_dst;
  const char *abbreviation;
};

/* The file as it was when it was read. */
struct stamp {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed;
};

struct zone {
  const char *name;
  char *path; /* NULL: no file */
  struct stamp stamp;
  instant *at; /* the changes, rising */
  uint8_t *type_after;
  size_t changes;
  const struct zone_type *types;
  struct zone_type *own_types; /* to be freed; NULL in the zone that is built in */
  char *names;                 /* the abbreviations of own_types */
  bool has_rule;               /* what holds from the last change on, or always if there is none */
  struct zone_rule rule;
  void *bytes; /* that it was read from; NULL in the zone that is built in */
  size_t bytes_len;
};

static const struct zone_type utc_type = {.abbreviation = "UTC"};
static const struct zone utc = {.name = "UTC", .types = &utc_type};

const struct zone *zone_utc(void) {
  return &utc;
}

const char *zone_name(const struct zone *z) {
  return z->name;
}

const void *zone_bytes(const struct zone *z, size_t *len) {
  *len = z->bytes_len;
  return z->bytes;
}

bool zone_name_valid(const char *name) {
  size_t len = strnlen(name, ZONE_NAME_SIZE);
  if (len == 0 || len == ZONE_NAME_SIZE) return false;
  for (size_t i = 0; i < len; i++) {
    char c = name[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '/' && (i == 0 || i == len - 1 || name[i - 1] == '/')) return false;
    if (!letter && c != '/' && c != '_' && c != '+' && c != '-') return false;
  }
  return true;
}

void zone_free(struct zone *z) {
  if (!z) return;
  free(z->at);
  free(z->type_after);
  free(z->own_types);
  free(z->names);
  free(z->path);
  free(z->bytes);
  free(z);
}

/* The name lies behind the struct, in the same block. */
static struct zone *zone_new(const char *name) {
  size_t size = strlen(name) + 1;
  struct zone *z = alloc_zeroed(1, sizeof *z + size);
  z->name = memcpy((char *)(z + 1), name, size);
  return z;
}

/* TZif: a header, a block with 32-bit times that is skipped, a second header, a block with 64-bit times, a footer.
 * All numbers are big-endian. */

#define HEADER_SIZE 44

struct header {
  size_t ut_flags, standard_flags, leaps, changes, types, chars;
};

static uint64_t big_endian(const uint8_t *p, size_t size) {
  uint64_t n = 0;
  for (size_t i = 0; i < size; i++) n = n << 8 | p[i];
  return n;
}

static bool read_header(const uint8_t *p, size_t len, struct header *h) {
  if (len < HEADER_SIZE || memcmp(p, "TZif", 4) != 0 || p[4] < '2') return false;
  size_t *counts[] = {&h->ut_flags, &h->standard_flags, &h->leaps, &h->changes, &h->types, &h->chars};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) *counts[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
  return true;
}

/* The counts are below 2^32 each, so this can't overflow. */
static uint64_t block_size(const struct header *h, size_t time_size) {
  return (uint64_t)h->changes * (time_size + 1) + (uint64_t)h->types * 6 + h->chars +
         (uint64_t)h->leaps * (time_size + 4) + h->standard_flags + h->ut_flags;
}

/* Seconds as an instant; what an instant can't hold is as good as never. */
static instant instant_from_seconds(int64_t s) {
  const int64_t limit = INT64_MAX / USEC_PER_SEC - OFFSET_LIMIT_S;
  if (s > limit) s = limit;
  if (s < -limit) s = -limit;
  return s * USEC_PER_SEC;
}

static int read_types(struct zone *z, const uint8_t *p, const struct header *h) {
  const uint8_t *names = p + h->types * 6;
  z->own_types = alloc_zeroed(h->types, sizeof *z->own_types);
  z->types = z->own_types;
  z->names = alloc_zeroed(1, h->chars + 1);
  memcpy(z->names, names, h->chars);
  for (size_t i = 0; i < h->types; i++, p += 6) {
    int32_t offset_s = (int32_t)(uint32_t)big_endian(p, 4);
    if (offset_s <= -OFFSET_LIMIT_S || offset_s >= OFFSET_LIMIT_S || p[4] > 1 || p[5] >= h->chars) return ERR_CORRUPT;
    z->own_types[i] = (struct zone_type){offset_s, p[4] == 1, z->names + p[5]};
  }
  return 0;
}

static int read_changes(struct zone *z, const uint8_t *p, const struct header *h) {
  const uint8_t *types = p + h->changes * 8;
  z->changes = h->changes;
  z->at = alloc_zeroed(h->changes + 1, sizeof *z->at);
  z->type_after = alloc_zeroed(h->changes + 1, 1);
  for (size_t i = 0; i < h->changes; i++) {
    z->at[i] = instant_from_seconds((int64_t)big_endian(p + i * 8, 8));
    z->type_after[i] = types[i];
    if (types[i] >= h->types || (i > 0 && z->at[i] < z->at[i - 1])) return ERR_CORRUPT;
  }
  return 0;
}

static int read_footer(struct zone *z, const uint8_t *p, size_t len) {
  if (len < 2 || p[0] != '\n') return ERR_CORRUPT;
  const uint8_t *end = memchr(p + 1, '\n', len - 1);
  if (!end) return ERR_CORRUPT;
  z->has_rule = end > p + 1;
  if (z->has_rule && zone_rule_parse((const char *)p + 1, (size_t)(end - p - 1), &z->rule) < 0) return ERR_CORRUPT;
  return 0;
}

static int read_file(struct zone *z, const uint8_t *p, size_t len) {
  struct header h;
  if (!read_header(p, len, &h) || block_size(&h, 4) > len - HEADER_SIZE) return ERR_CORRUPT;
  size_t skip = HEADER_SIZE + (size_t)block_size(&h, 4);
  p += skip;
  len -= skip;
  if (!read_header(p, len, &h) || block_size(&h, 8) > len - HEADER_SIZE) return ERR_CORRUPT;
  if (h.types == 0 || h.types > 256 || h.chars == 0 || h.leaps > 0) return ERR_CORRUPT;
  size_t block = (size_t)block_size(&h, 8);
  int rc = read_changes(z, p + HEADER_SIZE, &h);
  if (rc == 0) rc = read_types(z, p + HEADER_SIZE + h.changes * 9, &h);
  if (rc == 0) rc = read_footer(z, p + HEADER_SIZE + block, len - HEADER_SIZE - block);
  return rc;
}

int zone_parse(const char *name, const void *bytes, size_t len, struct zone **out) {
  *out = NULL;
  if (!zone_name_valid(name)) return ERR_INVALID;
  struct zone *z = zone_new(name);
  int rc = read_file(z, bytes, len);
  if (rc < 0) {
    zone_free(z);
    return rc;
  }
  z->bytes = memcpy(alloc_zeroed(1, len), bytes, len);
  z->bytes_len = len;
  *out = z;
  return 0;
}

static int stamp_read(const char *path, struct stamp *out) {
  struct stat st;
  if (stat(path, &st) < 0) return err_from_errno(errno);
  if (!S_ISREG(st.st_mode)) return ERR_NOT_FOUND;
  *out = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
  return 0;
}

int zone_load(const char *name, const char *dir, struct zone **out) {
  *out = NULL;
  if (!zone_name_valid(name)) return ERR_INVALID;
  if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0) {
    *out = zone_new(name);
    (*out)->types = &utc_type;
    return 0;
  }
  struct buf bytes = {0};
  struct stamp stamp;
  char *path = path_join(dir ? dir : ZONE_DIR, name);
  /* The attributes come first: if the file is replaced in between, zone_stale says so later. */
  int rc = stamp_read(path, &stamp);
  if (rc == 0) rc = file_read(path, ZONE_FILE_LIMIT, &bytes);
  if (rc >= 0) rc = zone_parse(name, buf_cstr(&bytes), bytes.len, out);
  if (rc == 0) {
    (*out)->stamp = stamp;
    (*out)->path = path;
    path = NULL;
  }
  free(path);
  buf_release(&bytes);
  return rc;
}

bool zone_stale(const struct zone *z) {
  struct stamp now;
  if (!z->path) return false;
  if (stamp_read(z->path, &now) < 0) return true;
  return now.device != z->stamp.device || now.inode != z->stamp.inode || now.size != z->stamp.size ||
         now.changed.tv_sec != z->stamp.changed.tv_sec || now.changed.tv_nsec != z->stamp.changed.tv_nsec;
}

/* How many changes are at or before `t`. */
static size_t changes_until(const struct zone *z, instant t) {
  size_t low = 0, high = z->changes;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (z->at[middle] <= t)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct zone_span zone_span_at(const struct zone *z, instant t) {
  size_t past = changes_until(z, t);
  instant start = past > 0 ? z->at[past - 1] : ZONE_SPAN_FIRST;
  if (z->has_rule && past == z->changes) {
    struct zone_span span = zone_rule_span(&z->rule, t);
    if (span.start < start) span.start = start;
    return span;
  }
  const struct zone_type *type = &z->types[past > 0 ? z->type_after[past - 1] : 0];
  return (struct zone_span){.start = start,
                            .end = past < z->changes ? z->at[past] : ZONE_SPAN_LAST,
                            .offset_s = type->offset_s,
                            .is_dst = type->is_dst,
                            .abbreviation = type->abbreviation};
}

int32_t zone_offset(const struct zone *z, instant t) {
  return zone_span_at(z, t).offset_s;
}

struct civil zone_civil(const struct zone *z, instant t) {
  return civil_from_instant(t, zone_offset(z, t));
}

int zone_local_to_instants(const struct zone *z, const struct civil *c, instant out[2], instant *gap_end) {
  const duration reach = OFFSET_LIMIT_S * USEC_PER_SEC;
  instant local = civil_to_instant(c, 0);
  struct zone_span span = zone_span_at(z, local - reach);
  int found = 0;
  instant gap = INSTANT_NONE;
  for (;;) {
    instant t = local - span.offset_s * USEC_PER_SEC;
    if (t >= span.start && t < span.end && found < 2) out[found++] = t;
    if (span.end == ZONE_SPAN_LAST || span.end > local + reach) break;
    struct zone_span next = zone_span_at(z, span.end);
    if (t >= span.end && local - next.offset_s * USEC_PER_SEC < next.start) gap = next.start;
    span = next;
  }
  if (found == 0 && gap_end) *gap_end = gap;
  assert(found > 0 || gap != INSTANT_NONE);
  return found;
}

/* The part after "zoneinfo/" of where a link leads. */
static bool name_in_path(const char *path, char out[ZONE_NAME_SIZE]) {
  static const char folder[] = "zoneinfo/";
  const char *name = strstr(path, folder);
  if (!name) return false;
  name += sizeof folder - 1;
  if (strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0) name += 6;
  if (!zone_name_valid(name)) return false;
  strcpy(out, name);
  return true;
}

static bool name_of_link(const char *path, char out[ZONE_NAME_SIZE]) {
  char target[PATH_MAX];
  ssize_t len = readlink(path, target, sizeof target - 1);
  if (len < 0) return false;
  target[len] = '\0';
  if (name_in_path(target, out)) return true;
  return realpath(path, target) && name_in_path(target, out);
}

static bool name_in_file(const char *path, char out[ZONE_NAME_SIZE]) {
  struct buf text = {0};
  bool found = false;
  if (file_read(path, 4096, &text) >= 0) {
    char *line = text.len > 0 ? text.bytes : NULL;
    if (line) line[strcspn(line, " \t\r\n")] = '\0';
    found = line && zone_name_valid(line);
    if (found) strcpy(out, line);
  }
  buf_release(&text);
  return found;
}

void zone_local_name(const char *etc, char out[ZONE_NAME_SIZE]) {
  char *link = path_join(etc ? etc : "/etc", "localtime");
  char *file = path_join(etc ? etc : "/etc", "timezone");
  if (!name_of_link(link, out) && !name_in_file(file, out)) strcpy(out, "UTC");
  free(link);
  free(file);
}
