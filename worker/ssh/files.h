/* The files of a launch on this machine: what there is to send, reading one, writing one that was fetched, and the
 * note of what was moved. The other half, what goes over a link, is transfer.h.
 *
 * Everything here blocks on the disk and belongs on a lane of a crew. What the task or the host made up is hostile: a
 * path is relative and has no "..", a symbolic link is followed only to what lies in the same place (when reading),
 * or not at all (when writing), and only regular files and folders are touched.
 *
 *   file_plan.c    the list, what of it is in place      file_source.c  reading, with its SHA-256
 *   file_walk.c    what is there to send                 file_sink.c    writing beside its place, then the rename
 *   file_note.c    files.json
 */
#ifndef ROTA_WORKER_SSH_FILES_H
#define ROTA_WORKER_SSH_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/vec.h"
#include "scheduler/spec/launch.h"
#include "worker/ssh/remote/ops.h"

#define FILES_MAX        10000 /* of one transfer */
#define FILES_TEMPORARY  ".rota-fetch."
#define FILES_OURS(name) (strncmp((name), FILES_TEMPORARY, 12) == 0 || strncmp((name), ".rota-put.", 10) == 0)

/* `path` without "." and empty parts; false if it is absolute, has "..", or is too long. "." becomes "". */
bool file_path_clean(const char *path, char out[OPS_PATH]);

/* ---- reading ---- */

/* Opens base/path (the folder `base` itself for ""): an O_PATH descriptor of a regular file or folder with its stat.
 * ERR_DENIED if it lies outside of `base`, ERR_INVALID if it is something else. */
int file_inside_open(const char *base, const char *path, struct stat *st);

struct file_source {
  int fd; /* -1: closed */
  struct stat st;
  uint64_t size; /* read so far */
  struct sha256 *sum;
};

int file_source_open(struct file_source *s, const char *base, const char *path);
/* Takes a descriptor that is open for reading. */
int file_source_begin(struct file_source *s, int fd);
/* 0 with *got 0 at the end. */
int file_source_read(struct file_source *s, void *bytes, size_t len, size_t *got);
/* After the end: the SHA-256 of what was read. ERR_CONFLICT if the file was changed meanwhile. Closes. */
int file_source_end(struct file_source *s, char sha256[SHA256_HEX_SIZE]);
void file_source_close(struct file_source *s);

/* ---- the list ---- */

struct file_entry {
  const char *path; /* below ROTA_WORK */
  const char *base; /* send: the folder here that has it */
  bool folder;      /* fetch: to be made */
  bool in_place;    /* nothing is to be moved */
  bool claimed;     /* there is one of that size and mode on the other side: `claim` is its SHA-256 */
  uint64_t size;
  unsigned mode;                                        /* & 0777 */
  char sha256[SHA256_HEX_SIZE], claim[SHA256_HEX_SIZE]; /* "" unknown */
};

struct file_plan {
  struct arena arena;
  VEC(struct file_entry) entries; /* in the order of their paths, each path once */
  const char *text;               /* ERR_INVALID: a sentence for people; else NULL */
  size_t checked;                 /* entries that file_plan_check is through with */
  struct file_source source;      /* what it reads, if `reading` */
  bool reading;
};

void file_plan_release(struct file_plan *p);
/* What is to be sent: each path is looked for in `work`, then in `source` (may be NULL); folders with all in them.
 * 0, or ERR_INVALID with p->text. */
int file_plan_list(struct file_plan *p, const char *work, const char *source, const struct launch_file *files,
                   size_t len);
/* What the host has of what is sent: the body of section `paths`; claims for file_plan_check. What isn't well formed
 * is ignored: it is sent then. */
void file_plan_compare(struct file_plan *p, const char *body, size_t len);
/* What the host has of what is to be fetched: adds the entries. `files` is all that was asked for. ERR_INVALID with
 * p->text; ERR_CORRUPT for an answer that names what wasn't asked for. */
int file_plan_take(struct file_plan *p, const struct launch_file *files, size_t files_len, const char *body,
                   size_t len);
/* The entries in order, each path once; after the last file_plan_take. */
void file_plan_sort(struct file_plan *p);
/* Compares claims with what is here, about so many bytes of it; `work` is NULL for a send. 1 if there is more to do,
 * else 0; ERR_INVALID with p->text (a folder has no place); another error. */
int file_plan_check(struct file_plan *p, const char *work, uint64_t bytes);

/* ---- writing ---- */

struct file_sink {
  int dir, fd; /* -1: closed */
  char temporary[96];
  char name[256];
  uint64_t size, written;
  struct sha256 *sum;
};

/* Opens the folder that `path` lies in, below `work`; folders that aren't there are made if `make`. ERR_DENIED for a
 * link on the way, ERR_EXISTS for a file. `*name` is the path's last part. */
int file_place_open(const char *work, const char *path, bool make, const char **name);
/* Makes a folder and those above it. */
int file_place_make(const char *work, const char *path);
/* `token` is in use by nobody else at the time; a temporary that a former one left is replaced. */
int file_sink_open(struct file_sink *s, const char *work, const char *path, const char *token, uint64_t size);
/* ERR_CONFLICT for more than `size` bytes. */
int file_sink_write(struct file_sink *s, const void *bytes, size_t len);
/* Puts it in its place and closes; ERR_CONFLICT if it isn't of that size and sum, ERR_EXISTS if a folder is there. */
int file_sink_end(struct file_sink *s, const char sha256[SHA256_HEX_SIZE], unsigned mode);
/* Closes and removes the temporary. */
void file_sink_close(struct file_sink *s);

/* ---- the note ---- */

/* Writes files.json into the attempt's directory, which is made if it isn't there: the entries with a SHA-256, and
 * what the file has of the other direction ("send", "fetch"). */
int file_note_write(const char *attempt_dir, const char *direction, const struct file_plan *p);

#endif
