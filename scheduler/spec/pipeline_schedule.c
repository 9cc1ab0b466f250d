#include <string.h>

#include "base/err.h"
#include "scheduler/spec/config.h"
#include "scheduler/spec/pipeline_build.h"
#include "scheduler/spec/time/cron.h"
#include "scheduler/spec/time/zone.h"

/* One blank between the fields, none around them: the same times have the same identity. */
static const char *cron_tidy(struct arena *a, const char *text) {
  char *out = arena_strdup(a, text), *to = out;
  for (const char *p = out; *p; p++) {
    bool blank = *p == ' ' || *p == '\t';
    if (!blank)
      *to++ = *p;
    else if (to > out && to[-1] != ' ')
      *to++ = ' ';
  }
  while (to > out && to[-1] == ' ') to--;
  *to = 0;
  return out;
}

static void read_cron(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct cron cron;
  struct cron_fault fault;
  if (!reader_scalar(r, key->name, n)) return;
  if (!r->lenient && cron_parse(n->text, &cron, &fault) < 0) {
    struct diag_place place = node_place_at(n, fault.offset, (uint32_t)fault.width);
    diag_error(r->diags, place, *fault.help ? fault.help : NULL, "%s", fault.message);
    return;
  }
  *(const char **)field = cron_tidy(r->arena, n->text);
}

static void read_every(struct reader *r, const struct key *key, const struct node *n, void *field) {
  duration d = 0;
  size_t before = r->diags->errors;
  read_duration(r, key, n, &d);
  if (d > 0 && d < USEC_PER_SEC && !r->lenient)
    diag_error(r->diags, n->place, NULL, "'every' must be a second or more");
  else if (d == 0 && r->diags->errors == before)
    diag_error(r->diags, n->place, NULL, "'every' must be more than nothing");
  else
    *(duration *)field = d;
}

void read_zone(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct zone *zone = NULL;
  if (!reader_scalar(r, key->name, n)) return;
  int rc = r->lenient ? 0 : zone_load(n->text, NULL, &zone);
  zone_free(zone);
  if (rc == ERR_INVALID || rc == ERR_NOT_FOUND)
    diag_error(r->diags, n->place, "zones are named as in Europe/Oslo, America/New_York, UTC",
               "unknown time zone '%s'", n->text);
  else if (rc < 0)
    diag_error(r->diags, n->place, NULL, "the time zone '%s' can't be read: %s", n->text, err_text(rc));
  else
    *(const char **)field = arena_strdup(r->arena, n->text);
}

static void read_param_values(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct schedule_spec *s = field;
  const struct pipeline *p = builder_of(r)->p;
  if (n->kind != NODE_MAP) {
    diag_error(r->diags, n->place, NULL, "'%s' needs a map of values, not %s", key->name, node_kind_word(n));
    return;
  }
  const char **names = arena_new_array(builder_of(r)->scratch, p->params_len + 1, const char *);
  for (size_t i = 0; i < p->params_len; i++) names[i] = p->params[i].name;
  struct schedule_param *params = arena_new_array(r->arena, n->len, struct schedule_param);
  size_t len = 0;
  for (const struct node *c = n->first; c; c = c->next) {
    int at = pipeline_param(p, c->key);
    if (at < 0) {
      reader_unknown(r, c->key_place, "parameter", c->key, names, p->params_len);
    } else if (c->kind == NODE_SCALAR && strstr(c->text, "${{")) {
      diag_error(r->diags, c->place, "put the expression into the parameter's default",
                 "'${{ }}' doesn't work in the parameters of a schedule");
    } else if (param_value(r, &p->params[at], c, &params[len].value)) {
      params[len++].param = (uint32_t)at;
    }
  }
  s->params = params;
  s->params_len = len;
}

#define AT(name) offsetof(struct schedule_spec, name)
static const struct field fields[] = {
    {KEY_SCHEDULE_identity, read_text, AT(identity)},
    {KEY_SCHEDULE_zone_written, read_bool, AT(zone_written)},
    {KEY_SCHEDULE_name, read_text, AT(name)},
    {KEY_SCHEDULE_cron, read_cron, AT(cron)},
    {KEY_SCHEDULE_every, read_every, AT(every)},
    {KEY_SCHEDULE_timezone, read_zone, AT(zone)},
    {KEY_SCHEDULE_catchup, read_choice, AT(catchup)},
    {KEY_SCHEDULE_catchup_window, read_duration, AT(catchup_window)},
    {KEY_SCHEDULE_overlap, read_choice, AT(overlap)},
    {KEY_SCHEDULE_jitter, read_duration, AT(jitter)},
    {KEY_SCHEDULE_paused, read_bool, AT(paused)},
    {KEY_SCHEDULE_params, read_param_values, 0},
};
#undef AT

static bool param_given(const struct schedule_spec *s, size_t param) {
  for (size_t k = 0; k < s->params_len; k++)
    if (s->params[k].param == param) return true;
  return false;
}

/* A scheduled run has nobody to ask. */
static void defaults_check(struct reader *r, const struct pipeline *p) {
  for (size_t i = 0; i < p->params_len; i++) {
    bool missing = false;
    for (size_t k = 0; k < p->schedules_len; k++) missing = missing || !param_given(&p->schedules[k], i);
    if (missing && !p->params[i].default_value)
      diag_error(r->diags, p->params[i].place, "give it a default, or a value under 'params' of the schedule",
                 "parameter '%s' has no default, and the pipeline has a schedule", p->params[i].name);
  }
}

static void schedule_finish(struct builder *b, const struct node *n, struct schedule_spec *s) {
  struct reader *r = &b->reader;
  bool has_cron = s->cron, has_every = s->every > 0;
  if (n->kind == NODE_MAP && node_get(n, "cron")) has_cron = true;
  if (n->kind == NODE_MAP && node_get(n, "every")) has_every = true;
  if (has_cron && has_every)
    diag_error(r->diags, node_get(n, "every")->key_place, "write two schedules, as a list",
               "a schedule has 'cron' or 'every', not both");
  if (!has_cron && !has_every)
    diag_error(r->diags, s->place, "write cron: \"30 2 * * *\", or every: 15m", "the schedule has no times");
  if (s->every && s->jitter >= s->every)
    diag_error(r->diags, s->place, NULL, "'jitter' must be shorter than 'every'");
  /* Copied: the pipeline outlives the configuration that it was read with. */
  if (!s->zone) s->zone = b->config && b->config->timezone ? arena_strdup(r->arena, b->config->timezone) : "UTC";
  if (!s->zone_written) s->zone_written = n->kind == NODE_MAP && node_get(n, "timezone") && !b->reader.lenient;
  if (s->identity || (!s->cron && !s->every)) return;
  char every[DURATION_TEXT_SIZE];
  duration_format(s->every, every);
  if (s->name)
    s->identity = s->name;
  else if (s->cron)
    s->identity = arena_fmt(r->arena, "%s %s", s->cron, s->zone);
  else
    s->identity = arena_fmt(r->arena, "every %s", every);
}

static void schedule_read(struct builder *b, const struct node *n, struct schedule_spec *s) {
  struct reader *r = &b->reader;
  *s = (struct schedule_spec){.catchup = CATCHUP_LAST, .overlap = OVERLAP_QUEUE, .place = n->place};
  size_t before = r->diags->errors;
  if (n->kind == NODE_SCALAR)
    read_cron(r, key_at(KEY_SCHEDULE_cron), n, &s->cron);
  else if (!reader_map(r, n, SCOPE_SCHEDULE, false, fields, sizeof fields / sizeof *fields, s))
    return;
  if (n->kind != NODE_SCALAR || r->diags->errors == before) schedule_finish(b, n, s);
}

static void identities_check(struct reader *r, const struct schedule_spec *s, size_t len) {
  for (size_t i = 1; i < len; i++)
    for (size_t k = 0; k < i; k++) {
      if (!s[i].identity || !s[k].identity || strcmp(s[i].identity, s[k].identity) != 0) continue;
      diag_error(r->diags, s[i].place, "give each a 'name' of its own",
                 "two schedules are both '%s'; the other is on line %u", s[i].identity, s[k].place.line);
      break;
    }
}

#define SCHEDULES_MAX 100

void read_schedules(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct pipeline *p = field;
  bool list = n->kind == NODE_LIST;
  if (list && n->len > SCHEDULES_MAX) {
    diag_error(r->diags, n->place, NULL, "a pipeline has at most %d schedules", SCHEDULES_MAX);
    return;
  }
  if (!list && n->kind == NODE_SCALAR && !reader_scalar(r, key->name, n)) return;
  struct schedule_spec *s = arena_new_array(r->arena, list ? n->len : 1, struct schedule_spec);
  size_t len = 0;
  for (const struct node *c = list ? n->first : n; c; c = list ? c->next : NULL)
    if (c->kind != NODE_BROKEN) schedule_read(builder_of(r), c, &s[len++]);
  p->schedules = s;
  p->schedules_len = len;
  if (r->lenient) return;
  identities_check(r, s, len);
  defaults_check(r, p);
}
