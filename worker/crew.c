#include "worker/crew.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

#define LANE_STACK_SIZE (256 * 1024)

struct queue {
  struct job *head, **tail;
};

struct lane {
  struct crew *crew;
  pthread_t thread;
  pthread_cond_t news;
  struct queue todo; /* under the crew's lock */
  bool idle;
};

struct crew {
  pthread_mutex_t lock;
  struct queue done; /* under the lock */
  atomic_bool closing;
  struct lane lanes[CREW_LANES_MAX];
  int lane_count;
  uv_async_t wake;
  void (*closed)(void *ctx);
  void *closed_ctx;
};

static void queue_init(struct queue *q) {
  q->head = NULL;
  q->tail = &q->head;
}

static void queue_add(struct queue *q, struct job *j) {
  j->next = NULL;
  *q->tail = j;
  q->tail = &j->next;
}

static void queue_add_first(struct queue *q, struct job *j) {
  j->next = q->head;
  if (!q->head) q->tail = &j->next;
  q->head = j;
}

static struct job *queue_take(struct queue *q) {
  struct job *j = q->head;
  if (j) q->head = j->next;
  if (!q->head) q->tail = &q->head;
  return j;
}

static void *lane_run(void *arg) {
  struct lane *lane = arg;
  struct crew *c = lane->crew;
  if (lane->idle) setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
  pthread_mutex_lock(&c->lock);
  while (!c->closing) {
    struct job *j = queue_take(&lane->todo);
    if (!j) {
      pthread_cond_wait(&lane->news, &c->lock);
      continue;
    }
    pthread_mutex_unlock(&c->lock);
    j->run(j);
    pthread_mutex_lock(&c->lock);
    queue_add(&c->done, j);
    uv_async_send(&c->wake);
  }
  pthread_mutex_unlock(&c->lock);
  return NULL;
}

static void drain_done(struct crew *c) {
  pthread_mutex_lock(&c->lock);
  struct job *j = c->done.head;
  queue_init(&c->done);
  pthread_mutex_unlock(&c->lock);
  while (j) {
    struct job *next = j->next;
    j->done(j, false);
    j = next;
  }
}

static void on_wake(uv_async_t *wake) {
  drain_done(wake->data);
}

static int lane_start(struct crew *c, int i, bool idle) {
  struct lane *lane = &c->lanes[i];
  *lane = (struct lane){.crew = c, .idle = idle};
  queue_init(&lane->todo);
  pthread_cond_init(&lane->news, NULL);
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, LANE_STACK_SIZE);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&lane->thread, &attr, lane_run, lane);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  if (!failed) c->lane_count++;
  return failed ? ERR_AGAIN : 0;
}

struct crew *crew_new(uv_loop_t *loop, int lanes, int idle_lane, int *err) {
  assert(lanes > 0 && lanes <= CREW_LANES_MAX);
  struct crew *c = alloc_new(struct crew);
  if (uv_async_init(loop, &c->wake, on_wake)) {
    free(c);
    *err = ERR_AGAIN;
    return NULL;
  }
  c->wake.data = c;
  pthread_mutex_init(&c->lock, NULL);
  queue_init(&c->done);
  for (int i = 0; i < lanes; i++) {
    *err = lane_start(c, i, i == idle_lane);
    if (!*err) continue;
    crew_free(c, NULL, NULL);
    return NULL;
  }
  return c;
}

void crew_submit(struct crew *c, int lane, struct job *j, bool first) {
  assert(lane < c->lane_count && !c->closing);
  pthread_mutex_lock(&c->lock);
  (first ? queue_add_first : queue_add)(&c->lanes[lane].todo, j);
  pthread_cond_signal(&c->lanes[lane].news);
  pthread_mutex_unlock(&c->lock);
}

bool crew_closing(const struct crew *c) {
  return c->closing;
}

static void on_closed(uv_handle_t *wake) {
  struct crew *c = wake->data;
  void (*closed)(void *ctx) = c->closed;
  void *ctx = c->closed_ctx;
  pthread_mutex_destroy(&c->lock);
  free(c);
  if (closed) closed(ctx);
}

void crew_free(struct crew *c, void (*closed)(void *ctx), void *ctx) {
  pthread_mutex_lock(&c->lock);
  c->closing = true;
  for (int i = 0; i < c->lane_count; i++) pthread_cond_signal(&c->lanes[i].news);
  pthread_mutex_unlock(&c->lock);
  for (int i = 0; i < c->lane_count; i++) {
    pthread_join(c->lanes[i].thread, NULL);
    pthread_cond_destroy(&c->lanes[i].news);
  }
  drain_done(c);
  for (int i = 0; i < c->lane_count; i++) {
    for (struct job *j; (j = queue_take(&c->lanes[i].todo)) != NULL;) j->done(j, true);
  }
  c->closed = closed;
  c->closed_ctx = ctx;
  uv_close((uv_handle_t *)&c->wake, on_closed);
}
