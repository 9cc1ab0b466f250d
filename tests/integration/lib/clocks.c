/* Loaded before the C library (LD_PRELOAD), it moves the clocks of one process: as many nanoseconds as the file named
 * by ROTA_TEST_CLOCKS says, two 64-bit numbers, for CLOCK_REALTIME and for CLOCK_BOOTTIME. The file is mapped, so the
 * clocks can be set while the process runs. Alarms are moved too, as far as is known when they are set; one that was
 * set before keeps its time.
 *
 * It's as if somebody set the machine's clock (the first number alone) or as if it had slept (both).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND  INT64_C(1000000000)
#define FDS_MAX 4096

static volatile int64_t *shifts;
static clockid_t clock_of[FDS_MAX];

__attribute__((constructor)) static void map_shifts(void) {
  const char *path = getenv("ROTA_TEST_CLOCKS");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *p = mmap(NULL, 2 * sizeof *shifts, PROT_READ, MAP_SHARED, fd, 0);
  if (p != MAP_FAILED) shifts = p;
  close(fd);
}

static int64_t shift_of(clockid_t clock) {
  if (!shifts) return 0;
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? shifts[0]
         : clock == CLOCK_BOOTTIME                                 ? shifts[1]
                                                                   : 0;
}

static void move(struct timespec *t, int64_t by) {
  int64_t all = (int64_t)t->tv_sec * SECOND + t->tv_nsec + by;
  t->tv_sec = (time_t)(all / SECOND);
  t->tv_nsec = (long)(all % SECOND);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  if (syscall(SYS_clock_gettime, clock, out)) return -1;
  move(out, shift_of(clock));
  return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int timerfd_create(clockid_t clock, int flags) {
  int fd = (int)syscall(SYS_timerfd_create, clock, flags);
  if (fd >= 0 && fd < FDS_MAX) clock_of[fd] = clock;
  return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *wanted, struct itimerspec *before) {
  struct itimerspec moved = *wanted;
  if ((flags & TFD_TIMER_ABSTIME) && fd < FDS_MAX && (wanted->it_value.tv_sec || wanted->it_value.tv_nsec)) {
    move(&moved.it_value, -shift_of(clock_of[fd]));
    if (moved.it_value.tv_sec < 0 || moved.it_value.tv_nsec < 0) moved.it_value = (struct timespec){0, 1};
  }
  return (int)syscall(SYS_timerfd_settime, fd, flags, &moved, before);
}
