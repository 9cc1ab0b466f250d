/* Base 64 with the usual alphabet (RFC 4648, 4). */
#ifndef ROTA_BASE_BASE64_H
#define ROTA_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the text of it, with padding. */
void base64_encode(struct buf *out, const void *bytes, size_t len);
/* Appends the bytes; false, and nothing is appended, unless the text is what base64_encode writes for them. */
bool base64_decode(struct buf *out, const char *text, size_t len);

#endif
