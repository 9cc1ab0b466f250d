/* How a pipeline is made out of a tree of nodes, shared by the files that make it: pipeline_read.c drives,
 * pipeline_params.c, pipeline_schedule.c and pipeline_tasks.c take the keys, pipeline_graph.c resolves `needs`, and
 * pipeline_check.c and pipeline_names.c hold what no single key can tell against each other. */
#ifndef ROTA_SPEC_PIPELINE_BUILD_H
#define ROTA_SPEC_PIPELINE_BUILD_H

#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/yaml/reader.h"

struct builder {
  struct reader reader; /* first, so that a reader of a key finds the builder around it */
  struct pipeline *p;
  struct arena *scratch; /* of the nodes and of what only the reading needs */
  const struct config *config;
  bool local;
  struct task_spec defaults;
  struct task_spec *tasks;          /* p->tasks, while they are being written */
  const struct node **task_nodes;   /* of each task */
  const struct node *defaults_node; /* the map of defaults; NULL without */
};

static inline struct builder *builder_of(struct reader *r) {
  return (struct builder *)r;
}

/* Readers of single keys; the field is the structure that the key's map fills. */
field_reader read_params;    /* struct pipeline */
field_reader read_schedules; /* struct pipeline */
field_reader read_defaults;  /* struct pipeline */
field_reader read_tasks;     /* struct pipeline */

struct env_list {
  const struct env_spec *items;
  size_t len;
};
/* Appends the steps of env_file or env to a list; each step stands after those that are there. */
bool env_files_add(struct reader *r, const char *what, const struct node *n, struct env_list *list);
bool env_pairs_add(struct reader *r, const struct node *n, struct env_list *list);

/* Whether a parameter may have this value: its bounds and the words of an enum. */
bool param_check(struct reader *r, const struct param_spec *spec, const struct node *n, const struct value *v);
/* A value out of a node, by a parameter's type. */
bool param_value(struct reader *r, const struct param_spec *spec, const struct node *n, struct value *out);

/* Resolves needs, finds cycles, and fills in order and ancestors. False, after an error, if there is a cycle; the
 * checks may go on then. */
bool graph_build(struct builder *b);
/* The checks over the whole pipeline; expressions among them. */
void pipeline_check(struct builder *b);
/* Names that would meet in the environment of a task. */
void names_check(struct builder *b);
/* Hosts, groups and slots against the configuration. */
void places_check(struct builder *b);

/* The variable by which a script reads what an expression names: "ROTA_PARAM_DAYS" for "params.days". False if the
 * expression isn't a single name that has one. */
bool variable_of(const char *expression, size_t len, char out[256]);
/* Writes PREFIX + NAME, upper case, other characters as `_`. */
void variable_name(const char *prefix, const char *name, char *out, size_t size);

#endif
