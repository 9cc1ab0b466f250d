#include "scheduler/api/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Reads digits; false if there are none or too many. */
static bool number_read(const char **at, uint64_t *out) {
  size_t digits = strspn(*at, "0123456789");
  if (digits == 0 || digits > 18) return false;
  *out = 0;
  for (size_t i = 0; i < digits; i++) *out = *out * 10 + (uint64_t)((*at)[i] - '0');
  *at += digits;
  return true;
}

static const char *blanks_skip(const char *at) {
  return at + strspn(at, " \t");
}

struct range range_read(const char *header, uint64_t size) {
  const struct range all = {200, 0, size}, none = {416, 0, 0};
  static const char unit[] = "bytes=";
  uint64_t first = 0, last = 0;
  if (!header || strncasecmp(header, unit, sizeof unit - 1) != 0) return all;
  const char *at = blanks_skip(header + sizeof unit - 1);
  bool from_start = number_read(&at, &first);
  if (*at++ != '-') return all;
  bool to_end = !number_read(&at, &last);
  if (*blanks_skip(at) || (!from_start && to_end) || (from_start && !to_end && last < first)) return all;
  if (!from_start) { /* the last so many bytes */
    if (last == 0 || size == 0) return none;
    uint64_t length = last < size ? last : size;
    return (struct range){206, size - length, length};
  }
  if (first >= size) return none;
  if (to_end || last >= size) last = size - 1;
  return (struct range){206, first, last - first + 1};
}

void range_text(const struct range *range, uint64_t size, char out[RANGE_TEXT_SIZE]) {
  if (range->status == 416)
    snprintf(out, RANGE_TEXT_SIZE, "bytes */%" PRIu64, size);
  else
    snprintf(out, RANGE_TEXT_SIZE, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
             range->first + range->length - 1, size);
}
