/* The guards in front of the handler: what libmicrohttpd lets through and a strict server doesn't.
 *
 * One `Host`, at most one `Content-Length` and `Content-Type`, no `Transfer-Encoding`; no folded lines, control
 * characters or bare line feeds in the header block; no body where none belongs and none over the limit. A request
 * that fails is answered at once, before its body is read, and its connection is closed.
 */
#ifndef ROTA_API_GUARD_H
#define ROTA_API_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "scheduler/api/api.h"
#include "scheduler/api/routes.h"

#define GUARD_HEADER_MAX     (16 * 1024) /* bytes of the header block, the request line included */
#define GUARD_TARGET_MAX     (8 * 1024)
#define GUARD_FIELDS_MAX     64
#define GUARD_BODY_MAX       (1024 * 1024)
#define GUARD_STRANGER_MAX   4096 /* of a body that anybody may send: strangers can't fill the memory */
#define GUARD_KEY_MAX        128
#define GUARD_FORWARDED_MAX  8 /* lines of X-Forwarded-For */
#define GUARD_DISCIPLINE_OPT (MHD_VERSION >= 0x01000000)

struct guard_verdict {
  int status; /* 0: let it through */
  const char *title, *detail;
  struct api_header header; /* one more of the answer; name NULL: none */
};

struct guard_fields {
  const char *content_type, *idempotency_key; /* NULL if they are absent */
  const char *host, *authorization, *cookie, *origin, *fetch_site, *agent, *forwarded_proto;
  const char *forwarded_for[GUARD_FORWARDED_MAX]; /* the lines in order */
  size_t forwarded_len;
  uint64_t content_length;
};

/* The header block as such. `method` and `version` are the pointers that the access handler is given. */
struct guard_verdict guard_headers(struct MHD_Connection *connection, const char *method, const char *version,
                                   const char *target, struct guard_fields *out);
/* Whether this body may come to this route. */
struct guard_verdict guard_body(enum api_route route, const struct guard_fields *fields);

#endif
