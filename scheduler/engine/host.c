#include "scheduler/engine/host.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/engine/emit.h"
#include "scheduler/engine/remnant.h"

struct host *host_find(const struct engine *e, const char *name) {
  for (size_t i = 0; i < e->hosts.len; i++)
    if (strcmp(e->hosts.items[i]->name, name) == 0) return e->hosts.items[i];
  return NULL;
}

struct host *host_or_gone(struct engine *e, const char *name) {
  struct host *h = host_find(e, name);
  if (h) return h;
  h = alloc_new(struct host);
  h->name = alloc_strdup(name);
  h->row.name = h->name;
  h->row.contact = h->settled = HOST_CONTACT_CONNECTING;
  h->row.order_at = h->row.since = h->row.booted_at = h->row.doctor_at = h->settled_since = INSTANT_NONE;
  vec_push(&e->hosts, h);
  return h;
}

void host_free(struct host *h) {
  const char **texts[] = {&h->row.order_reason, &h->row.order_by, &h->row.text,
                          &h->row.machine,      &h->row.boot,     &h->row.facts};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) row_text_set(texts[i], NULL);
  free(h->name);
  free(h);
}

static void contact_set(struct engine *e, struct host *h, enum host_contact contact) {
  h->row.contact = contact;
  h->row.since = e->stepped ? e->now.wall : INSTANT_NONE;
  e->relabel = true;
}

void host_configure(struct engine *e, struct host *h, const struct config_host *c) {
  bool asked = h->config && h->config->ssh;
  h->config = c;
  h->max_tasks = c ? c->max_tasks : 0;
  if (c && !c->ssh) {
    row_text_set(&h->row.text, NULL);
    h->row.contact = h->settled = HOST_CONTACT_UP;
    h->row.since = INSTANT_NONE;
  } else if (!asked) {
    row_text_set(&h->row.text, NULL);
    contact_set(e, h, HOST_CONTACT_CONNECTING);
  }
  e->relabel = true;
}

void host_restore(struct engine *e, const struct host_row *row) {
  struct host *h = host_or_gone(e, row->name);
  h->row.order = row->order;
  h->row.order_at = row->order_at;
  row_text_set(&h->row.order_reason, row->order_reason);
  row_text_set(&h->row.order_by, row->order_by);
  row_text_set(&h->row.machine, row->machine);
  row_text_set(&h->row.boot, row->boot);
  row_text_set(&h->row.facts, row->facts);
  h->row.booted_at = row->booted_at;
  if (host_is_here(h)) return;
  h->settled = row->contact;
  h->settled_since = row->since;
  h->row.contact = HOST_CONTACT_CONNECTING;
  h->row.since = row->contact == HOST_CONTACT_CONNECTING ? row->since : e->now.wall;
}

/* ---- may tasks start there? ---- */

bool host_is_here(const struct host *h) {
  return h->config && !h->config->ssh;
}

bool host_answers(const struct host *h) {
  return h->config && h->row.contact == HOST_CONTACT_UP && h->row.order != HOST_ORDER_DOWN;
}

bool host_open(const struct host *h) {
  return host_answers(h) && h->row.order == HOST_ORDER_UP && h->remnants == 0;
}

void host_time(struct buf *out, instant t, instant now) {
  struct civil c = civil_from_instant(t, 0), today = civil_from_instant(now, 0);
  if (c.day != today.day || c.month != today.month || c.year != today.year)
    buf_fmt(out, "%04d-%02d-%02d ", c.year, c.month, c.day);
  buf_fmt(out, "%02d:%02d:%02d UTC", c.hour, c.minute, c.second);
}

static void add_since(const struct engine *e, instant since, struct buf *out) {
  if (since == INSTANT_NONE) return;
  buf_str(out, " since ");
  host_time(out, since, e->now.wall);
}

static void explain_order(const struct engine *e, const struct host *h, struct buf *out) {
  bool down = h->row.order == HOST_ORDER_DOWN;
  buf_fmt(out, "host %s was %s", h->name, down ? "declared down" : "drained");
  if (h->row.order_by) buf_fmt(out, " by %s", h->row.order_by);
  if (h->row.order_at != INSTANT_NONE) {
    buf_str(out, " at ");
    host_time(out, h->row.order_at, e->now.wall);
  }
  buf_fmt(out, ": %s", h->row.order_reason ? h->row.order_reason : "no reason was given");
}

static void explain_contact(const struct engine *e, const struct host *h, struct buf *out) {
  static const char *const says[HOST_CONTACTS] = {
      [HOST_CONTACT_UP] = "answers",
      [HOST_CONTACT_CONNECTING] = "is being connected",
      [HOST_CONTACT_UNREACHABLE] = "is unreachable",
      [HOST_CONTACT_REFUSED] = "is refused",
  };
  buf_fmt(out, "host %s %s", h->name, says[h->row.contact]);
  add_since(e, h->row.since, out);
  if (h->row.text) buf_fmt(out, ": %s", h->row.text);
}

void host_explain(const struct engine *e, const struct host *h, struct buf *out) {
  if (!h->config)
    buf_fmt(out, "host %s isn't in the configuration any more", h->name);
  else if (h->row.order != HOST_ORDER_UP)
    explain_order(e, h, out);
  else if (h->row.contact != HOST_CONTACT_UP)
    explain_contact(e, h, out);
  else if (h->remnants)
    buf_fmt(out, "waits for host %s: what may be left of %s is being ended there first", h->name,
            remnant_first(e, h)->row.what);
}

/* ---- news and orders ---- */

/* A try to connect is no contact of its own: what comes back as it was has been so since before it, and what was up
 * has been lost since the try began. */
static void take_contact(struct engine *e, struct host *h, enum host_contact contact, const char *text) {
  enum host_contact before = h->row.contact;
  if (contact == before && (text ? h->row.text && strcmp(text, h->row.text) == 0 : !h->row.text)) return;
  row_text_set(&h->row.text, text);
  mark_host(e, h);
  if (contact == before) return;
  instant tried_since = h->row.since;
  contact_set(e, h, contact);
  if (contact == HOST_CONTACT_CONNECTING) return;
  if (before == HOST_CONTACT_CONNECTING && contact == h->settled)
    h->row.since = h->settled_since;
  else if (before == HOST_CONTACT_CONNECTING && h->settled == HOST_CONTACT_UP && tried_since != INSTANT_NONE)
    h->row.since = tried_since;
  if (contact != h->settled || h->settled_since == INSTANT_NONE)
    emit_host_event(e, h, NULL, NULL, host_contact_word(contact), text);
  if (h->row.since == INSTANT_NONE) h->row.since = e->now.wall;
  h->settled = contact;
  h->settled_since = h->row.since;
}

static bool differs(const char *a, const char *b) {
  return a && b ? strcmp(a, b) != 0 : a != b;
}

static void take_facts(struct engine *e, struct host *h, const struct engine_host *n) {
  bool machine = differs(h->row.machine, n->machine), boot = differs(h->row.boot, n->boot);
  if (!machine && !boot && !differs(h->row.facts, n->facts)) return;
  if (machine && h->row.machine)
    emit_host_event(e, h, NULL, NULL, "replaced", "another machine answers at its address");
  else if (boot && h->row.boot)
    emit_host_event(e, h, NULL, NULL, "rebooted", NULL);
  row_text_set(&h->row.machine, n->machine);
  row_text_set(&h->row.boot, n->boot);
  row_text_set(&h->row.facts, n->facts);
  h->row.booted_at = n->booted_at;
  mark_host(e, h);
  emit_host_boot(e, &h->row);
}

void host_news(struct engine *e, const struct engine_host *n) {
  struct host *h = host_find(e, n->host);
  if (!h) return;
  if (!host_is_here(h)) take_contact(e, h, n->contact, n->contact == HOST_CONTACT_UP ? NULL : n->text);
  if (n->machine) take_facts(e, h, n);
}

void host_order_set(struct engine *e, struct host *h, enum host_order order, const char *reason, const char *by) {
  h->row.order = order;
  h->row.order_at = e->now.wall;
  row_text_set(&h->row.order_reason, reason);
  row_text_set(&h->row.order_by, by);
  mark_host(e, h);
  emit_host_event(e, h, NULL, NULL, order == HOST_ORDER_UP ? "ordered up" : host_order_word(order), reason);
  e->relabel = true;
}
