#include "scheduler/daemon/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "scheduler/spec/config.h"

struct fleet {
  struct fleet_options o;
  char *state_dir, *state_id;
  struct hosts *hosts; /* NULL until the configuration names one */
  struct map names;    /* all that were ever configured: one that is gone may still have tasks */
  bool adopted;
};

/* The two lists say the same in the words of two rooms that don't know each other. */
static const enum host_contact contacts[] = {
    [CONTACT_UP] = HOST_CONTACT_UP,
    [CONTACT_CONNECTING] = HOST_CONTACT_CONNECTING,
    [CONTACT_UNREACHABLE] = HOST_CONTACT_UNREACHABLE,
    [CONTACT_REFUSED] = HOST_CONTACT_REFUSED,
};

static const char *copied(struct arena *a, const char *text) {
  return text ? arena_strdup(a, text) : NULL;
}

static void on_news(void *ctx, const struct host_news *news) {
  struct fleet *f = ctx;
  struct inbox *in = core_inbox(f->o.core);
  struct arena *a = inbox_arena(in);
  const struct host_facts *facts = news->facts;
  struct engine_host *e = &inbox_add(in, ENGINE_HOST)->host;
  e->host = arena_strdup(a, news->host);
  e->contact = contacts[news->contact];
  e->text = copied(a, news->text);
  e->booted_at = facts ? facts->booted_at : INSTANT_NONE;
  if (!facts) return;
  e->machine = copied(a, facts->machine);
  e->boot = copied(a, facts->boot);
  e->facts = copied(a, facts->json);
}

static struct executor *find(void *ctx, const char *host) {
  struct fleet *f = ctx;
  return f->hosts ? hosts_executor(f->hosts, host) : NULL;
}

static void each(void *ctx, void (*call)(void *arg, struct executor *e), void *arg) {
  struct fleet *f = ctx;
  for (size_t i = 0; i < f->names.len; i++) {
    struct executor *e = find(f, f->names.entries[i].key);
    if (e) call(arg, e);
  }
}

struct fleet *fleet_new(const struct fleet_options *options) {
  struct fleet *f = alloc_new(struct fleet);
  f->o = *options;
  f->state_dir = alloc_strdup(options->state_dir);
  f->state_id = alloc_strdup(options->state_id);
  const struct core_places places = {.ctx = f, .find = find, .each = each};
  core_set_places(options->core, &places);
  return f;
}

static enum host_transport transport_of(const struct config_host *h) {
  static const char *const words[] = {
#define X(name, word) [HOST_TRANSPORT_##name] = word,
      HOST_TRANSPORT_LIST(X)
#undef X
  };
  for (size_t i = 0; h->transport && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(h->transport, words[i]) == 0) return (enum host_transport)i;
  return HOST_TRANSPORT_AUTO;
}

static struct host_options options_of(const struct config_host *h) {
  return (struct host_options){.name = h->name,
                               .ssh = h->ssh,
                               .identity = h->identity,
                               .jump = h->jump,
                               .known_hosts = h->known_hosts,
                               .passphrase_file = h->passphrase_file,
                               .passphrase_env = h->passphrase_env,
                               .accept_new = h->accept_new,
                               .root = h->root ? h->root : "~/.rota",
                               .transport = transport_of(h)};
}

bool fleet_host_options(const struct config *config, const char *host, struct host_options *out) {
  int index = config_host(config, host);
  if (index < 0 || !config->hosts[index].ssh) return false;
  *out = options_of(&config->hosts[index]);
  return true;
}

static bool hosts_made(struct fleet *f) {
  const struct hosts_options options = {.loop = f->o.loop,
                                        .state_dir = f->state_dir,
                                        .state_id = f->state_id,
                                        .report = core_report,
                                        .report_ctx = f->o.core,
                                        .news = on_news,
                                        .news_ctx = f};
  int err = 0;
  if (!f->hosts) f->hosts = hosts_new(&options, &err);
  if (!f->hosts) LOG(LOG_ERROR, "no host can be reached: a reload tries again", {"reason", err_text(err)});
  return f->hosts != NULL;
}

/* A host that was taken away and is back may have been connected all the while: nobody tells of it, and the engine
 * has forgotten. */
static void tell_contact(struct fleet *f, const char *host) {
  struct host_view view;
  if (!hosts_view(f->hosts, host, &view)) return;
  const struct host_news news = {.host = host, .contact = view.contact, .text = view.text};
  on_news(f, &news);
}

void fleet_configure(struct fleet *f, const struct config *config) {
  VEC(struct host_options) hosts = {0};
  VEC(const char *) back = {0};
  for (size_t i = 0; i < config->hosts_len; i++)
    if (config->hosts[i].ssh) vec_push(&hosts, options_of(&config->hosts[i]));
  if ((hosts.len > 0 || f->hosts) && hosts_made(f)) {
    for (size_t i = 0; i < hosts.len; i++) {
      const char *name = hosts.items[i].name;
      if (f->adopted && !hosts_executor(f->hosts, name)) vec_push(&back, name);
      map_put(&f->names, name, NULL);
    }
    hosts_configure(f->hosts, hosts.items, hosts.len);
    for (size_t i = 0; i < back.len; i++) core_adopt_place(f->o.core, back.items[i]);
    for (size_t i = 0; i < hosts.len && f->adopted; i++) tell_contact(f, hosts.items[i].name);
  }
  vec_release(&hosts);
  vec_release(&back);
}

void fleet_adopted(struct fleet *f) {
  f->adopted = true;
}

bool fleet_view(const struct fleet *f, const char *host, struct host_view *out) {
  return f && f->hosts && hosts_view(f->hosts, host, out);
}

void fleet_check(struct fleet *f, const char *host) {
  if (f->hosts) hosts_check(f->hosts, host);
}

static void let_go(void *arg, struct executor *e) {
  (void)arg;
  e->ops->free(e);
}

void fleet_free(struct fleet *f) {
  if (!f) return;
  const struct core_places none = {0};
  core_set_places(f->o.core, &none);
  each(f, let_go, NULL);
  hosts_free(f->hosts);
  map_release(&f->names);
  free(f->state_dir);
  free(f->state_id);
  free(f);
}
