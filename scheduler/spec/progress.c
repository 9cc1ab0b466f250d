#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "scheduler/spec/outputs.h"

#define NUMBER_MAX 32  /* bytes of the first word */
#define TEXT_MAX   200 /* bytes shown of the rest */

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/* The last line with anything in it. */
static void last_line(const char **text, size_t *len) {
  const char *end = *text + *len;
  while (end > *text && (blank(end[-1]) || end[-1] == '\n')) end--;
  const char *newline = memrchr(*text, '\n', (size_t)(end - *text));
  const char *start = newline ? newline + 1 : *text;
  while (start < end && blank(*start)) start++;
  *text = start;
  *len = (size_t)(end - start);
}

static bool digits(const char *s, size_t len, double *out) {
  *out = 0;
  if (len == 0 || len > 15 || strspn(s, "0123456789") < len) return false;
  *out = strtod(s, NULL);
  return true;
}

/* "0.42", "1" or "21/50", and nothing else. */
static bool fraction_of(const char *word, double *fraction) {
  const char *slash = strchr(word, '/');
  double done, total;
  if (slash) {
    char left[NUMBER_MAX + 1];
    size_t len = (size_t)(slash - word);
    memcpy(left, word, len);
    left[len] = '\0';
    if (!digits(left, len, &done) || !digits(slash + 1, strlen(slash + 1), &total) || total <= 0) return false;
    *fraction = done / total;
  } else {
    if (strspn(word, "0123456789.") < strlen(word)) return false;
    char *end;
    *fraction = strtod(word, &end);
    if (end == word || *end) return false;
  }
  return *fraction >= 0 && *fraction <= 1;
}

static const char *shown(const char *text, size_t len, struct arena *a) {
  char *out = arena_alloc(a, len + 1);
  size_t used = 0;
  for (size_t at = 0; at < len;) {
    uint32_t point;
    size_t n = utf8_read(text + at, len - at, &point);
    if (used + (n ? n : 1) > TEXT_MAX) break;
    if (n == 0 || utf8_control(point)) {
      out[used++] = '?';
    } else {
      memcpy(out + used, text + at, n);
      used += n;
    }
    at += n ? n : 1;
  }
  out[used] = '\0';
  return out;
}

bool progress_parse(const char *text, size_t len, double *fraction, const char **rest, struct arena *a) {
  if (len == 0) return false;
  last_line(&text, &len);
  size_t word_len = 0;
  while (word_len < len && !blank(text[word_len])) word_len++;
  if (word_len == 0 || word_len > NUMBER_MAX) return false;
  char word[NUMBER_MAX + 1];
  memcpy(word, text, word_len);
  word[word_len] = '\0';
  if (strlen(word) != word_len || !fraction_of(word, fraction)) return false;
  while (word_len < len && blank(text[word_len])) word_len++;
  *rest = shown(text + word_len, len - word_len, a);
  return true;
}
