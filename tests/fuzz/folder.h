/* A folder of a target's own, in memory: what the readers of files are fed lies there, and no call of the system is
 * made for it. The readers are compiled once more for that, with memory.h in front; fuzz.mk says which. Beside it
 * there is one process at most, of any number, with a text in /proc of any content.
 */
#ifndef ROTA_TESTS_FUZZ_FOLDER_H
#define ROTA_TESTS_FUZZ_FOLDER_H

#include "tests/fuzz/fuzz.h"

/* The attempt's directory, as .../RUN/ATTEMPT. */
#define FOLDER "/memory/run/attempt"

/* The file's content from now on. Its name has less than 64 bytes. */
void folder_put(const char *name, const void *bytes, size_t len);
/* It isn't there. */
void folder_drop(const char *name);
/* What /proc/PID/stat says of every PID; with no text there is no process. */
void folder_process(const void *text, size_t len);
/* Of descriptors that a reader gave away. */
void folder_close(int fd);
/* How many descriptors of the folder are open. */
size_t folder_opened(void);

/* The next part of the input: as long as its first byte says, or what there is. */
static inline size_t part_next(const uint8_t **data, size_t *size, const uint8_t **part) {
  if (*size == 0) return 0;
  size_t len = (*data)[0] < *size - 1 ? (*data)[0] : *size - 1;
  *part = *data + 1;
  *data += 1 + len;
  *size -= 1 + len;
  return len;
}

/* That part as a file; an empty one is a file that isn't there. */
static inline void part_put(const char *name, const uint8_t **data, size_t *size) {
  const uint8_t *part = NULL;
  size_t len = part_next(data, size, &part);
  if (len)
    folder_put(name, part, len);
  else
    folder_drop(name);
}

#endif
