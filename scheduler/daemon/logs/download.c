#include "scheduler/daemon/logs/download.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/api/range.h"
#include "scheduler/api/stream.h"
#include "scheduler/daemon/logs/log_pick.h"

#define BLOCK     ((size_t)256 * 1024)
#define GAPS_MAX  1000
#define NAME_PART 100 /* bytes of a name in the name of the file */

/* A stretch of what is sent: bytes of the log, or the line that stands for what was dropped. */
struct stretch {
  uint64_t length, offset; /* in what is sent; of the log */
  uint64_t dropped;        /* 0: bytes of the log */
};

struct download {
  struct logfile *log;
  struct stretch stretches[2 * GAPS_MAX + 1];
  size_t stretches_len, at; /* the one that is being sent */
  uint64_t skip;            /* bytes of it that are done */
  uint64_t length, left;    /* of the answer; to be read */
  struct api_piece *piece;  /* read, and not handed over yet */
  int err;
  bool begun;
};

void download_free(struct download *d) {
  if (!d) return;
  api_piece_drop(d->piece);
  logfile_close(d->log);
  free(d);
}

/* ---- what is sent ---- */

#define MARKER_SIZE 96
static size_t marker(uint64_t dropped, char out[MARKER_SIZE]) {
  return (size_t)snprintf(out, MARKER_SIZE, "\n[%" PRIu64 " bytes were dropped here: the log is over its cap]\n",
                          dropped);
}

static uint64_t stretch_add(struct download *d, uint64_t offset, uint64_t length, uint64_t dropped) {
  char text[MARKER_SIZE];
  if (dropped) length = marker(dropped, text);
  if (length) d->stretches[d->stretches_len++] = (struct stretch){length, offset, dropped};
  return length;
}

/* Returns how long all of it is. */
static uint64_t lay(struct download *d, uint64_t size) {
  struct logfile_gap *gaps = alloc_zeroed(GAPS_MAX, sizeof *gaps);
  size_t len = logfile_gaps(d->log, gaps, GAPS_MAX);
  uint64_t offset = 0, total = 0;
  for (size_t i = 0; i < len; i++) {
    total += stretch_add(d, offset, gaps[i].offset - offset, 0);
    total += stretch_add(d, gaps[i].offset, 0, gaps[i].bytes);
    offset = gaps[i].offset + gaps[i].bytes;
  }
  if (size > offset) total += stretch_add(d, offset, size - offset, 0);
  free(gaps);
  return total;
}

static void seek(struct download *d, uint64_t first) {
  while (d->at < d->stretches_len && first >= d->stretches[d->at].length) first -= d->stretches[d->at++].length;
  d->skip = first;
}

/* ---- on the pool ---- */

/* Up to `room` bytes of the present stretch; 0 if they aren't there any more. */
static int64_t stretch_read(struct download *d, char *out, size_t room) {
  const struct stretch *s = &d->stretches[d->at];
  uint64_t at, offset = s->offset + d->skip;
  if (room > s->length - d->skip) room = (size_t)(s->length - d->skip);
  if (room > d->left) room = (size_t)d->left;
  if (s->dropped) {
    char text[MARKER_SIZE];
    marker(s->dropped, text);
    memcpy(out, text + d->skip, room);
    return (int64_t)room;
  }
  int64_t n = logfile_read(d->log, offset, out, room, &at);
  return n > 0 && at != offset ? 0 : n;
}

static void block_read(struct download *d) {
  size_t want = d->left < BLOCK ? (size_t)d->left : BLOCK, have = 0;
  d->piece = api_piece_new(NULL, want);
  while (have < want) {
    int64_t n = stretch_read(d, d->piece->bytes + have, want - have);
    if (n <= 0) {
      d->err = n < 0 ? (int)n : ERR_NOT_FOUND;
      break;
    }
    have += (size_t)n;
    d->skip += (uint64_t)n;
    d->left -= (uint64_t)n;
    if (d->skip == d->stretches[d->at].length) {
      d->at++;
      d->skip = 0;
    }
  }
  d->piece->len = have;
}

/* "nightly-412-train_0.1_-2.log": nothing that a header or a file system takes for something else. */
static const char *disposition(struct page *p, const struct log_pick *pick) {
  char *name = arena_fmt(&p->arena, "%.*s-%" PRId64 "-%.*s-%" PRId64 ".log", NAME_PART, pick->run.pipeline,
                         pick->run.run.number, NAME_PART, pick->task->label, pick->attempt.number);
  for (char *c = name; *c; c++) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' ||
                 *c == '_' || (*c == '.' && c > name);
    if (!plain) *c = '_';
  }
  return arena_fmt(&p->arena, "attachment; filename=\"%s\"", name);
}

static void no_such_range(struct page *p) {
  p->status = 416;
  p->content_type = API_PROBLEM_TYPE;
  api_problem_begin(&p->json, 416, "No such range", "the log has no bytes there: Content-Range says how many it has");
  jsonw_object_end(&p->json);
}

static void open_log(struct page *p, struct log_pick *pick) {
  struct download *d = alloc_new(struct download);
  struct logfile_extent extent;
  char text[RANGE_TEXT_SIZE];
  d->log = pick->log;
  pick->log = NULL;
  int err = logfile_extent(d->log, &extent);
  if (err) {
    download_free(d);
    log_pick_problem(p, err);
    return;
  }
  uint64_t total = lay(d, extent.size);
  struct range range = range_read(p->request.range, total);
  range_text(&range, total, text);
  p->status = range.status;
  if (range.status != 200) page_header(p, "Content-Range", text);
  if (range.status == 416) {
    download_free(d);
    no_such_range(p);
    return;
  }
  page_header(p, "Accept-Ranges", "bytes");
  page_header(p, "Content-Disposition", disposition(p, pick));
  page_header(p, "Rota-Task", pick->task->label);
  d->length = d->left = range.length;
  seek(d, range.first);
  block_read(d);
  p->download = d;
}

void page_log_file_read(struct page *p) {
  struct log_pick pick;
  if (p->download) {
    block_read(p->download);
    return;
  }
  p->wait_until = 0;
  if (!log_pick(p, &pick)) return;
  if (pick.log) {
    open_log(p, &pick);
  } else {
    page_problem(p, 404, "No log", "%s hasn't been started yet", pick.task->label);
  }
  log_pick_release(&pick);
}

/* ---- on the loop ---- */

bool download_send(struct page *p, struct api *api) {
  struct download *d = p->download;
  const struct api_stream_options options = {.status = p->status,
                                             .content_type = "text/plain; charset=utf-8",
                                             .headers = p->headers,
                                             .headers_len = p->headers_len,
                                             .length = (int64_t)d->length,
                                             .limit = 2 * BLOCK,
                                             .low = BLOCK / 4};
  int err = d->begun ? 0 : api_stream_begin(api, p->handle, &options);
  if (err == ERR_FULL) api_problem(api, p->handle, 503, "Busy", "too many downloads and streams at once: repeat it");
  if (err) return false;
  d->begun = true;
  err = api_stream_write(api, p->handle, d->piece);
  api_piece_drop(d->piece);
  d->piece = NULL;
  if (err || d->err || d->left == 0) {
    api_stream_end(api, p->handle);
    return false;
  }
  return true;
}
