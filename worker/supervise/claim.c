#include "worker/supervise/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "worker/rundir.h"
#include "worker/supervise/text.h"

bool claim_taken(void) {
  return access(RUNDIR_OWNER, F_OK) == 0;
}

/* The one word of a small file; "-" if there is none, which is then the same for every reader on this machine. */
static void add_word(struct text *t, const char *key, const char *path) {
  char word[80];
  if (read_small(path, word, sizeof word) < 0) word[0] = '\0';
  word[strcspn(word, " \n")] = '\0';
  text_add(t, key);
  text_add(t, word[0] ? word : "-");
}

/* Field 22 of /proc/self/stat; the name in field 2 may itself contain spaces and brackets. */
static void add_start_time(struct text *t) {
  char stat[512];
  const char *at = read_small("/proc/self/stat", stat, sizeof stat) < 0 ? NULL : strrchr(stat, ')');
  for (int field = 2; at && field < 22; field++) {
    at = strchr(at + 1, ' ');
  }
  char word[24] = "0";
  if (at) {
    size_t len = strcspn(at + 1, " ");
    if (len < sizeof word) {
      memcpy(word, at + 1, len);
      word[len] = '\0';
    }
  }
  text_add(t, " start=");
  text_add(t, word);
}

static void describe_self(struct text *t) {
  text_add(t, RUNDIR_FORMAT_TEXT " pid=");
  text_number(t, getpid());
  text_add(t, " session=");
  text_number(t, getsid(0));
  add_start_time(t);
  add_word(t, " machine=", "/etc/machine-id");
  add_word(t, " boot=", "/proc/sys/kernel/random/boot_id");
  text_add(t, " claimed=");
  text_number(t, now_wall());
  text_add(t, "\n");
}

/* link(2) may have done its work and still report a failure where the directory is on a network file system; a
 * reported success is always true. So the owner is read again only after a failure. */
static int link_owner(const char *mine, const struct text *line) {
  if (link(mine, RUNDIR_OWNER) == 0) return 0;
  int err = errno;
  char seen[RUNDIR_OWNER_MAX];
  if (read_small(RUNDIR_OWNER, seen, sizeof seen) < 0) return err;
  return strcmp(seen, line->bytes) == 0 ? 0 : EEXIST;
}

/* A file of this name may be left from a supervisor that died with the same pid. It is never written into: it could
 * be the very file that is linked to `owner`. */
static int create_own(const char *name) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  int fd = open(name, flags, 0644);
  if (fd >= 0 || errno != EEXIST) return fd;
  unlink(name);
  return open(name, flags, 0644);
}

int claim_take(void) {
  char name_bytes[32], line_bytes[RUNDIR_OWNER_MAX];
  struct text name, line;
  text_init(&name, name_bytes, sizeof name_bytes);
  text_add(&name, "me.");
  text_number(&name, getpid());
  text_init(&line, line_bytes, sizeof line_bytes);
  describe_self(&line);

  int fd = create_own(name.bytes);
  if (fd < 0) return errno;
  int err = write_all(fd, line.bytes, line.len);
  close(fd);
  if (!err) err = link_owner(name.bytes, &line);
  unlink(name.bytes);
  return err;
}

void claim_return(void) {
  unlink(RUNDIR_OWNER);
}
