#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/pipeline_build.h"

static void read_tags(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct pipeline *p = field;
  struct texts tags = {0};
  if (!reader_texts(r, key->name, n, &tags)) return;
  p->tags = tags.items;
  p->tags_len = tags.len;
}

static void read_env_file(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct pipeline *p = field;
  struct env_list list = {p->env, p->env_len};
  env_files_add(r, key->name, n, &list);
  p->env = list.items;
  p->env_len = list.len;
}

static void read_env(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct pipeline *p = field;
  struct env_list list = {p->env, p->env_len};
  (void)key;
  env_pairs_add(r, n, &list);
  p->env = list.items;
  p->env_len = list.len;
}

#define AT(name) offsetof(struct pipeline, name)
static const struct field fields[] = {
    {KEY_PIPELINE_name, read_text, AT(name)},
    {KEY_PIPELINE_folder, read_text, AT(folder)},
    {KEY_PIPELINE_description, read_text, AT(description)},
    {KEY_PIPELINE_owner, read_text, AT(owner)},
    {KEY_PIPELINE_tags, read_tags, 0},
    {KEY_PIPELINE_doc, read_text, AT(doc)},
    {KEY_PIPELINE_paused, read_bool, AT(paused)},
    {KEY_PIPELINE_params, read_params, 0},
    {KEY_PIPELINE_schedule, read_schedules, 0},
    {KEY_PIPELINE_env_file, read_env_file, 0},
    {KEY_PIPELINE_env, read_env, 0},
    {KEY_PIPELINE_max_tasks, read_setting, AT(max_tasks)},
    {KEY_PIPELINE_timeout, read_setting, AT(timeout)},
    {KEY_PIPELINE_priority, read_setting, AT(priority)},
    {KEY_PIPELINE_defaults, read_defaults, 0},
    {KEY_PIPELINE_tasks, read_tasks, 0},
};
#undef AT

/* Lives in its own arena, whose first block is made large enough for most pipelines whose text has `len` bytes: ten
 * thousand of them are in memory at a time. */
static struct pipeline *pipeline_new(size_t len) {
  struct arena arena = {0};
  if (len < 64 * 1024) {
    arena_alloc(&arena, 1024 + 4 * len);
    arena_reset(&arena);
  }
  struct pipeline *p = arena_new(&arena, struct pipeline);
  p->arena = arena;
  p->refs = 1;
  p->folder = p->name = "";
  return p;
}

/* From the tree to a pipeline; true if nothing is wrong with it. */
static bool build(struct builder *b, const struct node *root) {
  struct reader *r = &b->reader;
  b->defaults.unreachable_then = UNREACHABLE_WAIT;
  if (root->kind != NODE_MAP) {
    diag_error(r->diags, root->place, "`rota new NAME` writes one to start from",
               "a pipeline is a map of keys, not %s", node_kind_word(root));
    return false;
  }
  reader_map(r, root, SCOPE_PIPELINE, false, fields, sizeof fields / sizeof *fields, b->p);
  if (!b->tasks) return false;
  bool ordered = graph_build(b);
  if (r->lenient) return ordered && r->diags->errors == 0;
  names_check(b);
  places_check(b);
  pipeline_check(b);
  return r->diags->errors == 0;
}

/* The file's name without folder and ending, for sources that are named by their file alone. */
static const char *name_of(struct arena *a, const struct pipeline_source *s, struct diag_list *diags) {
  char name[PIPELINE_NAME_MAX + 1];
  const char *why = NULL, *base = s->file;
  if (s->name) return arena_strdup(a, s->name);
  if (!base) return "pipeline";
  if (strrchr(base, '/')) base = strrchr(base, '/') + 1;
  if (pipeline_name_from_path(base, name, &why) == 0) return arena_strdup(a, name);
  diag_error(diags, (struct diag_place){0}, NULL, "%s", why);
  return "";
}

struct pipeline *pipeline_read(const struct pipeline_source *source, struct diag_list *diags) {
  struct arena scratch = {0};
  if (source->len > PIPELINE_TEXT_MAX) {
    diag_error(diags, (struct diag_place){0}, "split it into several pipelines", "the file is over 1 MiB");
    return NULL;
  }
  struct pipeline *p = pipeline_new(source->len);
  struct builder b = {.reader = {.arena = &p->arena, .diags = diags},
                      .p = p,
                      .scratch = &scratch,
                      .config = source->config,
                      .local = source->local};
  size_t before = diags->errors;
  p->name = name_of(&p->arena, source, diags);
  if (source->folder) p->folder = arena_strdup(&p->arena, source->folder);
  const struct node *root = node_read(&scratch, source->text, source->len, diags);
  bool ok = root && build(&b, root) && diags->errors == before;
  arena_release(&scratch);
  diag_sort(diags);
  if (ok) return p;
  pipeline_release(p);
  return NULL;
}

struct pipeline *pipeline_from_json(const char *text, size_t len) {
  struct arena scratch = {0};
  struct diag_list diags, hints;
  diag_init(&diags, NULL, NULL, 0);
  struct pipeline *p = pipeline_new(len);
  struct builder b = {.reader = {.arena = &p->arena, .diags = &diags, .lenient = true}, .p = p, .scratch = &scratch};
  const struct node *root = node_from_json(&scratch, text, len);
  bool ok = root && build(&b, root);
  if (ok) {
    /* The checks note in each expression what its names stand for; their errors are no matter any more. */
    diag_init(&hints, NULL, NULL, 0);
    b.reader.diags = &hints;
    pipeline_check(&b);
    diag_release(&hints);
  }
  arena_release(&scratch);
  diag_release(&diags);
  if (ok) return p;
  pipeline_release(p);
  return NULL;
}

struct pipeline *pipeline_retain(struct pipeline *p) {
  assert(p->refs > 0);
  p->refs++;
  return p;
}

void pipeline_release(struct pipeline *p) {
  if (!p) return;
  assert(p->refs > 0);
  if (--p->refs > 0) return;
  struct arena arena = p->arena; /* the pipeline lies in it */
  arena_release(&arena);
}

int pipeline_task(const struct pipeline *p, const char *name) {
  size_t low = 0, high = p->tasks_len;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = strcmp(p->tasks[p->by_name[mid]].name, name);
    if (order == 0) return (int)p->by_name[mid];
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return -1;
}

int pipeline_param(const struct pipeline *p, const char *name) {
  for (size_t i = 0; i < p->params_len; i++)
    if (strcmp(p->params[i].name, name) == 0) return (int)i;
  return -1;
}

int task_output(const struct task_spec *t, const char *name) {
  for (size_t i = 0; i < t->outputs_len; i++)
    if (strcmp(t->outputs[i].name, name) == 0) return (int)i;
  return -1;
}

bool task_needs(const struct task_spec *t, uint32_t other) {
  return t->ancestors && (t->ancestors[other / 64] >> (other % 64) & 1);
}
