#include "scheduler/store/quarantine.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/vec.h"

#define CRUMB_FILE   "rota.crumb"
#define CRASHES_FILE "rota.crashes"
#define CRUMB_SIZE   512 /* always written whole, so that a full disk needn't give room */
#define CRASHES_MAX  (64 * 1024)
#define DECISION     "decision "
#define SIGNALS      (sizeof crashes / sizeof crashes[0])

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

struct crashed {
  int count;
  char *what; /* "pipeline nightly 4f1c..." */
};

struct quarantine {
  char *dir;
  int crumb; /* -1: it can't be written */
  bool entered;
  char now[CRUMB_SIZE]; /* what is being taken up */
  VEC(struct crashed) list;
  atomic_size_t held, known; /* of the list: left aside, and all */
  pthread_mutex_t lock;      /* of the list */

  pid_t thread;              /* that decides; 0: none says so */
  char deciding[CRUMB_SIZE]; /* "decision 01J...", or empty */
  struct sigaction former[SIGNALS];
};

static const char *const kinds[] = {
#define X(name, word) word,
    QUARANTINE_LIST(X)
#undef X
};

/* A line feed in an id would end its line. */
static void write_name(char out[CRUMB_SIZE], enum quarantine_kind kind, const char *id) {
  snprintf(out, CRUMB_SIZE, "%s %.*s", kinds[kind], QUARANTINE_ID_MAX, id);
  for (char *c = out; *c; c++)
    if (*c == '\n') *c = ' ';
}

static void crumb_write(struct quarantine *q) {
  char bytes[CRUMB_SIZE] = {0};
  if (q->crumb < 0) return;
  if (q->entered) snprintf(bytes, sizeof bytes, "%s", q->now);
  (void)!pwrite(q->crumb, bytes, sizeof bytes, 0);
}

/* ---- a crash ---- */

/* A signal's handler is given no context; this is what it must know. */
static struct quarantine *_Atomic crashing;

/* Nothing but calls that are safe within a handler. Then it is the turn of whoever was there before. */
static void on_crash(int number) {
  const struct quarantine *q = crashing;
  if (q && q->crumb >= 0 && q->deciding[0] && gettid() == q->thread)
    (void)!pwrite(q->crumb, q->deciding, sizeof q->deciding, 0);
  const struct sigaction none = {.sa_handler = SIG_DFL};
  sigaction(number, &none, NULL);
  for (size_t i = 0; q && i < SIGNALS; i++)
    if (crashes[i] == number) sigaction(number, &q->former[i], NULL);
  raise(number);
}

void quarantine_on_crash(struct quarantine *q) {
  struct sigaction action = {.sa_handler = on_crash};
  if (!q || crashing) return;
  q->thread = gettid();
  crashing = q;
  for (size_t i = 0; i < SIGNALS; i++) sigaction(crashes[i], &action, &q->former[i]);
}

static void no_crash(struct quarantine *q) {
  if (crashing != q) return;
  for (size_t i = 0; i < SIGNALS; i++) sigaction(crashes[i], &q->former[i], NULL);
  crashing = NULL;
}

void quarantine_decide(struct quarantine *q, const char *run_id) {
  if (!q) return;
  q->deciding[0] = '\0';
  if (!run_id) return;
  size_t len = strnlen(run_id, QUARANTINE_ID_MAX);
  memcpy(q->deciding + sizeof DECISION - 1, run_id, len);
  memset(q->deciding + sizeof DECISION - 1 + len, 0, 1);
  memcpy(q->deciding, DECISION, sizeof DECISION - 1);
}

/* ---- the list ---- */

static struct crashed *find(const struct quarantine *q, const char *what) {
  for (size_t i = 0; i < q->list.len; i++)
    if (strcmp(q->list.items[i].what, what) == 0) return &q->list.items[i];
  return NULL;
}

static void list_write(struct quarantine *q) {
  struct buf text = {0};
  size_t held = 0;
  char *path = path_join(q->dir, CRASHES_FILE);
  buf_str(&text, ROTA_VERSION "\n");
  for (size_t i = 0; i < q->list.len; i++) {
    buf_fmt(&text, "%d %s\n", q->list.items[i].count, q->list.items[i].what);
    held += q->list.items[i].count >= QUARANTINE_CRASHES;
  }
  if (q->list.len)
    file_write(path, text.bytes, text.len, 0600, false);
  else
    unlink(path);
  atomic_store(&q->held, held);
  atomic_store(&q->known, q->list.len);
  buf_release(&text);
  free(path);
}

static void list_read(struct quarantine *q) {
  struct buf text = {0};
  char *path = path_join(q->dir, CRASHES_FILE), *rest = NULL;
  int err = file_read(path, CRASHES_MAX, &text);
  char *line = err ? NULL : strtok_r(text.bytes, "\n", &rest);
  if (line && strcmp(line, ROTA_VERSION) == 0) {
    while ((line = strtok_r(NULL, "\n", &rest))) {
      struct crashed item = {.count = (int)strtol(line, &line, 10)};
      if (item.count < 1 || *line != ' ') continue;
      item.what = alloc_strdup(line + 1);
      vec_push(&q->list, item);
    }
  }
  buf_release(&text);
  free(path);
}

/* What the former life was at when it ended. */
static void count_crash(struct quarantine *q) {
  char bytes[CRUMB_SIZE] = {0};
  ssize_t n = q->crumb < 0 ? 0 : pread(q->crumb, bytes, sizeof bytes - 1, 0);
  if (n <= 0 || !bytes[0]) return;
  struct crashed *known = find(q, bytes);
  if (known) {
    known->count++;
  } else {
    struct crashed item = {.count = 1, .what = alloc_strdup(bytes)};
    vec_push(&q->list, item);
  }
}

struct quarantine *quarantine_open(const char *dir) {
  struct quarantine *q = alloc_new(struct quarantine);
  char *path = path_join(dir, CRUMB_FILE);
  q->dir = alloc_strdup(dir);
  pthread_mutex_init(&q->lock, NULL);
  q->crumb = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  free(path);
  list_read(q);
  count_crash(q);
  list_write(q);
  crumb_write(q);
  return q;
}

void quarantine_close(struct quarantine *q) {
  if (!q) return;
  no_crash(q);
  quarantine_leave(q);
  if (q->crumb >= 0) close(q->crumb);
  for (size_t i = 0; i < q->list.len; i++) free(q->list.items[i].what);
  vec_release(&q->list);
  pthread_mutex_destroy(&q->lock);
  free(q->dir);
  free(q);
}

/* ---- taking something up ---- */

bool quarantine_holds(struct quarantine *q, enum quarantine_kind kind, const char *id) {
  char what[CRUMB_SIZE];
  if (!q || atomic_load(&q->held) == 0) return false;
  write_name(what, kind, id);
  pthread_mutex_lock(&q->lock);
  const struct crashed *item = find(q, what);
  bool holds = item && item->count >= QUARANTINE_CRASHES;
  pthread_mutex_unlock(&q->lock);
  return holds;
}

/* Takes off the list all that begins so, up to its end or a blank. */
static void drop(struct quarantine *q, const char *what, size_t len) {
  size_t before = q->list.len;
  pthread_mutex_lock(&q->lock);
  for (size_t i = q->list.len; i-- > 0;) {
    char *item = q->list.items[i].what;
    if (strncmp(item, what, len) != 0 || (item[len] != '\0' && item[len] != ' ')) continue;
    free(item);
    vec_swap_remove(&q->list, i);
  }
  if (q->list.len < before) list_write(q);
  pthread_mutex_unlock(&q->lock);
}

/* Other texts of the same pipeline are bygone too. */
static void gone_well(struct quarantine *q) {
  if (!q->entered) return;
  q->entered = false;
  const char *space = strchr(q->now, ' '), *second = strchr(space + 1, ' ');
  if (atomic_load(&q->known)) drop(q, q->now, second ? (size_t)(second - q->now) : strlen(q->now));
}

void quarantine_forget(struct quarantine *q, enum quarantine_kind kind, const char *id) {
  char what[CRUMB_SIZE];
  if (!q || atomic_load(&q->known) == 0) return;
  write_name(what, kind, id);
  drop(q, what, strlen(what));
}

void quarantine_enter(struct quarantine *q, enum quarantine_kind kind, const char *id) {
  if (!q) return;
  gone_well(q);
  write_name(q->now, kind, id);
  q->entered = true;
  crumb_write(q);
}

void quarantine_leave(struct quarantine *q) {
  if (!q || !q->entered) return;
  gone_well(q);
  crumb_write(q);
}

size_t quarantine_len(const struct quarantine *q) {
  return q ? atomic_load(&q->held) : 0;
}

/* The hash of a text says nothing to a person. */
void quarantine_list(struct quarantine *q, struct buf *out) {
  if (!q) return;
  pthread_mutex_lock(&q->lock);
  for (size_t i = 0; i < q->list.len; i++) {
    const char *what = q->list.items[i].what, *space = strchr(what, ' ');
    const char *second = space ? strchr(space + 1, ' ') : NULL;
    if (q->list.items[i].count < QUARANTINE_CRASHES) continue;
    if (strncmp(what, DECISION, sizeof DECISION - 1) == 0)
      buf_fmt(out, "%s %s\n", kinds[QUARANTINE_RUN], space + 1);
    else
      buf_fmt(out, "%.*s\n", second ? (int)(second - what) : (int)strlen(what), what);
  }
  pthread_mutex_unlock(&q->lock);
}
