/* A log that is being downloaded: GET log/file, streamed block by block. The pool reads a block, the loop hands it to
 * the stream, and when that has room the pool reads the next; so each download has some 512 KiB in memory at most.
 *
 * What is sent is the log as it was when the request came, with a line where something was dropped: its length is
 * known, and any range of it can be asked for. If a range that is still ahead is dropped meanwhile, which happens to
 * a task that is running and over its cap, the connection is cut.
 */
#ifndef ROTA_DAEMON_DOWNLOAD_H
#define ROTA_DAEMON_DOWNLOAD_H

#include <stdbool.h>

#include "scheduler/daemon/pages/page.h"

struct download;

/* On the loop's thread, each time that page_log_file_read has come back with a download: begins the stream or goes on
 * with it. False if that was the end of it: the page can be freed. */
bool download_send(struct page *p, struct api *api);
void download_free(struct download *d); /* accepts NULL */

#endif
