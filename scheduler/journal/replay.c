#include "scheduler/journal/replay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scheduler/journal/replay_parts.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/zone.h"

void replay_end(struct replay *r, enum replay_end how, const char *format, ...) {
  if (how != REPLAY_DIFFERS) r->over = true;
  if (r->differs) return;
  struct buf why = {0};
  va_list args;
  va_start(args, format);
  buf_vfmt(&why, format, args);
  va_end(args);
  r->differs = true;
  if (!r->o->print) r->over = true;
  r->result->end = how;
  r->result->why = buf_steal(&why, NULL);
}

static void damaged(struct replay *r, int err) {
  replay_end(r, REPLAY_DAMAGED, "behind step %" PRId64 " %s", r->step.number,
             err == ERR_NEWER ? "there is a word that this version of rota doesn't know"
                              : "the bytes aren't what the journal's own tables say");
}

bool replay_wanted(const struct replay *r) {
  return r->step.number >= r->o->from;
}

char *replay_text(const struct replay *r, const struct codec_struct *of, const void *what, bool brief) {
  struct buf bytes = {0}, text = {0};
  struct codec_out out = {0};
  struct codec_in in;
  codec_out_begin(&out, &bytes, brief);
  codec_write(&out, of, what);
  codec_in_begin(&in, r->now, NULL, bytes.bytes, bytes.len);
  codec_print(&in, schema_find(r->now, of->name), &text);
  codec_out_release(&out);
  buf_release(&bytes);
  buf_str(&text, "");
  return buf_steal(&text, NULL);
}

/* ---- what the engine asks ---- */

static const struct zone *zone_of(void *ctx, const char *name) {
  struct replay *r = ctx;
  struct zone *zone = NULL;
  if (!map_has(&r->zones, name) && r->at_the_end) {
    if (zone_load(name, NULL, &zone) == 0) vec_push(&r->all_zones, zone);
    map_put(&r->zones, name, zone);
  } else if (!map_has(&r->zones, name)) {
    replay_end(r, REPLAY_DIFFERS, "step %" PRId64 ": the time zone %s is asked for now, and wasn't then",
               r->step.number, name);
  }
  return map_get(&r->zones, name);
}

/* ---- the frames ---- */

static bool read_as(struct replay *r, struct codec_in *in, const char *name, const void *bytes, size_t len,
                    void *to) {
  const struct schema_struct *s = r->then ? schema_find(r->then, name) : NULL;
  codec_in_begin(in, r->then, &r->arena, bytes, len);
  if (s && s->here)
    codec_read(in, s, to);
  else
    in->err = ERR_CORRUPT;
  if (in->err) damaged(r, in->err);
  return !in->err;
}

static void take_schema(struct replay *r, const struct journal_frame *f) {
  r->then = schema_read(&r->tables, f->bytes, f->len);
  if (!r->then) damaged(r, ERR_CORRUPT);
}

static void take_zone(struct replay *r, const struct journal_frame *f) {
  struct journal_zone z = {0};
  struct codec_in in;
  struct zone *zone = NULL;
  if (!read_as(r, &in, "journal_zone", f->bytes, f->len, &z) || !z.name) return;
  int err = !z.found ? 0 : z.rules ? zone_parse(z.name, z.rules, z.rules_len, &zone) : zone_load(z.name, NULL, &zone);
  if (err) replay_end(r, REPLAY_DAMAGED, "the rules of the time zone %s can't be read", z.name);
  map_put(&r->zones, z.name, zone);
  if (zone) vec_push(&r->all_zones, zone);
  /* The step that asked for it is shown when all that belongs to it has been read. */
  if (r->o->print && replay_wanted(r))
    fprintf(r->o->out, "ZONE %s (%s, %zu bytes of rules)\n", z.name, z.found ? "found" : "not found", z.rules_len);
}

static void keep_inputs(struct replay *r) {
  vec_push(&r->kept, r->arena);
  memset(&r->arena, 0, sizeof r->arena);
}

static void print_start(const struct replay *r, const struct journal_start *start) {
  if (!r->o->print || !replay_wanted(r)) return;
  char *text = replay_text(r, &codec_journal_start, start, false);
  fprintf(r->o->out, "#0 START %s\n", text);
  free(text);
}

static void do_start(struct replay *r) {
  struct journal_start start = {0};
  char *message = NULL;
  if (!read_as(r, &r->in, "journal_start", r->pending.bytes, r->pending.len, &start)) return;
  r->step.now = start.now;
  r->result->version = alloc_strdup(start.version ? start.version : "?");
  print_start(r, &start);
  if (!start.config || r->engine) {
    damaged(r, ERR_CORRUPT);
    return;
  }
  const struct engine_options options = {.config = start.config,
                                         .schedules = start.schedules,
                                         .local_only = start.local_only,
                                         .zone = zone_of,
                                         .zone_ctx = r,
                                         .env = start.env,
                                         .env_len = start.env_len};
  r->engine = engine_new(&options);
  int err = engine_restore(r->engine, &start.state, start.now, &message);
  if (err && r->at_the_end)
    replay_end(r, REPLAY_CUT, "the state that it begins with is refused: %s", message);
  else if (err)
    replay_end(r, REPLAY_DIFFERS, "the state that it begins with was accepted then and isn't now: %s", message);
  free(message);
  keep_inputs(r);
}

/* Keys may have been reserved since the last step; true if it comes to the same. */
static bool take_keys(struct replay *r) {
  int64_t now = engine_key_next(r->engine);
  if (now > r->step.next_key) {
    replay_end(r, REPLAY_DIFFERS, "before step %" PRId64 " the next key was %" PRId64 ", now it is %" PRId64,
               r->step.number, r->step.next_key, now);
    return false;
  }
  while (engine_key_next(r->engine) < r->step.next_key) engine_key_reserve(r->engine);
  return true;
}

static void print_events(const struct replay *r) {
  char at[INSTANT_TEXT_SIZE];
  instant_format_utc(r->step.now.wall, at);
  fprintf(r->o->out, "#%" PRId64 " %s STEP mono=%" PRId64 "\n", r->step.number, at, r->step.now.mono);
  for (size_t i = 0; i < r->step.events_len; i++) {
    char *text = replay_text(r, &codec_engine_event, &r->step.events[i], false);
    fprintf(r->o->out, "#%" PRId64 " %s in  %s\n", r->step.number, at, text);
    free(text);
  }
  fflush(r->o->out);
}

static bool has_config(const struct journal_step *s) {
  for (size_t i = 0; i < s->events_len; i++)
    if (s->events[i].kind == ENGINE_CONFIG) return true;
  return false;
}

static void do_step(struct replay *r) {
  memset(&r->step, 0, sizeof r->step);
  step_reset(&r->out);
  if (!read_as(r, &r->in, "journal_step", r->pending.bytes, r->pending.len, &r->step)) return;
  if (r->o->print && replay_wanted(r)) print_events(r);
  if (!r->engine && !r->differs) damaged(r, ERR_CORRUPT);
  if (r->differs || !take_keys(r)) return;
  engine_step(r->engine, r->step.now, r->step.seed, r->step.events, r->step.events_len, &r->out);
  r->result->steps++;
  r->result->events += (int64_t)r->step.events_len;
  r->result->rows += (int64_t)r->out.changes.len;
  r->result->decisions += (int64_t)r->out.decisions.len;
  outcome_digest(r);
  if (has_config(&r->step)) keep_inputs(r);
}

static void do_pending(struct replay *r) {
  codec_in_release(&r->in);
  arena_reset(&r->arena);
  if (r->pending_kind == JOURNAL_START)
    do_start(r);
  else
    do_step(r);
}

static void take_done(struct replay *r, const struct journal_frame *f) {
  struct journal_done done = {0};
  struct codec_in in;
  if (!r->is_pending) damaged(r, ERR_CORRUPT);
  r->is_pending = false;
  if (!r->over) do_pending(r);
  if (r->over || !read_as(r, &in, "journal_done", f->bytes, f->len, &done)) return;
  if (done.number != r->step.number) damaged(r, ERR_CORRUPT);
  if (r->over || !replay_wanted(r)) return;
  struct codec_in again = in;
  if (r->o->print && done.number) outcome_print(r, &done, &again);
  if (!r->differs) outcome_compare(r, &done, &in);
}

static void take_stop(struct replay *r, const struct journal_frame *f) {
  struct journal_stop stop = {0};
  struct codec_in in;
  if (read_as(r, &in, "journal_stop", f->bytes, f->len, &stop))
    replay_end(r, REPLAY_CUT, "the recording stopped behind step %" PRId64 ": %s", r->step.number,
               stop.reason ? stop.reason : "");
}

static void take_frame(struct replay *r, const struct journal_frame *f) {
  switch (f->kind) {
  case JOURNAL_SCHEMA: take_schema(r, f); break;
  case JOURNAL_ZONE: take_zone(r, f); break;
  case JOURNAL_DONE: take_done(r, f); break;
  case JOURNAL_STOP: take_stop(r, f); break;
  case JOURNAL_START:
  case JOURNAL_STEP:
    buf_reset(&r->pending);
    buf_add(&r->pending, f->bytes, f->len);
    r->pending_kind = f->kind;
    r->is_pending = true;
    break;
  default:
    replay_end(r, REPLAY_DAMAGED, "behind step %" PRId64 " there is a frame of an unknown kind", r->step.number);
  }
}

/* ---- begin and end ---- */

/* What was under way when the daemon ended is done as well: it may be what ended it. */
static void at_the_end(struct replay *r, int err) {
  if (r->is_pending && (err == 0 || err == ERR_AGAIN)) {
    r->at_the_end = true;
    do_pending(r);
    replay_end(r, REPLAY_CUT, "the daemon ended within step %" PRId64 ": what it decided there isn't known",
               r->step.number);
  } else if (err == ERR_AGAIN) {
    replay_end(r, REPLAY_CUT, "cut off behind step %" PRId64 ", at byte %" PRIu64 ": the daemon was killed there",
               r->step.number, r->file.at);
  } else if (err) {
    replay_end(r, REPLAY_DAMAGED, "damaged behind step %" PRId64 ", at byte %" PRIu64 " of %" PRIu64, r->step.number,
               r->file.at, r->file.size);
  }
}

static void begin(struct replay *r) {
  struct buf schema = {0};
  int err = journal_open(&r->file, r->o->path);
  if (err == ERR_INVALID)
    replay_end(r, REPLAY_DAMAGED, "it is no journal, or of a format that this version doesn't know");
  else if (err)
    replay_end(r, REPLAY_DAMAGED, "it can't be read: %s", err_text(err));
  r->digest = sha256_new();
  schema_write(&schema);
  r->now = schema_read(&r->tables, schema.bytes, schema.len);
  buf_release(&schema);
}

static void release(struct replay *r) {
  engine_free(r->engine);
  step_release(&r->out);
  codec_in_release(&r->in);
  for (size_t i = 0; i < r->all_zones.len; i++) zone_free(r->all_zones.items[i]);
  for (size_t i = 0; i < r->kept.len; i++) arena_release(&r->kept.items[i]);
  vec_release(&r->all_zones);
  vec_release(&r->kept);
  map_release(&r->zones);
  arena_release(&r->arena);
  arena_release(&r->tables);
  buf_release(&r->pending);
  journal_close(&r->file);
}

void replay(const struct replay_options *options, struct replay_result *out) {
  struct replay r = {.o = options, .result = out};
  struct journal_frame frame;
  int err = 0;
  memset(out, 0, sizeof *out);
  begin(&r);
  while (!r.over && (err = journal_next(&r.file, &frame)) == 1) take_frame(&r, &frame);
  if (!r.over) at_the_end(&r, err);
  sha256_end(r.digest, out->digest);
  release(&r);
}

void replay_result_release(struct replay_result *r) {
  free(r->version);
  free(r->why);
}
