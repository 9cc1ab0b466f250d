#include <stdarg.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/request.h"
#include "scheduler/engine/run.h"

static const struct {
  int status;
  const char *title;
} titles[] = {{404, "Not found"}, {409, "Not possible now"}, {422, "Not valid"}, {ENGINE_LOOK_AGAIN, "Busy"}};

static void reply_send(struct engine *e, const struct engine_asker *asker, int status, const char *body, size_t len) {
  if (!asker->handle) return;
  struct decision d = {.kind = DECISION_REPLY};
  d.reply = (struct decision_reply){asker->handle, status, arena_strndup(&e->out->arena, body, len), len};
  vec_push(&e->out->decisions, d);
}

void reply_text(struct engine *e, const struct engine_asker *asker, int status, const char *body, size_t len,
                const char *kept, size_t kept_len) {
  reply_send(e, asker, status, body, len);
  if (!asker->idempotency_key || asker->dry_run) return;
  struct request_row row = {
      .key = asker->idempotency_key, .status = status, .response = kept, .response_len = kept_len, .at = e->now.wall};
  memcpy(row.body_sha256, asker->body_sha256, sizeof row.body_sha256);
  emit_request(e, &row);
}

void reply_json(struct engine *e, const struct engine_asker *asker, int status, const struct buf *body) {
  reply_text(e, asker, status, buf_cstr(body), body->len, buf_cstr(body), body->len);
}

static const char *title_of(int status) {
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    if (titles[i].status == status) return titles[i].title;
  return "Refused";
}

static void problem_json(struct buf *out, int status, const char *detail) {
  struct json j;
  jsonw_init(&j, out);
  jsonw_object(&j);
  jsonw_member_string(&j, "type", "about:blank");
  jsonw_member_string(&j, "title", title_of(status));
  jsonw_member_int(&j, "status", status);
  jsonw_member_string(&j, "detail", detail);
  jsonw_object_end(&j);
}

void reply_problem(struct engine *e, const struct engine_asker *asker, int status, const char *detail, ...) {
  va_list args;
  va_start(args, detail);
  const char *text = arena_vfmt(&e->scratch, detail, args);
  va_end(args);
  struct buf body = {0};
  problem_json(&body, status, text);
  reply_json(e, asker, status, &body);
  buf_release(&body);
}

void reply_look_again(struct engine *e, const struct engine_asker *asker) {
  struct buf body = {0};
  problem_json(&body, ENGINE_LOOK_AGAIN, "the run has changed just now: repeat it");
  reply_send(e, asker, ENGINE_LOOK_AGAIN, buf_cstr(&body), body.len);
  buf_release(&body);
}

bool reply_repeated(struct engine *e, const struct engine_asker *asker) {
  if (!asker->idempotency_key) return false;
  for (size_t i = 0; i < e->late.len; i++) {
    const struct change *c = &e->late.items[i];
    if (c->kind != CHANGE_REQUEST || strcmp(c->request.key, asker->idempotency_key) != 0) continue;
    if (strcmp(c->request.body_sha256, asker->body_sha256) == 0) {
      reply_send(e, asker, c->request.status, c->request.response, c->request.response_len);
      return true;
    }
    struct buf body = {0};
    problem_json(&body, 422, "this Idempotency-Key was used for another request: take a new one");
    reply_send(e, asker, 422, buf_cstr(&body), body.len);
    buf_release(&body);
    return true;
  }
  return false;
}

void reply_run(struct engine *e, const struct engine_asker *asker, int status, const struct live_run *r,
               const char *behind) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_key(&j, "run");
  jsonw_object(&j);
  jsonw_member_string(&j, "id", r->row.id.text);
  jsonw_member_string(&j, "name", run_name(r, &e->scratch));
  jsonw_member_string(&j, "state", run_state_word(r->row.state));
  jsonw_member_string(&j, "queued_behind", behind);
  jsonw_object_end(&j);
  jsonw_object_end(&j);
  reply_json(e, asker, status, &body);
  buf_release(&body);
}

void reply_done(struct engine *e, const struct engine_asker *asker, const char *did, ...) {
  va_list args;
  va_start(args, did);
  const char *text = arena_vfmt(&e->scratch, did, args);
  va_end(args);
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_bool(&j, "ok", true);
  jsonw_member_string(&j, "did", text);
  jsonw_object_end(&j);
  reply_json(e, asker, 200, &body);
  buf_release(&body);
}
