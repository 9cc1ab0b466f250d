/* Rows of others: recorded, audited and answered like any request. */
#include <assert.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/request.h"

static void record_change(struct engine *e, const struct change *c) {
  assert(c->kind == CHANGE_TOKEN || c->kind == CHANGE_SESSION || c->kind == CHANGE_EVENT ||
         c->kind == CHANGE_HOST_DOCTOR);
  if (c->kind == CHANGE_EVENT) {
    emit_event_row(e, &c->event);
    return;
  }
  if (c->kind == CHANGE_HOST_DOCTOR) {
    emit_doctor(e, &c->host_doctor);
    return;
  }
  int64_t key = c->kind == CHANGE_TOKEN ? c->token.key : c->session.key;
  assert(key > 0 && key < e->next_key);
  if (c->kind == CHANGE_TOKEN)
    emit_token(e, &c->token);
  else
    emit_session(e, &c->session);
}

void request_record(struct engine *e, const struct engine_record *q) {
  assert(!q->asker.dry_run);
  for (size_t i = 0; i < q->changes_len; i++) record_change(e, &q->changes[i]);
  if (q->action) emit_audit(e, &q->asker.actor, q->action, q->object, q->detail);
  if (!q->body) return;
  const char *kept = q->kept ? q->kept : q->body;
  reply_text(e, &q->asker, q->status, q->body, q->body_len, kept, q->kept ? strlen(q->kept) : q->body_len);
}
