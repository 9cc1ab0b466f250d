/* The files of a seed: pipelines in dags/ as their texts are edited, broken, removed and put back, and the
 * configuration. Every text comes out of dice, by its number and its edition alone. */
#ifndef ROTA_TESTS_SIM_PIPELINES_H
#define ROTA_TESTS_SIM_PIPELINES_H

#include "base/buf.h"
#include "base/map.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline.h"
#include "tests/sim/world.h"

#define CATALOG_TASKS 16

struct edition { /* one text of a pipeline */
  const char *text;
  struct pipeline *pipeline;
  struct buf json;
  char sha256[SHA256_HEX_SIZE];
};

struct file {
  const char *name;
  int64_t number; /* of the pipeline: a renamed file keeps its text */
  int64_t edition;
  bool present, broken;
  int64_t broken_until;
};

struct catalog {
  struct world *w;
  VEC(struct file *) files;
  struct map editions; /* "number.edition" -> struct edition */
  VEC(struct config *) configs;
  struct config *config; /* in force */
  int64_t config_edition;
  bool schedules_off; /* of the healing: files without schedules */
};

struct catalog *catalog_new(struct world *w);
void catalog_free(struct catalog *c);

struct edition *catalog_edition(struct catalog *c, const struct file *f);
struct file *catalog_file(const struct catalog *c, const char *name);
/* Any file that is or was there. */
struct file *catalog_any(const struct catalog *c, struct dice *d);

void catalog_edit(struct catalog *c, struct file *f);
void catalog_break(struct catalog *c, struct file *f, int64_t until);
/* It comes back after a while, or under another name at once. */
void catalog_remove(struct catalog *c, struct file *f, struct dice *d);
void catalog_reload(struct catalog *c);
/* All files are there and right, and the first configuration is in force. */
void catalog_heal(struct catalog *c);

#endif
