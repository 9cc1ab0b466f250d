/* A host as the API shows it: what the engine knows of it, and how its connection stands. On the loop's thread. */
#ifndef ROTA_DAEMON_HOST_JSON_H
#define ROTA_DAEMON_HOST_JSON_H

#include "scheduler/daemon/pages/page.h"

/* Room on the disk of this machine's state directory; read on a thread of the pool. */
struct host_disk {
  int64_t free_bytes, size_bytes; /* -1 unknown */
};
void host_disk_read(const struct page *p, struct host_disk *out);

/* What all hosts of an answer share. */
struct host_common {
  const struct host_disk *here;
  const struct engine_unit *units; /* of all of them */
  size_t units_len;
};
struct host_common host_common(struct page *p, const struct queries_options *o, const struct host_disk *here);
/* Opens the object and writes its members; the caller may add more and ends the object. */
void host_json_begin(struct page *p, const struct queries_options *o, const struct engine_place *place,
                     const struct host_common *common);
/* "nightly#412", in the arena of the page. */
const char *host_run_name(struct page *p, const char *pipeline, int64_t number);

#endif
