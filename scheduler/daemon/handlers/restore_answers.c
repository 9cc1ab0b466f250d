#include "scheduler/daemon/handlers/restore_answers.h"
#include "scheduler/daemon/access/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vec.h"
#include "scheduler/daemon/handlers/body.h"
#include "scheduler/daemon/handlers/requests.h"
#include "scheduler/daemon/handlers/restore_deed.h"
#include "scheduler/daemon/handlers/restore_view.h"

/* One answer on its way; also the end of all questions (`closes`), and the recording of a former deed (`handle` 0).
 */
struct answer {
  struct restore_answers *owner;
  uint64_t handle;
  struct api_identity who;
  const char *address;
  struct actor actor; /* the same, as the audit names it */
  struct arena arena;
  struct deed deed;
  bool closes, acting; /* acting: the engine has it */
  struct buf why;
  uv_work_t work;
};

/* What a start finds done and not recorded. */
struct former {
  int64_t key;
  enum restore_answer answer;
};

struct restore_answers {
  struct restore_answers_options o;
  struct requests *requests;
  VEC(struct answer *) under_way;
  VEC(struct former) unknown; /* sent to the engine, and told to the person as unknown */
  bool closing;
  char name[64]; /* of this restore: its answers are known by it */

  uv_work_t heal;
  bool healing;
  VEC(struct former) formers;
  VEC(struct id) unknown_runs; /* of which nobody can tell what they did after the backup */
};

static void answers_release(struct restore_answers *r) {
  if (!r->closing || r->under_way.len > 0 || r->healing) return;
  vec_release(&r->under_way);
  vec_release(&r->unknown);
  vec_release(&r->formers);
  vec_release(&r->unknown_runs);
  free(r);
}

static void answer_free(struct answer *x) {
  struct restore_answers *r = x->owner;
  for (size_t i = 0; i < r->under_way.len; i++) {
    if (r->under_way.items[i] == x) vec_swap_remove(&r->under_way, i);
  }
  arena_release(&x->arena);
  buf_release(&x->why);
  free(x);
  answers_release(r);
}

static struct answer *answer_new(struct restore_answers *r, uint64_t handle) {
  struct answer *x = alloc_new(struct answer);
  x->owner = r;
  x->handle = handle;
  x->deed.arena = &x->arena;
  x->deed.restore = r->name;
  x->work.data = x;
  vec_push(&r->under_way, x);
  return x;
}

static struct committer *committer_of(const struct restore_answers *r) {
  return core_committer(r->o.assembly->core);
}

/* ---- replies ---- */

static void end_with_problem(struct answer *x, int status, const char *title, const char *detail) {
  struct restore_answers *r = x->owner;
  if (x->handle && !r->closing) {
    api_problem(server_api(r->o.server), x->handle, status, title, detail);
    server_pump(r->o.server);
  }
  answer_free(x);
}

static void end_well(struct answer *x) {
  struct restore_answers *r = x->owner;
  const struct deed *d = &x->deed;
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_bool(&j, "ok", true);
  jsonw_member_string(&j, "did", x->closes ? "the questions of the restore are closed" : d->did);
  if (!x->closes) {
    jsonw_key(&j, "result");
    jsonw_raw(&j, d->said ? d->said : "null", strlen(d->said ? d->said : "null"));
  }
  jsonw_object_end(&j);
  if (x->handle && !r->closing) {
    api_reply(server_api(r->o.server), x->handle, 200, NULL, NULL, 0, body.bytes, body.len);
    server_pump(r->o.server);
  }
  buf_release(&body);
  answer_free(x);
}

/* ---- recording ---- */

static int record(struct store *store, void *arg) {
  struct answer *x = arg;
  static const char *const words[] = {[RESTORE_SKIP] = "skip", [RESTORE_MARK] = "mark", [RESTORE_RUN] = "run"};
  struct audit_row audit = {
      .at = clock_now(), .actor = x->actor, .action = x->closes ? "restore close" : "restore answer"};
  const struct audit_row *told = x->handle ? &audit : NULL; /* a start only records what somebody has asked for */
  if (x->closes) return restore_close(store, told, &x->why);
  audit.object = arena_fmt(&x->arena, "%" PRId64, x->deed.key);
  audit.detail = words[x->deed.answer];
  return restore_reply(store, x->deed.key, x->deed.answer, told, &x->why);
}

static void recorded(void *arg, int err) {
  struct answer *x = arg;
  struct restore_answers *r = x->owner;
  if (err && !r->closing) {
    const char *why = x->why.len ? x->why.bytes : err_text(err);
    LOG(LOG_WARNING, "an answer to a restore's question wasn't recorded", {"reason", why});
    committer_failed(committer_of(r), err);
    end_with_problem(x, 503, "Not recorded",
                     arena_fmt(&x->arena, "%s; give the same answer again: nothing is done twice", why));
  } else {
    end_well(x);
  }
}

static void record_answer(struct answer *x) {
  committer_job(committer_of(x->owner), record, recorded, x);
}

/* ---- acting ---- */

static struct answer *acting_with(const struct restore_answers *r, uint64_t handle) {
  for (size_t i = 0; i < r->under_way.len; i++) {
    if (r->under_way.items[i]->acting && r->under_way.items[i]->handle == handle) return r->under_way.items[i];
  }
  return NULL;
}

static void on_acted(void *ctx, uint64_t handle, int status, const char *body, size_t len) {
  struct restore_answers *r = ctx;
  struct answer *x = acting_with(r, handle);
  if (!x) return;
  x->acting = false;
  if (status < 400) {
    x->deed.said = arena_strndup(&x->arena, body, len);
    record_answer(x);
    return;
  }
  if (status == 503) vec_push(&r->unknown, ((struct former){x->deed.key, x->deed.answer}));
  if (!r->closing) {
    api_reply(server_api(r->o.server), handle, status, API_PROBLEM_TYPE, NULL, 0, body, len);
    server_pump(r->o.server);
  }
  answer_free(x);
}

static void act(struct answer *x) {
  struct api_pair path[1];
  struct api_request request = deed_request(&x->deed, path);
  request.handle = x->handle;
  request.who = x->who;
  request.address = x->address;
  x->acting = true;
  requests_take(x->owner->requests, &request);
}

/* ---- looking ---- */

static void look(uv_work_t *work) {
  struct answer *x = work->data;
  deed_look(&x->deed, x->owner->o.history);
}

static void looked(uv_work_t *work, int cancelled) {
  struct answer *x = work->data;
  if (cancelled || x->owner->closing) {
    answer_free(x);
  } else if (x->deed.status) {
    end_with_problem(x, x->deed.status, "No answer", x->deed.detail);
  } else if (x->deed.done) {
    record_answer(x);
  } else {
    act(x);
  }
}

/* The same question's former answer, when nobody knows yet what came of it. */
static bool contradicts(const struct restore_answers *r, const struct deed *d) {
  for (size_t i = 0; i < r->unknown.len; i++) {
    if (r->unknown.items[i].key == d->key && r->unknown.items[i].answer != d->answer) return true;
  }
  return false;
}

static bool is_under_way(const struct restore_answers *r, const struct answer *x) {
  for (size_t i = 0; i < r->under_way.len; i++) {
    const struct answer *other = r->under_way.items[i];
    if (other != x && (other->closes || other->deed.key == x->deed.key)) return true;
  }
  return false;
}

/* ---- requests ---- */

static const char *read_answer(struct answer *x, const struct api_request *request) {
  static const char *const members[] = {"key", "answer", NULL}, *const words[] = {"skip", "mark", "run", NULL};
  struct body body;
  body_open(&body, &x->arena, request->body, request->body_len, members);
  const char *key = body_text(&body, "key", true);
  int word = body_word(&body, "answer", words, true);
  char *end = NULL;
  if (key) x->deed.key = strtoll(key, &end, 10);
  if (key && !body.fault && (end == key || *end || x->deed.key <= 0))
    body.fault = "'key' must be the key of a question: `rota restore --list` shows them";
  x->deed.answer = (enum restore_answer)(RESTORE_SKIP + word);
  body_close(&body);
  return body.fault;
}

static const char *read_close(struct answer *x, const struct api_request *request) {
  static const char *const members[] = {NULL};
  struct body body;
  body_open(&body, &x->arena, request->body, request->body_len, members);
  body_close(&body);
  return body.fault;
}

bool restore_answers_take(struct restore_answers *r, const struct api_request *request) {
  if (request->route != API_RESTORE_ANSWER && request->route != API_RESTORE_CLOSE) return false;
  struct answer *x = answer_new(r, request->handle);
  x->who = access_who(&request->who, &x->arena);
  x->address = arena_strdup(&x->arena, request->address ? request->address : "unix socket");
  x->actor = access_actor(request, &x->arena);
  x->closes = request->route == API_RESTORE_CLOSE;
  const char *fault = x->closes ? read_close(x, request) : read_answer(x, request);
  if (fault) {
    end_with_problem(x, 422, "Bad request", fault);
  } else if (core_degraded(r->o.assembly->core)) {
    end_with_problem(x, 503, "Degraded",
                     "nothing can be recorded right now, so nothing is taken on; repeat it later");
  } else if (x->closes ? r->under_way.len > 1 : is_under_way(r, x)) {
    end_with_problem(x, 409, "Under way", "it is being answered right now: look again with `rota restore --list`");
  } else if (contradicts(r, &x->deed)) {
    end_with_problem(x, 409, "Under way", "what came of its former answer isn't known yet: give that one again");
  } else if (x->closes) {
    record_answer(x);
  } else if (uv_queue_work(&r->o.assembly->loop, &x->work, look, looked)) {
    end_with_problem(x, 503, "Busy", "no thread is free to look it up: repeat it");
  }
  return true;
}

void restore_answers_reply(struct restore_answers *r, const struct decision_reply *reply) {
  requests_reply(r->requests, reply);
}

void restore_answers_degraded(struct restore_answers *r) {
  requests_degraded(r->requests);
}

/* ---- what a former daemon did and couldn't record ---- */

/* Items of a run come one after the other. */
static void add_unknown(struct restore_answers *r, const char *run_id) {
  struct id id;
  snprintf(id.text, sizeof id.text, "%s", run_id);
  if (r->unknown_runs.len && strcmp(r->unknown_runs.items[r->unknown_runs.len - 1].text, id.text) == 0) return;
  vec_push(&r->unknown_runs, id);
}

static int ended_job(struct store *store, void *arg) {
  (void)arg;
  return restore_ended(store);
}

static void ended_done(void *arg, int err) {
  struct restore_answers *r = arg;
  r->healing = false;
  if (!r->closing) committer_failed(committer_of(r), err);
  answers_release(r);
}

static void on_ended(void *ctx) {
  struct restore_answers *r = ctx;
  r->healing = true;
  committer_job(committer_of(r), ended_job, ended_done, r);
}

/* A run of which nobody can tell what it did after the backup, and whose files are gone, doesn't go on: what it
 * hadn't done is a question. Told twice, so that `finally` tasks don't run blindly either. It is done at the first
 * start alone: one that somebody makes go on later does. */
static void end_unknown(struct restore_answers *r) {
  struct core *core = r->o.assembly->core;
  for (size_t i = 0; i < r->unknown_runs.len; i++) {
    const char *id = r->unknown_runs.items[i].text;
    if (!engine_run_live(core_engine(core), id)) continue;
    for (int k = 0; k < 2; k++) {
      struct engine_cancel *cancel = &inbox_add(core_inbox(core), ENGINE_CANCEL)->cancel;
      cancel->asker.actor = (struct actor){.kind = "daemon", .name = "rota restore"};
      cancel->run_id = arena_strdup(inbox_arena(core_inbox(core)), id);
    }
  }
  if (r->unknown_runs.len) core_after(core, on_ended, r);
}

static void look_back(uv_work_t *work) {
  struct restore_answers *r = work->data;
  struct arena a = {0};
  struct restore_item *items;
  size_t len;
  if (restore_items(r->o.history, &a, &items, &len)) len = 0;
  for (size_t i = 0; i < len; i++) {
    enum restore_answer answer;
    if (items[i].run_id && strcmp(items[i].found, RESTORE_NOT_KNOWN) == 0) add_unknown(r, items[i].run_id);
    if (items[i].answer != RESTORE_NONE || deed_found(r->o.history, r->name, &items[i], &a, &answer)) continue;
    if (answer != RESTORE_NONE) vec_push(&r->formers, ((struct former){items[i].key, answer}));
  }
  arena_release(&a);
}

static void looked_back(uv_work_t *work, int cancelled) {
  struct restore_answers *r = work->data;
  r->healing = false;
  for (size_t i = 0; i < r->formers.len && !cancelled && !r->closing; i++) {
    struct answer *x = answer_new(r, 0);
    x->deed.key = r->formers.items[i].key;
    x->deed.answer = r->formers.items[i].answer;
    record_answer(x);
  }
  if (!cancelled && !r->closing) end_unknown(r);
  answers_release(r);
}

/* ---- the whole ---- */

struct restore_answers *restore_answers_new(const struct restore_answers_options *options) {
  struct restore_answers *r = alloc_new(struct restore_answers);
  struct assembly *assembly = options->assembly;
  r->o = *options;
  r->requests = requests_new(&assembly->loop, assembly->core, options->history, on_acted, r);
  requests_join(options->requests, r->requests);
  r->heal.data = r;
  snprintf(r->name, sizeof r->name, "%s %" PRId64, store_state_id(assembly->store), assembly->loaded.restored_at);
  if (assembly->loaded.restored_at == INSTANT_NONE) return r;
  LOG(LOG_WARNING,
      "restored from a backup: `rota restore --list` shows what it doesn't know, `rota resume --all` "
      "starts the work",
      {NULL, NULL});
  r->healing = uv_queue_work(&assembly->loop, &r->heal, look_back, looked_back) == 0;
  return r;
}

void restore_answers_free(struct restore_answers *r) {
  if (!r) return;
  requests_join(r->o.requests, NULL);
  requests_free(r->requests);
  r->requests = NULL;
  r->closing = true;
  for (size_t i = r->under_way.len; i-- > 0;) {
    if (!r->under_way.items[i]->acting) continue;
    arena_release(&r->under_way.items[i]->arena);
    buf_release(&r->under_way.items[i]->why);
    free(r->under_way.items[i]);
    vec_swap_remove(&r->under_way, i);
  }
  answers_release(r);
}
