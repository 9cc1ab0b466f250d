/* Brings what the folder of pipelines says (dags.h) to the engine: each scan's findings become events in the inbox.
 * Broken files leave the last good version in force. Loop thread only; the scans themselves run on a thread of the
 * loop's pool or, at the start, on the caller's.
 */
#ifndef ROTA_DAEMON_LOADER_H
#define ROTA_DAEMON_LOADER_H

#include <stddef.h>
#include <uv.h>

#include "base/json.h"
#include "scheduler/daemon/inbox.h"

struct config;
struct pipeline;
struct loader;

struct loader_result { /* of one scan */
  size_t files, loaded, broken, gone;
};

struct loader *loader_new(struct inbox *inbox, const struct config *config);
/* Nothing is called or put into the inbox any more. A scan that is under way frees the rest when it ends, so the loop
 * must turn until then, and the configuration live. Accepts NULL. */
void loader_free(struct loader *l);

/* As dags_guard. Before the first scan. */
struct quarantine;
void loader_guard(struct loader *l, struct quarantine *q);
/* As dags_know. Before the first scan. */
void loader_know(struct loader *l, const char *name, const char *sha256, struct pipeline *pipeline);

/* The configuration of the scans that begin from now on. The next one reads every file anew, since hosts and slots
 * may have changed; one that is under way keeps the former configuration until it ends. */
void loader_configure(struct loader *l, const struct config *config);

/* Scans here and now; blocks. For the start, before the loop runs. */
struct loader_result loader_scan(struct loader *l);

/* Scans in the background and calls `done` on the loop's thread after the events are in the inbox. If one is under
 * way already, another follows it: what was changed before the call is seen, and no scan that began before the call
 * is under way any more when `done` is called. */
typedef void loader_done_fn(void *ctx, const struct loader_result *result);
void loader_rescan(struct loader *l, uv_loop_t *loop, loader_done_fn *done, void *ctx);

/* All that the last scan found wrong, as items of a JSON array: {"file", "pipeline", "diagnostics"}. */
void loader_broken_json(const struct loader *l, struct json *j);
size_t loader_broken(const struct loader *l);
/* The folders that the last scan saw, to be watched: absolute paths. */
size_t loader_folders(const struct loader *l, const char *const **folders);

#endif
