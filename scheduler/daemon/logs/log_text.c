#include "scheduler/daemon/logs/log_text.h"

#include <stdbool.h>

#include "base/utf8.h"

static bool goes_on(char c) {
  return ((unsigned char)c & 0xc0) == 0x80;
}

/* A character has at most four bytes, so three steps are enough; in what is no UTF-8 they lead nowhere in particular.
 */
size_t log_text_cut(const char *text, size_t len, size_t most) {
  uint32_t point;
  if (len <= most) return len;
  size_t cut = most;
  for (int back = 0; back < 3 && cut > 0 && goes_on(text[cut]); back++) cut--;
  size_t whole = utf8_read(text + cut, len - cut, &point);
  return whole && cut + whole > most ? cut : most;
}

size_t log_text_begin(const char *text, size_t len, size_t at) {
  for (int ahead = 0; ahead < 3 && at < len && goes_on(text[at]); ahead++) at++;
  return at;
}

size_t log_text_units(const char *text, size_t len) {
  size_t units = 0;
  for (size_t i = 0; i < len;) {
    uint32_t point;
    size_t n = utf8_read(text + i, len - i, &point);
    units += n == 4 ? 2 : 1;
    i += n ? n : 1;
  }
  return units;
}
