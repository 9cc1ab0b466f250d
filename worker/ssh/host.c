#include "worker/ssh/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "worker/ssh/host_logs.h"
#include "worker/ssh/transport/transport.h"

#define BLIP_MS  5000  /* a loss of contact that is over sooner is told to nobody */
#define POLL_MS  1000  /* between two polls, while something comes */
#define LOOK_MS  30000 /* between two looks at everything */
#define CLEAN_MS 60000 /* between the report of an end and the removal of its directory there */
#define DISK_MS  300000

/* ---- what is due ---- */

static void on_timer(uv_timer_t *timer);
static void link_end(struct host *h);

static void timer_arm(struct host *h) {
  int64_t first = INT64_MAX;
  for (int i = 0; i < HOST_DUE_COUNT; i++) {
    if (h->due[i] < first) first = h->due[i];
  }
  if (first == INT64_MAX || h->closing) {
    uv_timer_stop(&h->timer);
    return;
  }
  int64_t wait = first - clock_monotonic();
  uv_timer_start(&h->timer, on_timer, wait > 0 ? (uint64_t)(wait / USEC_PER_MS) + 1 : 0, 0);
}

void host_due(struct host *h, enum host_due which, int64_t at) {
  if (h->closing || h->due[which] <= at) return;
  h->due[which] = at;
  timer_arm(h);
}

static void disk_answered(struct host_ask *q, const struct answer *answer) {
  struct host *h = q->host;
  struct ops_disk disk;
  for (size_t i = 1; i < answer->len && answer->end == ANSWER_CAME; i++) {
    if (ops_read_disk(answer->sections[i].body, answer->sections[i].len, &disk) != 0) continue;
    host_disk_take(h, disk.free_kb, disk.size_kb);
  }
}

static void disk_due(struct host *h) {
  if (!host_is_up(h)) return;
  struct host_ask *q = host_ask_new(h, disk_answered);
  ops_disk(&q->text, q->nonce);
  host_ask_send(q, ASK_POLL, 0, NULL);
  host_due(h, HOST_DUE_DISK, clock_monotonic() + DISK_MS * USEC_PER_MS);
}

bool host_is_up(const struct host *h) {
  return h->up && link_hello(h->link);
}

/* The contact has been lost for too long to say nothing. What was on its way there can't go on. */
static void blip_due(struct host *h) {
  if (host_is_up(h)) return;
  char *text = alloc_fmt("%s can't be reached%s%s", h->options.name, h->contact_text ? ": " : "",
                         h->contact_text ? h->contact_text : "");
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    if (a->over) continue;
    if (a->state == HOST_ATTEMPT_SENDING)
      host_start_go(h, a);
    else if (a->state >= HOST_ATTEMPT_ASKED && a->state < HOST_ATTEMPT_CLOSING && !a->unreachable)
      host_report_unreachable(h, a, text);
  }
  free(text);
}

static void look_due(struct host *h) {
  host_look(h, HOST_LOOK_ALL);
}

static void (*const due_table[])(struct host *h) = {
    [HOST_DUE_STARTS] = host_starts_settle,
    [HOST_DUE_BLIP] = blip_due,
    [HOST_DUE_POLL] = host_poll,
    [HOST_DUE_LOOK] = look_due,
    [HOST_DUE_STOP] = host_stops,
    [HOST_DUE_CLOSE] = host_closes,
    [HOST_DUE_REMNANT] = host_remnants_send,
    [HOST_DUE_CLEAN] = host_clean,
    [HOST_DUE_KEPT] = host_kept,
    [HOST_DUE_DISK] = disk_due,
};
_Static_assert(sizeof due_table / sizeof due_table[0] == HOST_DUE_COUNT, "each thing that is due is done");

/* One that isn't in the configuration any more is let go of when nothing lives there, and what ended is cleaned. */
static bool needed(const struct host *h) {
  return h->configured || h->attempts.len > 0 || h->remnants.len > 0 || h->cleanings.len > 0 || h->asks;
}

static void on_timer(uv_timer_t *timer) {
  struct host *h = timer->data;
  int64_t now = clock_monotonic();
  for (int i = 0; i < HOST_DUE_COUNT && !h->closing; i++) {
    if (h->due[i] > now) continue;
    h->due[i] = INT64_MAX;
    due_table[i](h);
  }
  if (!needed(h) && !h->closing) link_end(h);
  timer_arm(h);
}

/* ---- contact ---- */

void host_disk_take(struct host *h, int64_t free_kb, int64_t size_kb) {
  h->disk_free = free_kb < 0 ? -1 : free_kb * 1024;
  h->disk_size = size_kb < 0 ? -1 : size_kb * 1024;
  h->disk_at = clock_now();
}

static void text_set(char **slot, const char *text) {
  free(*slot);
  *slot = text ? alloc_strdup(text) : NULL;
}

/* Whatever was learnt over the connection is doubted: it's looked at when there is another. */
static void contact_lost(struct host *h) {
  h->up = false;
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    a->hinted = false;
    a->stop_at = 0;
    a->stop_told_now = false;
    host_files_drop(h, a);
    if (a->over || a->state < HOST_ATTEMPT_ASKED || a->state >= HOST_ATTEMPT_CLOSING) continue;
    host_log_bulk_drop(h, a);
    host_ending_drop(a);
    a->state = HOST_ATTEMPT_UNKNOWN;
  }
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    if (!a->over && a->state == HOST_ATTEMPT_READY) host_due(h, HOST_DUE_STARTS, 0);
  }
  host_due(h, HOST_DUE_BLIP, clock_monotonic() + h->blip);
}

/* Remnants come first, then what runs, then what shall run. */
static void contact_made(struct host *h) {
  const struct ops_hello *hello = link_hello(h->link);
  h->up = true;
  h->due[HOST_DUE_BLIP] = INT64_MAX;
  text_set(&h->place, hello->root);
  text_set(&h->boot, hello->boot);
  text_set(&h->machine, hello->machine);
  host_disk_take(h, hello->disk_free_kb, hello->disk_size_kb);
  host_remnants_send(h);
  host_look(h, HOST_LOOK_UNKNOWN);
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    if (!a->over && a->state == HOST_ATTEMPT_SENDING) host_start_go(h, a);
  }
  host_due(h, HOST_DUE_STARTS, 0);
  host_due(h, HOST_DUE_CLEAN, clock_monotonic());
  host_due(h, HOST_DUE_KEPT, clock_monotonic() + h->clean_after);
  host_due(h, HOST_DUE_DISK, clock_monotonic() + DISK_MS * USEC_PER_MS);
}

static void news(struct host *h, const struct host_facts *facts) {
  const struct host_news n = {.host = h->options.name,
                              .contact = (enum contact)link_contact(h->link),
                              .text = link_text(h->link),
                              .facts = facts};
  if (!h->closing && h->configured) h->shared->news(h->shared->news_ctx, &n);
}

static void on_contact(void *ctx, enum link_contact contact, const char *text) {
  struct host *h = ctx;
  text_set(&h->contact_text, text);
  if (contact == LINK_UP && !h->up)
    contact_made(h);
  else if (contact != LINK_UP && h->up)
    contact_lost(h);
  news(h, NULL);
}

static void facts_write(struct host *h, const struct ops_facts *f, struct buf *out) {
  const struct ops_hello *hello = link_hello(h->link);
  struct json j;
  jsonw_init(&j, out);
  jsonw_object(&j);
  jsonw_member_string(&j, "kernel", f->kernel);
  jsonw_member_string(&j, "os", f->os);
  const struct {
    const char *key;
    int64_t value;
  } numbers[] = {{"cpus", f->cpus}, {"memory_kb", f->memory_kb}};
  for (size_t i = 0; i < 2; i++) {
    char text[24];
    if (numbers[i].value < 0) continue;
    snprintf(text, sizeof text, "%lld", (long long)numbers[i].value);
    jsonw_member_string(&j, numbers[i].key, text);
  }
  jsonw_member_string(&j, "user", hello->user);
  jsonw_member_string(&j, "login_shell", hello->login_shell);
  jsonw_member_string(&j, "sh", hello->sh);
  jsonw_member_string(&j, "root", hello->root);
  if (f->driver[0]) jsonw_member_string(&j, "driver", f->driver);
  if (f->gpus_len > 0) {
    jsonw_key(&j, "gpus");
    jsonw_array(&j);
    for (size_t i = 0; i < f->gpus_len; i++) jsonw_string(&j, f->gpus[i]);
    jsonw_array_end(&j);
  }
  jsonw_object_end(&j);
}

static void on_facts(void *ctx, const struct ops_facts *f) {
  struct host *h = ctx;
  const struct ops_hello *hello = link_hello(h->link);
  if (!hello) return;
  struct buf json = {0};
  facts_write(h, f, &json);
  const struct host_facts facts = {
      .machine = hello->machine, .boot = hello->boot, .booted_at = link_instant(h->link, 0), .json = buf_cstr(&json)};
  news(h, &facts);
  buf_release(&json);
}

static void on_event(void *ctx, const char *line, size_t len) {
  host_event(ctx, line, len);
}

/* While no line comes, ends are polled for; when they come again, some may have been missed. */
static void on_watching(void *ctx, bool watching) {
  struct host *h = ctx;
  h->look_every = watching ? h->look_watched : h->look_unwatched;
  h->look_next = h->look_every;
  host_due(h, HOST_DUE_LOOK, clock_monotonic() + (watching ? 0 : h->look_every));
}

static const struct link_events link_events = {
    .contact = on_contact, .facts = on_facts, .event = on_event, .watching = on_watching};

/* ---- the interface ---- */

void host_attempt_abandon(struct host *h, struct host_attempt *a) {
  bool lent = a->state == HOST_ATTEMPT_CLOSING && !a->close_failed; /* a job has its results, and frees them */
  host_attempt_use(a);
  host_log_release(h, a);
  host_files_drop(h, a);
  if (!lent) host_ending_drop(a);
  host_attempts_forget(&h->attempts, a);
  host_attempt_unuse(h, a);
}

static int op_start(struct executor *e, const struct launch *l) {
  return host_start((struct host *)e, l);
}

static int op_adopt(struct executor *e, const char *run_id, const char *attempt_id, duration grace) {
  return host_adopt((struct host *)e, run_id, attempt_id, grace);
}

static int op_stop(struct executor *e, const char *attempt_id, bool now) {
  struct host *h = (struct host *)e;
  struct host_attempt *a = host_attempts_find(&h->attempts, attempt_id);
  if (!a) return ERR_NOT_FOUND;
  a->stop_wanted = true;
  a->stop_now = a->stop_now || now;
  if (a->state == HOST_ATTEMPT_READY)
    host_due(h, HOST_DUE_STARTS, 0);
  else if (host_is_up(h) && (a->state == HOST_ATTEMPT_LAUNCHED || a->state == HOST_ATTEMPT_RUNNING))
    host_stop_send(h, a);
  else if (host_is_up(h) && a->state == HOST_ATTEMPT_UNKNOWN)
    host_look(h, HOST_LOOK_UNKNOWN);
  return 0;
}

static int op_fence(struct executor *e, const char *run_id, const char *attempt_id) {
  struct host *h = (struct host *)e;
  struct host_attempt *a = host_attempts_add(&h->attempts, h->shared->state_dir, run_id, attempt_id);
  if (!a) return ERR_CONFLICT;
  a->host = h;
  a->adopting = a->fencing = true;
  host_look_soon(h);
  a->state = HOST_ATTEMPT_UNKNOWN;
  if (host_is_up(h)) host_fence_send(h, a);
  return 0;
}

static int op_clear(struct executor *e, const char *run_id, const char *attempt_id) {
  if (!id_valid(run_id) || !id_valid(attempt_id)) return ERR_INVALID;
  host_clear((struct host *)e, run_id, attempt_id);
  return 0;
}

/* The run's directories go here at the same time: what the host has of it is found when they are gone. */
static int op_sweep(struct executor *e, const char *run_id, bool all) {
  struct host *h = (struct host *)e;
  if (!id_valid(run_id)) return ERR_INVALID;
  if (all && host_is_up(h)) host_due(h, HOST_DUE_KEPT, clock_monotonic() + h->clean_after);
  return 0;
}

/* A linked run's ROTA_STATE is copied there by the supervisor that needs it first: `state_from` of the launch. */
static int op_prepare(struct executor *e, const char *run_id, const char *from_run_id, const char *const *state_keys,
                      size_t state_keys_len) {
  (void)e, (void)run_id, (void)from_run_id, (void)state_keys, (void)state_keys_len;
  return ERR_CONFLICT;
}

/* Lets go of everything; the host itself belongs to hosts.c. */
static void op_free(struct executor *e) {
  struct host *h = (struct host *)e;
  if (!e || h->closing) return;
  h->closing = true;
  uv_timer_stop(&h->timer);
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    if (!a->over) host_attempt_abandon(h, a);
  }
  link_free(h->link);
  h->link = NULL;
  h->up = false;
  for (size_t i = 0; i < h->starts.len; i++) host_attempt_unuse(h, h->starts.items[i]);
  for (size_t i = 0; i < h->hints.len; i++) host_attempt_unuse(h, h->hints.items[i]);
  h->starts.len = h->hints.len = 0;
  host_asks_release(h);
}

static const struct executor_ops ops = {.start = op_start,
                                        .adopt = op_adopt,
                                        .stop = op_stop,
                                        .fence = op_fence,
                                        .clear = op_clear,
                                        .sweep = op_sweep,
                                        .prepare = op_prepare,
                                        .free = op_free};

/* ---- its life ---- */

static int64_t time_of(unsigned ms, unsigned normally) {
  return (int64_t)(ms ? ms : normally) * USEC_PER_MS;
}

struct host *host_new(const struct host_shared *shared, const char *name, executor_report_fn *report, void *ctx) {
  struct host *h = alloc_new(struct host);
  const struct hosts_trial *t = &shared->trial;
  h->base = (struct executor){.ops = &ops, .report = report, .ctx = ctx};
  h->shared = shared;
  h->options.name = arena_strdup(&h->arena, name);
  h->disk_free = h->disk_size = -1;
  h->disk_at = INSTANT_NONE;
  h->blip = time_of(t->blip_ms, BLIP_MS);
  h->poll_every = h->poll_fastest = time_of(t->poll_ms, POLL_MS);
  h->look_watched = time_of(t->look_ms, LOOK_MS);
  h->look_unwatched = h->poll_fastest;
  h->look_every = h->look_next = h->look_unwatched;
  h->clean_after = time_of(t->clean_ms, CLEAN_MS);
  for (int i = 0; i < HOST_DUE_COUNT; i++) h->due[i] = INT64_MAX;
  uv_timer_init(shared->loop, &h->timer);
  h->timer.data = h;
  return h;
}

static bool text_same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool options_same(const struct host_options *a, const struct host_options *b) {
  return text_same(a->ssh, b->ssh) && text_same(a->identity, b->identity) && text_same(a->jump, b->jump) &&
         text_same(a->known_hosts, b->known_hosts) && text_same(a->passphrase_file, b->passphrase_file) &&
         text_same(a->passphrase_env, b->passphrase_env) && text_same(a->root, b->root) &&
         a->accept_new == b->accept_new && a->transport == b->transport;
}

static void options_copy(struct arena *a, struct host_options *to, const struct host_options *from) {
  const char *const *in[] = {&from->name,        &from->ssh,  &from->identity,        &from->jump,
                             &from->known_hosts, &from->root, &from->passphrase_file, &from->passphrase_env};
  *to = *from;
  const char **out[] = {&to->name,        &to->ssh,  &to->identity,        &to->jump,
                        &to->known_hosts, &to->root, &to->passphrase_file, &to->passphrase_env};
  for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) *out[i] = *in[i] ? arena_strdup(a, *in[i]) : NULL;
}

static void link_begin(struct host *h) {
  const struct host_shared *s = h->shared;
  h->link = link_new(&(struct link_options){.loop = s->loop,
                                            .host = &h->options,
                                            .state_dir = s->state_dir,
                                            .state_id = s->state_id,
                                            .gate = s->gate,
                                            .connect = s->trial.connect ? s->trial.connect : transport_new,
                                            .times = s->trial.times,
                                            .events = &link_events,
                                            .ctx = h});
}

/* No callback comes any more from what was asked: it is as if the answer to each were unknown. */
static void link_end(struct host *h) {
  if (!h->link) return;
  if (h->up) contact_lost(h);
  link_free(h->link);
  h->link = NULL;
  host_asks_release(h);
  for (size_t i = 0; i < h->remnants.len; i++) ((struct host_remnant *)h->remnants.entries[i].value)->asked = false;
}

void host_take_options(struct host *h, const struct host_options *options) {
  h->configured = true;
  if (h->link && options_same(&h->options, options)) return;
  link_end(h);
  struct arena arena = {0};
  struct host_options copy;
  options_copy(&arena, &copy, options);
  arena_release(&h->arena);
  h->arena = arena;
  h->options = copy;
  link_begin(h);
}

void host_retire(struct host *h) {
  h->configured = false;
  if (!needed(h)) link_end(h);
}

void host_dispose(struct host *h) {
  op_free(&h->base);
  for (struct host_attempt *a = h->attempts.all, *next; a; a = next) {
    next = a->next;
    a->uses = 0;
    host_ending_drop(a);
    host_attempts_settle(&h->attempts, a);
  }
  for (size_t i = 0; i < h->remnants.len; i++) host_remnant_free(h->remnants.entries[i].value);
  vec_release(&h->cleanings);
  vec_release(&h->starts);
  vec_release(&h->hints);
  map_release(&h->remnants);
  map_release(&h->doubtful);
  free(h->place);
  free(h->boot);
  free(h->machine);
  free(h->contact_text);
  arena_release(&h->arena);
  free(h);
}
