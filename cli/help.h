/* Help on subjects that belong to no single command. */
#ifndef ROTA_CLI_HELP_H
#define ROTA_CLI_HELP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The nth subject's name; NULL behind the last. */
const char *help_subject(size_t n);
/* Appends its text; false if there is no such subject. */
bool help_text(const char *subject, struct buf *out);

#endif
