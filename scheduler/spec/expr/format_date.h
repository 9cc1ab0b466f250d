/* strftime for the proleptic calendar, in English whatever the locale: %Y %y %m %d %e %j %H %M %S %a %A %b %B %u %w
 * %G %V %F %T %%. */
#ifndef ROTA_SPEC_FORMAT_DATE_H
#define ROTA_SPEC_FORMAT_DATE_H

#include "base/buf.h"
#include "base/instant.h"

/* The first letter after a % that isn't known, '%' for one at the end; NUL if all are known. */
char format_date_fault(const char *format);
/* The format must have no fault. */
void format_date(const struct civil *c, const char *format, struct buf *out);

#endif
