#include "scheduler/store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/store.h"

#define LOCK_TRIES    40
#define LOCK_PAUSE_NS (25 * 1000 * 1000)

#define FUSE_MAGIC 0x65735546

static const struct {
  long magic;
  const char *name;
} network[] = {
    {0x6969, "NFS"},           {0x517b, "SMB"},
    {0xff534d42, "CIFS"},      {0xfe534d42, "SMB"},
    {0x01021997, "9P"},        {0x00c36400, "Ceph"},
    {0x5346414f, "AFS"},       {0x6b414653, "AFS"},
    {0x73757245, "Coda"},      {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},      {0x19830326, "BeeGFS"},
    {0x013661dc, "GlusterFS"}, {0x7461636f, "OCFS2"},
    {0x01161970, "GFS2"},      {0x786f4256, "a virtual machine's share"},
};

/* File systems in user space have one magic number; these types of them are known to be remote. */
static const char *const remote_fuse[] = {"sshfs",   "glusterfs", "s3fs",   "rclone",   "gcsfuse", "cephfs",
                                          "juicefs", "goofys",    "davfs2", "smbnetfs", "nfs",     "mount-s3"};

const char *place_network(long magic) {
  for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
    if (network[i].magic == (magic & 0xffffffffL)) return network[i].name;
  return NULL;
}

/* The type behind "fuse." of the mount that holds `path`, by the longest mount point in mountinfo that begins it. */
static const char *fuse_remote(const char *path) {
  FILE *f = fopen("/proc/self/mountinfo", "re");
  if (!f) return NULL;
  char *line = NULL;
  size_t cap = 0, longest = 0;
  const char *found = NULL;
  while (getline(&line, &cap, f) > 0) {
    char point[4096], type[64];
    const char *dash = strstr(line, " - ");
    if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 || sscanf(dash, " - %63s", type) != 1) continue;
    size_t len = strlen(point);
    if (len < longest || strncmp(path, point, len) != 0) continue;
    if (len > 1 && path[len] != '/' && path[len] != '\0') continue;
    longest = len;
    found = NULL;
    for (size_t i = 0; i < sizeof remote_fuse / sizeof remote_fuse[0]; i++)
      if (strncmp(type, "fuse.", 5) == 0 && strcmp(type + 5, remote_fuse[i]) == 0) found = remote_fuse[i];
  }
  free(line);
  fclose(f);
  return found;
}

int place_check(const char *dir, struct buf *why) {
  struct statfs fs;
  char *real = realpath(dir, NULL);
  if (!real || statfs(real, &fs) != 0) {
    int code = err_from_errno(errno);
    if (why) buf_fmt(why, "%s: %s", dir, strerror(errno));
    free(real);
    return code;
  }
  const char *name = fs.f_type == FUSE_MAGIC ? fuse_remote(real) : place_network((long)fs.f_type);
  if (name && why) {
    buf_fmt(why,
            "%s is on a network file system (%s), where a database can be damaged; use a local folder, for "
            "example --state ",
            real, name);
    if (geteuid() == 0)
      buf_str(why, "/var/lib/rota");
    else
      buf_fmt(why, "/var/tmp/rota-%ld", (long)geteuid());
  }
  free(real);
  return name ? ERR_NETWORK_FS : 0;
}

static long holder_of(int fd) {
  char pid[24] = "";
  ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
  return n > 0 ? strtol(pid, NULL, 10) : 0;
}

static void name_holder(const char *dir, int fd, struct buf *why) {
  long pid = holder_of(fd);
  buf_fmt(why, "the state directory %s is in use by process ", dir);
  if (pid > 0) {
    buf_fmt(why, "%ld", pid);
  } else {
    buf_str(why, "(unknown)");
  }
}

/* A holder that was killed while it was starting a process leaves the lock, for the moment that it takes, to a child
 * that has not executed its program yet: such a lock is waited for. */
static int take_lock(int fd) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  for (int tries = 0;; tries++) {
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EAGAIN && errno != EACCES) return err_from_errno(errno);
    long pid = holder_of(fd);
    bool gone = pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
    if (!gone || tries == LOCK_TRIES) return ERR_BUSY;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
  }
}

int place_lock(const char *dir, int *fd, struct buf *why) {
  char *path = path_join(dir, "rota.lock");
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int code = *fd < 0 ? err_from_errno(errno) : 0;
  if (code && why) buf_fmt(why, "%s can't be opened: %s", path, strerror(errno));
  free(path);
  if (code) return code;
  code = take_lock(*fd);
  if (code == 0) {
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* On a full disk the name of the holder is missing; the lock holds all the same. */
    if (ftruncate(*fd, 0) == 0 && pwrite(*fd, pid, (size_t)len, 0) == len) return 0;
    return 0;
  }
  if (why && code == ERR_BUSY)
    name_holder(dir, *fd, why);
  else if (why)
    buf_fmt(why, "%s/rota.lock can't be locked: %s", dir, err_text(code));
  close(*fd);
  *fd = -1;
  return code;
}

/* ---- who else is there ---- */

static ino_t inode_of(const char *dir, const char *name) {
  struct stat st;
  char *path = path_join(dir, name);
  ino_t inode = stat(path, &st) == 0 ? st.st_ino : 0;
  free(path);
  return inode;
}

static void name_process(long pid, struct buf *who) {
  char path[64];
  struct buf name = {0};
  snprintf(path, sizeof path, "/proc/%ld/comm", pid);
  if (file_read(path, 64, &name) == 0 && name.len > 1)
    buf_fmt(who, "%.*s (pid %ld)", (int)name.len - 1, name.bytes, pid);
  else
    buf_fmt(who, "pid %ld", pid);
  buf_release(&name);
}

/* A line is "7: POSIX  ADVISORY  WRITE 4711 fe:01:1234 120 120"; that of one who waits has "->" after the number. */
bool store_holder(const char *dir, struct buf *who) {
  static const char *const names[] = {"rota.db", "rota.db-shm"};
  char line[256];
  bool found = false;
  FILE *locks = fopen("/proc/locks", "re");
  while (locks && !found && fgets(line, sizeof line, locks)) {
    char *at = strstr(line, "WRITE "), *inode;
    if (!at || strstr(line, "->")) continue;
    long pid = strtol(at + strlen("WRITE "), &inode, 10);
    inode = strrchr(inode, ':');
    if (!inode || pid <= 0 || pid == (long)getpid()) continue;
    unsigned long long number = strtoull(inode + 1, NULL, 10);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) found |= number == inode_of(dir, names[i]);
    if (found) name_process(pid, who);
  }
  if (locks) fclose(locks);
  return found;
}
