#include "scheduler/engine/retry.h"

#include "base/err.h"
#include "scheduler/engine/scope_view.h"

#define DEFAULT_DELAY  (10 * USEC_PER_SEC)
#define DEFAULT_CAP    (10 * USEC_PER_MIN)
#define DEFAULT_FACTOR 2.0
#define DEFAULT_LOST   2
#define RETRIES_MAX    1000000
#define AGAIN_MAX      (30 * USEC_PER_SEC)

int retry_policy_of(struct instance *i, struct retry_policy *out, const char **message) {
  const struct retry_spec *s = &instance_task(i)->retries;
  struct arena *a = &i->run->engine->scratch;
  *out = (struct retry_policy){0, DEFAULT_LOST, DEFAULT_DELAY, DEFAULT_CAP, DEFAULT_FACTOR};
  if (!s->max && !s->lost && !s->delay && !s->cap && !s->factor) return 0;
  struct scope scope;
  scope_of_instance(i, &scope);
  int err = setting_int(s->max, &scope, a, 0, 0, RETRIES_MAX, &out->max, message);
  if (!err) err = setting_int(s->lost, &scope, a, DEFAULT_LOST, 0, RETRIES_MAX, &out->lost, message);
  if (!err) err = setting_duration(s->delay, &scope, a, DEFAULT_DELAY, &out->delay, message);
  /* A delay beyond the default cap is meant as it is written. */
  if (!err) {
    duration cap = out->delay > DEFAULT_CAP ? out->delay : DEFAULT_CAP;
    err = setting_duration(s->cap, &scope, a, cap, &out->cap, message);
  }
  if (!err) err = setting_float(s->factor, &scope, a, DEFAULT_FACTOR, &out->factor, message);
  return err;
}

duration retry_backoff(const struct retry_policy *p, int64_t n) {
  double delay = (double)p->delay;
  for (int64_t i = 1; i < n && delay < (double)p->cap; i++) {
    if (p->factor <= 1.0) break;
    delay *= p->factor;
  }
  return delay < (double)p->cap ? (duration)delay : p->cap;
}

static bool code_listed(const int *codes, size_t len, int code) {
  for (size_t i = 0; i < len; i++)
    if (codes[i] == code) return true;
  return false;
}

/* exit_codes and not_exit_codes speak of exit statuses alone: a time-out or a bad output isn't one. */
static bool status_retried(const struct retry_spec *s, int status) {
  if (status == EXIT_CONFIG) return false;
  if (status == STATUS_NONE) return true;
  if (s->exit_codes_len && !code_listed(s->exit_codes, s->exit_codes_len, status)) return false;
  return !code_listed(s->not_exit_codes, s->not_exit_codes_len, status);
}

bool retry_charge(struct instance *i, enum task_state ended, int status, duration *delay) {
  const struct retry_spec *s = &instance_task(i)->retries;
  struct retry_policy p;
  const char *message;
  if (!task_state_failure(ended) || retry_policy_of(i, &p, &message)) return false;
  bool lost = ended == TASK_LOST;
  if (!lost && !status_retried(s, status)) return false;
  int64_t *used = lost ? &i->losses : &i->failures;
  if (*used >= (lost ? p.lost : p.max)) return false;
  duration longest = retry_backoff(&p, ++*used);
  *delay = s->jitter == JITTER_NONE ? longest : random_upto(&i->run->engine->random, longest);
  return true;
}

bool retry_lost_left(struct instance *i) {
  struct retry_policy p;
  const char *message;
  return retry_policy_of(i, &p, &message) == 0 && i->losses < p.lost;
}

duration retry_longest(struct instance *i) {
  struct retry_policy p;
  const char *message;
  if (retry_policy_of(i, &p, &message)) return 0;
  return retry_backoff(&p, i->failures > i->losses ? i->failures : i->losses);
}

duration retry_again(int tries) {
  duration delay = USEC_PER_SEC;
  for (int n = 1; n < tries && delay < AGAIN_MAX; n++) delay *= 2;
  return delay < AGAIN_MAX ? delay : AGAIN_MAX;
}
