/* A host's connection over time: made, kept, lost and made again, for ever; and what is asked of the host over it.
 *
 *   waiting --> (a place at the gate) --> connecting --> shell --> hello --> install --> up
 *      ^---------------------------------------'-----------'---------'----------'---------'   whatever fails
 *
 * Contact, as people see it: `connecting` at first and after a loss; `up`; `unreachable` when a try failed on the way
 * (tried again after 1 s to 60 s); `refused` when trying is no use before somebody did something (1 to 15 min, and
 * at once by link_check). `since` is when that began: for a host that was up, the loss.
 *
 * A request belongs to one connection. When that is lost each gets its callback: ANSWER_UNKNOWN if a byte of it may
 * have left, else ANSWER_NOT_SENT; asked while it isn't up it's ANSWER_NOT_SENT too. Nothing is sent again by itself,
 * and no answer of a former connection is ever handed on.
 *
 * A shell that doesn't answer in time, or not understandably, costs the whole connection. An idle one is asked for
 * the host's uptime each 30 s, which also keeps servers from closing the channel; a busy one each two minutes.
 *
 * All on the loop's thread; nothing blocks. Callbacks come from the loop, never from within a call here; they may
 * call anything here, link_free too. Everything that is given is copied unless it says otherwise.
 */
#ifndef ROTA_WORKER_SSH_LINK_LINK_H
#define ROTA_WORKER_SSH_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/instant.h"
#include "worker/ssh/link/gate.h"
#include "worker/ssh/link/shell.h"
#include "worker/ssh/remote/ops.h"

/* In the order of HOST_CONTACT_LIST (worker/ssh/hosts.h). */
enum link_contact { LINK_UP, LINK_CONNECTING, LINK_UNREACHABLE, LINK_REFUSED };

struct link_events {
  /* The contact or its text changed. `text` is NULL if it is up, else a sentence with what to do. When it is up,
   * link_hello has what the host said; every attempt there should be looked at. After a loss this comes when each
   * request of the connection had its callback. */
  void (*contact)(void *ctx, enum link_contact contact, const char *text);
  /* Once for each boot of the host that is met. */
  void (*facts)(void *ctx, const struct ops_facts *facts);
  /* A line of the FIFO, without its LF: ops_read_event. A hint: it may be missing, late or come twice. */
  void (*event)(void *ctx, const char *line, size_t len);
  /* Whether lines come now. While they don't, ends have to be polled for; when they come again something may have
   * been missed. False at first; not called when the contact ends. */
  void (*watching)(void *ctx, bool watching);
};

struct link_times {                    /* ms; 0 is the default */
  unsigned back_off_min, back_off_max; /* 1000, 60000: unreachable */
  unsigned late_min, late_max;         /* 60000, 900000: refused */
  unsigned steady;                     /* 30000: up for so long the back-off begins anew */
  unsigned idle;                       /* 30000: without a request, until the no-op */
  unsigned start;                      /* 15000: the login */
  unsigned limit;                      /* OPS_DEADLINE_MS: a request that says nothing else */
  unsigned watch_min, watch_max;       /* 1000, 30000: until the watch is opened again */
  unsigned bulk_min, bulk_max;         /* 1000, 30000: until a refused bulk channel is tried again */
  unsigned side;                       /* 10000: without a bulk, until a further connection is closed */
};

struct link_options {
  uv_loop_t *loop;
  const struct host_options *host;
  const char *state_dir, *state_id;
  struct gate *gate;                                                       /* borrowed: outlives the link */
  struct transport *(*connect)(const struct transport_options *transport); /* transport_new, but for tests */
  struct link_times times;
  const struct link_events *events; /* borrowed */
  void *ctx;
};

struct link;

/* Begins to connect. */
struct link *link_new(const struct link_options *options);
/* No callback comes any more, from requests and bulks neither; bulks are freed with it. Everything is closed at once,
 * the memory is given back when the loop has turned. Accepts NULL. */
void link_free(struct link *l);
/* Connects now, whatever the back-off says; a link that is up is asked for a sign of life. */
void link_check(struct link *l);

enum link_contact link_contact(const struct link *l);
instant link_since(const struct link *l);
const char *link_text(const struct link *l);              /* NULL if it is up */
const struct ops_hello *link_hello(const struct link *l); /* NULL unless it is up */
unsigned link_generation(const struct link *l);           /* of the present connection, or of the last */
int64_t link_round_trip_us(const struct link *l);         /* of a small request, lately; -1 unknown */
const char *link_transport(const struct link *l);         /* "libssh2", "openssh"; NULL without a connection */
const char *link_address(const struct link *l);           /* as resolved, or as configured */
const char *link_noise(const struct link *l);             /* what the login printed; "" for nothing */
bool link_watching(const struct link *l);

/* When the host's /proc/uptime was `uptime_us`, by this machine's clock as it is set now. INSTANT_NONE if it was
 * never up. Good to half a round trip. */
instant link_instant(const struct link *l, int64_t uptime_us);

/* Asks the control shell. `raw` must be false. */
void link_ask(struct link *l, const struct ask *ask);
/* No callback comes any more for requests with this ctx; those not yet written are never sent. */
void link_forget(struct link *l, const void *ctx);

/* A request on a channel of its own, beside the control shell: for raw bytes, and for what takes long. At most
 * LINK_BULKS of them run at a time, the others wait their turn. A server that refuses another channel (MaxSessions)
 * is asked again later, and those that wait meanwhile get up to three further connections, one each. The owner frees
 * each, at any moment; that closes its channel.
 *
 *   asked --> (turn, channel, bootstrap) --> answer --> data or writing --> end */
#define LINK_BULKS 6

enum bulk_kind {
  BULK_READ,  /* ops_read, ops_get: after the answer bytes come until the end */
  BULK_WRITE, /* ops_put: after the answer bytes are written, then bulk_finish; the end is the host's close */
  BULK_ASK    /* any request that the control shell could be asked: the answer is the end */
};

enum bulk_how {
  BULK_DONE,    /* orderly. A read came to its end: compare the size, a cut can't be told from it */
  BULK_ERROR,   /* the answer's rc wasn't 0: `answer` has it */
  BULK_LOST,    /* the connection or the channel, at any stage, or the request's time was over */
  BULK_NOT_SENT /* the link isn't up, or no channel was to be had for minutes */
};

struct bulk_end { /* valid during the callback */
  enum bulk_how how;
  const struct answer *answer; /* ERROR, and DONE of a BULK_ASK; else NULL */
  const char *text;            /* a sentence; NULL for DONE */
};

struct bulk_events {
  void (*answer)(void *ctx, const struct answer *a);      /* READ, WRITE: rc 0; what follows are bytes */
  void (*data)(void *ctx, const char *bytes, size_t len); /* READ */
  void (*drained)(void *ctx);                             /* WRITE: less than CHANNEL_LOW waits */
  void (*end)(void *ctx, const struct bulk_end *end);     /* the last one; the bulk is still to be freed */
};

struct bulk_options {
  enum bulk_kind kind;
  const char *nonce;                /* as in the text */
  struct buf *text;                 /* taken */
  unsigned limit_ms;                /* until the answer; 0: as for any request */
  bool hasty;                       /* NOT_SENT at once where the server refuses another channel */
  const struct bulk_events *events; /* borrowed */
  void *ctx;
};

struct bulk;

struct bulk *link_bulk(struct link *l, const struct bulk_options *options);
/* The server has just refused another channel. */
bool link_is_crowded(const struct link *l);
void bulk_write(struct bulk *b, const void *bytes, size_t len); /* after `answer` */
size_t bulk_waiting(const struct bulk *b);
void bulk_finish(struct bulk *b);
void bulk_pause(struct bulk *b, bool paused); /* no `data` while paused */
/* Before link_free, or not at all after it. Accepts NULL. */
void bulk_free(struct bulk *b);

#endif
