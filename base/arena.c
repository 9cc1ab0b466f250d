#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define BLOCK_MIN 1024
#define BLOCK_MAX (256 * 1024)
#define KEPT_MAX  (64 * 1024) /* over a reset */

struct arena_block {
  struct arena_block *next;
  size_t cap, len;
  alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t cap) {
  struct arena_block *block = alloc_bytes(sizeof *block + cap);
  *block = (struct arena_block){.cap = cap};
  return block;
}

/* The room at the end of a block, or NULL if it isn't enough. */
static void *block_take(struct arena_block *block, size_t size, size_t align) {
  size_t from = (block->len + align - 1) & ~(align - 1);
  if (from > block->cap || block->cap - from < size) return NULL;
  block->len = from + size;
  return block->bytes + from;
}

static void *block_take_new(struct arena *a, size_t size) {
  if (a->head && size > BLOCK_MAX / 4) {
    /* A large one gets a block of its own behind the head, whose remaining room stays in use. */
    struct arena_block *own = block_new(size);
    own->next = a->head->next;
    a->head->next = own;
    return block_take(own, size, 1);
  }
  /* As much again as has been handed out: at most half of it lies idle in an arena that stays, like a pipeline's. */
  size_t cap = a->used;
  if (cap < BLOCK_MIN) cap = BLOCK_MIN;
  if (cap > BLOCK_MAX) cap = BLOCK_MAX;
  if (cap < size) cap = size;
  struct arena_block *block = block_new(cap);
  block->next = a->head;
  a->head = block;
  return block_take(block, size, 1);
}

/* Not zeroed. */
static void *room_take(struct arena *a, size_t size, size_t align) {
  assert(size <= SIZE_MAX / 4);
  void *room = a->head ? block_take(a->head, size, align) : NULL;
  if (!room) room = block_take_new(a, size);
  a->used += size;
  return room;
}

void *arena_alloc(struct arena *a, size_t size) {
  if (size == 0) size = 1; /* no two are the same */
  return memset(room_take(a, size, alignof(max_align_t)), 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size) {
  size_t total;
  bool overflow = __builtin_mul_overflow(count, size, &total);
  assert(!overflow);
  (void)overflow;
  return arena_alloc(a, total);
}

char *arena_strdup(struct arena *a, const char *text) {
  return arena_strndup(a, text, strlen(text));
}

char *arena_strndup(struct arena *a, const char *text, size_t len) {
  char *copy = room_take(a, len + 1, 1);
  if (len) memcpy(copy, text, len);
  copy[len] = '\0';
  return copy;
}

char *arena_join(struct arena *a, const char *const *texts, size_t count) {
  size_t len = 0;
  for (size_t i = 0; i < count; i++) len += strlen(texts[i]);
  char *text = room_take(a, len + 1, 1), *at = text;
  *text = '\0'; /* of no texts */
  for (size_t i = 0; i < count; i++) at = stpcpy(at, texts[i]);
  return text;
}

char *arena_fmt(struct arena *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vfmt(a, format, args);
  va_end(args);
  return text;
}

char *arena_vfmt(struct arena *a, const char *format, va_list args) {
  char first[256]; /* most fit, and are written once */
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(first, sizeof first, format, args);
  assert(len >= 0);
  char *text = room_take(a, (size_t)len + 1, 1);
  if ((size_t)len < sizeof first)
    memcpy(text, first, (size_t)len + 1);
  else
    vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}

static void blocks_free(struct arena_block *block) {
  while (block) {
    struct arena_block *next = block->next;
    free(block);
    block = next;
  }
}

void arena_release(struct arena *a) {
  blocks_free(a->head);
  *a = (struct arena){0};
}

void arena_reset(struct arena *a) {
  size_t used = a->used;
  a->used = 0;
  if (!a->head) return;
  if (!a->head->next && a->head->cap <= BLOCK_MAX) {
    a->head->len = 0;
    return;
  }
  /* One block that has room for as much again: else each use would need as many as this one. */
  size_t cap = BLOCK_MIN;
  while (cap < used && cap < KEPT_MAX) cap *= 2;
  arena_release(a);
  a->head = block_new(cap);
}
