/* The engine's own share: `engine FILE` reads a pipeline, starts a run of it and plays the executor, whose tasks take
 * no time, with a step for every single report, which is the dearest way. Prints "engine_us TOTAL TASKS STEPS": the
 * time spent within engine_step, nothing else. `engine FILE JOURNAL` records one as well, and adds "journal_us
 * TOTAL": the processor time that the engine's thread spent on that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/vec.h"
#include "scheduler/engine/engine.h"
#include "scheduler/journal/recorder.h"
#include "scheduler/journal/tables.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/zone.h"

#define START (INT64_C(1772409600) * USEC_PER_SEC)

struct attempt_id {
  char text[ID_LEN + 1];
};

struct bench {
  struct engine *engine;
  struct recorder *recorder; /* NULL: none */
  struct moment now;
  struct step step;
  uint64_t seed[4];
  VEC(struct attempt_id) started;
  double spent, recording;
  size_t steps;
};

static double now_us(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void step(struct bench *b, struct engine_event ev) {
  b->now.wall += 100;
  b->now.mono += 100;
  b->seed[0]++;
  step_reset(&b->step);
  double asked = now_us(CLOCK_THREAD_CPUTIME_ID);
  recorder_step(b->recorder, b->engine, b->now, (const uint8_t *)b->seed, &ev, 1);
  b->recording += now_us(CLOCK_THREAD_CPUTIME_ID) - asked;
  double began = now_us(CLOCK_MONOTONIC);
  engine_step(b->engine, b->now, (const uint8_t *)b->seed, &ev, 1, &b->step);
  b->spent += now_us(CLOCK_MONOTONIC) - began;
  asked = now_us(CLOCK_THREAD_CPUTIME_ID);
  recorder_done(b->recorder, b->engine, &b->step);
  b->recording += now_us(CLOCK_THREAD_CPUTIME_ID) - asked;
  b->steps++;
  for (size_t i = 0; i < b->step.decisions.len; i++) {
    const struct decision *d = &b->step.decisions.items[i];
    if (d->kind != DECISION_START) continue;
    struct attempt_id id;
    snprintf(id.text, sizeof id.text, "%s", d->start.launch->attempt_id);
    vec_push(&b->started, id);
  }
}

static void report(struct bench *b, const char *id, enum engine_report_kind kind) {
  step(b, (struct engine_event){.kind = ENGINE_REPORT,
                                .report = {.kind = kind,
                                           .attempt_id = id,
                                           .end = ENGINE_END_EXITED,
                                           .pid = 4711,
                                           .started_at = b->now.wall,
                                           .ended_at = b->now.wall,
                                           .cpu_us = 10,
                                           .max_rss_kb = 100}});
}

static const struct zone *utc(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return zone_utc();
}

static void complain(const struct diag_list *diags) {
  struct buf text = {0};
  diag_render(diags, &text, false);
  fprintf(stderr, "%s", buf_cstr(&text));
  exit(1);
}

static void load(struct bench *b, const struct config *config, const char *text, size_t len) {
  struct diag_list diags;
  diag_init(&diags, "bench.yaml", text, len);
  struct pipeline *p = pipeline_read(
      &(struct pipeline_source){
          .name = "bench", .file = "bench.yaml", .folder = "/tmp", .text = text, .len = len, .config = config},
      &diags);
  if (!p) complain(&diags);
  struct buf json = {0};
  pipeline_json(p, &json);
  struct engine_event ev = {.kind = ENGINE_LOADED};
  ev.loaded = (struct engine_loaded){
      .name = "bench", .pipeline = p, .text = text, .text_len = len, .json = json.bytes, .json_len = json.len};
  sha256_hex(text, len, ev.loaded.sha256);
  step(b, ev);
  pipeline_release(p);
  buf_release(&json);
  diag_release(&diags);
}

/* Each attempt starts and ends in the order in which it was decided; returns how many there were. */
static size_t play(struct bench *b) {
  step(b, (struct engine_event){.kind = ENGINE_TRIGGER,
                                .trigger = {.asker = {.actor = {"user", "1000", "anna", NULL}},
                                            .pipeline = "bench",
                                            .scheduled_for = INSTANT_NONE,
                                            .trigger = TRIGGER_MANUAL}});
  size_t ended = 0;
  for (; ended < b->started.len; ended++) {
    struct attempt_id id = b->started.items[ended];
    report(b, id.text, ENGINE_REPORT_STARTED);
    report(b, id.text, ENGINE_REPORT_ENDED);
  }
  return ended;
}

static void record(struct bench *b, const char *path, struct engine_options *options) {
  char *why;
  if (recorder_new(path, RECORDER_SIZE, &b->recorder, &why)) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }
  recorder_zones(b->recorder, utc, NULL);
  options->zone = recorder_zone;
  options->zone_ctx = b->recorder;
  const struct journal_start start = {.version = ROTA_VERSION,
                                      .now = b->now,
                                      .schedules = true,
                                      .config = options->config,
                                      .state = {.pause = {.at = INSTANT_NONE}, .next_key = 1}};
  recorder_start(b->recorder, &start);
}

int main(int argc, char **argv) {
  static const char settings[] = "slots: {cpu: 8}\n";
  struct buf text = {0};
  if (argc < 2 || argc > 3 || file_read(argv[1], PIPELINE_TEXT_MAX, &text)) {
    fprintf(stderr, "usage: engine FILE [JOURNAL]\n");
    return 2;
  }
  struct diag_list diags;
  diag_init(&diags, "rota.yaml", settings, strlen(settings));
  struct config *config = config_read("rota.yaml", settings, strlen(settings), "/tmp", "/home/anna", 4, "UTC",
                                      &diags);
  if (!config) complain(&diags);
  struct bench b = {.now = {START, 1000 * USEC_PER_SEC}, .seed = {1, 2, 3, 4}};
  struct engine_options options = {.config = config, .schedules = true, .zone = utc};
  if (argc == 3) record(&b, argv[2], &options);
  b.engine = engine_new(&options);
  if (b.recorder) recorder_restored(b.recorder, b.engine);
  load(&b, config, text.bytes, text.len);
  b.spent = b.recording = 0;
  b.steps = 0;
  size_t tasks = play(&b);
  if (engine_runs(b.engine) > 0) {
    struct engine_event again = {.kind = ENGINE_CONFIG};
    again.config.config = config;
    step(&b, again);
    if (engine_runs(b.engine) > 0) return 1; /* stuck */
  }
  printf("engine_us %.0f %zu %zu\n", b.spent, tasks, b.steps);
  if (b.recorder) printf("journal_us %.0f\n", b.recording);
  recorder_free(b.recorder);
  engine_free(b.engine);
  step_release(&b.step);
  vec_release(&b.started);
  config_free(config);
  diag_release(&diags);
  buf_release(&text);
  return 0;
}
