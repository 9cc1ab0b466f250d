/* What the files that make a plan share: file_plan.c and file_walk.c. */
#ifndef ROTA_WORKER_SSH_FILE_PLAN_H
#define ROTA_WORKER_SSH_FILE_PLAN_H

#include "base/vec.h"
#include "worker/ssh/files.h"

struct file_names {
  const char **items;
  size_t len, cap;
};

/* Sets p->text and returns ERR_INVALID. */
int file_plan_refuse(struct file_plan *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
int file_plan_full(struct file_plan *p, const char *path);

#endif
