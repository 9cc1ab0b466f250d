/* A shell on a channel comes up past what a login does, answers in order, and what isn't answered is given back. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/instant.h"
#include "tests/unit/ssh/pipe_transport.h"
#include "worker/ssh/link/shell.h"

struct reply {
  bool given;
  int order; /* the how manieth it was */
  enum answer_end end;
  int rc;
  char first[256], words[256], body[256], text[512];
  struct fixture *f;
  void (*then)(struct reply *r);
};

struct fixture {
  uv_loop_t loop;
  uv_timer_t tick;
  struct pipe_world *w;
  struct transport *t;
  struct shell *s;
  bool transport_up, up, broken, orderly, freed;
  enum shell_fault fault;
  char text[512], down[128];
  struct buf data;
  unsigned drained, answers, answered;
  bool free_in_broken;
};

static const char *const shells[] = {"/bin/dash", "/bin/bash", "busybox sh"};

static void on_tick(uv_timer_t *timer) {
  (void)timer;
}

static void transport_on_up(void *ctx) {
  ((struct fixture *)ctx)->transport_up = true;
}

static void transport_on_down(void *ctx, const struct transport_end *end) {
  struct fixture *f = ctx;
  snprintf(f->down, sizeof f->down, "%s", end->text);
  if (f->s) shell_lost(f->s, end->text);
}

static void on_up(void *ctx) {
  ((struct fixture *)ctx)->up = true;
}

static void on_answered(void *ctx, const struct answer *a, bool alone) {
  (void)a;
  (void)alone;
  ((struct fixture *)ctx)->answered++;
}

static void on_data(void *ctx, const char *bytes, size_t len) {
  buf_add(&((struct fixture *)ctx)->data, bytes, len);
}

static void on_drained(void *ctx) {
  ((struct fixture *)ctx)->drained++;
}

static void on_broken(void *ctx, enum shell_fault fault, bool orderly, const char *text) {
  struct fixture *f = ctx;
  assert_false(f->broken);
  f->broken = true;
  f->fault = fault;
  f->orderly = orderly;
  snprintf(f->text, sizeof f->text, "%s", text);
  if (f->free_in_broken) {
    shell_free(f->s);
    f->s = NULL;
  }
}

static void on_freed(void *ctx) {
  ((struct fixture *)ctx)->freed = true;
}

static const struct shell_events events = {
    .up = on_up, .answered = on_answered, .data = on_data, .drained = on_drained, .broken = on_broken};
static const struct transport_events wires = {.up = transport_on_up, .down = transport_on_down};

/* Turns the loop until *flag is set; a minute is never needed. */
static void until(struct fixture *f, const bool *flag) {
  for (const int64_t end = clock_monotonic() + 60 * USEC_PER_SEC; !*flag && clock_monotonic() < end;)
    uv_run(&f->loop, UV_RUN_ONCE);
  assert_true(*flag);
}

static void turn(struct fixture *f, int ms) {
  for (const int64_t end = clock_monotonic() + ms * USEC_PER_MS; clock_monotonic() < end;)
    uv_run(&f->loop, UV_RUN_ONCE);
}

static void begin(struct fixture *f, const char *sh, const char *login, unsigned start_ms) {
  const struct transport_options transport = {.events = &wires, .ctx = f};
  memset(f, 0, sizeof *f);
  assert_int_equal(uv_loop_init(&f->loop), 0);
  uv_timer_init(&f->loop, &f->tick);
  uv_timer_start(&f->tick, on_tick, 5, 5);
  f->w = pipe_world_open(&f->loop);
  f->w->sh = sh;
  f->w->login = login;
  f->t = pipe_connect(&transport);
  until(f, &f->transport_up);
  const struct shell_options options = {.loop = &f->loop,
                                        .transport = f->t,
                                        .events = &events,
                                        .ctx = f,
                                        .generation = 7,
                                        .start_limit_ms = start_ms,
                                        .bootstrap = "greet() { echo \"hello $1\"; }\n",
                                        .freed = on_freed,
                                        .freed_ctx = f};
  f->s = shell_new(&options);
}

static void finish(struct fixture *f) {
  const bool had = f->s != NULL;
  shell_free(f->s);
  if (had) until(f, &f->freed);
  f->t->ops->free(f->t);
  uv_close((uv_handle_t *)&f->tick, NULL);
  pipe_world_close(f->w);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  buf_release(&f->data);
}

static void on_answer(void *ctx, const struct answer *a) {
  struct reply *r = ctx;
  assert_false(r->given);
  assert_int_equal(a->generation, 7);
  r->given = true;
  r->order = (int)++r->f->answers;
  r->end = a->end;
  r->rc = a->rc;
  snprintf(r->text, sizeof r->text, "%s", a->text);
  if (a->end == ANSWER_CAME) {
    snprintf(r->first, sizeof r->first, "%s", a->sections[0].body);
    snprintf(r->words, sizeof r->words, "%s", a->len > 1 ? a->sections[1].words : "");
    snprintf(r->body, sizeof r->body, "%s", a->len > 1 ? a->sections[1].body : "");
  }
  if (r->then) r->then(r);
}

/* NONCE in the script stands for the nonce. */
static void ask_full(struct fixture *f, struct reply *r, const char *script, enum ask_order order, unsigned limit_ms,
                     bool raw) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  r->f = f;
  buf_str(&text, "{\n");
  for (const char *at = script, *next;; at = next + 5) {
    next = strstr(at, "NONCE");
    buf_add(&text, at, next ? (size_t)(next - at) : strlen(at));
    if (!next) break;
    buf_str(&text, nonce);
  }
  buf_fmt(&text, "\nprintf '\\n%s %%s\\n' $?\n}\n", nonce);
  const struct ask ask = {
      .nonce = nonce, .text = &text, .order = order, .limit_ms = limit_ms, .raw = raw, .answer = on_answer, .ctx = r};
  shell_ask(f->s, &ask);
  assert_null(text.bytes);
}

static void ask(struct fixture *f, struct reply *r, const char *script) {
  ask_full(f, r, script, ASK_CONTROL, 0, false);
}

static void every_shell_answers(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct fixture f;
    struct reply a = {0}, b = {0}, c = {0};
    begin(&f, shells[i], NULL, 0);
    ask(&f, &a, "greet world");
    until(&f, &a.given);
    assert_true(f.up);
    assert_int_equal(a.end, ANSWER_CAME);
    assert_int_equal(a.rc, 0);
    assert_string_equal(a.first, "hello world\n");
    ask(&f, &b, "printf '\\nNONCE: look a b\\n'; echo body; echo trouble >&2; false");
    ask(&f, &c, "greet again");
    until(&f, &c.given);
    assert_int_equal(b.rc, 1);
    assert_string_equal(b.words, "look a b");
    assert_string_equal(b.body, "body\n");
    assert_string_equal(c.first, "hello again\n");
    assert_non_null(strstr(shell_stderr(f.s), "trouble"));
    assert_string_equal(shell_noise(f.s), "");
    assert_int_equal(f.answered, 3);
    assert_int_equal(shell_pending(f.s), 0);
    finish(&f);
  }
}

static void the_environment_is_clean(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, "export DIRT=1 ENV=/nowhere BASH_ENV=/nowhere PATH=/opt/mine:$PATH SHELL=/usr/bin/fish;", 0);
  ask(&f, &a, "echo \"$DIRT|$ENV|$BASH_ENV|$ROTA_LOGIN_SHELL|$USER|${PATH%%/opt*}\"");
  until(&f, &a.given);
  assert_string_equal(a.first,
                      "|||/usr/bin/fish|root|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\n");
  finish(&f);
}

static void what_a_login_prints_is_noise(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, "echo Welcome to gpu01; echo careful >&2; printf 'no line feed';", 0);
  ask(&f, &a, "greet you");
  until(&f, &a.given);
  assert_string_equal(a.first, "hello you\n");
  assert_string_equal(shell_noise(f.s), "Welcome to gpu01 no line feed");
  finish(&f);
}

static const struct {
  const char *login, *says;
} logins[] = {
    {"echo go away; exit 0;", "go away"},
    {"exit 1;", "printed nothing"},
    {"echo not here >&2; exit 1;", "not here"},
    {"echo wait for it; exec sleep 30;", "wait for it"},
    {"printf '\\303\\050 odd\\n'; exit 0;", "?( odd"},
    {"yes;", "without end"},
};

static void a_login_that_fails_is_told(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(logins); i++) {
    struct fixture f;
    struct reply a = {0};
    begin(&f, NULL, logins[i].login, 1500);
    ask(&f, &a, "greet nobody");
    until(&f, &f.broken);
    assert_int_equal(f.fault, SHELL_LOGIN);
    assert_non_null(strstr(f.text, logins[i].says));
    assert_true(a.given);
    assert_int_equal(a.end, ANSWER_NOT_SENT);
    assert_false(f.up);
    finish(&f);
  }
}

static void a_refused_channel_is_told(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, NULL, 0);
  shell_free(f.s);
  until(&f, &f.freed);
  f.freed = false;
  f.w->channels_max = -1;
  const struct shell_options options = {.loop = &f.loop,
                                        .transport = f.t,
                                        .events = &events,
                                        .ctx = &f,
                                        .generation = 7,
                                        .freed = on_freed,
                                        .freed_ctx = &f};
  f.s = shell_new(&options);
  ask(&f, &a, "greet nobody");
  until(&f, &f.broken);
  assert_int_equal(f.fault, SHELL_REFUSED);
  assert_int_equal(a.end, ANSWER_NOT_SENT);
  finish(&f);
}

static void a_request_over_its_limit_breaks_the_shell(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0}, b = {0}, c[SHELL_IN_FLIGHT] = {0};
  begin(&f, NULL, NULL, 0);
  ask(&f, &a, "greet you");
  until(&f, &a.given);
  ask_full(&f, &b, "exec sleep 20", ASK_CONTROL, 300, false);
  for (size_t i = 0; i < COUNT(c); i++) ask(&f, &c[i], "greet later");
  until(&f, &f.broken);
  assert_int_equal(f.fault, SHELL_LATE);
  assert_int_equal(b.end, ANSWER_UNKNOWN);
  for (size_t i = 0; i < COUNT(c); i++) {
    assert_true(c[i].given);
    assert_int_equal(c[i].end, i + 1 < SHELL_IN_FLIGHT ? ANSWER_UNKNOWN : ANSWER_NOT_SENT);
  }
  finish(&f);
}

static void a_limit_begins_when_those_before_are_answered(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0}, b = {0};
  begin(&f, NULL, NULL, 0);
  ask_full(&f, &a, "sleep 2", ASK_CONTROL, 20000, false);
  ask_full(&f, &b, "greet you", ASK_CONTROL, 1500, false);
  until(&f, &b.given);
  assert_int_equal(b.end, ANSWER_CAME);
  finish(&f);
}

static void control_goes_before_polls(void **state) {
  (void)state;
  struct fixture f;
  struct reply polls[6] = {0}, control = {0};
  begin(&f, NULL, NULL, 0);
  until(&f, &f.up);
  for (size_t i = 0; i < COUNT(polls); i++) ask_full(&f, &polls[i], "greet poll", ASK_POLL, 0, false);
  ask(&f, &control, "greet control");
  until(&f, &polls[5].given);
  assert_int_equal(control.order, 3); /* two polls were under way */
  finish(&f);
}

static void polls_get_their_turn(void **state) {
  (void)state;
  struct fixture f;
  static struct reply controls[200], poll;
  memset(controls, 0, sizeof controls);
  memset(&poll, 0, sizeof poll);
  begin(&f, NULL, NULL, 0);
  ask_full(&f, &poll, "greet poll", ASK_POLL, 0, false);
  for (size_t i = 0; i < COUNT(controls); i++) ask(&f, &controls[i], "greet control");
  until(&f, &controls[COUNT(controls) - 1].given);
  assert_true(poll.given);
  assert_in_range(poll.order, 20, 80);
  finish(&f);
}

static void garbage_breaks_the_shell(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, NULL, 0);
  ask(&f, &a, "echo NONCEgarbage");
  until(&f, &f.broken);
  assert_int_equal(f.fault, SHELL_GARBLED);
  assert_int_equal(a.end, ANSWER_UNKNOWN);
  finish(&f);
}

static void a_shell_that_exits_is_told(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, NULL, 0);
  f.free_in_broken = true;
  ask(&f, &a, "echo the reason >&2; exit 3");
  until(&f, &f.broken);
  assert_int_equal(f.fault, SHELL_ENDED);
  assert_int_equal(a.end, ANSWER_UNKNOWN);
  assert_non_null(strstr(f.text, "the reason"));
  until(&f, &f.freed);
  finish(&f);
}

static void forgotten_requests_are_not_called(void **state) {
  (void)state;
  struct fixture f;
  static struct reply many[SHELL_IN_FLIGHT + 2];
  struct reply last = {0};
  memset(many, 0, sizeof many);
  begin(&f, NULL, NULL, 0);
  until(&f, &f.up);
  for (size_t i = 0; i < COUNT(many); i++) ask(&f, &many[i], "greet one");
  shell_forget(f.s, &many[0]);
  shell_forget(f.s, &many[3]);
  shell_forget(f.s, &many[SHELL_IN_FLIGHT]); /* not written yet: never is */
  ask(&f, &last, "greet last");
  until(&f, &last.given);
  for (size_t i = 0; i < COUNT(many); i++) assert_int_equal(many[i].given, i != 0 && i != 3 && i != SHELL_IN_FLIGHT);
  assert_int_equal(f.answered, COUNT(many) + 1 - 1);
  finish(&f);
}

static void free_shell(struct reply *r) {
  shell_free(r->f->s);
  r->f->s = NULL;
}

static void it_may_be_freed_in_a_callback(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0}, b = {0};
  begin(&f, NULL, NULL, 0);
  a.then = free_shell;
  ask(&f, &a, "greet one");
  ask(&f, &b, "greet two");
  until(&f, &f.freed);
  assert_true(a.given);
  assert_false(b.given);
  finish(&f);
}

static void ask_more(struct reply *r) {
  static struct reply more;
  memset(&more, 0, sizeof more);
  ask(r->f, &more, "greet more");
}

static void it_may_be_asked_in_a_callback(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, NULL, 0);
  a.then = ask_more;
  ask(&f, &a, "greet one");
  until(&f, &a.given);
  while (f.answers < 2) uv_run(&f.loop, UV_RUN_ONCE);
  finish(&f);
}

/* The connection is cut after each number of bytes in turn: a request's command has run or hasn't, and what was
 * written in part is never taken for something else. */
static void a_cut_request_does_nothing_by_halves(void **state) {
  (void)state;
  char file[] = "/tmp/rota-shell-XXXXXX";
  close(mkstemp(file));
  char *script = alloc_fmt("echo one >>%s; echo two >>%s", file, file);
  for (size_t i = 0; i < COUNT(shells); i++) {
    for (long cut = 0; cut < 110; cut += 11) {
      struct fixture f;
      struct reply a = {0};
      assert_int_equal(truncate(file, 0), 0);
      begin(&f, shells[i], NULL, 0);
      until(&f, &f.up);
      f.w->cut_to = cut;
      ask(&f, &a, script);
      until(&f, &a.given);
      assert_int_equal(a.end, ANSWER_UNKNOWN);
      finish(&f);
      FILE *in = fopen(file, "r");
      char content[64] = "";
      assert_non_null(in);
      content[fread(content, 1, sizeof content - 1, in)] = '\0';
      fclose(in);
      assert_string_equal(content, "");
    }
  }
  free(script);
  unlink(file);
}

static void raw_bytes_follow_an_answer(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct fixture f;
    struct reply a = {0};
    begin(&f, shells[i], NULL, 0);
    ask_full(&f, &a, "printf '\\nNONCE: get 5\\n\\nNONCE 0\\n'; printf 'a\\nb\\0c'; exit 0", ASK_CONTROL, 0, true);
    until(&f, &f.broken);
    assert_true(a.given);
    assert_string_equal(a.words, "get 5");
    assert_true(f.orderly);
    assert_int_equal(f.fault, SHELL_ENDED);
    assert_int_equal(f.data.len, 5);
    assert_memory_equal(f.data.bytes, "a\nb\0c", 5);
    finish(&f);
  }
}

static void pause_shell(struct reply *r) {
  shell_pause(r->f->s, true);
}

static void nothing_comes_while_it_is_paused(void **state) {
  (void)state;
  struct fixture f;
  struct reply a = {0};
  begin(&f, NULL, NULL, 0);
  a.then = pause_shell;
  ask_full(&f, &a, "printf '\\nNONCE 0\\n'; seq 100000; exit 0", ASK_CONTROL, 0, true);
  until(&f, &a.given);
  turn(&f, 300);
  assert_int_equal(f.data.len, 0);
  assert_false(f.broken);
  shell_pause(f.s, false);
  assert_int_equal(f.data.len, 0);
  until(&f, &f.broken);
  assert_int_equal(f.data.len, 588895);
  assert_true(f.orderly);
  finish(&f);
}

static void bytes_are_written_to_a_raw_shell(void **state) {
  (void)state;
  char file[] = "/tmp/rota-shell-XXXXXX";
  close(mkstemp(file));
  for (size_t i = 0; i < COUNT(shells); i++) {
    struct fixture f;
    struct reply a = {0};
    begin(&f, shells[i], NULL, 0);
    char *script = alloc_fmt("printf '\\nNONCE 0\\n'; sleep 0.3; exec cat >%s", file);
    ask_full(&f, &a, script, ASK_CONTROL, 0, true);
    free(script);
    until(&f, &a.given);
    struct buf sent = {0};
    for (int k = 0; k < 100000; k++) buf_fmt(&sent, "%d\n", k);
    shell_write(f.s, sent.bytes, sent.len);
    assert_true(shell_waiting(f.s) > 0);
    while (f.drained == 0) uv_run(&f.loop, UV_RUN_ONCE);
    shell_finish(f.s);
    until(&f, &f.broken);
    assert_true(f.orderly);
    finish(&f);
    FILE *in = fopen(file, "r");
    char *content = alloc_zeroed(1, sent.len + 2);
    assert_non_null(in);
    assert_int_equal(fread(content, 1, sent.len + 1, in), sent.len);
    assert_memory_equal(content, sent.bytes, sent.len);
    fclose(in);
    free(content);
    buf_release(&sent);
  }
  unlink(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_shell_answers),
      cmocka_unit_test(the_environment_is_clean),
      cmocka_unit_test(what_a_login_prints_is_noise),
      cmocka_unit_test(a_login_that_fails_is_told),
      cmocka_unit_test(a_refused_channel_is_told),
      cmocka_unit_test(a_request_over_its_limit_breaks_the_shell),
      cmocka_unit_test(a_limit_begins_when_those_before_are_answered),
      cmocka_unit_test(control_goes_before_polls),
      cmocka_unit_test(polls_get_their_turn),
      cmocka_unit_test(garbage_breaks_the_shell),
      cmocka_unit_test(a_shell_that_exits_is_told),
      cmocka_unit_test(forgotten_requests_are_not_called),
      cmocka_unit_test(it_may_be_freed_in_a_callback),
      cmocka_unit_test(it_may_be_asked_in_a_callback),
      cmocka_unit_test(a_cut_request_does_nothing_by_halves),
      cmocka_unit_test(raw_bytes_follow_an_answer),
      cmocka_unit_test(nothing_comes_while_it_is_paused),
      cmocka_unit_test(bytes_are_written_to_a_raw_shell),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
