#include "worker/ssh/transport/openssh_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id.h"

/* ssh binds PATH.XXXXXXXXXXXXXXXX first and renames it. */
#define SUFFIX_LEN 17

int control_socket_init(struct control_socket *s, const char *state_dir) {
  uint64_t number;
  struct stat st;
  *s = (struct control_socket){0};
  random_bytes(&number, sizeof number);
  int len = snprintf(s->path, sizeof s->path, "%s/ssh/%016" PRIx64, state_dir, number);
  if (len + SUFFIX_LEN < (int)sizeof s->path) {
    char *slash = strrchr(s->path, '/');
    *slash = '\0';
    bool made = mkdir(s->path, 0700) == 0 || errno == EEXIST;
    bool ours = made && lstat(s->path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
                !(st.st_mode & 077);
    *slash = '/';
    if (ours) return 0;
  }
  strcpy(s->dir, "/tmp/rota-ssh-XXXXXX");
  if (!mkdtemp(s->dir)) {
    s->dir[0] = s->path[0] = '\0';
    return err_from_errno(errno);
  }
  snprintf(s->path, sizeof s->path, "%s/c", s->dir);
  return 0;
}

static void quoted(struct buf *out, const char *text) {
  buf_char(out, '\'');
  for (; *text; text++) {
    if (*text == '\'') {
      buf_str(out, "'\\''");
    } else {
      buf_char(out, *text);
    }
  }
  buf_char(out, '\'');
}

int control_socket_ask(struct control_socket *s, const char *file, const char *variable) {
  struct buf text = {0};
  if (file) {
    buf_str(&text, "#!/bin/sh\nIFS= read -r line <");
    quoted(&text, file);
    buf_str(&text, "\nprintf '%s\\n' \"$line\"\n");
  } else {
    if (variable[strspn(variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")])
      return ERR_INVALID;
    buf_fmt(&text, "#!/bin/sh\nprintf '%%s\\n' \"${%s}\"\n", variable);
  }
  snprintf(s->ask, sizeof s->ask, "%s.a", s->path);
  int err = file_write(s->ask, text.bytes, text.len, 0700, false);
  buf_release(&text);
  return err;
}

void control_socket_release(struct control_socket *s) {
  if (s->ask[0]) unlink(s->ask);
  if (s->path[0]) unlink(s->path);
  if (s->dir[0]) rmdir(s->dir);
  *s = (struct control_socket){0};
}
