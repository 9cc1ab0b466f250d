#include "scheduler/store/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* ---- the descriptions ---- */

#define WORD3(name, word, sentence) word,
#define WORD2(name, word)           word,
static const char *const run_words[] = {RUN_STATE_LIST(WORD3)};
static const char *const task_words[] = {TASK_STATE_LIST(WORD3)};
static const char *const wait_words[] = {WAIT_LIST(WORD2)};
static const char *const trigger_words[] = {TRIGGER_LIST(WORD2)};
static const char *const firing_words[] = {FIRING_LIST(WORD3)};
static const char *const contact_words[] = {CONTACT_LIST(WORD3)};
static const char *const order_words[] = {ORDER_LIST(WORD3)};
static const char *const event_words[] = {EVENT_ROW_LIST(WORD2)};
#undef WORD3
#undef WORD2
_Static_assert(sizeof(enum run_state) == sizeof(int), "a word is read through an int");

#define C(row, member, kind, role)                                                                                   \
  { #member, COLUMN_##kind, ROLE_##role, offsetof(struct row, member), 0, NULL, 0 }
#define NAMED(name, row, member, k, role)                                                                            \
  { name, COLUMN_##k, ROLE_##role, offsetof(struct row, member), 0, NULL, 0 }
#define CHARS(name, row, member, role)                                                                               \
  { name, COLUMN_CHARS, ROLE_##role, offsetof(struct row, member), sizeof(((struct row *)0)->member), NULL, 0 }
#define WORD(row, member, words, role)                                                                               \
  { #member, COLUMN_WORD, ROLE_##role, offsetof(struct row, member), 0, words, (int)(sizeof words / sizeof words[0]) }
#define ACTOR(row)                                                                                                   \
  NAMED("actor_kind", row, actor.kind, TEXT, FIXED), NAMED("actor_id", row, actor.id, TEXT, FIXED),                  \
      NAMED("actor_name", row, actor.name, TEXT, FIXED), NAMED("actor_address", row, actor.address, TEXT, FIXED)

static const struct column pipeline_columns[] = {
    C(pipeline_row, key, INT64, KEY),           C(pipeline_row, name, TEXT, FIXED),
    C(pipeline_row, version, REF, OPEN),        C(pipeline_row, last_number, INT64, OPEN),
    C(pipeline_row, present, BOOL, OPEN),       C(pipeline_row, error, TEXT, OPEN),
    C(pipeline_row, seen_at, TIME, OPEN),       C(pipeline_row, paused_at, TIME, OPEN),
    C(pipeline_row, paused_reason, TEXT, OPEN), C(pipeline_row, paused_by, TEXT, OPEN),
};
static const struct column version_columns[] = {
    C(version_row, key, INT64, KEY),
    C(version_row, pipeline, INT64, FIXED),
    CHARS("sha256", version_row, sha256, FIXED),
    C(version_row, created_at, TIME, FIXED),
    C(version_row, json, BYTES, FIXED),
    C(version_row, text, BYTES, FIXED),
};
static const struct column schedule_columns[] = {
    C(schedule_row, key, INT64, KEY),       C(schedule_row, pipeline, INT64, FIXED),
    C(schedule_row, identity, TEXT, FIXED), C(schedule_row, since, TIME, OPEN),
    C(schedule_row, decided, TIME, OPEN),   C(schedule_row, active, BOOL, OPEN),
};
static const struct column firing_columns[] = {
    C(firing_row, key, INT64, KEY),        C(firing_row, schedule, INT64, FIXED),
    C(firing_row, pipeline, INT64, FIXED), C(firing_row, scheduled_for, TIME, FIXED),
    C(firing_row, until, TIME, OPEN),      C(firing_row, count, INT64, OPEN),
    C(firing_row, at_least, BOOL, OPEN),   WORD(firing_row, outcome, firing_words, OPEN),
    C(firing_row, reason, TEXT, OPEN),     C(firing_row, run, REF, OPEN),
    C(firing_row, decided_at, TIME, OPEN),
};
static const struct column run_columns[] = {
    C(run_row, key, INT64, KEY),
    CHARS("id", run_row, id, FIXED),
    C(run_row, pipeline, INT64, FIXED),
    C(run_row, number, INT64, FIXED),
    C(run_row, version, INT64, FIXED),
    WORD(run_row, state, run_words, OPEN),
    C(run_row, reason, TEXT, OPEN),
    WORD(run_row, trigger, trigger_words, FIXED),
    ACTOR(run_row),
    C(run_row, params, TEXT, FIXED),
    C(run_row, scheduled_for, TIME, FIXED),
    C(run_row, interval_start, TIME, FIXED),
    C(run_row, zone, TEXT, FIXED),
    C(run_row, date, INT64, FIXED),
    C(run_row, schedule, REF, FIXED),
    C(run_row, linked_from, REF, FIXED),
    C(run_row, created_at, TIME, FIXED),
    C(run_row, started_at, TIME, OPEN),
    C(run_row, ended_at, TIME, OPEN),
    C(run_row, round, INT64, OPEN),
    C(run_row, failed_before, BOOL, OPEN),
    C(run_row, keep, BOOL, OPEN),
    C(run_row, fresh, BOOL, OPEN),
    C(run_row, deadline, TIME, OPEN),
    C(run_row, tasks, INT64, OPEN),
    C(run_row, tasks_done, INT64, OPEN),
    C(run_row, tasks_failed, INT64, OPEN),
    C(run_row, may_have_run_twice, BOOL, OPEN),
};
static const struct column round_columns[] = {
    C(round_row, run, INT64, KEY),        C(round_row, number, INT64, KEY),   WORD(round_row, state, run_words, OPEN),
    C(round_row, reason, TEXT, OPEN),     C(round_row, scope, TEXT, FIXED),   ACTOR(round_row),
    C(round_row, opened_at, TIME, FIXED), C(round_row, ended_at, TIME, OPEN),
};
static const struct column task_columns[] = {
    C(task_row, run, INT64, KEY),
    C(task_row, index, U32, KEY),
    C(task_row, name, TEXT, FIXED),
    C(task_row, label, TEXT, FIXED),
    WORD(task_row, state, task_words, OPEN),
    WORD(task_row, wait, wait_words, OPEN),
    C(task_row, reason, TEXT, OPEN),
    C(task_row, round, INT64, OPEN),
    C(task_row, attempts, INT64, OPEN),
    C(task_row, failures, INT64, OPEN),
    C(task_row, losses, INT64, OPEN),
    C(task_row, attempt, REF, OPEN),
    C(task_row, output_attempt, REF, OPEN),
    C(task_row, not_before, TIME, OPEN),
    C(task_row, state_host, TEXT, OPEN),
    C(task_row, fresh_state, BOOL, OPEN),
    C(task_row, marked, BOOL, OPEN),
    C(task_row, ready_at, TIME, OPEN),
    C(task_row, started_at, TIME, OPEN),
    C(task_row, ended_at, TIME, OPEN),
    C(task_row, on_asked, TEXT, OPEN),
};
static const struct column attempt_columns[] = {
    C(attempt_row, key, INT64, KEY),
    CHARS("id", attempt_row, id, FIXED),
    C(attempt_row, run, INT64, FIXED),
    C(attempt_row, task, U32, FIXED),
    C(attempt_row, round, INT64, FIXED),
    C(attempt_row, number, INT64, FIXED),
    WORD(attempt_row, state, task_words, OPEN),
    C(attempt_row, reason, TEXT, OPEN),
    C(attempt_row, host, TEXT, OPEN),
    C(attempt_row, slots, TEXT, OPEN),
    C(attempt_row, stop_asked, BOOL, OPEN),
    C(attempt_row, stop_now, BOOL, OPEN),
    C(attempt_row, stop_reason, TEXT, OPEN),
    C(attempt_row, exit_code, CODE, OPEN),
    C(attempt_row, signal, INT, OPEN),
    C(attempt_row, pid, REF, OPEN),
    C(attempt_row, created_at, TIME, OPEN),
    C(attempt_row, started_at, TIME, OPEN),
    C(attempt_row, ended_at, TIME, OPEN),
    C(attempt_row, max_rss_kb, KNOWN, OPEN),
    C(attempt_row, cpu_us, KNOWN, OPEN),
    C(attempt_row, log_bytes, KNOWN, OPEN),
    C(attempt_row, dir, TEXT, OPEN),
    C(attempt_row, git_commit, TEXT, OPEN),
    C(attempt_row, git_dirty, CODE, OPEN),
    C(attempt_row, unreachable_at, TIME, OPEN),
};
static const struct column output_columns[] = {
    C(output_row, attempt, INT64, KEY),
    C(output_row, name, TEXT, KEY),
    C(output_row, json, TEXT, OPEN),
};
static const struct column event_columns[] = {
    C(event_row, key, INT64, KEY),      C(event_row, at, TIME, FIXED),    WORD(event_row, kind, event_words, FIXED),
    C(event_row, pipeline, REF, FIXED), C(event_row, run, REF, FIXED),    C(event_row, task, KNOWN, FIXED),
    C(event_row, attempt, REF, FIXED),  C(event_row, state, TEXT, FIXED), C(event_row, reason, TEXT, FIXED),
    C(event_row, actor, TEXT, FIXED),   C(event_row, host, TEXT, FIXED),
};
static const struct column audit_columns[] = {
    C(audit_row, at, TIME, FIXED),     ACTOR(audit_row),
    C(audit_row, action, TEXT, FIXED), C(audit_row, object, TEXT, FIXED),
    C(audit_row, detail, TEXT, FIXED),
};
static const struct column request_columns[] = {
    C(request_row, key, TEXT, KEY),    CHARS("body_sha256", request_row, body_sha256, OPEN),
    C(request_row, status, INT, OPEN), C(request_row, response, BYTES, OPEN),
    C(request_row, at, TIME, OPEN),
};
static const struct column daily_columns[] = {
    C(daily_row, day, INT64, KEY),   C(daily_row, pipeline, INT64, KEY), WORD(daily_row, state, run_words, KEY),
    C(daily_row, count, INT64, SUM), C(daily_row, total, INT64, SUM),
};
static const struct column hourly_columns[] = {
    C(hourly_row, hour, INT64, KEY),
    C(hourly_row, pipeline, INT64, KEY),
    WORD(hourly_row, state, run_words, KEY),
    C(hourly_row, count, INT64, SUM),
};
static const struct column stat_columns[] = {
    C(stat_row, pipeline, INT64, KEY),
    C(stat_row, task, TEXT, KEY),
    C(stat_row, ms, RING, OPEN),
};
static const struct column token_columns[] = {
    C(token_row, key, INT64, KEY),         C(token_row, name, TEXT, FIXED),
    C(token_row, role, TEXT, FIXED),       CHARS("sha256", token_row, sha256, FIXED),
    C(token_row, created_at, TIME, FIXED), C(token_row, created_by, TEXT, FIXED),
    C(token_row, expires_at, TIME, FIXED), C(token_row, used_at, TIME, OPEN),
    C(token_row, revoked_at, TIME, OPEN),
};
static const struct column session_columns[] = {
    C(session_row, key, INT64, KEY),     CHARS("sha256", session_row, sha256, FIXED),
    C(session_row, token, REF, FIXED),   C(session_row, name, TEXT, FIXED),
    C(session_row, role, TEXT, FIXED),   C(session_row, address, TEXT, FIXED),
    C(session_row, agent, TEXT, FIXED),  C(session_row, created_at, TIME, FIXED),
    C(session_row, used_at, TIME, OPEN), C(session_row, revoked_at, TIME, OPEN),
};

static const struct column host_columns[] = {
    C(host_row, name, TEXT, KEY),          WORD(host_row, order, order_words, OPEN),
    C(host_row, order_reason, TEXT, OPEN), C(host_row, order_by, TEXT, OPEN),
    C(host_row, order_at, TIME, OPEN),     WORD(host_row, contact, contact_words, OPEN),
    C(host_row, since, TIME, OPEN),        C(host_row, text, TEXT, OPEN),
    C(host_row, machine, TEXT, OPEN),      C(host_row, boot, TEXT, OPEN),
    C(host_row, booted_at, TIME, OPEN),    C(host_row, facts, TEXT, OPEN),
    C(host_row, doctor, TEXT, FIXED), /* HOST_DOCTOR puts these by a statement of its own */
    C(host_row, doctor_at, TIME, FIXED),
};
static const struct column host_boot_columns[] = {
    C(host_boot_row, key, INT64, KEY),        C(host_boot_row, host, TEXT, FIXED),
    C(host_boot_row, machine, TEXT, FIXED),   C(host_boot_row, boot, TEXT, FIXED),
    C(host_boot_row, booted_at, TIME, FIXED), C(host_boot_row, seen_at, TIME, FIXED),
    C(host_boot_row, facts, TEXT, FIXED),
};
static const struct column remnant_columns[] = {
    C(remnant_row, attempt, INT64, KEY),     C(remnant_row, host, TEXT, FIXED), C(remnant_row, run_id, TEXT, FIXED),
    C(remnant_row, attempt_id, TEXT, FIXED), C(remnant_row, what, TEXT, FIXED), C(remnant_row, reason, TEXT, FIXED),
    C(remnant_row, since, TIME, FIXED),      C(remnant_row, run, INT64, FIXED), C(remnant_row, task, U32, FIXED),
    C(remnant_row, unsure, BOOL, FIXED),
};

#define TABLE(member)                                                                                                \
  {                                                                                                                  \
#member, member##_columns, (int)(sizeof member##_columns / sizeof member##_columns[0]),                          \
        sizeof(struct member##_row)                                                                                  \
  }
static const struct table tables[] = {
    [CHANGE_PIPELINE] = TABLE(pipeline),
    [CHANGE_VERSION] = TABLE(version),
    [CHANGE_SCHEDULE] = TABLE(schedule),
    [CHANGE_FIRING] = TABLE(firing),
    [CHANGE_RUN] = TABLE(run),
    [CHANGE_ROUND] = TABLE(round),
    [CHANGE_TASK] = TABLE(task),
    [CHANGE_ATTEMPT] = TABLE(attempt),
    [CHANGE_OUTPUT] = TABLE(output),
    [CHANGE_EVENT] = TABLE(event),
    [CHANGE_AUDIT] = TABLE(audit),
    [CHANGE_REQUEST] = TABLE(request),
    [CHANGE_PAUSE] = {0},
    [CHANGE_DAILY] = TABLE(daily),
    [CHANGE_HOURLY] = TABLE(hourly),
    [CHANGE_STAT] = TABLE(stat),
    [CHANGE_TOKEN] = TABLE(token),
    [CHANGE_SESSION] = TABLE(session),
    [CHANGE_HOST] = TABLE(host),
    [CHANGE_HOST_BOOT] = TABLE(host_boot),
    [CHANGE_HOST_DOCTOR] = {0},
    [CHANGE_REMNANT] = TABLE(remnant),
    [CHANGE_CODE] = {0},
};

const struct table *table_of(enum change_kind kind) {
  assert((size_t)kind < sizeof tables / sizeof tables[0]);
  return tables[kind].name ? &tables[kind] : NULL;
}

/* ---- statements ---- */

static void list_columns(const struct table *t, enum column_role only, bool all, const char *format,
                         struct buf *out) {
  bool first = true;
  for (int i = 0; i < t->columns_len; i++) {
    if (!all && t->columns[i].role != only) continue;
    if (!first) buf_str(out, ", ");
    first = false;
    for (const char *f = format; *f; f++)
      if (*f == '$')
        buf_fmt(out, "\"%s\"", t->columns[i].name);
      else
        buf_char(out, *f);
  }
}

static bool has_role(const struct table *t, enum column_role role) {
  for (int i = 0; i < t->columns_len; i++)
    if (t->columns[i].role == role) return true;
  return false;
}

void table_put_sql(const struct table *t, struct buf *out) {
  buf_fmt(out, "INSERT INTO %s (", t->name);
  list_columns(t, 0, true, "$", out);
  buf_str(out, ") VALUES (");
  list_columns(t, 0, true, "?", out);
  buf_str(out, ")");
  if (!has_role(t, ROLE_KEY)) return;
  buf_str(out, " ON CONFLICT (");
  list_columns(t, ROLE_KEY, false, "$", out);
  bool open = has_role(t, ROLE_OPEN), sum = has_role(t, ROLE_SUM);
  buf_str(out, open || sum ? ") DO UPDATE SET " : ") DO NOTHING");
  if (open) list_columns(t, ROLE_OPEN, false, "$ = excluded.$", out);
  if (sum) list_columns(t, ROLE_SUM, false, "$ = $ + excluded.$", out);
}

void table_list_sql(const struct table *t, const char *prefix, struct buf *out) {
  struct buf format = {0};
  buf_fmt(&format, "%s$", prefix);
  list_columns(t, 0, true, buf_cstr(&format), out);
  buf_release(&format);
}

/* ---- rows ---- */

#define FIELD(type, row, offset)       ((type *)(void *)((char *)(row) + (offset)))
#define CONST_FIELD(type, row, offset) ((type const *)(const void *)((const char *)(row) + (offset)))

static void bind_int(sqlite3_stmt *s, int at, int64_t value, bool null) {
  if (null)
    sqlite3_bind_null(s, at);
  else
    sqlite3_bind_int64(s, at, value);
}

static void bind_text(sqlite3_stmt *s, int at, const char *text, size_t len) {
  if (text)
    sqlite3_bind_text64(s, at, text, len, SQLITE_STATIC, SQLITE_UTF8);
  else
    sqlite3_bind_null(s, at);
}

static void bind_column(sqlite3_stmt *s, int at, const struct column *c, const void *row) {
  int64_t big = 0;
  int small = 0;
  const char *text = NULL;
  switch (c->kind) {
  case COLUMN_INT64:
  case COLUMN_REF:
  case COLUMN_KNOWN:
  case COLUMN_TIME:
    big = *CONST_FIELD(int64_t, row, c->offset);
    bind_int(s, at, big,
             (c->kind == COLUMN_REF && big == 0) || (c->kind == COLUMN_KNOWN && big == -1) ||
                 (c->kind == COLUMN_TIME && big == INSTANT_NONE));
    return;
  case COLUMN_INT:
  case COLUMN_CODE:
    small = *CONST_FIELD(int, row, c->offset);
    bind_int(s, at, small, c->kind == COLUMN_CODE && small == -1);
    return;
  case COLUMN_U32: bind_int(s, at, *CONST_FIELD(uint32_t, row, c->offset), false); return;
  case COLUMN_BOOL: bind_int(s, at, *CONST_FIELD(bool, row, c->offset), false); return;
  case COLUMN_TEXT:
    text = *CONST_FIELD(const char *, row, c->offset);
    bind_text(s, at, text, text ? strlen(text) : 0);
    return;
  case COLUMN_BYTES:
    text = *CONST_FIELD(const char *, row, c->offset);
    bind_text(s, at, text ? text : "", text ? *CONST_FIELD(size_t, row, c->offset + sizeof text) : 0);
    return;
  case COLUMN_CHARS:
    text = CONST_FIELD(char, row, c->offset);
    bind_text(s, at, text, strnlen(text, c->size));
    return;
  case COLUMN_WORD:
    memcpy(&small, (const char *)row + c->offset, sizeof small);
    assert(small >= 0 && small < c->words_len);
    bind_text(s, at, c->words[small], strlen(c->words[small]));
    return;
  case COLUMN_RING: {
    const struct stat_row *stat = row;
    assert(stat->len <= STAT_RECENT);
    sqlite3_bind_blob64(s, at, stat->ms, stat->len * sizeof stat->ms[0], SQLITE_STATIC);
    return;
  }
  }
}

void table_bind(sqlite3_stmt *s, const struct table *t, const void *row) {
  for (int i = 0; i < t->columns_len; i++) bind_column(s, i + 1, &t->columns[i], row);
}

static int64_t read_int(sqlite3_stmt *s, int at, const struct column *c) {
  if (sqlite3_column_type(s, at) != SQLITE_NULL) return sqlite3_column_int64(s, at);
  if (c->kind == COLUMN_TIME) return INSTANT_NONE;
  return c->kind == COLUMN_KNOWN || c->kind == COLUMN_CODE ? -1 : 0;
}

static int read_word(const char *text, const struct column *c, void *row) {
  for (int i = 0; text && i < c->words_len; i++) {
    if (strcmp(text, c->words[i]) != 0) continue;
    memcpy((char *)row + c->offset, &i, sizeof i);
    return 0;
  }
  return ERR_CORRUPT;
}

static int read_ring(sqlite3_stmt *s, int at, struct stat_row *stat) {
  size_t size = (size_t)sqlite3_column_bytes(s, at);
  if (size > sizeof stat->ms || size % sizeof stat->ms[0]) return ERR_CORRUPT;
  if (size) memcpy(stat->ms, sqlite3_column_blob(s, at), size);
  stat->len = (uint32_t)(size / sizeof stat->ms[0]);
  return 0;
}

static int read_column(sqlite3_stmt *s, int at, const struct column *c, struct arena *a, void *row) {
  const char *text;
  size_t len;
  switch (c->kind) {
  case COLUMN_INT64:
  case COLUMN_REF:
  case COLUMN_KNOWN:
  case COLUMN_TIME: *FIELD(int64_t, row, c->offset) = read_int(s, at, c); return 0;
  case COLUMN_INT:
  case COLUMN_CODE: *FIELD(int, row, c->offset) = (int)read_int(s, at, c); return 0;
  case COLUMN_U32: *FIELD(uint32_t, row, c->offset) = (uint32_t)read_int(s, at, c); return 0;
  case COLUMN_BOOL: *FIELD(bool, row, c->offset) = read_int(s, at, c) != 0; return 0;
  default: break;
  }
  if (c->kind == COLUMN_RING) return read_ring(s, at, row);
  text = (const char *)sqlite3_column_text(s, at);
  len = (size_t)sqlite3_column_bytes(s, at);
  switch (c->kind) {
  case COLUMN_TEXT: *FIELD(const char *, row, c->offset) = text ? arena_strndup(a, text, len) : NULL; return 0;
  case COLUMN_BYTES:
    *FIELD(const char *, row, c->offset) = text ? arena_strndup(a, text, len) : "";
    *FIELD(size_t, row, c->offset + sizeof text) = len;
    return 0;
  case COLUMN_CHARS:
    if (!text || len >= c->size) return ERR_CORRUPT;
    memcpy(FIELD(char, row, c->offset), text, len + 1);
    return 0;
  default: return read_word(text, c, row);
  }
}

int table_read(sqlite3_stmt *s, int first, const struct table *t, struct arena *a, void *row) {
  memset(row, 0, t->row_size);
  for (int i = 0; i < t->columns_len; i++) {
    int rc = read_column(s, first + i, &t->columns[i], a, row);
    if (rc) return rc;
  }
  return 0;
}

int table_task_state(const char *word, enum task_state *out) {
  for (int i = 0; word && i < TASK_STATES; i++) {
    if (strcmp(word, task_words[i]) != 0) continue;
    *out = (enum task_state)i;
    return 0;
  }
  return ERR_CORRUPT;
}

int table_run_state(const char *word, enum run_state *out) {
  for (int i = 0; word && i < RUN_STATES; i++) {
    if (strcmp(word, run_words[i]) != 0) continue;
    *out = (enum run_state)i;
    return 0;
  }
  return ERR_CORRUPT;
}
