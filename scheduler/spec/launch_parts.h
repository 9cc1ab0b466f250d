/* The parts of launch_build, each in its own file. */
#ifndef ROTA_SPEC_LAUNCH_PARTS_H
#define ROTA_SPEC_LAUNCH_PARTS_H

#include "base/arena.h"
#include "scheduler/spec/launch.h"
#include "scheduler/spec/scope.h"

/* The outputs of the tasks that the launch's task needs directly, in the order of `needs`: asked for once. */
struct launch_received {
  const struct task_spec *task;
  const struct output_spec *output;
  struct value value;
};

struct launch_parts {
  const struct launch_inputs *in;
  struct arena *arena;
  /* With the schedule's offset; NULL what is unknown. */
  const char *scheduled_for, *interval_start;
  const struct launch_received *received;
  size_t received_len;
  const char **message;
};

/* Sets the message and returns ERR_INVALID. */
int launch_fail(const struct launch_parts *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A path of a setting as launch_build explains; `path` itself if nothing is to be done. */
const char *launch_path(const struct launch_parts *p, const char *path);

/* ROTA_WORK is the place of them all, so none may lead out of it: relative, without "..", not empty. */
bool path_stays_inside(const char *path);

int files_build(const struct launch_parts *p, struct launch *out);
int environment_build(const struct launch_parts *p, struct launch *out);
int context_build(const struct launch_parts *p, struct launch *out);

#endif
