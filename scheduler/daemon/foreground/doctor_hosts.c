/* `rota doctor HOST` where no daemon runs: hosts of the configuration examined in this process, all at once. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/examination.h"
#include "scheduler/daemon/fleet.h"
#include "scheduler/spec/config.h"

#define AT_ONCE  32
#define STATE_ID "doctor" /* names the directory on the host that a visit makes and removes */

struct visits_here {
  const struct doctor_hosts_options *options;
  const struct config *config;
  uv_loop_t loop;
  VEC(const char *) hosts;
  size_t next;
};

struct visit_here {
  struct visits_here *all;
  const char *host;
};

static void visit_next(struct visits_here *all);

static void on_examined(void *ctx, const struct doctor_check *checks, size_t len) {
  struct visit_here *visit = ctx;
  struct visits_here *all = visit->all;
  struct buf text = {0};
  examination_json(visit->host, clock_now(), checks, len, &text);
  all->options->examined(all->options->ctx, buf_cstr(&text), text.len);
  buf_release(&text);
  free(visit);
  visit_next(all);
}

static void visit_next(struct visits_here *all) {
  struct host_options host;
  if (all->next == all->hosts.len) return;
  struct visit_here *visit = alloc_new(struct visit_here);
  *visit = (struct visit_here){.all = all, .host = all->hosts.items[all->next++]};
  fleet_host_options(all->config, visit->host, &host);
  doctor_run(&all->loop, &host, all->config->state, STATE_ID, on_examined, visit);
}

static bool asked_for(const struct doctor_hosts_options *o, const char *name) {
  if (o->name) return strcmp(o->name, name) == 0;
  return !o->pattern || fnmatch(o->pattern, name, 0) == 0;
}

static void choose(struct visits_here *all) {
  const struct config *config = all->config;
  for (size_t i = 0; i < config->hosts_len; i++) {
    const struct config_host *h = &config->hosts[i];
    if (h->ssh && asked_for(all->options, h->name)) vec_push(&all->hosts, h->name);
  }
}

int daemon_doctor_hosts(const struct doctor_hosts_options *options) {
  struct visits_here all = {.options = options};
  struct config *config = daemon_config(&options->places);
  if (!config) return EXIT_USAGE;
  all.config = config;
  choose(&all);
  if (options->name && all.hosts.len == 0) {
    fprintf(stderr, "rota: no daemon answers, and %s has no host '%s' over SSH; --config names another file\n",
            config->file ? config->file : "the configuration, which is the default one,", options->name);
    config_free(config);
    return EXIT_USAGE;
  }
  int err = uv_loop_init(&all.loop);
  if (err) {
    fprintf(stderr, "rota: the loop can't be made: %s\n", uv_strerror(err));
    vec_release(&all.hosts);
    config_free(config);
    return EXIT_FAILED;
  }
  for (int i = 0; i < AT_ONCE; i++) visit_next(&all);
  uv_run(&all.loop, UV_RUN_DEFAULT);
  uv_loop_close(&all.loop);
  vec_release(&all.hosts);
  config_free(config);
  return EXIT_OK;
}
