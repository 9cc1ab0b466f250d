/* The Range header (RFC 9110, 14.2): which part of a body is asked for. */
#ifndef ROTA_API_RANGE_H
#define ROTA_API_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
  int status; /* 200: all of it; 206: this part; 416: there is no such part */
  uint64_t first, length;
};

/* Of a body of `size` bytes. A header that is NULL, of another unit, not well formed or of several parts asks for all
 * of it. */
struct range range_read(const char *header, uint64_t size);

#define RANGE_TEXT_SIZE 72
/* What Content-Range says of it: "bytes 0-99/1234", or "bytes * /1234" (without the blank) for a 416. */
void range_text(const struct range *range, uint64_t size, char out[RANGE_TEXT_SIZE]);

#endif
