#include "scheduler/daemon/handlers/restore_deed.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "scheduler/daemon/handlers/restore_view.h"
#include "scheduler/daemon/pages/page_run.h"
#include "scheduler/spec/pipeline.h"

static void problem(struct deed *d, int status, const char *detail) {
  d->status = status;
  d->detail = detail;
}

static void unreadable(struct deed *d, int err) {
  problem(d, 503, arena_fmt(d->arena, "the rows can't be read: %s; repeat it", err_text(err)));
}

static const char *item_text(struct deed *d) {
  struct buf text = {0};
  restore_item_text(&d->item, &text);
  const char *copy = arena_strdup(d->arena, buf_cstr(&text));
  buf_release(&text);
  return copy;
}

/* ---- was it done before? ---- */

/* A try that the engine refused is no deed, but its row keeps its key: the next try takes the next one. *said is NULL
 * if there is no deed, and *next then the key for one. However old a row is, it counts. */
static int find_deed(struct history *history, const char *restore, int64_t key, enum restore_answer answer,
                     struct arena *a, const char **said, const char **next) {
  *said = NULL;
  for (unsigned try = 0;; try++) {
    struct request_row row;
    *next = arena_fmt(a, "restore %s %" PRId64 " %s %u", restore, key, restore_answer_word(answer), try);
    int err = history_request(history, *next, "", 0, a, &row);
    if (err == ERR_NOT_FOUND) return 0;
    if (err && err != ERR_CONFLICT) return err;
    if (row.status >= 400) continue;
    *said = arena_strndup(a, row.response, row.response_len);
    return 0;
  }
}

int deed_found(struct history *history, const char *restore, const struct restore_item *item, struct arena *a,
               enum restore_answer *out) {
  *out = RESTORE_NONE;
  for (int answer = RESTORE_MARK; answer <= RESTORE_RUN; answer++) {
    const char *said, *next;
    if (!restore_item_acts(item, (enum restore_answer)answer)) continue;
    int err = find_deed(history, restore, item->key, (enum restore_answer)answer, a, &said, &next);
    if (err) return err;
    if (said) *out = (enum restore_answer)answer;
  }
  return 0;
}

/* ---- what is to be done ---- */

static bool read_item(struct deed *d, struct history *history) {
  struct restore_item *items;
  size_t len;
  int err = restore_items(history, d->arena, &items, &len);
  if (err) {
    unreadable(d, err);
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (items[i].key != d->key) continue;
    d->item = items[i];
    return true;
  }
  problem(d, 404, "there is no such question: `rota restore --list` shows those that there are");
  return false;
}

/* An answer that was acted on stands. */
static bool stands(struct deed *d, enum restore_answer former) {
  if (former == d->answer || !restore_item_acts(&d->item, former)) return false;
  problem(d, 409,
          arena_fmt(d->arena, "%s was answered '%s', and that is done: it can't be taken back", item_text(d),
                    restore_answer_word(former)));
  return true;
}

static const char *why_not(struct deed *d) {
  if (!d->item.run_known && !d->item.firing)
    return arena_fmt(d->arena,
                     "the snapshot doesn't know run %s, so it can't be run again: look at its files, and trigger %s "
                     "anew if that is needed",
                     d->item.run_id, d->item.pipeline ? d->item.pipeline : "its pipeline");
  return arena_fmt(d->arena, "what %s was can't be told from its files: it can only be skipped", item_text(d));
}

/* A task of a run that is still alive may need nothing: it has succeeded by itself, or it isn't done there yet. */
static void look_at_task(struct deed *d, struct history *history) {
  struct history_run run;
  struct task_row *tasks;
  size_t len;
  int err = history_find(history, d->item.run_id, d->arena, &run, NULL);
  if (!err) err = history_tasks(history, run.run.key, -1, PIPELINE_TASKS_MAX, d->arena, &tasks, &len);
  if (err) {
    unreadable(d, err);
    return;
  }
  const struct task_row *task = page_task_named(tasks, len, d->item.what);
  if (!task) return;
  if (d->answer == RESTORE_MARK && task->state == TASK_SUCCEEDED) {
    d->done = true;
    d->did = arena_fmt(d->arena, "%s has succeeded already", item_text(d));
  } else if (d->answer == RESTORE_RUN && !run_state_ended(run.run.state) && !task_state_ended(task->state)) {
    d->done = true;
    d->did = task_state_live(task->state)
                 ? arena_fmt(d->arena, "%s is alive and goes on", item_text(d))
                 : arena_fmt(d->arena, "%s isn't done yet: it starts by itself after `rota resume --all`",
                             item_text(d));
  }
}

/* What the deed is called once it is done. */
static const char *deed_text(struct deed *d) {
  const char *item = item_text(d);
  if (d->item.firing) return arena_fmt(d->arena, "%s: triggered", item);
  if (d->answer == RESTORE_MARK) return arena_fmt(d->arena, "%s: marked succeeded", item);
  return arena_fmt(d->arena, "%s: runs again", item);
}

void deed_look(struct deed *d, struct history *history) {
  enum restore_answer former = RESTORE_NONE;
  if (!read_item(d, history)) return;
  int err = deed_found(history, d->restore, &d->item, d->arena, &former);
  if (err) {
    unreadable(d, err);
    return;
  }
  if (stands(d, d->item.answer) || stands(d, former)) return;
  if (!restore_item_takes(&d->item, d->answer)) {
    problem(d, 409, why_not(d));
    return;
  }
  if (!restore_item_acts(&d->item, d->answer)) {
    d->done = true;
    d->did = arena_fmt(d->arena, "%s: %s", item_text(d),
                       d->answer == RESTORE_SKIP ? "left as it is" : "taken as done");
    return;
  }
  d->did = deed_text(d);
  err = find_deed(history, d->restore, d->key, d->answer, d->arena, &d->said, &d->doing);
  if (err) unreadable(d, err);
  d->done = d->said || d->item.answer == d->answer;
  if (!d->status && !d->done && !d->item.firing) look_at_task(d, history);
}

/* ---- doing it ---- */

static void add_body(const struct deed *d, struct json *j) {
  jsonw_object(j);
  if (d->item.firing) {
    jsonw_member_instant(j, "for", d->item.scheduled_for);
  } else if (d->answer == RESTORE_MARK) {
    jsonw_member_string(j, "task", d->item.what);
    jsonw_member_string(j, "state", "succeeded");
    jsonw_member_string(j, "reason", "it ran before the restore");
  } else {
    jsonw_member_string(j, "mode", "from");
    jsonw_member_string(j, "task", d->item.what);
    jsonw_member_string(j, "version", "same");
  }
  jsonw_object_end(j);
}

struct api_request deed_request(const struct deed *d, struct api_pair path[1]) {
  struct api_request request = {
      .path = path, .path_len = 1, .target = "/api/v1/restore", .idempotency_key = d->doing};
  if (d->item.firing) {
    /* In a path the `/` of a pipeline's name is written `.`. */
    char *name = arena_strdup(d->arena, d->item.pipeline);
    for (char *c = name; *c; c++) {
      if (*c == '/') *c = '.';
    }
    path[0] = (struct api_pair){"name", name};
    request.route = API_TRIGGER;
  } else {
    path[0] = (struct api_pair){"run", d->item.run_id};
    request.route = d->answer == RESTORE_MARK ? API_MARK : API_RERUN;
  }
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  add_body(d, &j);
  request.body = arena_strdup(d->arena, buf_cstr(&body));
  request.body_len = body.len;
  buf_release(&body);
  return request;
}
