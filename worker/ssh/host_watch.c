/* What is seen of attempts: by looks, by hints of the FIFO, by the answers to stops. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "worker/ssh/host.h"

#define CLAIM_GRACE (3 * USEC_PER_SEC)  /* how long a supervisor may take to claim before another is made */
#define LOOK_SOON   (2 * USEC_PER_SEC)  /* from a start to the first look at what runs there */
#define STOP_GRACE  (20 * USEC_PER_SEC) /* beyond the task's own grace, until a stop is repeated */

/* ---- what an answer says ---- */

static void running_seen(struct host *h, struct host_attempt *a, const struct ops_answer *seen) {
  host_report_reachable(h, a);
  if (seen->started_uptime_us >= 0 || a->started) {
    a->state = HOST_ATTEMPT_RUNNING;
    host_attempt_launch_drop(a);
    host_report_started(h, a, seen->pid > 0 ? seen->pid : -1, link_instant(h->link, seen->started_uptime_us));
  } else if (a->state != HOST_ATTEMPT_LAUNCHED) {
    a->state = HOST_ATTEMPT_LAUNCHED; /* claimed, and its process isn't there yet */
    a->launched_at = clock_monotonic();
  }
  host_poll_soon(h);
  if (a->stop_wanted) host_stop_send(h, a);
}

static void launched_seen(struct host *h, struct host_attempt *a) {
  if (a->state != HOST_ATTEMPT_ASKED) return;
  a->state = HOST_ATTEMPT_LAUNCHED;
  a->launched_at = clock_monotonic();
  host_poll_soon(h);
  if (a->stop_wanted) host_stop_send(h, a);
}

/* Nobody has it. Whoever was sent before meets the claim of what is sent now. */
static void unclaimed_seen(struct host *h, struct host_attempt *a) {
  if (a->started) {
    host_end_lost(h, a, "its directory on the host was emptied while it ran");
  } else if (a->state == HOST_ATTEMPT_LAUNCHED && clock_monotonic() - a->launched_at < CLAIM_GRACE &&
             !a->stop_wanted) {
    return; /* its supervisor is on its way */
  } else if (a->launch || a->stop_wanted || a->fencing) {
    host_start_go(h, a);
  } else {
    host_report_not_started(h, a, ERR_NOT_FOUND, "it was never started");
  }
}

/* Below another root nothing can be seen of it, and nothing is known. */
static bool moved_away(struct host *h, struct host_attempt *a) {
  if (!a->record.place || !h->place || strcmp(a->record.place, h->place) == 0) return false;
  if (a->unreachable) return true;
  char *text = alloc_fmt("it was started in %s of %s, which is now %s: another machine answers there, or `root` was "
                         "changed; nothing is known of the attempt until that is undone",
                         a->record.place, h->options.name, h->place);
  host_report_unreachable(h, a, text);
  free(text);
  return true;
}

static void missing_seen(struct host *h, struct host_attempt *a) {
  if (moved_away(h, a)) return;
  if (a->started)
    host_end_lost(h, a, "its directory on the host was removed");
  else
    unclaimed_seen(h, a);
}

static void elsewhere_seen(struct host *h, struct host_attempt *a, const struct ops_answer *seen) {
  if (a->unreachable) return;
  char *text = alloc_fmt("another machine (%s) has claimed it; only that one can tell", seen->text);
  host_report_unreachable(h, a, text);
  free(text);
}

static void fenced_seen(struct host *h, struct host_attempt *a) {
  if (a->tries > 1 && !a->stop_wanted)
    host_report_last(h, a, REPORT_FENCED, 0, "its supervisors ended before they claimed it");
  else
    host_report_last(h, a, REPORT_FENCED, 0, "it was fenced before it started");
}

void host_seen(struct host *h, struct host_attempt *a, int64_t asked_at, const struct ops_answer *seen) {
  bool settled = a->state >= HOST_ATTEMPT_ENDING;
  bool asked_of = a->state >= HOST_ATTEMPT_ASKED;
  bool overtaken = a->started && a->started_at >= asked_at; /* the answer may be from before it had the claim */
  if (a->over || settled || !asked_of) return;
  if (overtaken && (seen->state == OPS_UNCLAIMED || seen->state == OPS_MISSING)) return;
  switch (seen->state) {
  case OPS_LAUNCHED: launched_seen(h, a); break;
  case OPS_RUNNING: running_seen(h, a, seen); break;
  case OPS_ENDED:
  case OPS_DEAD: host_end_hint(h, a); break;
  case OPS_FENCED: fenced_seen(h, a); break;
  case OPS_UNCLAIMED: unclaimed_seen(h, a); break;
  case OPS_MISSING: missing_seen(h, a); break;
  case OPS_GONE: host_report_last(h, a, REPORT_LOST, 0, "it had been cleaned away on the host"); break;
  case OPS_ELSEWHERE: elsewhere_seen(h, a, seen); break;
  default: break; /* an answer to something else */
  }
}

/* ---- looks ---- */

static void look_answered(struct host_ask *q, const struct answer *a) {
  if (a->end != ANSWER_CAME) return;
  for (size_t i = 1; i < a->len; i++) {
    struct ops_answer seen;
    const struct section *s = &a->sections[i];
    if (ops_read_answer(s->words, s->body, s->len, &seen) != 0) continue;
    struct host_attempt *at = host_attempts_find(&q->host->attempts, seen.attempt);
    if (at) host_seen(q->host, at, q->sent_at, &seen);
  }
}

static void look_send(struct host_ask *q) {
  const char **ids = host_ask_ids(q);
  ops_look(&q->text, q->nonce, ids, q->len);
  free(ids);
  host_ask_send(q, ASK_CONTROL, 0, NULL);
}

static bool look_wanted(const struct host_attempt *a, enum host_look_at what) {
  if (a->over || a->hinted) return false;
  if (a->state == HOST_ATTEMPT_UNKNOWN) return what != HOST_LOOK_LAUNCHED;
  if (a->state == HOST_ATTEMPT_LAUNCHED) return what != HOST_LOOK_UNKNOWN;
  return a->state == HOST_ATTEMPT_RUNNING && what == HOST_LOOK_ALL;
}

void host_look(struct host *h, enum host_look_at what) {
  struct host_ask *q = NULL;
  if (!host_is_up(h)) return;
  for (struct host_attempt *a = h->attempts.all; a; a = a->next) {
    if (!look_wanted(a, what)) continue;
    if (!q) q = host_ask_new(h, look_answered);
    host_ask_about(q, a);
    if (q->len < OPS_LOOK_MAX) continue;
    look_send(q);
    q = NULL;
  }
  if (q) look_send(q);
  if (h->attempts.len == 0) return;
  host_due(h, HOST_DUE_LOOK, clock_monotonic() + h->look_next);
  h->look_next = h->look_next * 3 / 2 < h->look_every ? h->look_next * 3 / 2 : h->look_every;
}

/* Something began: a hint that is lost costs seconds for what is short, and long ones are looked at seldom. */
void host_look_soon(struct host *h) {
  h->look_next = h->look_every < LOOK_SOON ? h->look_every : LOOK_SOON;
  host_due(h, HOST_DUE_LOOK, clock_monotonic() + h->look_next);
}

/* ---- hints ---- */

void host_event(struct host *h, const char *line, size_t len) {
  struct ops_event e;
  if (ops_read_event(line, len, &e) != 0) return;
  struct host_attempt *a = host_attempts_find(&h->attempts, e.attempt);
  if (!a || a->state < HOST_ATTEMPT_ASKED || a->state >= HOST_ATTEMPT_ENDING) return;
  if (e.ended) {
    host_end_hint(h, a);
    return;
  }
  const struct ops_answer seen = {.state = OPS_RUNNING, .pid = e.pid, .started_uptime_us = e.uptime_us};
  running_seen(h, a, &seen);
}

/* ---- stops ---- */

static void stop_answered(struct host_ask *q, const struct answer *a) {
  struct host_attempt *at = q->attempts[0];
  struct ops_error error;
  if (at->over || !host_answer_good(a, &error) || a->len < 2) return; /* repeated when it's due */
  struct ops_answer seen;
  const struct section *s = &a->sections[1];
  if (ops_read_answer(s->words, s->body, s->len, &seen) != 0) return;
  if (seen.state != OPS_TOLD && seen.state != OPS_RUNNING) host_seen(q->host, at, q->sent_at, &seen);
}

/* Sent once for each wish, and again when it should have had its effect. */
void host_stop_send(struct host *h, struct host_attempt *a) {
  int64_t now = clock_monotonic();
  bool harder = a->stop_now && !a->stop_told_now;
  if (a->stop_at > now && !harder) return;
  struct host_ask *q = host_ask_new(h, stop_answered);
  host_ask_about(q, a);
  a->stop_told_now = a->stop_now;
  a->stop_at = now + STOP_GRACE + (a->stop_now ? 0 : a->grace);
  ops_stop(&q->text, q->nonce, a->id, a->stop_now ? 0 : a->grace);
  host_ask_send(q, ASK_CONTROL, 0, NULL);
  host_due(h, HOST_DUE_STOP, a->stop_at);
}

void host_stops(struct host *h) {
  int64_t now = clock_monotonic();
  if (!host_is_up(h)) return; /* each is looked at when the contact is back */
  for (struct host_attempt *a = h->attempts.all; a; a = a->next) {
    bool lives = a->state == HOST_ATTEMPT_LAUNCHED || a->state == HOST_ATTEMPT_RUNNING;
    if (a->over || !a->stop_wanted || !lives) continue;
    if (a->stop_at <= now)
      host_stop_send(h, a);
    else
      host_due(h, HOST_DUE_STOP, a->stop_at);
  }
}
