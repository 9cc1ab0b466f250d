#include "scheduler/journal/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/map.h"
#include "scheduler/journal/journal_file.h"
#include "scheduler/journal/schema.h"
#include "scheduler/journal/tables.h"
#include "scheduler/spec/time/zone.h"

/* The answer to the question that told something only once, and what stands for it here. */
struct masked {
  uint64_t handle;
  const char *body, *kept;
  size_t len;
};

struct recorder {
  char *path;
  int fd;
  uint64_t size_max, size; /* of the file when all that is queued is written */
  size_t start;            /* bytes of the frame of the start, which may be large and says nothing about the disk */
  int64_t steps;
  recorder_zone_fn *zone;
  void *zone_ctx;
  struct map zones;          /* name to the last answer, as it is in the journal */
  VEC(char *) asked;         /* names whose answers aren't there yet */
  VEC(struct masked) masked; /* of this step; borrowed from its events */
  struct buf frame, item;
  struct codec_out out;
  char *reason; /* why it has stopped; NULL while it goes on */
  bool told;

  _Atomic uint64_t handed_over, written; /* bytes; what can't be written counts as written */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct buf queue; /* under the lock, as all below */
  bool idle;        /* it sleeps until it is woken; else it looks again soon */
  bool quit;
  int failed; /* errno of a write */
};

/* What came of a step may wait so long for the inputs of the next, which aren't kept waiting: the fewer wakes, the
 * less it costs. */
#define LINGER_NS 20000000

/* ---- the thread that writes ---- */

static void linger(struct recorder *r) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LINGER_NS;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *writer_main(void *arg) {
  struct recorder *r = arg;
  struct buf taken = {0};
  uint64_t written = JOURNAL_MAGIC_LEN;
  pthread_mutex_lock(&r->lock);
  while (!r->failed && (r->queue.len > 0 || !r->quit)) {
    if (r->queue.len == 0) {
      r->idle = true;
      pthread_cond_wait(&r->wake, &r->lock);
      r->idle = false;
      continue;
    }
    struct buf empty = taken;
    taken = r->queue;
    r->queue = empty;
    pthread_mutex_unlock(&r->lock);
    journal_frames_seal(taken.bytes, taken.len);
    int failed = fd_write_all(r->fd, taken.bytes, taken.len);
    /* Half a frame is no harm to a reader; it only looks like a crash. */
    if (failed && ftruncate(r->fd, (off_t)written) != 0) failed = errno;
    written += taken.len;
    r->written += taken.len;
    buf_reset(&taken);
    pthread_mutex_lock(&r->lock);
    r->failed = failed;
    if (!failed && !r->quit && r->queue.len == 0) linger(r);
  }
  pthread_mutex_unlock(&r->lock);
  buf_release(&taken);
  return NULL;
}

/* ---- handing over ---- */

static void stop(struct recorder *r, char *reason) {
  if (r->reason)
    free(reason);
  else
    r->reason = reason;
}

static void hand_over(struct recorder *r, bool urgent) {
  pthread_mutex_lock(&r->lock);
  int failed = r->failed;
  bool slow = r->queue.len > RECORDER_QUEUE_MAX + r->start;
  bool wake = urgent || r->idle;
  if (!failed && !slow) r->handed_over += r->frame.len;
  if (!failed && !slow) buf_add(&r->queue, r->frame.bytes, r->frame.len);
  pthread_mutex_unlock(&r->lock);
  if (wake) pthread_cond_signal(&r->wake);
  r->size += r->frame.len;
  if (failed) stop(r, alloc_fmt("%s: %s", r->path, strerror(failed)));
  if (slow) stop(r, alloc_fmt("%s: the disk takes it too slowly", r->path));
}

/* A frame of one struct; what else it holds is appended before hand_over. */
static size_t begin(struct recorder *r, enum journal_frame_kind kind, const struct codec_struct *of,
                    const void *what) {
  buf_reset(&r->frame);
  size_t at = journal_frame_begin(&r->frame, kind);
  codec_out_begin(&r->out, &r->frame, false);
  codec_write(&r->out, of, what);
  return at;
}

static void put(struct recorder *r, size_t at) {
  if (r->reason) return;
  bool urgent = r->frame.bytes[at + JOURNAL_HEAD - 1] == JOURNAL_STEP;
  journal_frame_end(&r->frame, at);
  if (r->size + r->frame.len <= r->size_max) {
    hand_over(r, urgent);
    return;
  }
  char *reason = alloc_fmt("%s has reached its size of %llu MiB", r->path,
                           (unsigned long long)(r->size_max / (UINT64_C(1024) * 1024)));
  const struct journal_stop last = {reason};
  journal_frame_end(&r->frame, begin(r, JOURNAL_STOP, &codec_journal_stop, &last));
  hand_over(r, true);
  stop(r, reason);
}

const char *recorder_stopped(struct recorder *r) {
  if (!r || !r->reason || r->told) return NULL;
  r->told = true;
  return r->reason;
}

/* ---- the last words ---- */

#define ABORT_WAIT_MS 500

/* A signal's handler is given no context; this is the one thing that it must know. */
static struct recorder *_Atomic aborting;

static void on_abort(int number) {
  struct recorder *r = aborting;
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int i = 0; r && i < ABORT_WAIT_MS && r->written < r->handed_over; i++) nanosleep(&moment, NULL);
  raise(number); /* it is the default's turn, once this has returned */
}

void recorder_on_abort(struct recorder *r) {
  struct sigaction action = {.sa_handler = on_abort, .sa_flags = (int)SA_RESETHAND};
  aborting = r;
  sigaction(SIGABRT, &action, NULL);
}

/* ---- zones ---- */

void recorder_zones(struct recorder *r, recorder_zone_fn *zone, void *ctx) {
  r->zone = zone;
  r->zone_ctx = ctx;
}

const struct zone *recorder_zone(void *recorder, const char *name) {
  struct recorder *r = recorder;
  const struct zone *zone = r->zone(r->zone_ctx, name);
  if (r->reason || (map_has(&r->zones, name) && map_get(&r->zones, name) == zone)) return zone;
  map_put(&r->zones, name, (void *)(uintptr_t)zone);
  vec_push(&r->asked, alloc_strdup(name));
  return zone;
}

/* With a configuration come new rules, and the zones before them are freed: another one may get the same address. */
static void forget_zones(struct recorder *r, const struct engine_event *events, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (events[i].kind == ENGINE_CONFIG) map_release(&r->zones);
}

static void put_zones(struct recorder *r) {
  for (size_t i = 0; i < r->asked.len; i++) {
    const struct zone *zone = map_get(&r->zones, r->asked.items[i]);
    struct journal_zone z = {.name = r->asked.items[i], .found = zone != NULL};
    if (zone) z.rules = zone_bytes(zone, &z.rules_len);
    put(r, begin(r, JOURNAL_ZONE, &codec_journal_zone, &z));
    free(r->asked.items[i]);
  }
  r->asked.len = 0;
}

/* ---- what goes in and what comes out ---- */

void recorder_start(struct recorder *r, const struct journal_start *start) {
  buf_reset(&r->frame);
  size_t at = journal_frame_begin(&r->frame, JOURNAL_SCHEMA);
  schema_write(&r->frame);
  put(r, at);
  at = begin(r, JOURNAL_START, &codec_journal_start, start);
  r->start = r->frame.len;
  put(r, at);
}

void recorder_restored(struct recorder *r, const struct engine *restored) {
  const struct journal_done done = {.wake_wall = INSTANT_NONE, .next_key = engine_key_next(restored)};
  put_zones(r);
  put(r, begin(r, JOURNAL_DONE, &codec_journal_done, &done));
}

static bool tells_once(const struct engine_event *e) {
  return e->kind == ENGINE_RECORD && e->record.body && e->record.kept;
}

/* The events as they may be kept: themselves, or a copy that the caller frees. */
static struct engine_event *masked_events(struct recorder *r, const struct engine_event *events, size_t len) {
  struct engine_event *copy = NULL;
  r->masked.len = 0;
  for (size_t i = 0; i < len; i++) {
    if (!tells_once(&events[i])) continue;
    if (!copy) {
      copy = alloc_zeroed(len, sizeof *copy);
      memcpy(copy, events, len * sizeof *copy);
    }
    struct engine_record *record = &copy[i].record;
    vec_push(&r->masked, ((struct masked){record->asker.handle, record->body, record->kept, record->body_len}));
    record->body = record->kept;
    record->body_len = strlen(record->kept);
  }
  return copy;
}

void recorder_step(struct recorder *r, const struct engine *e, struct moment now, const uint8_t seed[32],
                   const struct engine_event *events, size_t events_len) {
  if (!r || r->reason) return;
  forget_zones(r, events, events_len);
  struct engine_event *copy = masked_events(r, events, events_len);
  struct journal_step step = {.number = ++r->steps,
                              .now = now,
                              .next_key = engine_key_next(e),
                              .events = copy ? copy : events,
                              .events_len = events_len};
  memcpy(step.seed, seed, sizeof step.seed);
  put(r, begin(r, JOURNAL_STEP, &codec_journal_step, &step));
  free(copy);
}

static void put_item(struct recorder *r, const struct codec_struct *of, const void *what) {
  buf_reset(&r->item);
  codec_out_begin(&r->out, &r->item, true);
  codec_write(&r->out, of, what);
  codec_write_uint(&r->frame, r->item.len);
  buf_add(&r->frame, r->item.bytes, r->item.len);
}

static void put_decision(struct recorder *r, const struct decision *d) {
  struct decision shown = *d;
  for (size_t i = 0; d->kind == DECISION_REPLY && i < r->masked.len; i++) {
    const struct masked *m = &r->masked.items[i];
    if (m->handle != d->reply.handle || m->len != d->reply.body_len || memcmp(m->body, d->reply.body, m->len) != 0)
      continue;
    shown.reply.body = m->kept;
    shown.reply.body_len = strlen(m->kept);
  }
  put_item(r, &codec_decision, &shown);
}

void recorder_done(struct recorder *r, const struct engine *e, const struct step *step) {
  if (!r || r->reason) return;
  const struct journal_done done = {
      .number = r->steps, .wake_wall = step->wake_wall, .wake_mono = step->wake_mono, .next_key = engine_key_next(e)};
  put_zones(r);
  size_t at = begin(r, JOURNAL_DONE, &codec_journal_done, &done);
  codec_write_uint(&r->frame, step->changes.len);
  for (size_t i = 0; i < step->changes.len; i++) put_item(r, &codec_change, &step->changes.items[i]);
  codec_write_uint(&r->frame, step->decisions.len);
  for (size_t i = 0; i < step->decisions.len; i++) put_decision(r, &step->decisions.items[i]);
  put(r, at);
}

/* ---- begin and end ---- */

/* Nothing that isn't a journal is moved or replaced: a path may be mistyped. */
static int check_journal(const char *path, char **why) {
  struct journal_reader reader;
  struct stat st;
  if (lstat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0)) return 0;
  int err = journal_open(&reader, path);
  journal_close(&reader);
  if (err) *why = alloc_fmt("%s is there already and is no journal; name another file", path);
  return err ? ERR_EXISTS : 0;
}

static int system_says(const char *path, char **why) {
  int err = err_from_errno(errno);
  *why = alloc_fmt("%s: %s", path, strerror(errno));
  return err;
}

static int open_file(struct recorder *r, char **why) {
  char *former = alloc_fmt("%s.1", r->path);
  int err = check_journal(r->path, why);
  if (!err) err = check_journal(former, why);
  if (!err && rename(r->path, former) != 0 && errno != ENOENT) err = system_says(r->path, why);
  free(former);
  if (err) return err;
  r->fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (r->fd < 0) return system_says(r->path, why);
  int failed = fd_write_all(r->fd, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN);
  if (!failed) return 0;
  errno = failed;
  err = system_says(r->path, why);
  unlink(r->path);
  return err;
}

int recorder_new(const char *path, uint64_t size_max, struct recorder **out, char **why) {
  struct recorder *r = alloc_new(struct recorder);
  r->path = alloc_strdup(path);
  r->size_max = size_max;
  r->size = JOURNAL_MAGIC_LEN;
  r->fd = -1;
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->wake, NULL);
  int err = open_file(r, why);
  if (!err && (errno = pthread_create(&r->thread, NULL, writer_main, r)) != 0) err = system_says(path, why);
  if (err) {
    if (r->fd >= 0) close(r->fd);
    r->fd = -1;
    recorder_free(r);
    return err;
  }
  *out = r;
  return 0;
}

void recorder_free(struct recorder *r) {
  if (!r) return;
  if (aborting == r) aborting = NULL;
  if (r->fd >= 0) {
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    close(r->fd);
  }
  pthread_mutex_destroy(&r->lock);
  pthread_cond_destroy(&r->wake);
  for (size_t i = 0; i < r->asked.len; i++) free(r->asked.items[i]);
  vec_release(&r->asked);
  vec_release(&r->masked);
  map_release(&r->zones);
  codec_out_release(&r->out);
  buf_release(&r->frame);
  buf_release(&r->item);
  buf_release(&r->queue);
  free(r->reason);
  free(r->path);
  free(r);
}
