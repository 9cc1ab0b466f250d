/* The readers of a task's keys that have a file of their own. Their field is the struct task_spec. */
#ifndef ROTA_SPEC_PIPELINE_TASKS_H
#define ROTA_SPEC_PIPELINE_TASKS_H

#include "scheduler/spec/pipeline_build.h"

field_reader read_run, read_shell, read_when; /* pipeline_run.c */
/* What runs the script, when all keys of the task are read. */
void task_shell_finish(struct reader *r, const struct node *task, struct task_spec *t);

field_reader read_matrix, read_outputs, read_slots, read_retries, read_unreachable; /* pipeline_settings.c */

#endif
