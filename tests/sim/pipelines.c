#include "tests/sim/pipelines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/daemon.h"
#include "tests/sim/zones.h"

#define EDITIONS 5 /* after which the first text comes back */

static const char *const texts_of[] = {"0 * * * *", "*/20 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 3 * * 0"};
#define CRONS 5

/* ---- a text out of the dice ---- */

struct writer {
  struct dice d;
  const struct limits *limits;
  struct buf out;
  int matrix[CATALOG_TASKS];
  int tasks;
};

static bool chance(struct writer *t, int percent) {
  return dice_chance(&t->d, percent);
}

static int64_t roll(struct writer *t, int64_t sides) {
  return dice_roll(&t->d, sides);
}

static void write_schedule(struct writer *t, int64_t n) {
  static const char *const overlaps[] = {"queue", "skip", "cancel_running", "allow"};
  static const char *const catchups[] = {"none", "last", "all"};
  buf_str(&t->out, "  - {");
  /* Mostly it is known by its times, so that another text of them is another schedule. */
  if (n > 0 || chance(t, 30)) buf_fmt(&t->out, "name: s%d, ", (int)n);
  if (chance(t, 50))
    buf_fmt(&t->out, "every: %dm", (int)(4 + roll(t, roll(t, 60) + 1)));
  else
    buf_fmt(&t->out, "cron: \"%s\", timezone: %s", texts_of[roll(t, CRONS)], zone_names[roll(t, ZONES)]);
  buf_fmt(&t->out, ", overlap: %s, catchup: %s", overlaps[roll(t, 4)], catchups[roll(t, 3)]);
  if (chance(t, 60)) buf_fmt(&t->out, ", catchup_window: %dh", (int)(1 + roll(t, 30)));
  if (chance(t, 20)) buf_fmt(&t->out, ", jitter: %ds", (int)(1 + roll(t, 200)));
  buf_str(&t->out, "}\n");
}

static void write_needs(struct writer *t, int n) {
  bool any = false;
  for (int k = 0; k < n; k++) {
    if (!chance(t, 100 / (n < 2 ? 2 : n))) continue;
    bool same = t->matrix[n] && t->matrix[k] == t->matrix[n] && chance(t, 60);
    buf_fmt(&t->out, "%st%d: %s", any ? ", " : "    needs: {", k, same ? "same" : "all");
    any = true;
  }
  if (any) buf_str(&t->out, "}\n");
}

static void write_retries(struct writer *t) {
  if (chance(t, 25)) return;
  buf_fmt(&t->out, "    retries: {max: %d, lost: %d, delay: %ds, cap: %dm, jitter: %s",
          (int)(chance(t, 60) * roll(t, 4)), (int)roll(t, 3), (int)(1 + roll(t, 60)), (int)(1 + roll(t, 10)),
          chance(t, 50) ? "full" : "none");
  if (chance(t, 25)) buf_str(&t->out, chance(t, 50) ? ", exit_codes: [1, 137]" : ", not_exit_codes: [2]");
  buf_str(&t->out, "}\n");
}

static void write_place(struct writer *t) {
  static const char *const ons[] = {"g", "g", "g", "h1", "h2", "local"};
  if (chance(t, 65)) buf_fmt(&t->out, "    on: %s\n", ons[roll(t, 6)]);
  if (chance(t, 25))
    buf_fmt(&t->out, "    slots: {gpu: %d}\n", 1 + (int)roll(t, t->limits->units < 2 ? 1 : 2));
  else if (chance(t, 15))
    buf_str(&t->out, "    slots: {warehouse: 1, gpu: 1}\n");
  if (chance(t, 70))
    buf_fmt(&t->out, "    unreachable: {after: %dm, then: %s}\n", 1 + (int)roll(t, 3),
            chance(t, 80) ? "retry" : "wait");
}

static void write_task(struct writer *t, int n, bool finally) {
  static const char *const whens[] = {"always()", "failure()", "success()", "params.n > 1"};
  static const char *const matrices[] = {"", "    matrix: {x: [1, 2]}\n", "    matrix: {x: [1, 2, 3]}\n",
                                         "    matrix: {x: \"${{ params.xs }}\"}\n"};
  buf_fmt(&t->out, "  t%d:\n    run: 'true'\n", n);
  t->matrix[n] = chance(t, 40) ? (int)roll(t, 4) : 0;
  buf_str(&t->out, matrices[t->matrix[n]]);
  if (finally)
    buf_str(&t->out, "    finally: true\n");
  else
    write_needs(t, n);
  if (chance(t, 20)) buf_fmt(&t->out, "    when: %s\n", whens[roll(t, 4)]);
  if (chance(t, 20)) buf_str(&t->out, "    allow_failure: true\n");
  if (chance(t, 15)) buf_str(&t->out, "    fail_fast: true\n");
  if (chance(t, 25)) buf_str(&t->out, "    outputs: {n: int}\n");
  if (chance(t, 20)) buf_fmt(&t->out, "    timeout: %ds\n", 1 + (int)roll(t, 3600));
  if (chance(t, 20)) buf_fmt(&t->out, "    grace: %ds\n", (int)roll(t, 120));
  if (chance(t, 20)) buf_fmt(&t->out, "    priority: %d\n", (int)roll(t, 5));
  write_place(t);
  write_retries(t);
}

/* In the healing no schedule fires any more: the text has none, and nothing else changes. */
static void write_pipeline(struct writer *t, bool schedules) {
  int64_t count = chance(t, 75) ? 1 + roll(t, 2) : 0;
  if (count && schedules) buf_str(&t->out, "schedule:\n");
  for (int64_t i = 0; i < count; i++) {
    size_t before = t->out.len;
    write_schedule(t, i);
    if (!schedules) buf_truncate(&t->out, before);
  }
  buf_fmt(&t->out, "params:\n  n: {type: int, default: %d}\n  xs: {type: list, items: int, default: [1, 2]}\n",
          (int)roll(t, 4));
  if (chance(t, 30)) buf_fmt(&t->out, "max_tasks: %d\n", 1 + (int)roll(t, 3));
  if (chance(t, 20)) buf_fmt(&t->out, "timeout: %dm\n", 1 + (int)roll(t, 90));
  if (chance(t, 3)) buf_str(&t->out, "paused: true\n");
  buf_str(&t->out, "tasks:\n");
  int tasks = 1 + (int)roll(t, t->limits->tasks);
  bool finally = chance(t, 30);
  for (int n = 0; n < tasks; n++) write_task(t, n, false);
  if (finally) write_task(t, tasks, true);
}

static struct pipeline *read(const struct catalog *c, const char *name, const char *text, size_t len) {
  struct diag_list diags;
  diag_init(&diags, "p.yaml", text, len);
  struct pipeline *p = pipeline_read(&(struct pipeline_source){.name = name,
                                                               .file = "p.yaml",
                                                               .folder = "/srv/dags",
                                                               .text = text,
                                                               .len = len,
                                                               .config = c->configs.items[0]},
                                     &diags);
  if (!p) {
    struct buf told = {0};
    diag_render(&diags, &told, false);
    world_fail(c->w, "a pipeline that doesn't load:\n%s\n%s", text, buf_cstr(&told));
  }
  diag_release(&diags);
  return p;
}

struct edition *catalog_edition(struct catalog *c, const struct file *f) {
  char name[80];
  int64_t number = c->schedules_off ? -1 : f->edition % EDITIONS;
  snprintf(name, sizeof name, "%s.%" PRId64, f->name, number);
  struct edition *e = map_get(&c->editions, name);
  if (e) return e;
  struct writer t = {.limits = c->w->limits};
  /* Where the healing takes the schedules out, the rest is the first text. */
  dice_init(&t.d, c->w->seed, (uint64_t)(1000 + f->number * EDITIONS + (number < 0 ? 0 : number)));
  write_pipeline(&t, number >= 0);
  e = alloc_new(struct edition);
  e->pipeline = read(c, f->name, t.out.bytes, t.out.len);
  pipeline_json(e->pipeline, &e->json);
  sha256_hex(t.out.bytes, t.out.len, e->sha256);
  e->text = buf_steal(&t.out, NULL);
  TRACE(c->w, "  the text %s is\n%s", name, e->text);
  map_put(&c->editions, name, e);
  return e;
}

/* ---- the configuration ---- */

static struct config *config_of(struct catalog *c, int64_t edition) {
  struct dice d;
  dice_init(&d, c->w->seed, (uint64_t)(500 + edition));
  struct buf text = {0};
  int64_t units = c->w->limits->units;
  int64_t cpu = edition ? dice_between(&d, 1, units + 1) : units;
  buf_fmt(&text, "slots: {cpu: %" PRId64 ", gpu: %" PRId64 "}\nlimits: {warehouse: %" PRId64 "}\n", cpu,
          edition ? dice_between(&d, 1, units + 2) : units + 1, units);
  buf_fmt(&text, "hosts:\n  h1: {ssh: a@h1, slots: {cpu: %" PRId64 ", gpu: 2}}\n", units + 1);
  bool gone = edition && dice_chance(&d, 40);
  if (!gone)
    buf_fmt(&text, "  h2: {ssh: a@h2, slots: {gpu: %" PRId64 "}, max_tasks: %" PRId64 "}\n", 2 + units / 2,
            units + 1);
  buf_fmt(&text, "groups: {g: [h1%s]}\n", gone ? "" : ", h2");
  struct diag_list diags;
  diag_init(&diags, "rota.yaml", text.bytes, text.len);
  struct config *config = config_read("rota.yaml", text.bytes, text.len, "/tmp", "/home/anna", 4, "UTC", &diags);
  if (!config) {
    struct buf told = {0};
    diag_render(&diags, &told, false);
    world_fail(c->w, "a configuration that doesn't load:\n%s", buf_cstr(&told));
  }
  TRACE(c->w, "  the configuration is\n%s", text.bytes);
  diag_release(&diags);
  buf_release(&text);
  vec_push(&c->configs, config);
  return config;
}

void catalog_reload(struct catalog *c) {
  c->config_edition = (c->config_edition + 1) % EDITIONS;
  c->config = config_of(c, c->config_edition);
  daemon_config(c->w);
}

/* ---- files ---- */

static struct file *add(struct catalog *c, int64_t number, const char *name) {
  struct file *f = arena_new(&c->w->arena, struct file);
  *f = (struct file){.name = arena_strdup(&c->w->arena, name), .number = number, .present = true};
  vec_push(&c->files, f);
  return f;
}

struct catalog *catalog_new(struct world *w) {
  struct catalog *c = alloc_new(struct catalog);
  c->w = w;
  c->config = config_of(c, 0);
  for (int64_t i = 0; i < w->limits->pipelines; i++) {
    char name[24];
    snprintf(name, sizeof name, "p%" PRId64, i);
    add(c, i, name);
  }
  return c;
}

void catalog_free(struct catalog *c) {
  if (!c) return;
  for (size_t i = 0; i < c->editions.len; i++) {
    struct edition *e = c->editions.entries[i].value;
    pipeline_release(e->pipeline);
    buf_release(&e->json);
    free((void *)(uintptr_t)e->text);
    free(e);
  }
  map_release(&c->editions);
  for (size_t i = 0; i < c->configs.len; i++) config_free(c->configs.items[i]);
  vec_release(&c->configs);
  vec_release(&c->files);
  free(c);
}

struct file *catalog_file(const struct catalog *c, const char *name) {
  for (size_t i = 0; i < c->files.len; i++)
    if (strcmp(c->files.items[i]->name, name) == 0) return c->files.items[i];
  return NULL;
}

struct file *catalog_any(const struct catalog *c, struct dice *d) {
  return c->files.items[dice_roll(d, (int64_t)c->files.len)];
}

void catalog_edit(struct catalog *c, struct file *f) {
  f->edition++;
  if (f->present && !f->broken) daemon_file(c->w, f);
}

static void on_mended(struct world *w, void *arg, int64_t number) {
  struct file *f = arg;
  if (!f->broken || f->broken_until != number) return;
  f->broken = false;
  if (f->present) daemon_file(w, f);
}

void catalog_break(struct catalog *c, struct file *f, int64_t until) {
  f->broken = true;
  f->broken_until = until;
  world_at(c->w, until, OF_WORLD, on_mended, f, until);
  if (f->present) daemon_file(c->w, f);
}

static void on_put_back(struct world *w, void *arg, int64_t number) {
  struct file *f = arg;
  (void)number;
  if (f->present) return;
  f->present = true;
  daemon_file(w, f);
}

void catalog_remove(struct catalog *c, struct file *f, struct dice *d) {
  if (!f->present) return;
  f->present = false;
  daemon_file(c->w, f);
  if (dice_chance(d, 30)) {
    char name[64];
    snprintf(name, sizeof name, "%.40s-r", f->name);
    struct file *other = catalog_file(c, name);
    if (other && other->present) return;
    if (!other) other = add(c, f->number, name);
    other->edition = f->edition;
    other->present = true;
    daemon_file(c->w, other);
  } else {
    world_in(c->w, dice_spread(d, 3 * USEC_PER_HOUR), OF_WORLD, on_put_back, f, 0);
  }
}

void catalog_heal(struct catalog *c) {
  c->schedules_off = true;
  c->config = c->configs.items[0];
  daemon_config(c->w);
  for (size_t i = 0; i < c->files.len; i++) {
    c->files.items[i]->present = true;
    c->files.items[i]->broken = false;
    daemon_file(c->w, c->files.items[i]);
  }
}
