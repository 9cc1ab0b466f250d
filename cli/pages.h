/* Lists of the API, over as many pages as are wanted. */
#ifndef ROTA_CLI_PAGES_H
#define ROTA_CLI_PAGES_H

#include "cli/client.h"

#define PAGES_ALL INT64_MAX

/* Up to `want` items of the list as {"items": [...], "next": ...}; the caller gives up its reference. */
int pages_get(struct client *client, const char *target, int64_t want, json_t **out);

/* The same, printed: with --json as it is, else by `show`; `nothing` is the line for an empty list. */
typedef void pages_shower(const json_t *items);
int pages_show(const struct args *args, struct client *client, const char *target, int64_t want, pages_shower *show,
               const char *nothing);

#endif
