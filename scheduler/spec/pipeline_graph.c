/* `needs`: names to tasks, cycles, the order of the tasks, and what each task needs through others. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/spec/pipeline_build.h"

#define CYCLES_SHOWN 20
#define CYCLE_NAMES  12

struct graph {
  struct builder *b;
  const char **names;          /* of all tasks, for suggestions; made at the first unknown name */
  const struct node ***places; /* of each need of each task */
  uint32_t *needed_by;         /* the last task that was found to need each task, from 1 */
};

static const char *const *task_names(struct graph *g) {
  const struct pipeline *p = g->b->p;
  if (g->names) return g->names;
  g->names = arena_new_array(g->b->scratch, p->tasks_len, const char *);
  for (size_t i = 0; i < p->tasks_len; i++) g->names[i] = p->tasks[i].name;
  return g->names;
}

static struct diag_place need_place(const struct node *n) {
  return n->key ? n->key_place : n->place;
}

static void need_add(struct graph *g, struct task_spec *t, const struct node *n, const char *name, bool same) {
  struct reader *r = &g->b->reader;
  const struct pipeline *p = g->b->p;
  int other = pipeline_task(p, name);
  struct need_spec *needs = (struct need_spec *)(uintptr_t)t->needs; /* the task is still being written */
  if (other < 0) {
    reader_unknown(r, need_place(n), "task", name, task_names(g), p->tasks_len);
    return;
  }
  if ((uint32_t)other == t->index) {
    diag_error(r->diags, need_place(n), NULL, "the task '%s' needs itself", name);
    return;
  }
  if (p->tasks[other].finally && !r->lenient) {
    diag_error(r->diags, need_place(n), "a task with 'finally' runs after all others have ended",
               "'%s' has 'finally', so nothing can need it", name);
    return;
  }
  if (g->needed_by[other] == t->index + 1) {
    diag_error(r->diags, need_place(n), NULL, "'%s' stands twice in 'needs'", name);
    return;
  }
  g->needed_by[other] = t->index + 1;
  g->places[t->index][t->needs_len] = n;
  needs[t->needs_len++] = (struct need_spec){(uint32_t)other, same};
}

/* `{train: same, check: all}` */
static void need_pair(struct graph *g, struct task_spec *t, const struct node *n) {
  struct reader *r = &g->b->reader;
  bool same = n->kind == NODE_SCALAR && strcmp(n->text, "same") == 0;
  bool all = n->kind == NODE_SCALAR && strcmp(n->text, "all") == 0;
  if (n->kind == NODE_BROKEN) return;
  if (!same && !all)
    diag_error(
        r->diags, node_null(n) ? n->key_place : n->place,
        "'same' pairs the instances of two equal matrices, 'all' waits for the task as a whole; else write a list",
        "a map of needs has 'same' or 'all' for each task");
  else
    need_add(g, t, n, n->key, same);
}

static void needs_read(struct graph *g, struct task_spec *t, const struct node *n) {
  struct reader *r = &g->b->reader;
  size_t count = n->kind == NODE_SCALAR ? 1 : n->len;
  if (n->kind == NODE_BROKEN || node_null(n)) return;
  if (t->finally && n->len > 0 && !r->lenient) {
    diag_error(r->diags, n->key_place, "remove 'needs'", "a task with 'finally' runs after all others anyway");
    return;
  }
  t->needs = arena_new_array(r->arena, count, struct need_spec);
  g->places[t->index] = arena_new_array(g->b->scratch, count, const struct node *);
  if (n->kind == NODE_SCALAR) {
    need_add(g, t, n, n->text, false);
    return;
  }
  for (const struct node *c = n->first; c; c = c->next) {
    if (n->kind == NODE_MAP)
      need_pair(g, t, c);
    else if (reader_scalar(r, "needs", c))
      need_add(g, t, c, c->text, false);
  }
}

/* A walk in depth without recursion, since a file may hold a chain of 10,000 tasks. */
struct walk {
  struct graph *g;
  enum { FRESH, OPEN, DONE } * state;
  struct step {
    uint32_t task, next;
  } * stack;
  size_t depth, cycles;
  uint32_t *order;
  size_t ordered;
};

static void cycle_report(struct walk *w, uint32_t task, const struct node *place) {
  const struct pipeline *p = w->g->b->p;
  size_t from = w->depth;
  while (from > 0 && w->stack[from - 1].task != task) from--;
  struct buf path = {0};
  size_t len = w->depth - (from - 1);
  for (size_t i = 0; i < len; i++) {
    if (i == CYCLE_NAMES - 2 && len > CYCLE_NAMES) {
      buf_fmt(&path, "... (%zu more) -> ", len - i - 1);
      i = len - 1;
    }
    buf_fmt(&path, "%s -> ", p->tasks[w->stack[from - 1 + i].task].name);
  }
  buf_str(&path, p->tasks[task].name);
  diag_error(w->g->b->reader.diags, need_place(place), NULL, "the tasks need each other in a circle: %s",
             buf_cstr(&path));
  buf_release(&path);
  w->cycles++;
}

/* Moves one step from the task on top of the stack. */
static void walk_step(struct walk *w) {
  struct step *s = &w->stack[w->depth - 1];
  const struct task_spec *t = &w->g->b->p->tasks[s->task];
  if (s->next == t->needs_len) {
    w->state[s->task] = DONE;
    w->order[w->ordered++] = s->task;
    w->depth--;
    return;
  }
  uint32_t k = s->next++, other = t->needs[k].task;
  if (w->state[other] == OPEN) cycle_report(w, other, w->g->places[s->task][k]);
  if (w->state[other] != FRESH) return;
  w->state[other] = OPEN;
  w->stack[w->depth++] = (struct step){other, 0};
}

static bool order_find(struct graph *g) {
  struct pipeline *p = g->b->p;
  struct walk w = {.g = g};
  w.state = arena_array(g->b->scratch, p->tasks_len, sizeof *w.state);
  w.stack = arena_new_array(g->b->scratch, p->tasks_len, struct step);
  w.order = arena_new_array(g->b->reader.arena, p->tasks_len, uint32_t);
  for (uint32_t i = 0; i < p->tasks_len && w.cycles < CYCLES_SHOWN; i++) {
    if (w.state[i] != FRESH) continue;
    w.state[i] = OPEN;
    w.stack[w.depth++] = (struct step){i, 0};
    while (w.depth > 0 && w.cycles < CYCLES_SHOWN) walk_step(&w);
  }
  p->order = w.order;
  return w.cycles == 0;
}

static const uint64_t nothing[(PIPELINE_TASKS_MAX + 63) / 64];

static void ancestors_fill(struct graph *g) {
  struct pipeline *p = g->b->p;
  size_t words = (p->tasks_len + 63) / 64;
  uint64_t *others = NULL; /* all tasks but those with `finally` */
  for (size_t i = 0; i < p->tasks_len; i++) {
    struct task_spec *t = &g->b->tasks[p->order[i]];
    t->ancestors = nothing;
    if (t->needs_len == 0) continue;
    uint64_t *set = arena_new_array(g->b->reader.arena, words, uint64_t);
    for (size_t k = 0; k < t->needs_len; k++) {
      uint32_t other = t->needs[k].task;
      set[other / 64] |= UINT64_C(1) << (other % 64);
      for (size_t word = 0; word < words; word++) set[word] |= p->tasks[other].ancestors[word];
    }
    t->ancestors = set;
  }
  for (size_t i = 0; i < p->tasks_len; i++) {
    if (!p->tasks[i].finally) continue;
    if (!others) {
      others = arena_new_array(g->b->reader.arena, words, uint64_t);
      for (uint32_t k = 0; k < p->tasks_len; k++)
        if (!p->tasks[k].finally) others[k / 64] |= UINT64_C(1) << (k % 64);
    }
    g->b->tasks[i].ancestors = others;
  }
}

/* After a cycle: every task counts as needed, so that the expressions can still be looked at. */
static void ancestors_all(struct graph *g) {
  size_t words = (g->b->p->tasks_len + 63) / 64;
  uint64_t *all = arena_new_array(g->b->reader.arena, words, uint64_t);
  memset(all, 0xff, words * sizeof *all);
  for (size_t i = 0; i < g->b->p->tasks_len; i++) g->b->tasks[i].ancestors = all;
}

bool graph_build(struct builder *b) {
  struct graph g = {.b = b};
  g.places = arena_array(b->scratch, b->p->tasks_len, sizeof *g.places);
  g.needed_by = arena_new_array(b->scratch, b->p->tasks_len, uint32_t);
  for (size_t i = 0; i < b->p->tasks_len; i++) {
    const struct node *needs = node_get(b->task_nodes[i], "needs");
    if (needs) needs_read(&g, &b->tasks[i], needs);
  }
  bool ok = order_find(&g);
  if (ok)
    ancestors_fill(&g);
  else
    ancestors_all(&g);
  return ok;
}
