/* Whole files and paths. Everything here may block on the disk. All descriptors are opened close-on-exec. */
#ifndef ROTA_BASE_FILE_H
#define ROTA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* Appends the whole of a regular file; ERR_TOO_LARGE if it has more than `limit` bytes, ERR_INVALID if it isn't a
 * regular file. Nothing is appended on failure. */
int file_read(const char *path, size_t limit, struct buf *out);
int file_read_at(int dir_fd, const char *name, size_t limit, struct buf *out);
/* Writes `name`.tmp in the directory and renames it into place, so that a reader sees all of it or nothing. With
 * `sync` the file and the directory are synced as well; `name` then has no slash. One writer a name at a time. The
 * umask is taken off `mode`. */
int file_write_at(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode, bool sync);
int file_write(const char *path, const void *bytes, size_t len, mode_t mode, bool sync);
/* All of it, whatever signals come; 0, or the errno of the write that failed. */
int fd_write_all(int fd, const void *bytes, size_t len);
/* mkdir -p: 0 if it is there in the end. */
int dir_make(const char *path, mode_t mode);
/* Removes a tree without following symbolic links and without leaving its file system, of any depth, and whatever
 * modes its owner gave its directories; 0 if it is gone. On failure it has removed what it could. */
int dir_remove_at(int dir_fd, const char *name);
/* fsync of a directory. */
int dir_sync(const char *path);
/* "a/b" + "c" into a fresh string that the caller frees; an absolute `name` wins; "~/" is the home directory. */
char *path_join(const char *dir, const char *name);
char *path_expand_home(const char *path);
/* path_join from the working directory, from "/" if there is none any more. */
char *path_absolute(const char *path);
/* The folder that a file lies in, into a fresh string: "/a" for "/a/b", "/" for "/b", "." for "b". */
char *path_folder(const char *path);

#endif
