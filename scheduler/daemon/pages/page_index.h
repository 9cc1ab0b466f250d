/* The web pages: every page's path answers the one template, with the data put into it that the page shows first, so
 * that it needs no second request. The data is what the API would answer: the page is read as that route, and its
 * body is wrapped at the end.
 */
#ifndef ROTA_DAEMON_PAGE_INDEX_H
#define ROTA_DAEMON_PAGE_INDEX_H

#include "scheduler/daemon/pages/page.h"

/* `request` asks for a page by its target. Makes *p ask for the route whose data the page shows first, and notes that
 * it is to be wrapped; the route is API_PAGE still if the page shows no data or there is no such page. */
void page_index_open(struct page *p, const struct api_request *request);
/* Leaves the data out: nobody answers that route from here. */
void page_index_bare(struct page *p);
/* The template with the body in it. What can't be read is left out, and the page asks for it itself; what isn't there
 * keeps its 404. */
void page_index_wrap(struct page *p, const struct asset *asset);

#endif
