#include "base/utf8.h"

size_t utf8_read(const char *bytes, size_t len, uint32_t *out) {
  const unsigned char *b = (const unsigned char *)bytes;
  if (b[0] < 0x80) {
    *out = b[0];
    return 1;
  }
  static const struct {
    unsigned char mask, lead;
    uint32_t least;
  } forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
  for (size_t i = 0; i < 3; i++) {
    if ((b[0] & forms[i].mask) != forms[i].lead) continue;
    size_t size = i + 2;
    if (len < size) return 0;
    uint32_t point = b[0] & (unsigned char)~forms[i].mask;
    for (size_t k = 1; k < size; k++) {
      if ((b[k] & 0xc0) != 0x80) return 0;
      point = (point << 6) | (b[k] & 0x3f);
    }
    if (point < forms[i].least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
    *out = point;
    return size;
  }
  return 0;
}

bool utf8_valid(const char *bytes, size_t len) {
  uint32_t point;
  for (size_t at = 0; at < len;) {
    size_t size = utf8_read(bytes + at, len - at, &point);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

struct range {
  uint32_t first, last;
};

static bool within(const struct range *ranges, size_t count, uint32_t point) {
  for (size_t i = 0; i < count; i++)
    if (point >= ranges[i].first && point <= ranges[i].last) return true;
  return false;
}

#define WITHIN(ranges, point) within((ranges), sizeof(ranges) / sizeof(ranges)[0], (point))

int utf8_columns(uint32_t point) {
  static const struct range none[] = {{0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
  static const struct range two[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                                     {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                                     {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  if (point < 0x300) return 1;
  if (WITHIN(none, point)) return 0;
  return WITHIN(two, point) ? 2 : 1;
}

bool utf8_control(uint32_t point) {
  static const struct range controls[] = {
      {0, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};
  return WITHIN(controls, point);
}
