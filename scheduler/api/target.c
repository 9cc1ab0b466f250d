#include "scheduler/api/target.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool text_clean(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
  return utf8_valid(text, len);
}

const char *target_decode(struct arena *a, const char *text, size_t len, bool plus) {
  char *out = arena_alloc(a, len + 1);
  size_t used = 0;
  for (size_t i = 0; i < len; i++) {
    char c = text[i] == '+' && plus ? ' ' : text[i];
    if (c == '%') {
      if (len - i < 3) return NULL;
      int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return NULL;
      c = (char)(high * 16 + low);
      i += 2;
    }
    out[used++] = c;
  }
  out[used] = '\0';
  return text_clean(out, used) ? out : NULL;
}

int target_query(struct arena *a, const char *text, struct api_pair out[TARGET_QUERY_MAX]) {
  int count = 0;
  while (*text) {
    size_t len = strcspn(text, "&");
    if (len) {
      if (count == TARGET_QUERY_MAX) return ERR_TOO_LARGE;
      const char *equals = memchr(text, '=', len);
      size_t name_len = equals ? (size_t)(equals - text) : len;
      const char *name = target_decode(a, text, name_len, true);
      const char *value = equals ? target_decode(a, equals + 1, len - name_len - 1, true) : "";
      if (!name || !value) return ERR_INVALID;
      for (int i = 0; i < count; i++)
        if (strcmp(out[i].name, name) == 0) return ERR_INVALID;
      out[count++] = (struct api_pair){name, value};
    }
    text += len + (text[len] == '&');
  }
  return count;
}
