/* What the system says of this process and of its disk. Blocks a little on the disk: for a thread of the pool. What
 * can't be known is -1. */
#ifndef ROTA_DAEMON_PROCESS_H
#define ROTA_DAEMON_PROCESS_H

#include <stdint.h>

struct process_facts {
  int64_t open_fds, max_fds;
  int64_t resident_bytes;
  int64_t cpu_us;
  int64_t disk_free_bytes, disk_size_bytes, disk_free_files; /* of the volume that the state is on */
  int64_t database_bytes, wal_bytes;                         /* files */
};
void process_look(const char *state_dir, struct process_facts *out);

#endif
