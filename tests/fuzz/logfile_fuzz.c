/* A log with any index: what is read lies within it, goes forward and ends. The parts are `log.idx` (one byte counts
 * for eight), `log`, `log.1` and `log.2`. */
#include "tests/fuzz/folder.h"
#include "worker/logfile.h"
#include "worker/rundir.h"

#define READS 64

static void read_through(struct logfile *lf, uint64_t offset) {
  char bytes[512];
  for (int i = 0; i < READS; i++) {
    uint64_t at = 0;
    int64_t n = logfile_read(lf, offset, bytes, sizeof bytes, &at);
    if (n <= 0) return;
    CHECK(at >= offset && n <= (int64_t)sizeof bytes);
    CHECK(at + (uint64_t)n > offset);
    offset = at + (uint64_t)n;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {RUNDIR_LOG, RUNDIR_LOG_TAIL_1, RUNDIR_LOG_TAIL_2};
  struct logfile_extent extent;
  struct logfile_gap gaps[8];
  uint64_t offset, line;
  int err;
  if (size == 0) return 0;
  size_t index = (size_t)data[0] * 8 < size - 1 ? (size_t)data[0] * 8 : size - 1;
  folder_put(RUNDIR_LOG_INDEX, data + 1, index);
  data += 1 + index, size -= 1 + index;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const uint8_t *part = NULL;
    size_t len = part_next(&data, &size, &part);
    folder_put(names[i], len ? part : (const uint8_t *)"", len);
  }
  struct logfile *lf = logfile_open(FOLDER, &err);
  if (!lf) return 0;
  if (logfile_extent(lf, &extent) == 0) {
    CHECK(extent.dropped <= extent.size);
    read_through(lf, 0);
    read_through(lf, extent.size / 2);
    if (logfile_tail(lf, 10, 4096, &offset) == 0) read_through(lf, offset);
    if (logfile_line(lf, 3, &offset) == 0) logfile_line_at(lf, offset, &line);
    logfile_gaps(lf, gaps, 8);
    logfile_stamp(lf, 0, extent.size);
  }
  logfile_close(lf);
  CHECK(folder_opened() == 0);
  return 0;
}
