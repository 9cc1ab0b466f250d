#include "worker/supervise/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void text_init(struct text *t, char *bytes, size_t size) {
  *t = (struct text){.bytes = bytes, .size = size};
  bytes[0] = '\0';
}

void text_add(struct text *t, const char *s) {
  while (*s && t->len + 1 < t->size) t->bytes[t->len++] = *s++;
  t->bytes[t->len] = '\0';
}

void text_number(struct text *t, int64_t n) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  do {
    digits[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left);
  if (n < 0) digits[--at] = '-';
  text_add(t, digits + at);
}

void text_pair(struct text *t, const char *key, int64_t n) {
  text_add(t, key);
  text_add(t, "=");
  text_number(t, n);
  text_add(t, "\n");
}

bool number_parse(const char *s, int64_t *out) {
  int64_t n = 0;
  if (!*s) return false;
  for (; *s; s++) {
    if (*s < '0' || *s > '9') return false;
    if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n)) return false;
  }
  *out = n;
  return true;
}

int write_all(int fd, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, bytes, len);
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes += n;
    len -= (size_t)n;
  }
  return 0;
}

long read_small(const char *path, char *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  size_t len = 0;
  ssize_t n = 0;
  while ((n = read(fd, out, size - 1)) < 0 && errno == EINTR) {
  }
  if (n > 0) len = (size_t)n;
  int saved = errno;
  close(fd);
  errno = saved;
  out[len] = '\0';
  return n < 0 ? -1 : (long)len;
}

static int64_t clock_us(clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t now_wall(void) {
  return clock_us(CLOCK_REALTIME);
}

int64_t now_elapsed(void) {
  return clock_us(CLOCK_BOOTTIME);
}
