/* The target of a request, as it stood in the request line: percent-decoding and the query.
 *
 * Decoded text is UTF-8 without control characters: a name, a filter or an id can't hold any. All of it lives in the
 * arena that is handed in.
 */
#ifndef ROTA_API_TARGET_H
#define ROTA_API_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define TARGET_QUERY_MAX 32

struct api_pair {
  const char *name, *value;
};

/* NULL if the text isn't well formed; `plus` reads '+' as a space, as queries have it. */
const char *target_decode(struct arena *a, const char *text, size_t len, bool plus);
/* Splits "a=1&b=2" into `out`; a part without '=' has the value "". The number of pairs; ERR_INVALID for what can't
 * be decoded or a name that comes twice, ERR_TOO_LARGE for more than TARGET_QUERY_MAX. */
int target_query(struct arena *a, const char *text, struct api_pair out[TARGET_QUERY_MAX]);

#endif
