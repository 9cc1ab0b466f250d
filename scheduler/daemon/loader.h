/* The folder of pipelines: which files are there, which of them changed, and what they say.
 *
 * A scan walks the folder, reads what changed and parses it, on a thread of the loop's pool or, at start, on the
 * caller's. What it finds is put into the inbox as events: loaded, broken (the last good version stays in force),
 * gone. Files and folders whose names begin with `_` or `.` are no pipelines.
 */
#ifndef ROTA_DAEMON_LOADER_H
#define ROTA_DAEMON_LOADER_H

#include <stdbool.h>
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
void loader_free(struct loader *l); /* no scan may be under way */

/* A pipeline that the rows know already: if its file has these bytes, it isn't parsed again. Before the first scan.
 */
void loader_know(struct loader *l, const char *name, const char *sha256, struct pipeline *pipeline, bool broken);

/* Takes another configuration; every file is parsed anew at the next scan, since hosts and slots may have changed. */
void loader_configure(struct loader *l, const struct config *config);

/* Scans here and now; blocks. For the start, before the loop runs. */
struct loader_result loader_scan(struct loader *l);

/* Scans in the background and calls `done` on the loop's thread after the events are in the inbox. While one is
 * under way another is remembered, and its `done` is called after it: what was changed before the call is seen. */
typedef void loader_done_fn(void *ctx, const struct loader_result *result);
void loader_rescan(struct loader *l, uv_loop_t *loop, loader_done_fn *done, void *ctx);
bool loader_busy(const struct loader *l);

/* Every file that doesn't load, as items of a JSON array: {"file", "pipeline", "diagnostics"}. */
void loader_broken_json(const struct loader *l, struct json *j);
/* The folders that were seen, to be watched: absolute paths. */
size_t loader_folders(const struct loader *l, const char *const **folders);

#endif
