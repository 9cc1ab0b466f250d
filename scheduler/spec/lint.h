/* What `rota validate` warns of: files that are right, but probably don't do what their author is used to from cron,
 * bash or Airflow. Only warnings, and only when asked: the daemon loads such files in silence. */
#ifndef ROTA_SPEC_LINT_H
#define ROTA_SPEC_LINT_H

#include "base/diag.h"
#include "scheduler/spec/pipeline.h"

/* Adds warnings to what pipeline_read has left in `diags`, in the order of their places. */
void lint_pipeline(const struct pipeline_source *source, struct diag_list *diags);

#endif
