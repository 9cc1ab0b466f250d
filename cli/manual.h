/* The man page, from the commands' tables. */
#ifndef ROTA_CLI_MANUAL_H
#define ROTA_CLI_MANUAL_H

#include "base/buf.h"

/* Appends rota(1) in the man(7) macros. */
void manual_page(struct buf *out);

#endif
