#include "scheduler/spec/launch.h"

static char *text_copy(struct arena *a, const char *text) {
  return text ? arena_strdup(a, text) : NULL;
}

static const char *const *argv_copy(struct arena *a, const struct launch *from) {
  const char **argv = arena_new_array(a, from->argc + 1, const char *);
  for (size_t i = 0; i < from->argc; i++) argv[i] = arena_strdup(a, from->argv[i]);
  return argv;
}

static const struct launch_env *env_copy(struct arena *a, const struct launch *from) {
  struct launch_env *env = arena_new_array(a, from->env_len, struct launch_env);
  for (size_t i = 0; i < from->env_len; i++) {
    env[i].name = text_copy(a, from->env[i].name);
    env[i].value = text_copy(a, from->env[i].value);
    env[i].file = text_copy(a, from->env[i].file);
  }
  return env;
}

static const struct launch_file *files_copy(struct arena *a, const struct launch_file *from, size_t len) {
  struct launch_file *files = arena_new_array(a, len + 1, struct launch_file);
  for (size_t i = 0; i < len; i++) files[i] = (struct launch_file){text_copy(a, from[i].path), from[i].optional};
  return files;
}

struct launch *launch_copy(struct arena *a, const struct launch *from) {
  struct launch *l = arena_new(a, struct launch);
  *l = *from;
  l->run_id = text_copy(a, from->run_id);
  l->attempt_id = text_copy(a, from->attempt_id);
  l->state_key = text_copy(a, from->state_key);
  l->state_from = text_copy(a, from->state_from);
  l->label = text_copy(a, from->label);
  l->argv = argv_copy(a, from);
  l->script = from->script ? arena_strndup(a, from->script, from->script_len) : NULL;
  l->dir = text_copy(a, from->dir);
  l->path = text_copy(a, from->path);
  l->zone = text_copy(a, from->zone);
  l->env = env_copy(a, from);
  l->context = from->context ? arena_strndup(a, from->context, from->context_len) : NULL;
  l->send = files_copy(a, from->send, from->send_len);
  l->source_dir = text_copy(a, from->source_dir);
  l->fetch = files_copy(a, from->fetch, from->fetch_len);
  return l;
}
