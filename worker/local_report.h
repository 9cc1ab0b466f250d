/* What a supervisor found out, in the words of a report. */
#ifndef ROTA_WORKER_LOCAL_REPORT_H
#define ROTA_WORKER_LOCAL_REPORT_H

#include "base/buf.h"
#include "worker/executor.h"
#include "worker/look.h"

void findings_from_notice(struct findings *f, const struct notice *n);
/* An ENDED report without its ids; `text` gets the sentence and must live as long as the report, as must the
 * findings. */
struct report report_ended(const struct findings *f, struct buf *text);

#endif
