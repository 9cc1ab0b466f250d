/* The text format of Prometheus, version 0.0.4: families of samples, each family once and all its samples together.
 *
 *   exposition_family(x, METRIC_GAUGE, "rota_host_up", "Whether it answers.");
 *   exposition_label(x, "host", name);
 *   exposition_integer(x, 1);
 *
 * writes `rota_host_up{host="gpu01"} 1`. Labels gather until the next value, which ends the line. Names are ours, so
 * that a wrong one is a bug; values of labels are anybody's and are escaped.
 */
#ifndef ROTA_DAEMON_EXPOSITION_H
#define ROTA_DAEMON_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "scheduler/daemon/health/histogram.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct exposition {
  struct buf *out;
  const char *family;
  const char *suffix; /* "_bucket" and its kin of the line under way; "" */
  bool labelled;      /* the line under way has a label */
  bool begun;
};

void exposition_init(struct exposition *x, struct buf *out);
/* Both texts must live until the next family. */
void exposition_family(struct exposition *x, enum metric_type type, const char *name, const char *help);
void exposition_label(struct exposition *x, const char *name, const char *value);
/* Labels that were made once: what exposition_label_text gave. */
void exposition_labels(struct exposition *x, const char *text);
void exposition_label_text(struct buf *out, const char *name, const char *value);
void exposition_integer(struct exposition *x, int64_t value);
/* Microseconds as seconds: a time since 1970, or a duration. */
void exposition_seconds(struct exposition *x, int64_t us);
/* All lines of a family of type histogram that has no labels. */
void exposition_histogram(struct exposition *x, const struct histogram *h);

#endif
