#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/journal/codec_wire.h"
#include "scheduler/journal/replay_parts.h"

/* One of a step's two lists. */
struct list {
  const char *what;
  const struct codec_struct *of;
};
static const struct list rows = {"row", &codec_change}, decisions = {"decision", &codec_decision};

/* The bytes of the next item; the reader goes behind it. */
static struct codec_in next_item(struct codec_in *in) {
  uint64_t len = codec_read_uint(in);
  if (len > (uint64_t)(in->end - in->at)) len = 0, in->err = ERR_CORRUPT;
  struct codec_in item;
  codec_in_begin(&item, in->schema, in->arena, in->at, len);
  in->at += len;
  return item;
}

static char *then_text(const struct replay *r, const struct list *list, struct codec_in item) {
  struct buf text = {0};
  const struct schema_struct *s = schema_find(r->then, list->of->name);
  if (s) codec_print(&item, s, &text);
  buf_str(&text, "");
  return buf_steal(&text, NULL);
}

/* ---- printing ---- */

static void print_list(struct replay *r, const struct list *list, struct codec_in *in, const char *at) {
  for (uint64_t n = codec_read_uint(in); n > 0 && !in->err; n--) {
    char *text = then_text(r, list, next_item(in));
    fprintf(r->o->out, "#%" PRId64 " %s out %s %s\n", r->step.number, at, list->what, text);
    free(text);
  }
}

void outcome_print(struct replay *r, const struct journal_done *done, struct codec_in *in) {
  char at[INSTANT_TEXT_SIZE], wake[INSTANT_TEXT_SIZE] = "never";
  instant_format_utc(r->step.now.wall, at);
  print_list(r, &rows, in, at);
  print_list(r, &decisions, in, at);
  if (done->wake_wall != INSTANT_NONE) instant_format_utc(done->wake_wall, wake);
  fprintf(r->o->out, "#%" PRId64 " %s out wake at=%s", r->step.number, at, wake);
  if (done->wake_mono != INT64_MAX) fprintf(r->o->out, " mono=%" PRId64, done->wake_mono);
  fputc('\n', r->o->out);
}

/* ---- comparing ---- */

static void add(struct replay *r, const struct codec_struct *of, const void *what, struct buf *bytes) {
  struct codec_out out = {0};
  buf_reset(bytes);
  codec_out_begin(&out, bytes, true);
  codec_write(&out, of, what);
  sha256_add(r->digest, bytes->bytes, bytes->len);
  codec_out_release(&out);
}

void outcome_digest(struct replay *r) {
  struct buf bytes = {0};
  const struct journal_done done = {.number = r->step.number,
                                    .wake_wall = r->out.wake_wall,
                                    .wake_mono = r->out.wake_mono,
                                    .next_key = engine_key_next(r->engine)};
  for (size_t i = 0; i < r->out.changes.len; i++) add(r, &codec_change, &r->out.changes.items[i], &bytes);
  for (size_t i = 0; i < r->out.decisions.len; i++) add(r, &codec_decision, &r->out.decisions.items[i], &bytes);
  add(r, &codec_journal_done, &done, &bytes);
  buf_release(&bytes);
}

/* Step, time, events, then what was then and what is now. */
static void differ(struct replay *r, const char *where, const char *then, const char *now) {
  struct buf events = {0};
  char at[INSTANT_TEXT_SIZE];
  instant_format_utc(r->step.now.wall, at);
  for (size_t i = 0; i < r->step.events_len; i++) {
    char *text = replay_text(r, &codec_engine_event, &r->step.events[i], false);
    buf_fmt(&events, "  event  %s\n", text);
    free(text);
  }
  if (r->step.events_len == 0) buf_str(&events, r->step.number ? "  event  none, time has come\n" : "");
  replay_end(r, REPLAY_DIFFERS, "step %" PRId64 " at %s: %s\n%s  then   %s\n  now    %s", r->step.number, at, where,
             buf_cstr(&events), then ? then : "(nothing)", now ? now : "(nothing)");
  buf_release(&events);
}

static void differ_item(struct replay *r, const struct list *list, uint64_t n, const char *path,
                        const struct codec_in *then, const void *now) {
  char *then_line = then ? then_text(r, list, *then) : NULL;
  char *now_line = now ? replay_text(r, list->of, now, true) : NULL;
  char *where = alloc_fmt("%s %" PRIu64 " differs%s%s", list->what, n + 1, path ? " in " : "", path ? path : "");
  differ(r, where, then_line, now_line);
  free(where);
  free(then_line);
  free(now_line);
}

static void compare_list(struct replay *r, const struct list *list, struct codec_in *in, const void *items,
                         size_t len) {
  const struct schema_struct *s = schema_find(r->then, list->of->name);
  uint64_t then_len = codec_read_uint(in);
  struct buf path = {0};
  if (!s || !s->here) in->err = ERR_CORRUPT;
  for (uint64_t i = 0; (i < then_len || i < len) && !r->differs && !in->err; i++) {
    const void *now = i < len ? (const char *)items + i * list->of->size : NULL;
    struct codec_in item = {0};
    if (i < then_len) item = next_item(in);
    struct codec_in compared = item;
    if (i >= then_len)
      differ_item(r, list, i, NULL, NULL, now);
    else if (!now)
      differ_item(r, list, i, NULL, &item, NULL);
    else if (codec_differs(&compared, s, now, &path))
      differ_item(r, list, i, path.len ? buf_cstr(&path) : NULL, &item, now);
    buf_reset(&path);
  }
  buf_release(&path);
}

static void compare_number(struct replay *r, const char *where, int64_t then, int64_t now) {
  char a[24], b[24];
  if (then == now || r->differs) return;
  snprintf(a, sizeof a, "%" PRId64, then);
  snprintf(b, sizeof b, "%" PRId64, now);
  differ(r, where, a, b);
}

static void compare_wake(struct replay *r, instant then, instant now) {
  char a[INSTANT_TEXT_SIZE] = "never", b[INSTANT_TEXT_SIZE] = "never";
  if (then == now || r->differs) return;
  if (then != INSTANT_NONE) instant_format_utc(then, a);
  if (now != INSTANT_NONE) instant_format_utc(now, b);
  differ(r, "when it is called again differs", a, b);
}

void outcome_compare(struct replay *r, const struct journal_done *done, struct codec_in *in) {
  if (r->step.number) {
    compare_list(r, &rows, in, r->out.changes.items, r->out.changes.len);
    if (!r->differs) compare_list(r, &decisions, in, r->out.decisions.items, r->out.decisions.len);
    compare_wake(r, done->wake_wall, r->out.wake_wall);
    compare_number(r, "when it is called again differs, on the clock of delays", done->wake_mono, r->out.wake_mono);
  }
  if (!r->differs && in->err)
    replay_end(r, REPLAY_DAMAGED, "what came of step %" PRId64 " can't be read", r->step.number);
  compare_number(r, "the next key differs", done->next_key, engine_key_next(r->engine));
}
