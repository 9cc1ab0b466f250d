/* The OpenAPI document (openapi.json), which is part of the binary. tests/integration/openapi.py holds it against the
 * routes and against what a daemon answers. */
#ifndef ROTA_API_OPENAPI_H
#define ROTA_API_OPENAPI_H

#include <stddef.h>

/* JSON text of *len bytes; constant. */
const char *openapi_text(size_t *len);

#endif
