/* The files of the web pages, which are part of the binary: a table that the build makes from ui/dist.
 *
 * A file is found by its exact path in the table: no name of a file is ever made from a request. Files are kept as
 * they are sent, most of them compressed. A template isn't sent under its own path: the handler makes pages of it.
 * Everything is constant and lives as long as the program.
 */
#ifndef ROTA_API_ASSETS_H
#define ROTA_API_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#define ASSET_PUBLIC    1u /* sent to whoever asks: what the login needs */
#define ASSET_IMMUTABLE 2u /* its path has the hash of its content: kept by browsers for a year */
#define ASSET_TEMPLATE  4u

struct asset {
  const char *path; /* "/assets/main-AB12.js" */
  const char *content_type;
  const char *etag;     /* strong, with its quotes */
  const char *encoding; /* "gzip"; NULL: as it is */
  const unsigned char *bytes;
  size_t len;
  unsigned flags;
};

struct asset_table {
  const struct asset *rows;
  size_t len;
};

/* The path of the template of all pages, and the text in it that the first page's data takes the place of. */
#define ASSET_INDEX      "/index.html"
#define ASSET_FIRST_DATA "<!--first-->"

/* What this program was built with; empty if it was built without the web pages. */
const struct asset_table *assets_builtin(void);
/* NULL if there is none. */
const struct asset *asset_find(const struct asset_table *table, const char *path, size_t len);
/* What stands in the place of every page if there are none: how to build them. */
const struct asset *asset_missing(void);

/* Whether an If-None-Match (NULL: there is none) names this etag, so that the client has it already. */
bool etag_known(const char *if_none_match, const char *etag);
/* Whether an Accept-Encoding (NULL: there is none, and everything may come) lets this coding through. */
bool encoding_accepted(const char *accept_encoding, const char *coding);

#endif
