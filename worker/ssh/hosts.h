/* All hosts over SSH, for the daemon: their connections, what is known of each, and an executor for each.
 *
 * Every configured host is kept connected. A host's contact is `connecting` at first and after a loss, `up` once its
 * shell answered, `unreachable` when it doesn't answer (tried again with jittered back-off, for ever), `refused` when
 * trying again is no use before a person has done something (an unknown or changed key, no way to log in, a shell
 * that doesn't come up, no Linux): then it is tried again now and then, and at once after host_check or a reload.
 *
 * All calls and callbacks are on the loop's thread; nothing here blocks it. Callbacks never come from within a call.
 */
#ifndef ROTA_WORKER_SSH_HOSTS_H
#define ROTA_WORKER_SSH_HOSTS_H

#include <uv.h>

#include "base/instant.h"
#include "worker/executor.h"
#include "worker/ssh/host_options.h"

#define HOST_CONTACT_LIST(X)                                                                                         \
  X(UP, "up")                                                                                                        \
  X(CONNECTING, "connecting")                                                                                        \
  X(UNREACHABLE, "unreachable")                                                                                      \
  X(REFUSED, "refused")

enum contact {
#define X(name, word) CONTACT_##name,
  HOST_CONTACT_LIST(X)
#undef X
};

/* What is recorded of a host once for each boot of it. */
struct host_facts {
  const char *machine, *boot; /* its ids; "-" where the system has none */
  instant booted_at;          /* by this machine's clock */
  const char *json;           /* an object: kernel, os, cpus, memory_kb, user, shell, root, driver, gpus, ... */
};

struct host_news { /* valid during the callback */
  const char *host;
  enum contact contact;
  const char *text;               /* in words, with what to do; NULL if it is up */
  const struct host_facts *facts; /* NULL while there is nothing new to record */
};

struct hosts_trial;

struct hosts_options {
  uv_loop_t *loop;
  const char *state_dir; /* absolute */
  const char *state_id;  /* of the database: names the directories on the hosts */
  executor_report_fn *report;
  void *report_ctx;
  void (*news)(void *ctx, const struct host_news *news);
  void *news_ctx;
  const struct hosts_trial *trial; /* NULL, but in tests: copied */
};

struct host_view {       /* strings are borrowed until the loop turns */
  const char *transport; /* in use, or NULL */
  const char *address;   /* user@address:port as resolved, or as written */
  enum contact contact;
  instant since;
  const char *text;
  int64_t disk_free, disk_size; /* bytes, -1 unknown */
  instant disk_at;
  int64_t round_trip_us; /* of the last request; -1 unknown */
};

struct hosts;

struct hosts *hosts_new(const struct hosts_options *options, int *err);
/* The hosts that there are now. One whose settings changed is connected anew; one that is gone stays until its
 * attempts have ended. Everything is copied. */
void hosts_configure(struct hosts *h, const struct host_options *hosts, size_t len);
/* NULL if there is none of that name. Its `free` op lets go of the attempts; the host itself belongs to `h`. */
struct executor *hosts_executor(struct hosts *h, const char *name);
bool hosts_view(struct hosts *h, const char *name, struct host_view *out);
/* Tries to connect now, whatever the back-off says. */
void hosts_check(struct hosts *h, const char *name);
/* The handles are closed when the loop has turned; executors must have been freed. Accepts NULL. */
void hosts_free(struct hosts *h);

#endif
