#include "scheduler/api/assets.h"

#include <string.h>
#include <strings.h>

static const struct asset rows[] = {
#include "assets.inc"
    {0}, /* so that there is a row in a build without the pages */
};

static const struct asset_table builtin = {.rows = rows, .len = sizeof rows / sizeof rows[0] - 1};

static const char missing_text[] = "This rota was built without its web pages.\n\n"
                                   "To have them, install Node.js and npm and run `make` anew in its source; the API "
                                   "works as it is (docs/api.md).\n";

static const struct asset missing = {.path = "/",
                                     .content_type = "text/plain; charset=utf-8",
                                     .etag = "\"missing\"",
                                     .bytes = (const unsigned char *)missing_text,
                                     .len = sizeof missing_text - 1,
                                     .flags = ASSET_PUBLIC};

const struct asset_table *assets_builtin(void) {
  return &builtin;
}

const struct asset *asset_find(const struct asset_table *table, const char *path, size_t len) {
  for (size_t i = 0; i < table->len; i++) {
    const struct asset *a = &table->rows[i];
    if (strncmp(a->path, path, len) == 0 && a->path[len] == '\0') return a;
  }
  return NULL;
}

const struct asset *asset_missing(void) {
  return &missing;
}

/* Cuts the next part of a list with commas, blanks around it removed; false at the end. */
static bool list_next(const char **at, const char **part, size_t *len) {
  *at += strspn(*at, ", \t");
  if (!**at) return false;
  *part = *at;
  *at += strcspn(*at, ",");
  *len = (size_t)(*at - *part);
  while (*len && ((*part)[*len - 1] == ' ' || (*part)[*len - 1] == '\t')) (*len)--;
  return true;
}

bool etag_known(const char *if_none_match, const char *etag) {
  const char *at = if_none_match ? if_none_match : "", *part;
  size_t len;
  while (list_next(&at, &part, &len)) {
    if (len == 1 && *part == '*') return true;
    if (len > 2 && part[0] == 'W' && part[1] == '/') part += 2, len -= 2; /* compared weakly: RFC 9110, 13.1.2 */
    if (strlen(etag) == len && memcmp(part, etag, len) == 0) return true;
  }
  return false;
}

/* The weight of a coding is above zero. */
static bool weight_positive(const char *parameters, const char *end) {
  const char *q = memchr(parameters, '=', (size_t)(end - parameters));
  if (!q) return true;
  for (q++; q < end; q++)
    if (*q >= '1' && *q <= '9') return true;
  return false;
}

bool encoding_accepted(const char *accept_encoding, const char *coding) {
  if (!accept_encoding) return true;
  const char *at = accept_encoding, *part;
  size_t len, coding_len = strlen(coding);
  bool any = false;
  while (list_next(&at, &part, &len)) {
    const char *end = part + len, *semicolon = memchr(part, ';', len);
    const char *name_end = semicolon ? semicolon : end;
    while (name_end > part && (name_end[-1] == ' ' || name_end[-1] == '\t')) name_end--;
    size_t name_len = (size_t)(name_end - part);
    bool wanted = !semicolon || weight_positive(semicolon, end);
    if (name_len == coding_len && strncasecmp(part, coding, name_len) == 0) return wanted;
    if (name_len == 1 && *part == '*') any = wanted;
  }
  return any;
}
