/* Lists and counts of runs by a filter.
 *
 * Keys come out of an index, newest first: of all runs, of each state, or of each state of each pipeline, merged;
 * with `started` in the filter out of the index of start times. Each key's row is then held against the rest of the
 * filter. So a list costs what it looks at, which is bounded, however many runs there are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "scheduler/store/db.h"
#include "scheduler/store/history.h"
#include "scheduler/store/reader.h"

#define STREAMS_MAX 60
#define LOOK_TIME   (200 * USEC_PER_MS)

static const char *const state_words[] = {
#define X(name, word, sentence) word,
    RUN_STATE_LIST(X)
#undef X
};

/* A value to bind, in the order of the question marks. */
struct value {
  const char *text; /* NULL for a number */
  int64_t number;
};

struct query {
  struct buf sql;
  VEC(struct value) values;
  struct arena arena; /* of patterns that were made */
};

static void add_text(struct query *q, const char *text) {
  vec_push(&q->values, ((struct value){text, 0}));
}

static void add_number(struct query *q, int64_t number) {
  vec_push(&q->values, ((struct value){NULL, number}));
}

static void query_release(struct query *q) {
  buf_release(&q->sql);
  vec_release(&q->values);
  arena_release(&q->arena);
}

/* The caller finalizes it; the values are borrowed. */
static sqlite3_stmt *query_prepare(sqlite3 *db, const struct query *q, int first) {
  struct buf sql = {0};
  statement_expand(buf_cstr(&q->sql), &sql);
  sqlite3_stmt *s = db_prepare(db, buf_cstr(&sql));
  buf_release(&sql);
  for (size_t i = 0; i < q->values.len; i++) {
    const struct value *v = &q->values.items[i];
    if (v->text)
      sqlite3_bind_text(s, first + (int)i, v->text, -1, SQLITE_STATIC);
    else
      sqlite3_bind_int64(s, first + (int)i, v->number);
  }
  return s;
}

/* ---- conditions ---- */

/* GLOB without its brackets: they stand for themselves. */
static const char *glob(struct query *q, const char *pattern) {
  struct buf out = {0};
  for (const char *p = pattern; *p; p++)
    if (*p == '[')
      buf_str(&out, "[[]");
    else
      buf_char(&out, *p);
  const char *copy = arena_strdup(&q->arena, buf_cstr(&out));
  buf_release(&out);
  return copy;
}

static void any_of(struct query *q, const struct filter_term *t, const char *condition, bool pattern) {
  buf_str(&q->sql, " AND (");
  for (size_t i = 0; i < t->values_len; i++) {
    buf_fmt(&q->sql, "%s%s", i ? " OR " : "", condition);
    add_text(q, pattern ? glob(q, t->values[i]) : t->values[i]);
  }
  buf_str(&q->sql, ")");
}

static const char *op_sql(enum filter_op op) {
  static const char *const ops[] = {"=", "<", "<=", ">", ">="};
  return ops[op];
}

static void text_condition(struct query *q, const struct filter_term *t) {
  static const char *const columns[] = {"p.name", "r.id", "r.reason", "r.params", "r.actor_name"};
  struct buf pattern = {0};
  buf_char(&pattern, '%');
  for (const char *p = t->values[0]; *p; p++) {
    if (*p == '%' || *p == '_' || *p == '\\') buf_char(&pattern, '\\');
    buf_char(&pattern, *p);
  }
  buf_char(&pattern, '%');
  const char *like = arena_strdup(&q->arena, buf_cstr(&pattern));
  buf_release(&pattern);
  buf_str(&q->sql, " AND (");
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
    buf_fmt(&q->sql, "%s LIKE ? ESCAPE '\\' OR ", columns[i]);
    add_text(q, like);
  }
  buf_str(&q->sql, "EXISTS (SELECT 1 FROM event e WHERE e.run = r.key AND e.kind = 'note'"
                   " AND e.reason LIKE ? ESCAPE '\\'))");
  add_text(q, like);
}

/* As text, or as numbers where the value written is one. */
static void param_condition(struct query *q, const struct filter_term *t) {
  const char *path = arena_fmt(&q->arena, "$.\"%s\"", t->param);
  buf_str(&q->sql, " AND (");
  for (size_t i = 0; i < t->values_len; i++) {
    const char *value = t->values[i];
    char *end;
    strtod(value, &end);
    bool numeric = *value && !*end;
    buf_fmt(&q->sql, "%s", i ? " OR " : "");
    if (numeric) {
      buf_fmt(
          &q->sql,
          "(json_type(r.params, ?) IN ('integer', 'real') AND json_extract(r.params, ?) %s CAST(? AS NUMERIC)) OR ",
          op_sql(t->op));
      add_text(q, path);
      add_text(q, path);
      add_text(q, value);
    }
    buf_fmt(&q->sql,
            "CASE json_type(r.params, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null'"
            " WHEN 'integer' THEN NULL WHEN 'real' THEN NULL ELSE json_extract(r.params, ?) END %s ?",
            op_sql(t->op));
    add_text(q, path);
    add_text(q, path);
    add_text(q, value);
  }
  buf_str(&q->sql, ")");
}

static bool only_failed(const struct filter *f) {
  bool failed = false;
  for (size_t i = 0; i < f->terms_len; i++) {
    const struct filter_term *t = &f->terms[i];
    if (t->key != FILTER_STATE) continue;
    if (t->values_len != 1 || strcmp(t->values[0], "failed") != 0) return false;
    failed = true;
  }
  return failed;
}

static void task_condition(struct query *q, const struct filter *f, const struct filter_term *t) {
  any_of(q, t,
         only_failed(f) ? "EXISTS (SELECT 1 FROM task t WHERE t.run = r.key AND t.name GLOB ?"
                          " AND t.state IN ('failed', 'timed_out', 'lost'))"
                        : "EXISTS (SELECT 1 FROM task t WHERE t.run = r.key AND t.name GLOB ?)",
         true);
}

static void run_condition(struct query *q, const struct filter *f, const struct filter_term *t, instant now) {
  switch (t->key) {
  case FILTER_STATE: any_of(q, t, "r.state = ?", false); return;
  case FILTER_TRIGGER: any_of(q, t, "r.trigger = ?", false); return;
  case FILTER_TASK: task_condition(q, f, t); return;
  case FILTER_PARAM: param_condition(q, t); return;
  case FILTER_TEXT: text_condition(q, t); return;
  case FILTER_STARTED:
    buf_fmt(&q->sql, " AND r.started_at %s ?", op_sql(t->op));
    add_number(q, t->number);
    return;
  case FILTER_DURATION:
    buf_fmt(&q->sql, " AND coalesce(r.ended_at, ?) - r.started_at %s ?", op_sql(t->op));
    add_number(q, now);
    add_number(q, t->number);
    return;
  default: return; /* of the pipeline: the set of pipelines answers it */
  }
}

/* ---- the pipelines ---- */

struct pipeline_set {
  bool all;
  VEC(int64_t) keys; /* rising */
};

static int pipelines_of(struct reader *r, const struct filter *f, struct pipeline_set *set) {
  static const char *const conditions[] = {
      [FILTER_PIPELINE] = "p.name GLOB ?",
      [FILTER_OWNER] = "v.owner GLOB ?",
      [FILTER_TAG] = "EXISTS (SELECT 1 FROM json_each(v.tags) WHERE value GLOB ?)",
      [FILTER_TEXT] = NULL,
  };
  struct query q = {0};
  buf_str(&q.sql, "SELECT p.key FROM pipeline p LEFT JOIN version v ON v.key = p.version WHERE 1");
  for (size_t i = 0; i < f->terms_len; i++)
    if (conditions[f->terms[i].key]) any_of(&q, &f->terms[i], conditions[f->terms[i].key], true);
  buf_str(&q.sql, " ORDER BY p.key");
  set->all = q.values.len == 0;
  int rc = 0;
  if (!set->all) {
    sqlite3_stmt *s = query_prepare(r->db, &q, 1);
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) vec_push(&set->keys, sqlite3_column_int64(s, 0));
    rc = db_code(r->db, step);
    sqlite3_finalize(s);
  }
  query_release(&q);
  return rc;
}

static bool set_has(const struct pipeline_set *set, int64_t key) {
  if (set->all) return true;
  size_t low = 0, high = set->keys.len;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (set->keys.items[mid] < key)
      low = mid + 1;
    else
      high = mid;
  }
  return low < set->keys.len && set->keys.items[low] == key;
}

/* ---- where the keys come from ---- */

struct stream {
  sqlite3_stmt *s;
  int64_t key, started; /* of the row that it stands on; key 0 at the end */
};

struct cursor {
  int64_t key, started; /* below these; started is INT64_MAX for lists by key */
};

struct search {
  struct reader *reader;
  const struct filter *filter;
  struct pipeline_set pipelines;
  bool by_start;
  struct stream streams[STREAMS_MAX];
  size_t streams_len;
  sqlite3_stmt *row;
  struct query condition;
  struct cursor at; /* the last key that was looked at */
  int64_t looked, until;
  bool gave_way;
};

static int stream_next(struct search *s, struct stream *st) {
  st->key = 0;
  int step;
  while ((step = sqlite3_step(st->s)) == SQLITE_ROW) {
    st->key = sqlite3_column_int64(st->s, 0);
    st->started = sqlite3_column_int64(st->s, 1);
    if (!s->by_start || st->started < s->at.started || st->key < s->at.key) return 0;
    st->key = 0;
  }
  return db_code(s->reader->db, step);
}

static int add_stream(struct search *s, enum statement name, const char *state, int64_t pipeline) {
  struct stream *st = &s->streams[s->streams_len++];
  struct buf sql = {0};
  statement_sql(name, &sql);
  st->s = db_prepare(s->reader->db, buf_cstr(&sql));
  buf_release(&sql);
  sqlite3_bind_int64(st->s, 1, s->at.key);
  if (state) sqlite3_bind_text(st->s, 2, state, -1, SQLITE_STATIC);
  if (pipeline) sqlite3_bind_int64(st->s, 3, pipeline);
  return stream_next(s, st);
}

/* The narrowest bounds that the terms on `started` give. */
static int add_started(struct search *s) {
  int64_t low = INT64_MIN + 1, high = s->at.started;
  for (size_t i = 0; i < s->filter->terms_len; i++) {
    const struct filter_term *t = &s->filter->terms[i];
    if (t->key != FILTER_STARTED) continue;
    bool below = t->op != FILTER_GT && t->op != FILTER_GE, above = t->op != FILTER_LT && t->op != FILTER_LE;
    if (below && t->number < high) high = t->number;
    if (above && t->number > low) low = t->number;
  }
  struct stream *st = &s->streams[s->streams_len++];
  struct buf sql = {0};
  statement_sql(STATEMENT_KEYS_STARTED, &sql);
  st->s = db_prepare(s->reader->db, buf_cstr(&sql));
  buf_release(&sql);
  sqlite3_bind_int64(st->s, 1, low);
  sqlite3_bind_int64(st->s, 2, high);
  return stream_next(s, st);
}

static bool wants_state(const struct filter *f, const char *word, bool *any) {
  bool wanted = true;
  for (size_t i = 0; i < f->terms_len; i++) {
    const struct filter_term *t = &f->terms[i];
    if (t->key != FILTER_STATE) continue;
    bool named = false;
    for (size_t k = 0; k < t->values_len; k++) named |= strcmp(t->values[k], word) == 0;
    wanted &= named;
    *any = true;
  }
  return wanted;
}

static int add_streams(struct search *s) {
  const char *states[RUN_STATES];
  size_t states_len = 0;
  bool by_state = false;
  for (size_t i = 0; i < RUN_STATES; i++)
    if (wants_state(s->filter, state_words[i], &by_state)) states[states_len++] = state_words[i];
  int rc = 0;
  if (s->by_start) return add_started(s);
  if (!s->pipelines.all && s->pipelines.keys.len * states_len <= STREAMS_MAX) {
    for (size_t p = 0; !rc && p < s->pipelines.keys.len; p++)
      for (size_t i = 0; !rc && i < states_len; i++)
        rc = add_stream(s, STATEMENT_KEYS_PIPELINE, states[i], s->pipelines.keys.items[p]);
    return rc;
  }
  if (!by_state) return add_stream(s, STATEMENT_KEYS_ALL, NULL, 0);
  for (size_t i = 0; !rc && i < states_len; i++) rc = add_stream(s, STATEMENT_KEYS_STATE, states[i], 0);
  return rc;
}

/* ---- the search ---- */

static int search_begin(struct search *s, struct reader *r, const struct filter *f, struct cursor from, instant now) {
  memset(s, 0, sizeof *s);
  s->reader = r;
  s->filter = f;
  s->at = from;
  s->until = clock_monotonic() + LOOK_TIME;
  buf_str(&s->condition.sql, "SELECT " READER_RUN_COLUMNS READER_RUN_TABLES " WHERE r.key = ?");
  for (size_t i = 0; i < f->terms_len; i++) {
    s->by_start |= f->terms[i].key == FILTER_STARTED;
    run_condition(&s->condition, f, &f->terms[i], now);
  }
  int rc = pipelines_of(r, f, &s->pipelines);
  if (!rc) rc = add_streams(s);
  if (!rc) s->row = query_prepare(r->db, &s->condition, 2);
  return rc;
}

static void search_end(struct search *s) {
  for (size_t i = 0; i < s->streams_len; i++) sqlite3_finalize(s->streams[i].s);
  sqlite3_finalize(s->row);
  query_release(&s->condition);
  vec_release(&s->pipelines.keys);
}

static struct stream *newest_stream(struct search *s) {
  struct stream *newest = NULL;
  for (size_t i = 0; i < s->streams_len; i++) {
    struct stream *st = &s->streams[i];
    if (st->key && (!newest || st->key > newest->key)) newest = st;
  }
  return newest;
}

/* 1 with s->row standing on the next run that matches, 0 at the end or when it gave way. */
static int search_next(struct search *s) {
  for (;;) {
    struct stream *st = newest_stream(s);
    if (!st) return 0;
    if (s->looked >= HISTORY_LOOK_MAX || (s->looked % 64 == 63 && clock_monotonic() > s->until)) {
      s->gave_way = true;
      return 0;
    }
    s->looked++;
    s->at = (struct cursor){st->key, s->by_start ? st->started : INT64_MAX};
    int rc = stream_next(s, st);
    if (rc) return rc;
    sqlite3_reset(s->row);
    sqlite3_bind_int64(s->row, 1, s->at.key);
    int step = sqlite3_step(s->row);
    if (step == SQLITE_ROW && set_has(&s->pipelines, sqlite3_column_int64(s->row, 2))) return 1;
    if (step != SQLITE_ROW && step != SQLITE_DONE) return db_code(s->reader->db, step);
  }
}

/* ---- pages ---- */

static int cursor_read(const char *text, struct cursor *out) {
  *out = (struct cursor){INT64_MAX, INT64_MAX};
  if (!text) return 0;
  const char *at = *text ? text + 1 : text;
  bool good = *text == 'k' || (*text == 's' && reader_number(&at, '.', &out->started));
  good = good && reader_number(&at, '\0', &out->key) && out->key > 0;
  return good ? 0 : ERR_INVALID;
}

static const char *cursor_write(const struct search *s, struct arena *a) {
  if (!s->by_start) return arena_fmt(a, "k%" PRId64, s->at.key);
  return arena_fmt(a, "s%" PRId64 ".%" PRId64, s->at.started, s->at.key);
}

static instant created_at(struct reader *r, int64_t key) {
  sqlite3_stmt *q = statement(&r->statements, STATEMENT_CREATED_AT);
  sqlite3_bind_int64(q, 1, key);
  instant t = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : INSTANT_NONE;
  sqlite3_reset(q);
  return t;
}

int history_runs(struct history *h, const struct filter *f, const char *after, size_t limit, instant now,
                 struct arena *a, struct history_page *out) {
  struct cursor from;
  struct reader *r;
  *out = (struct history_page){.searched_back_to = INSTANT_NONE};
  if (limit < 1) limit = 1;
  if (limit > HISTORY_LIMIT_MAX) limit = HISTORY_LIMIT_MAX;
  int rc = cursor_read(after, &from);
  if (!rc) rc = reader_take_snapshot(h, &r);
  if (rc) return rc;
  struct search s;
  out->items = arena_new_array(a, limit, struct history_run);
  rc = search_begin(&s, r, f, from, now);
  while (!rc && out->len < limit) {
    rc = search_next(&s);
    if (rc != 1) break;
    rc = reader_run(s.row, a, &out->items[out->len++]);
  }
  if (!rc && newest_stream(&s)) out->next = cursor_write(&s, a);
  if (!rc && s.gave_way) out->searched_back_to = s.by_start ? s.at.started : created_at(r, s.at.key);
  search_end(&s);
  reader_give_snapshot(h, r);
  return rc;
}

int history_count(struct history *h, const struct filter *f, instant now, int64_t most, int64_t *count,
                  bool *at_least) {
  struct reader *r;
  *count = 0;
  *at_least = false;
  int rc = reader_take_snapshot(h, &r);
  if (rc) return rc;
  struct search s;
  rc = search_begin(&s, r, f, (struct cursor){INT64_MAX, INT64_MAX}, now);
  while (!rc && *count < most) {
    rc = search_next(&s);
    if (rc != 1) break;
    rc = 0;
    ++*count;
  }
  *at_least = !rc && newest_stream(&s) != NULL;
  search_end(&s);
  reader_give_snapshot(h, r);
  return rc;
}
