/* Ids of runs and attempts: 128 bits, the first 48 the time in milliseconds, the rest random, written as 26
 * characters of Crockford's base 32 in lower case, so that they sort by time as text (the layout of ULID,
 * github.com/ulid/spec). Never derived from anything, so that a restored backup can't meet an old directory.
 */
#ifndef ROTA_BASE_ID_H
#define ROTA_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define ID_LEN 26

struct id {
  char text[ID_LEN + 1];
};

/* `random` are 10 bytes handed in by the caller. */
struct id id_make(instant now, const uint8_t random[10]);
/* True for exactly 26 characters that id_make could have written. */
bool id_valid(const char *text);
/* True for 1 to 26 characters of the alphabet: may be the beginning of an id. */
bool id_prefix_valid(const char *text);
/* Fills from getrandom(2); blocks only before the kernel's pool is ready, right after boot. Aborts if it fails. */
void random_bytes(void *out, size_t len);

#endif
