#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "worker/ssh/transport/host_names.h"
#include "worker/ssh/transport/known_hosts.h"

int known_hosts_read(struct known_hosts *k, const char *path) {
  struct stat st;
  if (stat(path, &st)) return errno == ENOENT || errno == ENOTDIR ? 0 : err_from_errno(errno);
  if (S_ISCHR(st.st_mode)) return 0; /* /dev/null is how people say none */
  struct buf text = {0};
  int err = file_read(path, KNOWN_HOSTS_FILE_MAX, &text);
  if (!err) known_hosts_add(k, path, buf_cstr(&text), text.len);
  buf_release(&text);
  return err == ERR_NOT_FOUND ? 0 : err;
}

/* Whether the names in it are hashed, and whether its last line lacks its end. */
static bool is_hashed(const struct buf *text, bool *open_line) {
  const char *bytes = buf_cstr(text);
  *open_line = text->len > 0 && bytes[text->len - 1] != '\n';
  return strncmp(bytes, "|1|", 3) == 0 || strstr(bytes, "\n|1|") != NULL;
}

static void line_write(struct buf *line, const char *host, uint16_t port, bool hashed, const void *blob, size_t len) {
  struct buf name = {0};
  host_name_write(&name, host, port);
  if (hashed) {
    host_name_hash(line, buf_cstr(&name));
  } else {
    buf_str(line, buf_cstr(&name));
  }
  buf_release(&name);
  buf_fmt(line, " %s ", key_type_word(key_blob_type(blob, len)));
  base64_encode(line, blob, len);
  buf_char(line, '\n');
}

/* The file is locked against others of this program; ssh appends by one write too. */
static int line_append(int fd, const struct buf *line) {
  struct stat st;
  if (flock(fd, LOCK_EX) || fstat(fd, &st)) return err_from_errno(errno);
  ssize_t n = write(fd, line->bytes, line->len);
  if (n == (ssize_t)line->len) return fsync(fd) ? ERR_SYNC : 0;
  int err = n < 0 ? err_from_errno(errno) : ERR_FULL;
  if (n > 0 && ftruncate(fd, st.st_size)) err = ERR_IO;
  return err;
}

int known_hosts_append(const char *path, const char *host, uint16_t port, const void *blob, size_t len) {
  if (key_blob_type(blob, len) == KEY_TYPES) return ERR_INVALID;
  struct buf text = {0}, line = {0};
  char *folder = path_folder(path);
  bool open_line = false;
  int fd = -1;
  int err = dir_make(folder, 0700);
  if (!err) err = file_read(path, KNOWN_HOSTS_FILE_MAX, &text);
  if (err && err != ERR_NOT_FOUND) goto out;
  bool hashed = is_hashed(&text, &open_line);
  if (open_line) buf_char(&line, '\n');
  line_write(&line, host, port, hashed, blob, len);
  fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  err = fd < 0 ? err_from_errno(errno) : line_append(fd, &line);
out:
  if (fd >= 0) close(fd);
  free(folder);
  buf_release(&text);
  buf_release(&line);
  return err;
}
