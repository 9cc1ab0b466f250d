#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/instant.h"

static bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void url_encode(struct buf *out, const char *text) {
  for (; *text; text++) {
    if (unreserved(*text))
      buf_char(out, *text);
    else
      buf_fmt(out, "%%%02X", (unsigned)(unsigned char)*text);
  }
}

void url_run(struct buf *out, const char *run, const char *suffix) {
  buf_str(out, "/api/v1/runs/");
  url_encode(out, run);
  buf_str(out, suffix);
}

void url_pipeline(struct buf *out, const char *name, const char *suffix) {
  buf_str(out, "/api/v1/pipelines/");
  for (; *name; name++) buf_char(out, *name == '/' ? '.' : *name);
  buf_str(out, suffix);
}

void url_query(struct buf *out, const char *name, const char *value) {
  if (!value) return;
  buf_char(out, strchr(buf_cstr(out), '?') ? '&' : '?');
  buf_fmt(out, "%s=", name);
  url_encode(out, value);
}

void url_query_int(struct buf *out, const char *name, int64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, value);
  url_query(out, name, text);
}

#define NAME_CHARS   "abcdefghijklmnopqrstuvwxyz0123456789_-/"
#define REF_NAME_MAX 128

static size_t name_len(const char *text) {
  size_t len = strspn(text, NAME_CHARS);
  bool folders_named = text[0] != '/' && (len == 0 || text[len - 1] != '/');
  return len <= REF_NAME_MAX && folders_named ? len : 0;
}

bool pipeline_ref_valid(const char *text) {
  size_t len = name_len(text);
  return len > 0 && !text[len];
}

bool run_ref_valid(const char *text) {
  size_t len = name_len(text);
  if (len == 0) return false;
  const char *rest = text + len;
  if (*rest == '#') return rest[1] && strlen(rest + 1) <= 18 && !rest[1 + strspn(rest + 1, "0123456789")];
  if (*rest == '@') return rest[1] && !rest[1 + strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz_")];
  return !*rest;
}

size_t param_name_len(const char *text) {
  size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  return text[len] == '=' && !(text[0] >= '0' && text[0] <= '9') ? len : 0;
}

void local_format(const char *rfc3339, char out[LOCAL_TEXT_SIZE]) {
  instant t;
  snprintf(out, LOCAL_TEXT_SIZE, "-");
  if (!rfc3339 || instant_parse(rfc3339, &t) != 0) return;
  int64_t seconds = t / USEC_PER_SEC - (t % USEC_PER_SEC < 0);
  time_t at = (time_t)seconds;
  struct tm local;
  if (!localtime_r(&at, &local)) return;
  char text[INSTANT_TEXT_SIZE];
  instant_format_offset(seconds * USEC_PER_SEC, (int32_t)local.tm_gmtoff, text);
  char *middle = strchr(text, 'T');
  if (middle) *middle = ' ';
  snprintf(out, LOCAL_TEXT_SIZE, "%s", text);
}

/* Whether what is held could still become a colour: ESC [ digits and ; m. */
static bool colour_so_far(const char *text, size_t len) {
  if (len > 1 && text[1] != '[') return false;
  for (size_t i = 2; i < len; i++)
    if (!strchr("0123456789;:", text[i])) return i + 1 == len && text[i] == 'm';
  return true;
}

static void filter_flush(struct log_filter *state, struct buf *out) {
  for (size_t i = 0; i < state->len; i++) {
    char c = state->held[i];
    bool control = ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    buf_char(out, control ? '?' : c);
  }
  state->len = 0;
}

void log_filter(struct log_filter *state, const char *bytes, size_t len, struct buf *out) {
  for (size_t i = 0; i < len; i++) {
    char c = bytes[i];
    if (c == '\033') filter_flush(state, out);
    if (c == '\033' || state->len) {
      state->held[state->len++] = c;
      if (!colour_so_far(state->held, state->len) || state->len == sizeof state->held) {
        filter_flush(state, out);
      } else if (c == 'm') {
        buf_add(out, state->held, state->len);
        state->len = 0;
      }
      continue;
    }
    bool control = ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    buf_char(out, control ? '?' : c);
  }
}
