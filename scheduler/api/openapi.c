#include "scheduler/api/openapi.h"

static const char text[] = {
#include "openapi.inc"
};

const char *openapi_text(size_t *len) {
  *len = sizeof text;
  return text;
}
