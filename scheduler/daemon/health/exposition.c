#include "scheduler/daemon/health/exposition.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define DIGITS_MAX 20

static const char *const type_words[] = {
    [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"};

void exposition_init(struct exposition *x, struct buf *out) {
  *x = (struct exposition){.out = out, .suffix = ""};
}

void exposition_family(struct exposition *x, enum metric_type type, const char *name, const char *help) {
  struct buf *b = x->out;
  assert(!x->begun);
  x->family = name;
  buf_str(b, "# HELP ");
  buf_str(b, name);
  buf_char(b, ' ');
  assert(!strpbrk(help, "\\\n"));
  buf_str(b, help);
  buf_str(b, "\n# TYPE ");
  buf_str(b, name);
  buf_char(b, ' ');
  buf_str(b, type_words[type]);
  buf_char(b, '\n');
}

static void line_begin(struct exposition *x) {
  if (x->begun) return;
  buf_str(x->out, x->family);
  buf_str(x->out, x->suffix);
  x->begun = true;
}

static void label_begin(struct exposition *x) {
  line_begin(x);
  buf_char(x->out, x->labelled ? ',' : '{');
  x->labelled = true;
}

void exposition_label_text(struct buf *out, const char *name, const char *value) {
  buf_str(out, name);
  buf_str(out, "=\"");
  for (;;) {
    size_t plain = strcspn(value, "\\\"\n");
    buf_add(out, value, plain);
    value += plain;
    if (!*value) break;
    buf_char(out, '\\');
    buf_char(out, *value == '\n' ? 'n' : *value);
    value++;
  }
  buf_char(out, '"');
}

void exposition_label(struct exposition *x, const char *name, const char *value) {
  label_begin(x);
  exposition_label_text(x->out, name, value);
}

void exposition_labels(struct exposition *x, const char *text) {
  label_begin(x);
  buf_str(x->out, text);
}

/* By hand: a scrape of many pipelines writes thousands of them. */
static void add_digits(struct buf *b, uint64_t value, int width) {
  char text[DIGITS_MAX];
  int at = DIGITS_MAX;
  do {
    text[--at] = (char)('0' + value % 10);
    value /= 10;
    width--;
  } while (value > 0 || width > 0);
  buf_add(b, text + at, (size_t)(DIGITS_MAX - at));
}

static void value_begin(struct exposition *x, int64_t value) {
  line_begin(x);
  if (x->labelled) buf_char(x->out, '}');
  buf_char(x->out, ' ');
  if (value < 0) buf_char(x->out, '-');
}

static void value_end(struct exposition *x) {
  buf_char(x->out, '\n');
  x->begun = x->labelled = false;
  x->suffix = "";
}

static uint64_t size_of(int64_t value) {
  return value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
}

void exposition_integer(struct exposition *x, int64_t value) {
  value_begin(x, value);
  add_digits(x->out, size_of(value), 1);
  value_end(x);
}

static void add_seconds(struct buf *b, uint64_t us) {
  add_digits(b, us / USEC_PER_SEC, 1);
  if (us % USEC_PER_SEC == 0) return;
  buf_char(b, '.');
  add_digits(b, us % USEC_PER_SEC, 6);
  while (b->bytes[b->len - 1] == '0') buf_truncate(b, b->len - 1);
}

void exposition_seconds(struct exposition *x, int64_t us) {
  value_begin(x, us);
  add_seconds(x->out, size_of(us));
  value_end(x);
}

static void bucket(struct exposition *x, const char *bound, uint64_t count) {
  x->suffix = "_bucket";
  exposition_label(x, "le", bound);
  exposition_integer(x, (int64_t)count);
}

void exposition_histogram(struct exposition *x, const struct histogram *h) {
  uint64_t sum = 0;
  for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    struct buf bound = {0};
    sum += h->counts[i];
    add_seconds(&bound, (uint64_t)histogram_bound_us(i));
    bucket(x, buf_cstr(&bound), sum);
    buf_release(&bound);
  }
  bucket(x, "+Inf", h->count);
  x->suffix = "_sum";
  exposition_seconds(x, h->sum_us);
  x->suffix = "_count";
  exposition_integer(x, (int64_t)h->count);
}
