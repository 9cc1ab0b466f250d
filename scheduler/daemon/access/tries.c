#include "scheduler/daemon/access/tries.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/instant.h"

#define WINDOW USEC_PER_MIN

struct tried {
  int64_t at[TRIES_MAX]; /* a ring of the last ones; 0: none */
  int next;
};

static void network_of(const char *address, char out[INET6_ADDRSTRLEN + 4]) {
  struct in6_addr six;
  bool is_six = inet_pton(AF_INET6, address, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six);
  if (is_six) {
    memset(six.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &six, out, INET6_ADDRSTRLEN);
  } else {
    snprintf(out, INET6_ADDRSTRLEN + 4, "%s", address);
  }
}

void tries_release(struct tries *t) {
  for (size_t i = 0; i < t->by_address.len; i++) free(t->by_address.entries[i].value);
  map_release(&t->by_address);
}

/* The oldest that is remembered is where the ring goes on. */
int tries_wait_s(const struct tries *t, const char *address, int64_t now) {
  char network[INET6_ADDRSTRLEN + 4];
  network_of(address, network);
  const struct tried *x = map_get(&t->by_address, network);
  if (!x || !x->at[x->next]) return 0;
  int64_t left = x->at[x->next] + WINDOW - now;
  return left > 0 ? (int)((left + USEC_PER_SEC - 1) / USEC_PER_SEC) : 0;
}

static int64_t last_of(const struct tried *x) {
  return x->at[(x->next + TRIES_MAX - 1) % TRIES_MAX];
}

static void forget_one(struct tries *t) {
  size_t oldest = 0;
  for (size_t i = 1; i < t->by_address.len; i++) {
    const struct tried *x = t->by_address.entries[i].value, *best = t->by_address.entries[oldest].value;
    if (last_of(x) < last_of(best)) oldest = i;
  }
  free(map_remove(&t->by_address, t->by_address.entries[oldest].key));
}

bool tries_count(struct tries *t, const char *address, int64_t now) {
  char network[INET6_ADDRSTRLEN + 4];
  network_of(address, network);
  struct tried *x = map_get(&t->by_address, network);
  if (!x) {
    if (t->by_address.len >= TRIES_ADDRESSES) forget_one(t);
    x = alloc_new(struct tried);
    map_put(&t->by_address, network, x);
  }
  x->at[x->next] = now ? now : 1;
  x->next = (x->next + 1) % TRIES_MAX;
  return tries_wait_s(t, address, now) > 0;
}
