/* The definitions that were read last, by the key of their version, which never means another one. A page of a
 * pipeline with a thousand tasks would else parse its JSON for some milliseconds each time. Internal to the store;
 * used by any thread. At most SPECS_MAX of together SPECS_BYTES of JSON are kept; a longer one never is.
 */
#ifndef ROTA_STORE_SPECS_H
#define ROTA_STORE_SPECS_H

#include <stddef.h>
#include <stdint.h>

#include "scheduler/spec/pipeline.h"

#define SPECS_MAX   16
#define SPECS_BYTES (512 * 1024)

struct specs;

struct specs *specs_new(void);
void specs_free(struct specs *s);
/* Held for the caller; NULL if it isn't kept. */
struct pipeline *specs_get(struct specs *s, int64_t version);
/* Holds it too, and lets go of those that were asked for longest ago. `bytes` is the length of its JSON. */
void specs_put(struct specs *s, int64_t version, struct pipeline *spec, size_t bytes);
void specs_clear(struct specs *s);

#endif
