/* The files that go to the host before a start, and come back after a success. */
#include "base/err.h"
#include "worker/ssh/host.h"
#include "worker/ssh/transfer.h"

#define SEND_AGAIN (2 * USEC_PER_SEC)

void host_files_drop(struct host *h, struct host_attempt *a) {
  if (!a->transfer) return;
  transfer_free(a->transfer);
  a->transfer = NULL;
  host_attempt_unuse(h, a);
}

static void begin(struct host *h, struct host_attempt *a, const struct transfer_options *what,
                  void (*done)(void *ctx, int err, const char *text)) {
  struct transfer_options o = *what;
  o.link = h->link;
  o.crew = h->shared->crew;
  o.lane = HOST_LANE_FILES;
  o.state_dir = h->shared->state_dir;
  o.run_id = a->run_id;
  o.attempt_id = a->id;
  o.done = done;
  o.ctx = a;
  host_attempt_use(a);
  a->transfer = transfer_new(&o);
}

/* What can't be sent for another reason than the user's is tried again while the host is up. */
static void on_sent(void *ctx, int err, const char *text) {
  struct host_attempt *a = ctx;
  struct host *h = a->host;
  host_attempt_use(a);
  if (err == ERR_INVALID) {
    host_end_failed(h, a, "send", text ? text : "its files can't be sent");
  } else if (!err) {
    a->files_sent = true;
    a->state = HOST_ATTEMPT_READY;
  } else {
    a->state = HOST_ATTEMPT_READY;
    host_due(h, HOST_DUE_STARTS, clock_monotonic() + SEND_AGAIN);
  }
  host_files_drop(h, a);
  if (!err) host_start_go(h, a);
  host_attempt_unuse(h, a);
}

void host_files_send(struct host *h, struct host_attempt *a) {
  a->state = HOST_ATTEMPT_SENDING;
  if (a->transfer) return;
  begin(h, a,
        &(struct transfer_options){.direction = TRANSFER_SEND,
                                   .files = a->launch->send,
                                   .len = a->launch->send_len,
                                   .source_dir = a->launch->source_dir},
        on_sent);
}

static void on_fetched(void *ctx, int err, const char *text) {
  struct host_attempt *a = ctx;
  struct host *h = a->host;
  host_attempt_use(a);
  host_end_fetched(h, a, err && err != ERR_INVALID,
                   err == ERR_INVALID ? (text ? text : "its files can't be fetched") : NULL);
  host_files_drop(h, a);
  host_attempt_unuse(h, a);
}

void host_files_fetch(struct host *h, struct host_attempt *a) {
  a->state = HOST_ATTEMPT_FETCHING;
  if (a->transfer) return;
  begin(h, a,
        &(struct transfer_options){.direction = TRANSFER_FETCH, .files = a->record.fetch, .len = a->record.fetch_len},
        on_fetched);
}
