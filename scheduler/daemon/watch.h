/* Watches the folders of pipelines: after a change, and once a minute in any case (an overflow of inotify loses
 * changes), it calls back. It waits until nothing has changed for 100 ms, for a second at most, so that what is saved
 * or copied is seen as a whole. Loop thread only.
 */
#ifndef ROTA_DAEMON_WATCH_H
#define ROTA_DAEMON_WATCH_H

#include <stddef.h>
#include <uv.h>

typedef void watch_fn(void *ctx);

struct watch;

struct watch *watch_new(uv_loop_t *loop, watch_fn *fn, void *ctx);
/* Watches exactly these folders from now on; what is watched already goes on without a gap. A folder that was
 * replaced by another one is watched anew. */
void watch_folders(struct watch *w, const char *const *folders, size_t len);
/* Closes the handles; they are freed when the loop has turned. */
void watch_free(struct watch *w);

#endif
