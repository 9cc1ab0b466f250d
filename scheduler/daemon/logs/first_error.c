#include "scheduler/daemon/logs/first_error.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* How a text must stand in its line. */
enum {
  ANY_CASE = 1,
  WORD = 2,  /* no letter, digit or _ on either side */
  BEGIN = 4, /* first of the line, but for blanks */
  LABEL = 8  /* a level, not a word of a sentence: first, or behind a date or bracket; or followed by `:` or `]` */
};

struct rule {
  const char *text;
  enum error_kind kind;
  int rank;
  unsigned flags;
};

#define TRACEBACK      "Traceback (most recent call last)"
#define RANK_EXCEPTION 3

/* The order doesn't matter: of several in one line the highest rank wins, then the longest. */
static const struct rule rules[] = {
    {"CUDA out of memory", ERROR_KIND_GPU_MEMORY, 4, ANY_CASE},
    {"CUDA error: out of memory", ERROR_KIND_GPU_MEMORY, 4, ANY_CASE},
    {"CUDA_ERROR_OUT_OF_MEMORY", ERROR_KIND_GPU_MEMORY, 4, 0},
    {"HIP out of memory", ERROR_KIND_GPU_MEMORY, 4, ANY_CASE},
    {"CUBLAS_STATUS_ALLOC_FAILED", ERROR_KIND_GPU_MEMORY, 4, 0},
    {"OOM when allocating tensor", ERROR_KIND_GPU_MEMORY, 4, 0},
    {"java.lang.OutOfMemoryError", ERROR_KIND_MEMORY, 4, 0},
    {"MemoryError", ERROR_KIND_MEMORY, 4, WORD},
    {"std::bad_alloc", ERROR_KIND_MEMORY, 4, 0},
    {"Cannot allocate memory", ERROR_KIND_MEMORY, 4, ANY_CASE},
    {"cannot allocate vector of size", ERROR_KIND_MEMORY, 4, 0},
    {"fatal error: runtime: out of memory", ERROR_KIND_MEMORY, 4, 0},
    {"memory allocation of", ERROR_KIND_MEMORY, 4, BEGIN},
    {"JavaScript heap out of memory", ERROR_KIND_MEMORY, 4, 0},
    {"Out of memory", ERROR_KIND_MEMORY, 3, ANY_CASE},
    {"oom-kill", ERROR_KIND_MEMORY, 4, ANY_CASE},
    {"OOMKilled", ERROR_KIND_MEMORY, 4, 0},
    {"Killed", ERROR_KIND_MEMORY, 3, BEGIN | WORD},
    {": Killed", ERROR_KIND_MEMORY, 3, WORD},
    {" Killed  ", ERROR_KIND_MEMORY, 3, 0},
    {"No space left on device", ERROR_KIND_DISK_FULL, 4, ANY_CASE},
    {"Disk quota exceeded", ERROR_KIND_DISK_FULL, 4, ANY_CASE},
    {"database or disk is full", ERROR_KIND_DISK_FULL, 4, ANY_CASE},
    {"Segmentation fault", ERROR_KIND_CRASH, 4, ANY_CASE},
    {"SIGSEGV", ERROR_KIND_CRASH, 4, WORD},
    {"Bus error", ERROR_KIND_CRASH, 4, WORD},
    {"Illegal instruction", ERROR_KIND_CRASH, 4, 0},
    {"Floating point exception", ERROR_KIND_CRASH, 4, 0},
    {"double free or corruption", ERROR_KIND_CRASH, 4, 0},
    {"AddressSanitizer: ", ERROR_KIND_CRASH, 4, 0},
    {"Aborted (core dumped)", ERROR_KIND_CRASH, 3, 0},
    {"ModuleNotFoundError", ERROR_KIND_MODULE, 4, WORD},
    {"ImportError", ERROR_KIND_MODULE, 4, WORD},
    {"No module named", ERROR_KIND_MODULE, 4, 0},
    {"error while loading shared libraries", ERROR_KIND_MODULE, 4, 0},
    {"there is no package called", ERROR_KIND_MODULE, 4, 0},
    {"ClassNotFoundException", ERROR_KIND_MODULE, 4, 0},
    {"NoClassDefFoundError", ERROR_KIND_MODULE, 4, 0},
    {"Cannot find module", ERROR_KIND_MODULE, 4, 0},
    {"SyntaxError", ERROR_KIND_SYNTAX, 4, WORD},
    {"IndentationError", ERROR_KIND_SYNTAX, 4, WORD},
    {"syntax error near unexpected token", ERROR_KIND_SYNTAX, 4, 0},
    {"unexpected EOF while looking for matching", ERROR_KIND_SYNTAX, 4, 0},
    {"panicked at", ERROR_KIND_PANIC, 4, 0},
    {"panic: ", ERROR_KIND_PANIC, 4, BEGIN},
    {"fatal error: all goroutines are asleep", ERROR_KIND_PANIC, 4, 0},
    {"Assertion `", ERROR_KIND_PANIC, 4, 0},
    {"Kernel panic", ERROR_KIND_PANIC, 4, 0},
    {"Exception in thread \"", ERROR_KIND_EXCEPTION, 3, 0},
    {"terminate called after throwing", ERROR_KIND_EXCEPTION, 3, 0},
    {"Uncaught exception", ERROR_KIND_EXCEPTION, 3, ANY_CASE},
    {"Unhandled exception", ERROR_KIND_EXCEPTION, 3, ANY_CASE},
    {"UnhandledPromiseRejection", ERROR_KIND_EXCEPTION, 3, 0},
    {"Uncaught Error", ERROR_KIND_EXCEPTION, 3, 0},
    {"Error in ", ERROR_KIND_EXCEPTION, 3, BEGIN},
    {"ERROR: LoadError", ERROR_KIND_EXCEPTION, 3, 0},
    {"TypeError: ", ERROR_KIND_EXCEPTION, 3, WORD | BEGIN},
    {"ReferenceError: ", ERROR_KIND_EXCEPTION, 3, WORD | BEGIN},
    {"command not found", ERROR_KIND_COMMAND, 3, 0},
    {": not found", ERROR_KIND_COMMAND, 2, 0},
    {"executable file not found", ERROR_KIND_COMMAND, 3, 0},
    {"Exec format error", ERROR_KIND_COMMAND, 3, 0},
    {"bad interpreter", ERROR_KIND_COMMAND, 3, 0},
    {"Permission denied", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"PermissionError", ERROR_KIND_PERMISSION, 3, WORD},
    {"Operation not permitted", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"Access denied", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"AccessDenied", ERROR_KIND_PERMISSION, 3, 0},
    {"Read-only file system", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"Authentication failed", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"password authentication failed", ERROR_KIND_PERMISSION, 3, ANY_CASE},
    {"401 Unauthorized", ERROR_KIND_PERMISSION, 2, ANY_CASE},
    {"403 Forbidden", ERROR_KIND_PERMISSION, 2, ANY_CASE},
    {"No such file or directory", ERROR_KIND_NO_FILE, 3, ANY_CASE},
    {"FileNotFoundError", ERROR_KIND_NO_FILE, 3, WORD},
    {"cannot open the connection", ERROR_KIND_NO_FILE, 2, 0},
    {"Connection refused", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"ConnectionRefusedError", ERROR_KIND_NETWORK, 2, WORD},
    {"Connection reset by peer", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"Connection timed out", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"Operation timed out", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"timed out after", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"No route to host", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"Network is unreachable", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"Could not resolve host", ERROR_KIND_NETWORK, 2, ANY_CASE},
    {"Temporary failure in name resolution", ERROR_KIND_NETWORK, 2, 0},
    {"Name or service not known", ERROR_KIND_NETWORK, 2, 0},
    {"getaddrinfo ENOTFOUND", ERROR_KIND_NETWORK, 2, 0},
    {"ECONNREFUSED", ERROR_KIND_NETWORK, 2, WORD},
    {"ETIMEDOUT", ERROR_KIND_NETWORK, 2, WORD},
    {"Host key verification failed", ERROR_KIND_NETWORK, 3, 0},
    {"NCCL error", ERROR_KIND_NETWORK, 2, 0},
    {"Too many open files", ERROR_KIND_LIMIT, 4, ANY_CASE},
    {"Resource temporarily unavailable", ERROR_KIND_LIMIT, 3, ANY_CASE},
    {"Argument list too long", ERROR_KIND_LIMIT, 4, ANY_CASE},
    {"File too large", ERROR_KIND_LIMIT, 3, WORD},
    {": error: ", ERROR_KIND_BUILD, 3, 0},
    {": fatal error: ", ERROR_KIND_BUILD, 3, 0},
    {"undefined reference to", ERROR_KIND_BUILD, 3, 0},
    {"error[E", ERROR_KIND_BUILD, 3, BEGIN},
    {"make: *** ", ERROR_KIND_BUILD, 1, BEGIN},
    {"ninja: build stopped", ERROR_KIND_BUILD, 1, BEGIN},
    {"npm ERR!", ERROR_KIND_BUILD, 2, BEGIN},
    {"npm error", ERROR_KIND_BUILD, 2, BEGIN},
    {"CMake Error", ERROR_KIND_BUILD, 3, BEGIN},
    {"BUILD FAILURE", ERROR_KIND_BUILD, 1, 0},
    {"fatal: ", ERROR_KIND_GIT, 3, BEGIN},
    {"CONFLICT (", ERROR_KIND_GIT, 3, BEGIN},
    {"error: failed to push", ERROR_KIND_GIT, 3, BEGIN},
    {"AssertionError", ERROR_KIND_TEST, 3, WORD},
    {"--- FAIL: ", ERROR_KIND_TEST, 3, 0},
    {"FAILED ", ERROR_KIND_TEST, 2, BEGIN},
    {"not ok ", ERROR_KIND_TEST, 2, BEGIN},
    {"ERROR", ERROR_KIND_ERROR, 1, WORD | LABEL},
    {"CRITICAL", ERROR_KIND_ERROR, 1, WORD | LABEL},
    {"FATAL", ERROR_KIND_ERROR, 1, WORD | LABEL},
    {"error: ", ERROR_KIND_ERROR, 1, ANY_CASE},
    {"level=error", ERROR_KIND_ERROR, 1, ANY_CASE},
    {"level=fatal", ERROR_KIND_ERROR, 1, ANY_CASE},
    {"\"level\":\"error\"", ERROR_KIND_ERROR, 1, ANY_CASE},
    {"Execution halted", ERROR_KIND_ERROR, 1, BEGIN},
    {TRACEBACK, ERROR_KIND_NONE, 0, 0},
};
#define RULES (sizeof rules / sizeof rules[0])

static const struct {
  const char *word, *sentence, *hint;
} kinds[] = {
#define X(name, word, sentence, hint) {word, sentence, hint},
    ERROR_KIND_LIST(X)
#undef X
};

const char *error_kind_word(enum error_kind kind) {
  return kinds[kind].word;
}
const char *error_kind_sentence(enum error_kind kind) {
  return kinds[kind].sentence;
}
const char *error_kind_hint(enum error_kind kind) {
  return kinds[kind].hint;
}

/* ---- the machine: all texts at once, in any case (Aho and Corasick) ---- */

struct node {
  uint16_t fail;
  uint8_t rule;     /* that ends here, from 1; 0: none */
  uint16_t shorter; /* the next node down the chain of fails at which one ends; 0: none */
  bool ends;        /* here or down the chain */
};

struct first_error {
  uint8_t class_of[256]; /* bytes that the texts don't tell apart have one class; 0: in none */
  unsigned classes;
  uint16_t *step; /* node * classes + class -> node */
  struct node *nodes;
  size_t nodes_len;
  enum { OUTSIDE, IN_TRACEBACK } state;
  struct first_error_found last;
};

static void classes_make(struct first_error *f) {
  f->classes = 1;
  for (size_t r = 0; r < RULES; r++) {
    for (const char *c = rules[r].text; *c; c++) {
      unsigned char low = (unsigned char)tolower((unsigned char)*c), up = (unsigned char)toupper(low);
      if (!f->class_of[low]) f->class_of[low] = f->class_of[up] = (uint8_t)f->classes++;
    }
  }
}

static void tree_make(struct first_error *f) {
  f->nodes_len = 1;
  for (size_t r = 0; r < RULES; r++) {
    size_t at = 0;
    for (const char *c = rules[r].text; *c; c++) {
      uint16_t *step = &f->step[at * f->classes + f->class_of[(unsigned char)*c]];
      if (!*step) *step = (uint16_t)f->nodes_len++;
      at = *step;
    }
    assert(!f->nodes[at].rule); /* no two rules have one text */
    f->nodes[at].rule = (uint8_t)(r + 1);
  }
}

/* Breadth first, so that the fail of a node is complete before it is asked. */
static void fails_make(struct first_error *f) {
  uint16_t *queue = alloc_zeroed(f->nodes_len, sizeof *queue);
  size_t head = 0, tail = 0;
  for (unsigned c = 0; c < f->classes; c++) {
    if (f->step[c]) queue[tail++] = f->step[c];
  }
  while (head < tail) {
    size_t at = queue[head++];
    struct node *n = &f->nodes[at], *fail = &f->nodes[n->fail];
    n->shorter = fail->rule ? n->fail : fail->shorter;
    n->ends = n->rule || n->shorter;
    for (unsigned c = 0; c < f->classes; c++) {
      uint16_t *step = &f->step[at * f->classes + c], other = f->step[(size_t)n->fail * f->classes + c];
      if (*step) {
        f->nodes[*step].fail = other;
        queue[tail++] = *step;
      } else {
        *step = other;
      }
    }
  }
  free(queue);
}

struct first_error *first_error_new(void) {
  struct first_error *f = alloc_new(struct first_error);
  size_t most = 1;
  classes_make(f);
  for (size_t r = 0; r < RULES; r++) most += strlen(rules[r].text);
  assert(most < UINT16_MAX && RULES < UINT8_MAX);
  f->step = alloc_zeroed(most * f->classes, sizeof *f->step);
  f->nodes = alloc_zeroed(most, sizeof *f->nodes);
  tree_make(f);
  fails_make(f);
  return f;
}

void first_error_free(struct first_error *f) {
  if (!f) return;
  free(f->step);
  free(f->nodes);
  free(f);
}

/* ---- a line ---- */

static bool word_byte(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* "2026-11-28 03:00:00,123 ERROR x", "[ERROR] x", "ERROR: x", "E | ERROR | x": what stands before has no letters of
 * a sentence, or what follows marks it. */
static bool label(const char *line, size_t len, struct log_hit hit) {
  char after = hit.end < len ? line[hit.end] : '\0';
  if (after == ':' || after == ']' || after == '|') return true;
  for (size_t i = 0; i < hit.begin; i++) {
    bool part_of_date = (line[i] == 'T' || line[i] == 'Z') && i > 0 && isdigit((unsigned char)line[i - 1]);
    if (isalpha((unsigned char)line[i]) && !part_of_date) return false;
  }
  return true;
}

static bool blank_before(const char *line, size_t end) {
  for (size_t i = 0; i < end; i++) {
    if (line[i] != ' ' && line[i] != '\t') return false;
  }
  return true;
}

static bool fits(const struct rule *r, const char *line, size_t len, struct log_hit hit) {
  if (!(r->flags & ANY_CASE) && memcmp(line + hit.begin, r->text, hit.end - hit.begin) != 0) return false;
  if (r->flags & WORD && hit.begin > 0 && word_byte(line[hit.begin]) && word_byte(line[hit.begin - 1])) return false;
  if (r->flags & WORD && hit.end < len && word_byte(line[hit.end - 1]) && word_byte(line[hit.end])) return false;
  if (r->flags & BEGIN && !blank_before(line, hit.begin)) return false;
  return !(r->flags & LABEL) || label(line, len, hit);
}

static bool better(const struct first_error_found *best, const struct rule *r, struct log_hit hit) {
  if (r->rank != best->rank) return r->rank > best->rank;
  return hit.end - hit.begin > best->hit.end - best->hit.begin;
}

/* The best rule of the line; *traceback if one begins in it. */
static struct first_error_found line_judge(const struct first_error *f, const char *line, size_t len,
                                           bool *traceback) {
  struct first_error_found best = {0};
  size_t at = 0;
  for (size_t i = 0; i < len; i++) {
    at = f->step[at * f->classes + f->class_of[(unsigned char)line[i]]];
    if (!f->nodes[at].ends) continue;
    for (size_t n = f->nodes[at].rule ? at : f->nodes[at].shorter; n; n = f->nodes[n].shorter) {
      const struct rule *r = &rules[f->nodes[n].rule - 1];
      struct log_hit hit = {i + 1 - strlen(r->text), i + 1};
      if (!fits(r, line, len, hit)) continue;
      if (r->kind == ERROR_KIND_NONE) {
        *traceback = true;
      } else if (better(&best, r, hit)) {
        best = (struct first_error_found){r->kind, r->rank, hit};
      }
    }
  }
  return best;
}

/* The name of an exception: what stands before its colon. */
static size_t name_length(const char *line, size_t len) {
  const char *colon = memchr(line, ':', len);
  return colon && colon > line ? (size_t)(colon - line) : len;
}

/* Behind the frames, which are indented, stands the exception at the depth of "Traceback". */
static bool names_exception(const char *line, size_t len) {
  return len > 0 && (isalpha((unsigned char)line[0]) || line[0] == '_');
}

struct first_error_found first_error_line(struct first_error *f, const char *line, size_t len) {
  bool traceback = false;
  struct first_error_found found = line_judge(f, line, len, &traceback);
  if (f->state == IN_TRACEBACK && names_exception(line, len)) {
    f->state = OUTSIDE;
    if (found.kind == ERROR_KIND_NONE || found.kind == ERROR_KIND_ERROR) found.kind = ERROR_KIND_EXCEPTION;
    if (found.rank < RANK_EXCEPTION) found.rank = RANK_EXCEPTION;
    found.hit = (struct log_hit){0, name_length(line, len)};
  } else if (f->state == IN_TRACEBACK) {
    found = (struct first_error_found){0}; /* a frame shows code, which is about errors now and then */
  }
  if (traceback) {
    f->state = IN_TRACEBACK;
    found = (struct first_error_found){0};
  }
  return found;
}

/* ---- a chunk ---- */

/* The first byte from `from` on with which a text ends; `len` if none does. */
static size_t trigger(const struct first_error *f, const char *bytes, size_t len, size_t from) {
  size_t at = 0;
  for (size_t i = from; i < len; i++) {
    at = f->step[at * f->classes + f->class_of[(unsigned char)bytes[i]]];
    if (f->nodes[at].ends) return i;
  }
  return len;
}

static bool error_next(void *ctx, const char *bytes, size_t len, size_t from, struct log_hit *hit) {
  struct first_error *f = ctx;
  if (from > 0 && from < len && bytes[from - 1] != '\n') return false; /* one hit a line */
  while (from < len) {
    size_t at = f->state == IN_TRACEBACK ? from : trigger(f, bytes, len, from), end;
    if (at >= len) return false;
    size_t begin = log_line_bounds(bytes, len, at, &end);
    f->last = first_error_line(f, bytes + begin, end - begin);
    if (f->last.kind != ERROR_KIND_NONE) {
      *hit = (struct log_hit){begin + f->last.hit.begin, begin + f->last.hit.end};
      return true;
    }
    from = end + 1;
  }
  return false;
}

struct log_finder first_error_finder(struct first_error *f) {
  return (struct log_finder){f, error_next};
}

struct first_error_found first_error_last(const struct first_error *f) {
  return f->last;
}
