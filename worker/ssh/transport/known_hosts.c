#include "worker/ssh/transport/known_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/vec.h"
#include "worker/ssh/transport/host_names.h"

enum marker { MARKER_NONE, MARKER_AUTHORITY, MARKER_REVOKED, MARKER_UNKNOWN };

struct span {
  const char *at;
  size_t len;
};

struct entry {
  const char *file;
  uint32_t line;
  enum marker marker;
  enum key_type type;
  struct span names, blob; /* in the arena */
};

struct known_hosts {
  struct arena arena;
  VEC(struct entry) entries;
  size_t skipped;
};

struct known_hosts *known_hosts_new(void) {
  return alloc_new(struct known_hosts);
}

void known_hosts_free(struct known_hosts *k) {
  if (!k) return;
  arena_release(&k->arena);
  vec_release(&k->entries);
  free(k);
}

size_t known_hosts_skipped(const struct known_hosts *k) {
  return k->skipped;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word off the line; empty at its end. */
static struct span word_take(struct span *line) {
  while (line->len > 0 && is_blank(line->at[0])) line->at++, line->len--;
  struct span word = {line->at, 0};
  while (word.len < line->len && !is_blank(line->at[word.len])) word.len++;
  line->at += word.len;
  line->len -= word.len;
  return word;
}

static bool span_is(struct span s, const char *text) {
  return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static enum marker marker_of(struct span word) {
  if (word.len == 0 || word.at[0] != '@') return MARKER_NONE;
  if (span_is(word, "@cert-authority")) return MARKER_AUTHORITY;
  return span_is(word, "@revoked") ? MARKER_REVOKED : MARKER_UNKNOWN;
}

static struct span span_keep(struct arena *a, const char *at, size_t len) {
  return (struct span){arena_strndup(a, at, len), len};
}

/* False if the line isn't well formed. */
static bool line_add(struct known_hosts *k, struct entry e, struct span line) {
  struct span names = word_take(&line);
  e.marker = marker_of(names);
  if (e.marker == MARKER_UNKNOWN) return false;
  if (e.marker != MARKER_NONE) names = word_take(&line);
  struct span type = word_take(&line), text = word_take(&line);
  if (!host_names_valid(names.at, names.len) || names.at[0] == '@') return false;
  struct buf blob = {0};
  bool good = base64_decode(&blob, text.at, text.len);
  if (good) {
    e.type = key_blob_type(blob.bytes, blob.len);
    good = e.type < KEY_TYPES && span_is(type, key_type_word(e.type));
  }
  if (good) {
    e.names = span_keep(&k->arena, names.at, names.len);
    e.blob = span_keep(&k->arena, blob.bytes, blob.len);
    vec_push(&k->entries, e);
  }
  buf_release(&blob);
  return good;
}

void known_hosts_add(struct known_hosts *k, const char *file, const char *text, size_t len) {
  struct entry e = {.file = arena_strdup(&k->arena, file)};
  while (len > 0) {
    const char *feed = memchr(text, '\n', len);
    struct span line = {text, feed ? (size_t)(feed - text) : len};
    size_t whole = line.len + (feed != NULL);
    text += whole;
    len -= whole;
    e.line++;
    if (line.len > KNOWN_HOSTS_LINE_MAX) {
      k->skipped++;
      continue;
    }
    line.len = strnlen(line.at, line.len);
    struct span rest = line, first = word_take(&rest);
    if (first.len == 0 || first.at[0] == '#') continue;
    if (!line_add(k, e, line)) k->skipped++;
  }
}

/* The two names by which a host may be known: with its port, and bare. */
struct names {
  struct buf full, bare;
};

static struct names names_of(const char *host, uint16_t port) {
  struct names n = {0};
  host_name_write(&n.full, host, port);
  host_name_write(&n.bare, host, 22);
  return n;
}

static void names_release(struct names *n) {
  buf_release(&n->full);
  buf_release(&n->bare);
}

static bool entry_of(const struct entry *e, const struct buf *name) {
  return host_names_match(e->names.at, e->names.len, buf_cstr(name));
}

void known_hosts_narrow(struct known_hosts *k, const char *host, uint16_t port) {
  struct known_hosts kept = {.skipped = k->skipped};
  struct names n = names_of(host, port);
  const char *file = NULL, *copy = NULL;
  for (size_t i = 0; i < k->entries.len; i++) {
    struct entry e = k->entries.items[i];
    if (!entry_of(&e, &n.full) && (port == 22 || !entry_of(&e, &n.bare))) continue;
    if (e.file != file) copy = arena_strdup(&kept.arena, e.file);
    file = e.file;
    e.file = copy;
    e.names = span_keep(&kept.arena, e.names.at, e.names.len);
    e.blob = span_keep(&kept.arena, e.blob.at, e.blob.len);
    vec_push(&kept.entries, e);
  }
  names_release(&n);
  arena_release(&k->arena);
  vec_release(&k->entries);
  *k = kept;
}

static enum known_verdict entry_verdict(const struct entry *e, struct span blob) {
  bool same = e->blob.len == blob.len && memcmp(e->blob.at, blob.at, blob.len) == 0;
  switch (e->marker) {
  case MARKER_REVOKED: return same ? KNOWN_REVOKED : KNOWN_UNKNOWN;
  case MARKER_AUTHORITY: return KNOWN_NEEDS_CA;
  default: return same ? KNOWN_MATCH : KNOWN_CHANGED;
  }
}

/* How much a line's verdict counts; of equals the first stays, but for CHANGED, where one of the same type is more
 * telling. */
static int verdict_weight(enum known_verdict v, bool same_type) {
  switch (v) {
  case KNOWN_UNKNOWN: return 0;
  case KNOWN_CHANGED: return same_type ? 2 : 1;
  case KNOWN_NEEDS_CA: return 3;
  case KNOWN_MATCH: return 4;
  case KNOWN_REVOKED: return 5;
  }
  return 0;
}

static void entry_tell(const struct entry *e, struct known_answer *out) {
  out->file = e->file;
  out->line = e->line;
  out->type = e->type;
  key_fingerprint(e->blob.at, e->blob.len, out->fingerprint);
}

static struct known_answer look_as(const struct known_hosts *k, const struct buf *name, struct span blob) {
  enum key_type type = key_blob_type(blob.at, blob.len);
  const struct entry *best = NULL;
  enum known_verdict verdict = KNOWN_UNKNOWN;
  int weight = 0;
  for (size_t i = 0; i < k->entries.len; i++) {
    const struct entry *e = &k->entries.items[i];
    enum known_verdict v = entry_verdict(e, blob);
    int w = verdict_weight(v, e->type == type);
    if (w <= weight || !entry_of(e, name)) continue;
    best = e;
    verdict = v;
    weight = w;
  }
  struct known_answer answer = {.verdict = verdict};
  if (best) entry_tell(best, &answer);
  return answer;
}

bool known_hosts_line(const struct known_hosts *k, const char *file, uint32_t line, struct known_answer *out) {
  for (size_t i = 0; i < k->entries.len; i++) {
    const struct entry *e = &k->entries.items[i];
    if (e->line != line || strcmp(e->file, file) != 0) continue;
    entry_tell(e, out);
    return true;
  }
  return false;
}

struct known_answer known_hosts_look(const struct known_hosts *k, const char *host, uint16_t port, const void *blob,
                                     size_t len) {
  struct names n = names_of(host, port);
  struct span key = {blob, len};
  struct known_answer answer = look_as(k, &n.full, key);
  if (answer.verdict == KNOWN_UNKNOWN && port != 22) {
    struct known_answer bare = look_as(k, &n.bare, key);
    if (bare.verdict != KNOWN_CHANGED) answer = bare;
  }
  names_release(&n);
  return answer;
}

static struct known_types types_as(const struct known_hosts *k, const struct buf *name) {
  struct known_types t = {0};
  for (size_t i = 0; i < k->entries.len; i++) {
    const struct entry *e = &k->entries.items[i];
    if (e->marker == MARKER_REVOKED || !entry_of(e, name)) continue;
    if (e->marker == MARKER_AUTHORITY) {
      t.authority = true;
    } else {
      t.any = t.types[e->type] = true;
    }
  }
  return t;
}

struct known_types known_hosts_types(const struct known_hosts *k, const char *host, uint16_t port) {
  struct names n = names_of(host, port);
  struct known_types t = types_as(k, &n.full);
  if (!t.any && !t.authority && port != 22) t = types_as(k, &n.bare);
  names_release(&n);
  return t;
}
