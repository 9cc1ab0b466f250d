#include "worker/ssh/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "worker/ssh/host.h"

struct hosts {
  struct host_shared shared;
  executor_report_fn *report;
  void *report_ctx;
  struct map by_name;
  int closing; /* timers and the crew, still open after hosts_free */
};

_Static_assert((int)CONTACT_REFUSED == (int)LINK_REFUSED && (int)CONTACT_UP == (int)LINK_UP,
               "a contact is the link's");

struct hosts *hosts_new(const struct hosts_options *options, int *err) {
  struct hosts *hs = alloc_new(struct hosts);
  struct host_shared *s = &hs->shared;
  s->crew = crew_new(options->loop, HOST_LANE_COUNT, -1, err);
  if (!s->crew) {
    free(hs);
    return NULL;
  }
  s->loop = options->loop;
  s->state_dir = alloc_strdup(options->state_dir);
  s->state_id = alloc_strdup(options->state_id);
  s->gate = gate_new(options->loop, 0);
  s->news = options->news;
  s->news_ctx = options->news_ctx;
  if (options->trial) s->trial = *options->trial;
  hs->report = options->report;
  hs->report_ctx = options->report_ctx;
  return hs;
}

static bool named(const struct host_options *hosts, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++) {
    if (strcmp(hosts[i].name, name) == 0) return true;
  }
  return false;
}

void hosts_configure(struct hosts *hs, const struct host_options *hosts, size_t len) {
  for (size_t i = 0; i < hs->by_name.len; i++) {
    struct host *h = hs->by_name.entries[i].value;
    if (!named(hosts, len, h->options.name)) host_retire(h);
  }
  for (size_t i = 0; i < len; i++) {
    struct host *h = map_get(&hs->by_name, hosts[i].name);
    if (!h) {
      h = host_new(&hs->shared, hosts[i].name, hs->report, hs->report_ctx);
      map_put(&hs->by_name, hosts[i].name, h);
    }
    host_take_options(h, &hosts[i]);
    /* What was refused may have been mended where the configuration only points to: a key, a known_hosts. */
    if (h->link && link_contact(h->link) == LINK_REFUSED) link_check(h->link);
  }
}

struct executor *hosts_executor(struct hosts *hs, const char *name) {
  struct host *h = map_get(&hs->by_name, name);
  return h ? &h->base : NULL;
}

bool hosts_view(struct hosts *hs, const char *name, struct host_view *out) {
  const struct host *h = map_get(&hs->by_name, name);
  if (!h || !h->link) return false;
  *out = (struct host_view){.transport = link_transport(h->link),
                            .address = link_address(h->link),
                            .contact = (enum contact)link_contact(h->link),
                            .since = link_since(h->link),
                            .text = link_text(h->link),
                            .disk_free = h->disk_free,
                            .disk_size = h->disk_size,
                            .disk_at = h->disk_at,
                            .round_trip_us = link_round_trip_us(h->link)};
  return true;
}

void hosts_check(struct hosts *hs, const char *name) {
  const struct host *h = map_get(&hs->by_name, name);
  if (h && h->link) link_check(h->link);
}

static void part_closed(struct hosts *hs) {
  if (--hs->closing > 0) return;
  for (size_t i = 0; i < hs->by_name.len; i++) host_dispose(hs->by_name.entries[i].value);
  map_release(&hs->by_name);
  gate_free(hs->shared.gate);
  free(hs->shared.state_dir);
  free(hs->shared.state_id);
  free(hs);
}

static void timer_closed(uv_handle_t *handle) {
  const struct host *h = handle->data;
  part_closed((struct hosts *)(uintptr_t)h->shared); /* the first member */
}

static void crew_closed(void *ctx) {
  part_closed(ctx);
}

void hosts_free(struct hosts *hs) {
  if (!hs) return;
  hs->closing = 1 + (int)hs->by_name.len;
  for (size_t i = 0; i < hs->by_name.len; i++) {
    struct host *h = hs->by_name.entries[i].value;
    h->base.ops->free(&h->base);
    uv_close((uv_handle_t *)&h->timer, timer_closed);
  }
  crew_free(hs->shared.crew, crew_closed, hs);
}
