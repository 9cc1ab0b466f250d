/* What the store's tests share: a state directory that goes away, and rows to fill it with. STORE_TEST gives one on
 * this machine, DISK_TEST one on a disk that fails as the test says (tests/sim/disk.h). */
#ifndef ROTA_TEST_SANDBOX_H
#define ROTA_TEST_SANDBOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "scheduler/store/backup.h"
#include "scheduler/store/delivery.h"
#include "scheduler/store/store.h"
#include "tests/sim/disk.h"
#include "tests/sim/vfs.h"

#define NOON INT64_C(1774785600000000) /* 2026-03-29T12:00:00Z */

struct sandbox {
  char *dir;
  struct disk *disk; /* of DISK_TEST */
  struct store *store;
  struct buf why;
};

static inline void sandbox_open(struct sandbox *s) {
  buf_reset(&s->why);
  int rc = store_open(s->dir, NOON, &s->store, &s->why);
  if (rc) fail_msg("store_open: %s: %s", err_name(rc), buf_cstr(&s->why));
}

static inline void sandbox_close(struct sandbox *s) {
  store_close(s->store);
  s->store = NULL;
}

static inline void sandbox_reopen(struct sandbox *s) {
  sandbox_close(s);
  sandbox_open(s);
}

static inline int sandbox_setup(void **state) {
  struct sandbox *s = alloc_new(struct sandbox);
  const char *tmp = getenv("TMPDIR");
  s->dir = alloc_fmt("%s/rota-store-XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(s->dir)) return -1;
  *state = s;
  sandbox_open(s);
  return 0;
}

static inline int sandbox_setup_disk(void **state) {
  struct sandbox *s = alloc_new(struct sandbox);
  s->dir = alloc_strdup("/disk");
  vfs_install(1);
  s->disk = disk_new(s->dir);
  *state = s;
  sandbox_open(s);
  return 0;
}

static inline int sandbox_teardown_disk(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  disk_free(s->disk);
  vfs_remove();
  free(s->dir);
  buf_release(&s->why);
  free(s);
  return 0;
}

static inline int sandbox_teardown(void **state) {
  struct sandbox *s = *state;
  sandbox_close(s);
  umount2(s->dir, MNT_DETACH); /* of a test of a small disk that failed half-way */
  dir_remove_at(AT_FDCWD, s->dir);
  free(s->dir);
  buf_release(&s->why);
  free(s);
  return 0;
}

static inline void sandbox_commit(struct sandbox *s, const struct change *changes, size_t len) {
  buf_reset(&s->why);
  int rc = store_commit(s->store, changes, len, &s->why);
  if (rc) fail_msg("store_commit: %s: %s", err_name(rc), buf_cstr(&s->why));
}

static inline char *sandbox_path(const struct sandbox *s, const char *name) {
  return path_join(s->dir, name);
}

static inline bool sandbox_goes_on(void *ctx) {
  (void)ctx;
  return true;
}

/* A backup to `file` from its beginning to its end; `why` says what went wrong. */
static inline int sandbox_backup(struct sandbox *s, const char *file) {
  const struct backup_watch watch = {sandbox_goes_on, NULL};
  struct backup *b = NULL;
  buf_reset(&s->why);
  int rc = delivery_begin(file, &s->why);
  if (rc) return rc;
  rc = backup_begin(s->store, &b, &s->why);
  if (!rc) {
    do rc = backup_step(b, &s->why);
    while (rc == 1);
  }
  if (!rc) return backup_finish(b, file, &watch, &s->why);
  backup_abort(b);
  delivery_drop(file);
  return rc;
}

/* ---- rows ---- */

/* Ids that sort as their numbers do. */
static inline struct id sample_id(int64_t number) {
  struct id id;
  snprintf(id.text, sizeof id.text, "01h%023lld", (long long)number);
  return id;
}

/* As pipeline_json writes it. */
#define SAMPLE_JSON                                                                                                  \
  "{\"name\":\"nightly\",\"folder\":\"\",\"owner\":\"forecasting\",\"tags\":[\"daily\",\"gpu\"],\"params\":{},"      \
  "\"schedule\":[],\"tasks\":{\"train\":{\"run\":\"true\",\"shell\":[\"/bin/sh\",\"-e\"],\"leftovers\":\"kill\"}}}"

static inline struct change sample_pipeline(int64_t key, const char *name, int64_t version) {
  return (struct change){CHANGE_PIPELINE, .pipeline = {.key = key,
                                                       .name = name,
                                                       .version = version,
                                                       .last_number = 0,
                                                       .present = true,
                                                       .seen_at = NOON,
                                                       .paused_at = INSTANT_NONE}};
}

static inline struct change sample_version(int64_t key, int64_t pipeline, const char *json) {
  struct change c = {CHANGE_VERSION, .version = {.key = key,
                                                 .pipeline = pipeline,
                                                 .text = "tasks: {}\n",
                                                 .text_len = 10,
                                                 .json = json,
                                                 .json_len = strlen(json),
                                                 .created_at = NOON}};
  memset(c.version.sha256, 'a', SHA256_HEX_SIZE - 1);
  return c;
}

static inline struct change sample_run(int64_t key, int64_t pipeline, int64_t number, int64_t version,
                                       enum run_state state) {
  bool ended = state == RUN_SUCCEEDED || state == RUN_FAILED || state == RUN_CANCELLED;
  instant at = NOON + key * USEC_PER_SEC;
  return (struct change){CHANGE_RUN, .run = {.key = key,
                                             .id = sample_id(key),
                                             .pipeline = pipeline,
                                             .number = number,
                                             .version = version,
                                             .state = state,
                                             .trigger = TRIGGER_MANUAL,
                                             .actor = {"user", "1000", "anna", "unix socket"},
                                             .params = "{\"lr\": 0.01, \"region\": \"eu\"}",
                                             .scheduled_for = at,
                                             .interval_start = INSTANT_NONE,
                                             .created_at = at,
                                             .started_at = state == RUN_QUEUED ? INSTANT_NONE : at,
                                             .ended_at = ended ? at + USEC_PER_MIN : INSTANT_NONE,
                                             .round = 1,
                                             .deadline = INSTANT_NONE,
                                             .tasks = 1,
                                             .tasks_done = ended}};
}

static inline struct change sample_task(int64_t run, uint32_t index, const char *name, enum task_state state,
                                        int64_t attempt) {
  return (struct change){CHANGE_TASK, .task = {.run = run,
                                               .index = index,
                                               .name = name,
                                               .label = name,
                                               .state = state,
                                               .round = 1,
                                               .attempts = attempt != 0,
                                               .attempt = attempt,
                                               .not_before = INSTANT_NONE,
                                               .ready_at = NOON,
                                               .started_at = NOON,
                                               .ended_at = INSTANT_NONE}};
}

static inline struct change sample_attempt(int64_t key, int64_t run, uint32_t task, enum task_state state) {
  return (struct change){CHANGE_ATTEMPT,
                         .attempt = {.key = key,
                                     .id = sample_id(key),
                                     .run = run,
                                     .task = task,
                                     .round = 1,
                                     .number = 1,
                                     .state = state,
                                     .host = "local",
                                     .exit_code = -1,
                                     .created_at = NOON,
                                     .started_at = NOON,
                                     .ended_at = state == TASK_RUNNING ? INSTANT_NONE : NOON + USEC_PER_SEC,
                                     .max_rss_kb = -1,
                                     .cpu_us = -1,
                                     .log_bytes = -1,
                                     .git_dirty = -1,
                                     .unreachable_at = INSTANT_NONE}};
}

static inline struct change sample_event(int64_t key, enum event_row_kind kind, int64_t run, const char *state) {
  return (struct change){
      CHANGE_EVENT,
      .event = {.key = key, .at = NOON + key, .kind = kind, .pipeline = 1, .run = run, .task = -1, .state = state}};
}

/* A pipeline (key 1, version 2) named nightly. */
static inline void sandbox_pipeline(struct sandbox *s) {
  struct change c[] = {sample_pipeline(1, "nightly", 2), sample_version(2, 1, SAMPLE_JSON)};
  sandbox_commit(s, c, 2);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)
#define DISK_TEST(name)  cmocka_unit_test_setup_teardown(name, sandbox_setup_disk, sandbox_teardown_disk)

#endif
