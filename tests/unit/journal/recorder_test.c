/* A journal of a small engine: what it holds, how it ends, and that doing it again comes to the same. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "scheduler/journal/recorder.h"
#include "scheduler/journal/replay.h"
#include "scheduler/journal/tables.h"
#include "scheduler/spec/pipeline.h"
#include "scheduler/spec/time/zone.h"
#include "tests/unit/unit.h"

/* 2026-03-28 22:00:00 UTC: the clocks of Berlin change in three hours. */
#define BEGIN (INT64_C(1774735200) * USEC_PER_SEC)
#define MIB   (UINT64_C(1024) * 1024)

static const char yaml[] = "schedule: {cron: '30 * * * *', timezone: Test/Berlin}\n"
                           "params: {n: {type: int, default: 3}}\n"
                           "tasks:\n"
                           "  a: {run: 'true', retries: {max: 2, delay: 10s}}\n"
                           "  b: {run: 'true', needs: a}\n";

static char dir[] = "/tmp/rota-recorder-XXXXXX";
static char path[64], former[64];

static struct world {
  struct config *config;
  struct engine *e;
  struct recorder *r;
  struct zone *zone;
  struct moment now;
  struct step step;
  uint64_t seed;
  char attempt[ID_LEN + 1]; /* of the last START */
} w;

/* Central European time, made here: the rules of the machine may change, those of the journal don't. */
static const struct zone *zone_of(void *ctx, const char *name) {
  (void)ctx;
  (void)name;
  return w.zone;
}

static struct zone *make_zone(const char *rule) {
  struct buf bytes = {0};
  static const char header[44] = "TZif2";
  char second[44] = "TZif2";
  struct zone *zone;
  second[39] = 1; /* types */
  second[43] = 4; /* characters */
  buf_add(&bytes, header, sizeof header);
  buf_add(&bytes, second, sizeof second);
  buf_add(&bytes, "\0\0\0\0\0\0CET", 10);
  buf_fmt(&bytes, "\n%s\n", rule);
  assert_int_equal(zone_parse("Test/Berlin", bytes.bytes, bytes.len, &zone), 0);
  buf_release(&bytes);
  return zone;
}

static void step(const struct engine_event *events, size_t len) {
  uint8_t seed[32] = {0};
  w.seed++;
  memcpy(seed, &w.seed, sizeof w.seed);
  step_reset(&w.step);
  recorder_step(w.r, w.e, w.now, seed, events, len);
  engine_step(w.e, w.now, seed, events, len, &w.step);
  recorder_done(w.r, w.e, &w.step);
  for (size_t i = 0; i < w.step.decisions.len; i++)
    if (w.step.decisions.items[i].kind == DECISION_START)
      snprintf(w.attempt, sizeof w.attempt, "%s", w.step.decisions.items[i].start.launch->attempt_id);
}

static void later(duration d) {
  w.now.wall += d;
  w.now.mono += d;
  step(NULL, 0);
}

static void report(enum engine_report_kind kind, int status) {
  const struct engine_event e = {.kind = ENGINE_REPORT,
                                 .report = {.kind = kind,
                                            .attempt_id = w.attempt,
                                            .status = status,
                                            .started_at = w.now.wall,
                                            .ended_at = w.now.wall,
                                            .cpu_us = -1,
                                            .max_rss_kb = -1,
                                            .log_bytes = -1}};
  step(&e, 1);
}

static void load(void) {
  struct diag_list diags;
  struct buf json = {0};
  diag_init(&diags, "p.yaml", yaml, strlen(yaml));
  struct pipeline_source source = {.name = "p", .file = "p.yaml", .text = yaml, .len = strlen(yaml)};
  static char text[sizeof yaml];
  memcpy(text, yaml, sizeof yaml);
  char *zone = strstr(text, "Test/Berlin"); /* the reader knows only what is installed; JSON is taken as it is */
  memcpy(zone, "UTC        ", 11);
  source.text = text;
  struct pipeline *p = pipeline_read(&source, &diags);
  assert_non_null(p);
  pipeline_json(p, &json);
  pipeline_release(p);
  char *utc = strstr(json.bytes, "\"UTC\"");
  struct buf changed = {0};
  buf_add(&changed, json.bytes, (size_t)(utc - json.bytes));
  buf_str(&changed, "\"Test/Berlin\"");
  buf_str(&changed, utc + 5);
  p = pipeline_from_json(changed.bytes, changed.len);
  struct engine_event e = {.kind = ENGINE_LOADED,
                           .loaded = {.name = "p",
                                      .pipeline = p,
                                      .text = yaml,
                                      .text_len = strlen(yaml),
                                      .json = changed.bytes,
                                      .json_len = changed.len}};
  sha256_hex(yaml, strlen(yaml), e.loaded.sha256);
  step(&e, 1);
  pipeline_release(p);
  buf_release(&json);
  buf_release(&changed);
  diag_release(&diags);
}

/* Begins a life with a recorder of this size. */
static void open_world(uint64_t size) {
  struct diag_list diags;
  char *why = NULL;
  memset(&w, 0, sizeof w);
  diag_init(&diags, "rota.yaml", NULL, 0);
  w.config = config_read(NULL, NULL, 0, "/", "/", 4, "Test/Berlin", &diags);
  diag_release(&diags);
  w.zone = make_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  w.now = (struct moment){BEGIN, 1000};
  assert_int_equal(recorder_new(path, size, &w.r, &why), 0);
  static const struct launch_env env[] = {{.name = "HOME", .value = "/home/anna"}};
  const struct engine_options options = {
      .config = w.config, .schedules = true, .zone = recorder_zone, .zone_ctx = w.r, .env = env, .env_len = 1};
  recorder_zones(w.r, zone_of, NULL);
  w.e = engine_new(&options);
  const struct journal_start start = {.version = "1.2.3",
                                      .now = w.now,
                                      .schedules = true,
                                      .env = env,
                                      .env_len = 1,
                                      .config = w.config,
                                      .state = {.pause = {.at = INSTANT_NONE}, .next_key = 7}};
  recorder_start(w.r, &start);
  assert_int_equal(engine_restore(w.e, &start.state, w.now, &why), 0);
  recorder_restored(w.r, w.e);
}

static void close_world(void) {
  recorder_free(w.r);
  engine_free(w.e);
  step_release(&w.step);
  zone_free(w.zone);
  config_free(w.config);
}

/* A night with the change of the clocks, a retry, keys that others reserved, a new rule of the zone. */
static void a_night(void) {
  load();
  later(30 * USEC_PER_MIN);
  report(ENGINE_REPORT_STARTED, 0);
  report(ENGINE_REPORT_ENDED, 1);
  later(11 * USEC_PER_SEC);
  report(ENGINE_REPORT_STARTED, 0);
  report(ENGINE_REPORT_ENDED, 0);
  engine_key_reserve(w.e);
  report(ENGINE_REPORT_ENDED, 0);
  for (int i = 0; i < 5; i++) later(USEC_PER_HOUR);
  struct zone *stale = w.zone;
  w.zone = make_zone("CET-1");
  later(USEC_PER_HOUR);
  const struct engine_event e = {.kind = ENGINE_CONFIG, .config = {w.config}};
  step(&e, 1);
  zone_free(stale);
  for (int i = 0; i < 3; i++) later(USEC_PER_HOUR);
}

static struct replay_result replayed(bool print, FILE *out) {
  const struct replay_options options = {.path = path, .print = print, .out = out};
  struct replay_result result;
  replay(&options, &result);
  return result;
}

static void expect(enum replay_end end, const char *why) {
  struct replay_result r = replayed(false, stdout);
  if (r.end != end || (why && (!r.why || !strstr(r.why, why)))) fail_msg("end %d: %s", r.end, r.why ? r.why : "-");
  replay_result_release(&r);
}

static int set_up(void **state) {
  (void)state;
  strcpy(dir, "/tmp/rota-recorder-XXXXXX");
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/j", dir);
  snprintf(former, sizeof former, "%s/j.1", dir);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return dir_remove_at(AT_FDCWD, dir);
}

static void what_was_recorded_is_decided_again(void **state) {
  (void)state;
  open_world(MIB);
  a_night();
  size_t steps = (size_t)w.seed;
  close_world();
  struct replay_result first = replayed(false, stdout), second = replayed(false, stdout);
  if (first.why) fail_msg("%s", first.why);
  assert_int_equal(first.end, REPLAY_WHOLE);
  assert_int_equal(first.steps, steps);
  assert_true(first.rows > 50 && first.decisions > 3);
  assert_string_equal(first.version, "1.2.3");
  assert_string_equal(first.digest, second.digest);
  replay_result_release(&first);
  replay_result_release(&second);
}

static void the_file_is_its_owners_alone_and_the_former_one_is_kept(void **state) {
  (void)state;
  struct stat st;
  for (int i = 0; i < 3; i++) {
    open_world(MIB);
    if (i == 1) load();
    close_world();
  }
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(stat(former, &st), 0);
  assert_int_equal(rename(former, path), 0);
  struct replay_result r = replayed(false, stdout);
  assert_int_equal(r.steps, 1);
  replay_result_release(&r);
}

static void what_is_no_journal_is_not_replaced(void **state) {
  (void)state;
  struct recorder *r = NULL;
  char *why = NULL;
  assert_int_equal(file_write(path, "dear diary\n", 11, 0600, false), 0);
  assert_int_equal(recorder_new(path, MIB, &r, &why), ERR_EXISTS);
  assert_non_null(strstr(why, "is no journal"));
  free(why);
  expect(REPLAY_DAMAGED, "it is no journal");
  assert_int_equal(rename(path, former), 0);
  assert_int_equal(recorder_new(path, MIB, &r, &why), ERR_EXISTS);
  free(why);
  assert_int_equal(access(former, F_OK), 0);
  snprintf(path, sizeof path, "%s/none/j", dir);
  assert_int_equal(recorder_new(path, MIB, &r, &why), ERR_NOT_FOUND);
  free(why);
}

static void a_journal_that_is_full_says_so_and_the_engine_goes_on(void **state) {
  (void)state;
  open_world(24 * 1024);
  load();
  const char *why = NULL;
  for (int i = 0; i < 200 && !why; i++) {
    later(USEC_PER_HOUR);
    if (w.attempt[0]) report(ENGINE_REPORT_LOST, 0);
    why = recorder_stopped(w.r);
  }
  assert_non_null(why);
  assert_non_null(strstr(why, "has reached its size"));
  assert_null(recorder_stopped(w.r)); /* told once */
  later(USEC_PER_HOUR);
  assert_true(w.step.changes.len > 0);
  close_world();
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_true(st.st_size <= 25 * 1024);
  expect(REPLAY_CUT, "has reached its size");
}

/* A limit on the size of files stands for a full disk: it works for root too. */
static void a_write_that_fails_ends_the_recording_alone(void **state) {
  (void)state;
  const struct rlimit limit = {20 * 1024, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  open_world(MIB);
  load();
  const char *why = NULL;
  for (int i = 0; i < 500 && !why; i++) {
    later(USEC_PER_HOUR);
    if (w.attempt[0]) report(ENGINE_REPORT_LOST, 0);
    usleep(1000);
    why = recorder_stopped(w.r);
  }
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
  assert_non_null(why);
  assert_non_null(strstr(why, "j: "));
  later(USEC_PER_HOUR);
  close_world();
  struct replay_result r = replayed(false, stdout);
  assert_true(r.end == REPLAY_WHOLE || r.end == REPLAY_CUT);
  assert_true(r.steps > 0);
  replay_result_release(&r);
}

/* ---- what a crash or a bad disk leaves ---- */

static void rewrite(const struct buf *bytes, size_t len) {
  assert_int_equal(file_write(path, bytes->bytes, len, 0600, false), 0);
}

static void a_journal_cut_off_anywhere_replays_up_to_there(void **state) {
  (void)state;
  struct buf bytes = {0};
  open_world(MIB);
  load();
  later(30 * USEC_PER_MIN);
  report(ENGINE_REPORT_STARTED, 0);
  close_world();
  assert_int_equal(file_read(path, MIB, &bytes), 0);
  int64_t steps = 0;
  size_t whole = 0;
  for (size_t len = 15; len < bytes.len; len += 1 + len % 13) {
    rewrite(&bytes, len);
    struct replay_result r = replayed(false, stdout);
    if (r.end != REPLAY_WHOLE && r.end != REPLAY_CUT) fail_msg("%zu bytes: %s", len, r.why);
    assert_true(r.steps >= steps);
    steps = r.steps;
    whole += r.end == REPLAY_WHOLE;
    replay_result_release(&r);
  }
  assert_int_equal(steps, 3);
  assert_true(whole < 10);
  /* A file that was made longer before it was written: zeros. */
  struct buf zeros = {0};
  buf_add(&zeros, bytes.bytes, bytes.len);
  for (int i = 0; i < 4096; i++) buf_char(&zeros, 0);
  rewrite(&zeros, zeros.len);
  expect(REPLAY_CUT, "cut off behind step 3");
  buf_release(&zeros);
  buf_release(&bytes);
}

static void a_flipped_byte_is_found(void **state) {
  (void)state;
  struct buf bytes = {0};
  open_world(MIB);
  load();
  later(30 * USEC_PER_MIN);
  close_world();
  assert_int_equal(file_read(path, MIB, &bytes), 0);
  for (size_t i = 15; i < bytes.len; i += 7) {
    bytes.bytes[i] ^= 0x20;
    rewrite(&bytes, bytes.len);
    struct replay_result r = replayed(false, stdout);
    assert_true(r.end == REPLAY_DAMAGED || r.end == REPLAY_CUT); /* the last frame may be what a crash left */
    replay_result_release(&r);
    bytes.bytes[i] ^= 0x20;
  }
  buf_release(&bytes);
}

static void a_step_that_never_came_back_is_done_again_and_told(void **state) {
  (void)state;
  uint8_t seed[32] = {1};
  open_world(MIB);
  load();
  w.now.wall += 30 * USEC_PER_MIN;
  recorder_step(w.r, w.e, w.now, seed, NULL, 0);
  close_world();
  expect(REPLAY_CUT, "ended within step 2");
}

static void the_inputs_of_a_step_that_aborts_are_written(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      uint8_t seed[32] = {1};
      const struct rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      open_world(MIB);
      recorder_on_abort(w.r);
      load();
      w.now.wall += 30 * USEC_PER_MIN;
      recorder_step(w.r, w.e, w.now, seed, NULL, 0);
      abort();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    expect(REPLAY_CUT, "ended within step 2");
  }
}

static void a_state_that_was_refused_is_refused_again(void **state) {
  (void)state;
  struct diag_list diags;
  struct recorder *r = NULL;
  char *why = NULL;
  diag_init(&diags, "rota.yaml", NULL, 0);
  struct config *config = config_read(NULL, NULL, 0, "/", "/", 4, "UTC", &diags);
  const struct pipeline_row twice[] = {{.key = 1, .name = "p"}, {.key = 2, .name = "p"}};
  const struct journal_start start = {
      .version = "1.2.3",
      .config = config,
      .state = {.pipelines = twice, .pipelines_len = 2, .pause = {.at = INSTANT_NONE}, .next_key = 7}};
  assert_int_equal(recorder_new(path, MIB, &r, &why), 0);
  recorder_start(r, &start);
  recorder_free(r);
  expect(REPLAY_CUT, "is refused: two pipelines of one name");
  config_free(config);
  diag_release(&diags);
}

/* ---- zones ---- */

static size_t zones_recorded(void) {
  char *text = NULL;
  size_t len = 0, count = 0;
  FILE *out = open_memstream(&text, &len);
  struct replay_result r = replayed(true, out);
  fclose(out);
  assert_int_equal(r.end, REPLAY_WHOLE);
  for (const char *at = text; (at = strstr(at, "ZONE Test/Berlin (found, ")); at++) count++;
  replay_result_release(&r);
  free(text);
  return count;
}

static void a_zone_is_recorded_once_and_again_when_it_may_have_changed(void **state) {
  (void)state;
  open_world(MIB);
  load();
  later(USEC_PER_HOUR);
  recorder_zone(w.r, "Test/Berlin");
  later(USEC_PER_HOUR);
  struct zone *stale = w.zone;
  w.zone = make_zone("CET-1");
  recorder_zone(w.r, "Test/Berlin"); /* as the engine may ask: another answer */
  later(USEC_PER_HOUR);
  const struct engine_event e = {.kind = ENGINE_CONFIG, .config = {w.config}};
  step(&e, 1); /* the same pointer, but what it points to may be another zone at the same address */
  later(USEC_PER_HOUR);
  close_world();
  zone_free(stale);
  assert_int_equal(zones_recorded(), 3);
}

/* ---- differences ---- */

/* The outcome of a step is that of another one. */
static void the_first_difference_is_named(void **state) {
  (void)state;
  uint8_t seed[32] = {9}, other[32] = {10};
  open_world(MIB);
  load();
  w.now.wall += 30 * USEC_PER_MIN;
  step_reset(&w.step);
  recorder_step(w.r, w.e, w.now, seed, NULL, 0);
  engine_step(w.e, w.now, other, NULL, 0, &w.step); /* other ids */
  recorder_done(w.r, w.e, &w.step);
  close_world();
  struct replay_result r = replayed(false, stdout);
  assert_int_equal(r.end, REPLAY_DIFFERS);
  const char *first = "step 2 at 2026-03-28T22:30:00.000000Z: row 3 differs in id.text\n";
  if (strncmp(r.why, first, strlen(first)) != 0) fail_msg("%s", r.why);
  assert_non_null(strstr(r.why, "\n  event  none, time has come\n  then   RUN "));
  assert_non_null(strstr(r.why, "\n  now    RUN "));
  replay_result_release(&r);
}

static void a_row_too_many_is_a_difference(void **state) {
  (void)state;
  open_world(MIB);
  load();
  uint8_t seed[32] = {9};
  w.now.wall += 30 * USEC_PER_MIN;
  step_reset(&w.step);
  recorder_step(w.r, w.e, w.now, seed, NULL, 0);
  engine_step(w.e, w.now, seed, NULL, 0, &w.step);
  w.step.decisions.len--;
  recorder_done(w.r, w.e, &w.step);
  close_world();
  expect(REPLAY_DIFFERS, "decision 1 differs");
  expect(REPLAY_DIFFERS, "then   (nothing)");
}

/* ---- secrets, and what is printed ---- */

static void what_is_told_once_is_not_in_it(void **state) {
  (void)state;
  struct buf bytes = {0};
  open_world(MIB);
  const char *body = "{\"token\": \"hunter2\"}", *kept = "{\"token\": null}";
  const struct engine_event e = {.kind = ENGINE_RECORD,
                                 .record = {.asker = {.handle = 5, .actor = {.kind = "user", .name = "anna"}},
                                            .action = "token create",
                                            .object = "ci",
                                            .status = 201,
                                            .body = body,
                                            .body_len = strlen(body),
                                            .kept = kept}};
  step(&e, 1);
  assert_int_equal(w.step.decisions.len, 1);
  assert_string_equal(w.step.decisions.items[0].reply.body, body); /* who asked is told */
  close_world();
  assert_int_equal(file_read(path, MIB, &bytes), 0);
  assert_null(memmem(bytes.bytes, bytes.len, "hunter2", 7));
  assert_non_null(memmem(bytes.bytes, bytes.len, "token create", 12));
  expect(REPLAY_WHOLE, NULL);
  buf_release(&bytes);
}

static void printing_has_a_line_for_each_event_and_decision(void **state) {
  (void)state;
  char *text = NULL;
  size_t len = 0;
  open_world(MIB);
  load();
  later(30 * USEC_PER_MIN);
  close_world();
  FILE *out = open_memstream(&text, &len);
  struct replay_result r = replayed(true, out);
  fclose(out);
  assert_int_equal(r.end, REPLAY_WHOLE);
  assert_non_null(strstr(text, "#0 START version=\"1.2.3\""));
  assert_non_null(strstr(text, "#1 2026-03-28T22:00:00.000000Z in  LOADED name=\"p\""));
  assert_non_null(strstr(text, "#2 2026-03-28T22:30:00.000000Z out row RUN key="));
  assert_non_null(strstr(text, "#2 2026-03-28T22:30:00.000000Z out decision START host=\"local\""));
  replay_result_release(&r);
  free(text);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(what_was_recorded_is_decided_again),
      TEST(the_file_is_its_owners_alone_and_the_former_one_is_kept),
      TEST(what_is_no_journal_is_not_replaced),
      TEST(a_journal_that_is_full_says_so_and_the_engine_goes_on),
      TEST(a_write_that_fails_ends_the_recording_alone),
      TEST(a_journal_cut_off_anywhere_replays_up_to_there),
      TEST(a_flipped_byte_is_found),
      TEST(a_step_that_never_came_back_is_done_again_and_told),
      TEST(the_inputs_of_a_step_that_aborts_are_written),
      TEST(a_state_that_was_refused_is_refused_again),
      TEST(a_zone_is_recorded_once_and_again_when_it_may_have_changed),
      TEST(the_first_difference_is_named),
      TEST(a_row_too_many_is_a_difference),
      TEST(what_is_told_once_is_not_in_it),
      TEST(printing_has_a_line_for_each_event_and_decision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
