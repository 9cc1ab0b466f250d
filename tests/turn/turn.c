/* Calls of the daemon that fail in turn: a library for LD_PRELOAD, which turn.py compiles.
 *
 * TURN_CONTROL names a file of struct control, which the test maps as well. Once the test sets `armed`, each call of
 * a kind is counted, and the nth of the kind `kind` fails with `error`, with `ever` all after it, too. Only the
 * process whose program is called TURN_PROGRAM takes part: not the supervisors and tasks that it starts.
 *
 * With `by_site` it isn't the nth call that fails, but the first from a place that has not been tried: its place is the
 * way to it, a hash of the return addresses on the stack, and those that were tried stand in the file TURN_SITES, which
 * tellings that run at the same time share. So each telling tries a place of its own, until one finds none that is new.
 *
 * Reads and writes count by what they work on: files, or sockets. Pipes and what a process tells itself by (eventfd)
 * are left alone, since no kernel fails them.
 */
#include <dlfcn.h>
#include <errno.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the order of KINDS in turn.py. */
enum kind {
  KIND_MEMORY,
  KIND_OPEN,
  KIND_MKDIR,
  KIND_RENAME,
  KIND_UNLINK,
  KIND_WRITE,
  KIND_READ,
  KIND_SYNC,
  KIND_TRUNCATE,
  KIND_SPAWN,
  KIND_THREAD,
  KIND_SOCKET,
  KIND_ACCEPT,
  KIND_SEND,
  KIND_RECEIVE,
  KIND_DESCRIPTOR,
  KIND_WATCH,
  KINDS
};

struct control {
  _Atomic int64_t armed, kind, nth, ever, error, by_site, chosen;
  _Atomic int64_t count[KINDS], failed[KINDS];
};

/* Of each place that was tried its hash, at the first free slot from where it belongs; 0 is free. */
enum { SITES = 1 << 16, DEPTH = 14 };
struct sites {
  _Atomic uint64_t tried[SITES];
};

static struct control *control;
static struct sites *sites;

/* The next definition of a name, looked up once. dlsym may allocate: until it has answered, memory comes from here.
 */
#define NEXT(name)  ((__typeof__(&name))next_of(#name, (_Atomic(void *) *)&found_##name))
#define FOUND(name) static _Atomic(void *) found_##name

static char early[16384];
static atomic_size_t early_used;

static void *early_memory(size_t size) {
  size_t at = atomic_fetch_add(&early_used, (size + 15) & ~(size_t)15);
  return at + size <= sizeof early ? early + at : NULL;
}

static bool is_early(const void *block) {
  return (const char *)block >= early && (const char *)block < early + sizeof early;
}

static _Thread_local bool looking, walking;

static void *next_of(const char *name, _Atomic(void *) *found) {
  void *next = atomic_load(found);
  if (next) return next;
  looking = true;
  next = dlsym(RTLD_NEXT, name);
  looking = false;
  if (!next) _exit(125);
  atomic_store(found, next);
  return next;
}

static void *mapped(const char *path, size_t size) {
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return NULL;
  void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return map == MAP_FAILED ? NULL : map;
}

/* The ways to a call differ by their return addresses. Of each only the place within its page counts, which is the same
 * wherever the program was loaded.
 */
static uint64_t site_here(void) {
  void *frames[DEPTH] = {0};
#ifdef __GLIBC__
  walking = true; /* the walk's own calls are none of the program's */
  int n = backtrace(frames, DEPTH);
  walking = false;
#else
  int n = 1;
  frames[0] = __builtin_return_address(0);
#endif
  uint64_t hash = 14695981039346656037u;
  for (int i = 0; i < n; i++) hash = (hash ^ ((uintptr_t)frames[i] & 4095)) * 1099511628211u;
  return hash ? hash : 1;
}

/* Enters it among those that were tried; false if it is there. A full table has every place. */
static bool site_enter(uint64_t site) {
  for (size_t i = 0, at = site % SITES; i < SITES; i++, at = (at + 1) % SITES) {
    uint64_t there = 0;
    if (atomic_compare_exchange_strong(&sites->tried[at], &there, site)) return true;
    if (there == site) return false;
  }
  return false;
}

/* Whether this call is the first from a place that is new, or one after it that fails as well. */
static bool site_fails(struct control *c) {
  int64_t none = 0;
  if (!atomic_load(&c->chosen) && sites && site_enter(site_here()) && atomic_compare_exchange_strong(&c->chosen, &none, 1))
    return true;
  return atomic_load(&c->chosen) && atomic_load(&c->ever);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TURN_CONTROL"), *program = getenv("TURN_PROGRAM");
  char self[4096] = "";
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  const char *slash = len > 0 ? strrchr(self, '/') : NULL;
  if (!path || !program || !slash || strcmp(slash + 1, program) != 0) return;
  site_here(); /* the first walk loads what it needs */
  sites = mapped(getenv("TURN_SITES"), sizeof *sites);
  control = mapped(path, sizeof *control);
}

/* The way to the call that fails, into the daemon's log: what a finding is about. */
static void site_tell(void) {
#ifdef __GLIBC__
  void *frames[DEPTH];
  walking = true;
  backtrace_symbols_fd(frames, backtrace(frames, DEPTH), STDERR_FILENO);
  walking = false;
#endif
}

/* Counts a call; the errno with which it is to fail, or 0. */
static int turn(enum kind kind) {
  struct control *c = control;
  if (!c || walking || !atomic_load(&c->armed)) return 0;
  int64_t n = atomic_fetch_add(&c->count[kind], 1) + 1, nth = atomic_load(&c->nth);
  if (atomic_load(&c->kind) != (int64_t)kind) return 0;
  bool now = atomic_load(&c->by_site) ? site_fails(c) : nth && (atomic_load(&c->ever) ? n >= nth : n == nth);
  if (!now) return 0;
  if (atomic_fetch_add(&c->failed[kind], 1) == 0) site_tell();
  return (int)atomic_load(&c->error);
}

static bool fails(enum kind kind) {
  int error = turn(kind);
  if (error) errno = error;
  return error != 0;
}

/* ---- memory ---- */

FOUND(malloc);
FOUND(calloc);
FOUND(realloc);
FOUND(reallocarray);
FOUND(free);

void *malloc(size_t size) {
  if (looking) return early_memory(size);
  return fails(KIND_MEMORY) ? NULL : NEXT(malloc)(size);
}

void *calloc(size_t count, size_t size) {
  if (looking) return early_memory(count * size);
  return fails(KIND_MEMORY) ? NULL : NEXT(calloc)(count, size);
}

static void *moved(void *block, size_t size) {
  void *fresh = malloc(size);
  size_t most = (size_t)(early + sizeof early - (char *)block);
  if (fresh) memcpy(fresh, block, size < most ? size : most);
  return fresh;
}

void *realloc(void *block, size_t size) {
  if (is_early(block)) return moved(block, size);
  return fails(KIND_MEMORY) ? NULL : NEXT(realloc)(block, size);
}

void *reallocarray(void *block, size_t count, size_t size) {
  if (is_early(block)) return moved(block, count * size);
  return fails(KIND_MEMORY) ? NULL : NEXT(reallocarray)(block, count, size);
}

void free(void *block) {
  if (!is_early(block)) NEXT(free)(block);
}

/* ---- files ---- */

static mode_t mode_of(int flags, va_list args) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                                                                   \
  FOUND(name);                                                                                                       \
  int name(const char *path, int flags, ...) {                                                                       \
    va_list args;                                                                                                    \
    va_start(args, flags);                                                                                           \
    mode_t mode = mode_of(flags, args);                                                                              \
    va_end(args);                                                                                                    \
    return fails(KIND_OPEN) ? -1 : NEXT(name)(path, flags, mode);                                                    \
  }
#define OPENAT(name)                                                                                                 \
  FOUND(name);                                                                                                       \
  int name(int dir, const char *path, int flags, ...) {                                                              \
    va_list args;                                                                                                    \
    va_start(args, flags);                                                                                           \
    mode_t mode = mode_of(flags, args);                                                                              \
    va_end(args);                                                                                                    \
    return fails(KIND_OPEN) ? -1 : NEXT(name)(dir, path, flags, mode);                                               \
  }
OPEN(open)
OPENAT(openat)
#ifdef __GLIBC__
OPEN(open64)
OPENAT(openat64)
#endif

/* A call with these parameters that says -1. */
#define CALL(kind, name, parameters, arguments)                                                                      \
  FOUND(name);                                                                                                       \
  int name parameters {                                                                                              \
    return fails(kind) ? -1 : NEXT(name) arguments;                                                                  \
  }

CALL(KIND_MKDIR, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(KIND_MKDIR, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(KIND_RENAME, rename, (const char *from, const char *to), (from, to))
CALL(KIND_RENAME, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
CALL(KIND_RENAME, link, (const char *from, const char *to), (from, to))
CALL(KIND_RENAME, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
CALL(KIND_UNLINK, unlink, (const char *path), (path))
CALL(KIND_UNLINK, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
CALL(KIND_UNLINK, rmdir, (const char *path), (path))
CALL(KIND_SYNC, fsync, (int fd), (fd))
CALL(KIND_SYNC, fdatasync, (int fd), (fd))
CALL(KIND_TRUNCATE, ftruncate, (int fd, off_t size), (fd, size))

FOUND(posix_fallocate);
int posix_fallocate(int fd, off_t at, off_t len) {
  int error = turn(KIND_TRUNCATE);
  return error ? error : NEXT(posix_fallocate)(fd, at, len);
}

/* What a descriptor is: a file, a socket, or neither. */
static bool fails_on(int fd, enum kind file, enum kind socket) {
  struct stat st;
  if (!control || fstat(fd, &st) != 0) return false;
  return S_ISREG(st.st_mode) ? fails(file) : S_ISSOCK(st.st_mode) ? fails(socket) : false;
}

#define TRANSFER(file, socket, name, parameters, arguments)                                                          \
  FOUND(name);                                                                                                       \
  ssize_t name parameters {                                                                                          \
    return fails_on(fd, file, socket) ? -1 : NEXT(name) arguments;                                                   \
  }

TRANSFER(KIND_WRITE, KIND_SEND, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
TRANSFER(KIND_WRITE, KIND_SEND, writev, (int fd, const struct iovec *parts, int len), (fd, parts, len))
TRANSFER(KIND_WRITE, KIND_SEND, pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at))
TRANSFER(KIND_WRITE, KIND_SEND, send, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags))
TRANSFER(KIND_WRITE, KIND_SEND, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
TRANSFER(KIND_READ, KIND_RECEIVE, read, (int fd, void *bytes, size_t len), (fd, bytes, len))
TRANSFER(KIND_READ, KIND_RECEIVE, pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
TRANSFER(KIND_READ, KIND_RECEIVE, recv, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags))
#ifdef __GLIBC__
TRANSFER(KIND_WRITE, KIND_SEND, pwrite64, (int fd, const void *bytes, size_t len, off64_t at), (fd, bytes, len, at))
TRANSFER(KIND_READ, KIND_RECEIVE, pread64, (int fd, void *bytes, size_t len, off64_t at), (fd, bytes, len, at))
CALL(KIND_TRUNCATE, ftruncate64, (int fd, off64_t size), (fd, size))
#endif

/* ---- processes and threads ---- */

#define SPAWN(name)                                                                                                  \
  FOUND(name);                                                                                                       \
  int name(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,   \
           char *const argv[], char *const env[]) {                                                                  \
    int error = turn(KIND_SPAWN);                                                                                    \
    return error ? error : NEXT(name)(pid, path, actions, attr, argv, env);                                          \
  }
SPAWN(posix_spawn)
SPAWN(posix_spawnp)
CALL(KIND_SPAWN, fork, (void), ())

FOUND(pthread_create);
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
  int error = turn(KIND_THREAD);
  return error ? error : NEXT(pthread_create)(thread, attr, run, arg);
}

/* ---- sockets and descriptors ---- */

CALL(KIND_SOCKET, socket, (int family, int type, int protocol), (family, type, protocol))
CALL(KIND_SOCKET, listen, (int fd, int backlog), (fd, backlog))
FOUND(bind);
int bind(int fd, const struct sockaddr *address, socklen_t len) {
  return fails(KIND_SOCKET) ? -1 : NEXT(bind)(fd, address, len);
}
FOUND(connect);
int connect(int fd, const struct sockaddr *address, socklen_t len) {
  return fails(KIND_SOCKET) ? -1 : NEXT(connect)(fd, address, len);
}
FOUND(accept4);
int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
  return fails(KIND_ACCEPT) ? -1 : NEXT(accept4)(fd, address, len, flags);
}
FOUND(accept);
int accept(int fd, struct sockaddr *address, socklen_t *len) {
  return fails(KIND_ACCEPT) ? -1 : NEXT(accept)(fd, address, len);
}
CALL(KIND_DESCRIPTOR, pipe2, (int fds[2], int flags), (fds, flags))
CALL(KIND_DESCRIPTOR, socketpair, (int family, int type, int protocol, int fds[2]), (family, type, protocol, fds))
CALL(KIND_DESCRIPTOR, epoll_create1, (int flags), (flags))
CALL(KIND_DESCRIPTOR, timerfd_create, (int clock, int flags), (clock, flags))
CALL(KIND_DESCRIPTOR, inotify_init1, (int flags), (flags))
FOUND(eventfd);
int eventfd(unsigned count, int flags) {
  return fails(KIND_DESCRIPTOR) ? -1 : NEXT(eventfd)(count, flags);
}
CALL(KIND_WATCH, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
CALL(KIND_WATCH, epoll_ctl, (int fd, int what, int on, struct epoll_event *event), (fd, what, on, event))
