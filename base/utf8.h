/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef ROTA_BASE_UTF8_H
#define ROTA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the code point at the beginning of len > 0 bytes: its length of 1 to 4, or 0 if there is none; *out may then
 * be anything. */
size_t utf8_read(const char *bytes, size_t len, uint32_t *out);
/* Whether all of it is well formed; a NUL is. */
bool utf8_valid(const char *bytes, size_t len);
/* How many columns of a terminal it takes: 0, 1 or 2. An approximation that needs no locale: combining marks and
 * joiners take none, the main blocks of East Asian letters and emoji take two. */
int utf8_columns(uint32_t point);
/* Whether it would steer a terminal instead of being shown: C0 and C1 controls, DEL, and the marks that turn the
 * direction of writing. */
bool utf8_control(uint32_t point);

#endif
