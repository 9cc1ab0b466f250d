/* Feeds a target every file of the directories that are named, as the fuzzer would, and says how many there were.
 * Without a name it is the target's own: NAME_replay, started in the root of the tree, takes tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (4u << 20)

/* A copy of exactly its size, so that a read beyond its end is one beyond what was allocated. */
static void feed(const void *bytes, size_t len) {
  uint8_t *copy = malloc(len ? len : 1);
  if (!copy) abort();
  if (len) memcpy(copy, bytes, len);
  LLVMFuzzerTestOneInput(copy, len);
  free(copy);
}

static void read_whole(const char *path, struct buf *out) {
  if (file_read(path, INPUT_MAX, out)) fuzz_broken(path, 0, "it can be read");
}

static int feed_all(const char *folder) {
  int fed = 0;
  DIR *dir = opendir(folder);
  for (const struct dirent *e; dir && (e = readdir(dir));) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (stat(path, &st) || !S_ISREG(st.st_mode)) continue;
    struct buf bytes = {0};
    read_whole(path, &bytes);
    feed(bytes.bytes, bytes.len);
    buf_release(&bytes);
    fed++;
  }
  if (dir) closedir(dir);
  return fed;
}

/* RFC 4648, as base64(1) writes it; the length of what was decoded in place. */
static size_t decode(char *line, size_t len) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t bits = 0;
  size_t out = 0;
  int count = 0;
  for (size_t i = 0; i < len && line[i] != '='; i++) {
    const char *digit = strchr(digits, line[i]);
    if (!digit || !*digit) fuzz_broken("a line of base64", (int)i, "it has digits alone");
    bits = bits << 6 | (uint32_t)(digit - digits);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    line[out++] = (char)(bits >> count & 0xff);
  }
  return out;
}

/* What the fuzzer found, an input a line. */
static int feed_lines(const char *path) {
  struct buf text = {0};
  int fed = 0;
  if (access(path, R_OK)) return 0;
  read_whole(path, &text);
  for (char *line = text.bytes, *end; line && (end = strchr(line, '\n')); line = end + 1) {
    feed(line, decode(line, (size_t)(end - line)));
    fed++;
  }
  buf_release(&text);
  return fed;
}

static int feed_own(const char *program) {
  const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
  char folder[512];
  snprintf(folder, sizeof folder, "tests/fuzz/corpus/%.*s", (int)strcspn(name, "_"), name);
  char lines[520];
  snprintf(lines, sizeof lines, "%s.b64", folder);
  return feed_all(folder) + feed_lines(lines);
}

int main(int argc, char **argv) {
  int fed = argc > 1 ? 0 : feed_own(argv[0]);
  for (int i = 1; i < argc; i++) fed += feed_all(argv[i]);
  if (fed == 0) {
    fprintf(stderr, "%s: there is nothing to be fed\n", argv[0]);
    return 1;
  }
  printf("%d inputs\n", fed);
  return 0;
}
