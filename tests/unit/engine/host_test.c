/* Hosts: contact, orders, what is given up there, and where tasks go because of it. */
#include "tests/unit/engine/hosts.h"

/* ---- contact ---- */

static void a_task_waits_until_its_host_answers(void **state) {
  (void)state;
  begin("on: h1");
  assert_int_equal(sim_task(&s, 1, "a")->wait, WAIT_HOST);
  assert_why("host h1 is being connected");
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route to host");
  assert_why("host h1 is unreachable since 00:00:00 UTC: no route to host");
  sim_later(&s, USEC_PER_MIN);
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "its key has changed: look at known_hosts");
  assert_why("host h1 is refused since 00:01:00 UTC: its key has changed: look at known_hosts");
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_string_equal(sim_live(&s, "a")->host, "h1");
}

static void a_contact_lasts_over_tries_and_restarts(void **state) {
  (void)state;
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  instant up = s.now.wall;
  sim_later(&s, USEC_PER_MIN);
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "the connection was reset");
  sim_later(&s, USEC_PER_SEC);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_int_equal(sim_host_row(&s, "h1")->since, up); /* it came back as it was */
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "the connection was reset");
  instant lost = s.now.wall;
  sim_later(&s, 20 * USEC_PER_SEC);
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route to host");
  assert_int_equal(sim_host_row(&s, "h1")->since, lost);
  sim_later(&s, USEC_PER_MIN);
  restart();
  assert_int_equal(sim_host_row(&s, "h1")->since, lost);
  struct engine_place *places;
  struct arena a = {0};
  assert_int_equal(engine_hosts(s.e, &a, &places), 4);
  assert_true(places[0].here);
  assert_string_equal(places[1].row->name, "h1");
  assert_int_equal(places[1].row->contact, HOST_CONTACT_CONNECTING); /* nothing is known yet */
  arena_release(&a);
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route to host");
  assert_int_equal(sim_host_row(&s, "h1")->since, lost);
  sim_later(&s, USEC_PER_MIN);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_int_equal(sim_host_row(&s, "h1")->since, s.now.wall);
  assert_null(sim_host_row(&s, "h1")->text);
}

static size_t host_events(const char *state) {
  size_t n = 0;
  for (size_t i = 0; i < s.events.len; i++)
    n += s.events.items[i].kind == EVENT_ROW_HOST && strcmp(s.events.items[i].state, state) == 0;
  return n;
}

static void facts_are_written_down_once_a_boot(void **state) {
  (void)state;
  struct engine_event ev = {.kind = ENGINE_HOST};
  ev.host = (struct engine_host){"h1", HOST_CONTACT_UP, NULL, "m1", "b1", s.now.wall, "{\"cpus\": 8}"};
  sim_event(&s, ev);
  sim_event(&s, ev);
  restart();
  ev.host.booted_at += 5; /* as measured anew */
  sim_event(&s, ev);
  assert_int_equal(s.boots.len, 1);
  assert_string_equal(s.boots.items[0].facts, "{\"cpus\": 8}");
  ev.host.boot = "b2";
  sim_event(&s, ev);
  assert_int_equal(s.boots.len, 2);
  assert_int_equal(host_events("rebooted"), 1);
  ev.host.facts = "{\"cpus\": 4}";
  sim_event(&s, ev);
  assert_int_equal(s.boots.len, 3); /* a driver was changed without a boot */
  ev.host.machine = "m2";
  sim_event(&s, ev);
  assert_int_equal(s.boots.len, 4);
  assert_int_equal(host_events("replaced"), 1);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_int_equal(s.boots.len, 4);
  assert_string_equal(sim_host_row(&s, "h1")->boot, "b2");
  ev.host.host = "local";
  ev.host.contact = HOST_CONTACT_REFUSED;
  sim_event(&s, ev);
  assert_int_equal(s.boots.len, 5);
  assert_int_equal(sim_host_row(&s, "local")->contact, HOST_CONTACT_UP);
}

static void an_examination_is_recorded_and_answered(void **state) {
  (void)state;
  struct change doctor = {CHANGE_HOST_DOCTOR, .host_doctor = {"h1", "{\"checks\":[]}", s.now.wall}};
  struct engine_event ev = {.kind = ENGINE_RECORD};
  ev.record = (struct engine_record){.asker = sim_anna(),
                                     .changes = &doctor,
                                     .changes_len = 1,
                                     .action = "doctor",
                                     .object = "h1",
                                     .status = 200,
                                     .body = "{}",
                                     .body_len = 2};
  sim_event(&s, ev);
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_host_row(&s, "h1")->doctor, "{\"checks\":[]}");
  assert_string_equal(s.audits.items[s.audits.len - 1].action, "doctor");
}

static void who_waits_for_a_host_that_refuses_us_is_told_at_once(void **state) {
  (void)state;
  struct arena a = {0};
  struct engine_concern *c;
  sim_host(&s, "h2", HOST_CONTACT_UNREACHABLE, "no route");
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "its key has changed");
  begin("on: gpus, slots: {gpu: 1}"); /* the other may come back by itself */
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 0);
  sim_host(&s, "h2", HOST_CONTACT_REFUSED, "its key has changed as well");
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_true(c->waits);
  assert_says(c->why, "its key has changed");
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "a new disk", false); /* is known to somebody */
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 0);
  arena_release(&a);
}

/* ---- orders ---- */

static void a_drained_host_starts_nothing_and_says_who_wants_it_so(void **state) {
  (void)state;
  all_up();
  begin("on: h1");
  sim_started(&s, "a");
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "a new disk", false);
  assert_int_equal(s.status, 200);
  assert_says(s.body, "h1 is drained: no task starts there; 1 still runs");
  assert_string_equal(s.audits.items[s.audits.len - 1].action, "host-drain");
  assert_string_equal(s.audits.items[s.audits.len - 1].object, "h1");
  assert_string_equal(s.audits.items[s.audits.len - 1].detail, "a new disk");
  assert_task(&s, 1, "a", "running");
  sim_exit(&s, "a", 0);
  sim_trigger(&s, "p");
  assert_string_equal(sim_why(&s, 2, "a"), "host h1 was drained by anna at 00:00:00 UTC: a new disk");
  restart();
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_string_equal(sim_why(&s, 2, "a"), "host h1 was drained by anna at 00:00:00 UTC: a new disk");
  sim_order(&s, "h1", HOST_ORDER_DRAIN, "again", false);
  assert_int_equal(s.status, 409);
  assert_says(s.body, "drained already by anna: a new disk");
  sim_order(&s, "h1", HOST_ORDER_UP, NULL, false);
  assert_int_equal(s.status, 200);
  assert_task(&s, 2, "a", "starting");
  sim_order(&s, "h1", HOST_ORDER_UP, NULL, false);
  assert_int_equal(s.status, 409);
}

static void this_machine_can_be_drained_but_not_declared_down(void **state) {
  (void)state;
  begin("timeout: 1h");
  sim_order(&s, "local", HOST_ORDER_DOWN, "x", false);
  assert_int_equal(s.status, 422);
  assert_says(s.body, "rota hosts drain local");
  assert_task(&s, 1, "a", "starting");
  sim_order(&s, "local", HOST_ORDER_DRAIN, "an update", false);
  assert_int_equal(s.status, 200);
  sim_exit(&s, "a", 0);
  sim_trigger(&s, "p");
  assert_says(sim_why(&s, 2, "a"), "host local was drained by anna");
  sim_order(&s, "nowhere", HOST_ORDER_DRAIN, "x", false);
  assert_int_equal(s.status, 404);
}

static void a_group_goes_on_with_those_of_its_hosts_that_are_open(void **state) {
  (void)state;
  all_up();
  sim_order(&s, "h2", HOST_ORDER_DRAIN, "a new disk", false);
  assert_says(s.body, "h2 is drained: no task starts there, and none runs");
  sim_load(&s, "p", "tasks:\n  a: {run: 'true', on: gpus, slots: {gpu: 1}, matrix: {x: [1, 2]}}\n");
  sim_trigger(&s, "p");
  assert_string_equal(sim_live(&s, "a[1]")->host, "h1");
  assert_string_equal(sim_why(&s, 1, "a[2]"),
                      "waits for slot gpu on h1: held by p#1 a[1]; host h2 was drained by anna at "
                      "00:00:00 UTC: a new disk");
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route");
  assert_int_equal(sim_task(&s, 1, "a[2]")->wait, WAIT_HOST);
  sim_order(&s, "h2", HOST_ORDER_UP, NULL, false);
  assert_string_equal(sim_live(&s, "a[2]")->host, "h2");
}

/* ---- down ---- */

static void down_names_first_what_it_would_end(void **state) {
  (void)state;
  all_up();
  sim_load(&s, "p",
           "tasks:\n  a: {run: 'true', on: h1}\n  b: {run: 'true', on: h1, retries: {lost: 0}}\n"
           "  c: {run: 'true', on: h1}\n");
  sim_trigger(&s, "p");
  sim_started(&s, "a");
  sim_cancel(&s, 1, "c");
  sim_order(&s, "h1", HOST_ORDER_DOWN, "fire", true);
  assert_int_equal(s.status, 200);
  assert_says(s.body, "\"run\":\"p#1\"");
  assert_says(s.body, "\"task\":\"a\",\"state\":\"running\",\"then\":\"retry\"");
  assert_says(s.body, "\"task\":\"b\",\"state\":\"starting\",\"then\":\"lost\"");
  assert_says(s.body, "\"task\":\"c\",\"state\":\"stopping\",\"then\":\"cancelled\"");
  assert_int_equal(s.remnants.len, 0);
  assert_task(&s, 1, "a", "running");
}

static void what_ran_on_a_host_declared_down_is_tried_elsewhere(void **state) {
  (void)state;
  all_up();
  begin("on: gpus, slots: {gpu: 1}, retries: {delay: 0s}");
  sim_started(&s, "a");
  assert_string_equal(sim_live(&s, "a")->host, "h2");
  sim_order(&s, "h2", HOST_ORDER_DOWN, "fire", false);
  assert_says(s.body, "1 task there was given up");
  assert_int_equal(s.attempts.items[0].state, TASK_LOST);
  assert_string_equal(s.attempts.items[0].reason, "h2 was declared down by anna: fire");
  assert_int_equal(s.remnants.len, 1);
  assert_string_equal(s.remnants.items[0].what, "p#1 a");
  assert_false(s.remnants.items[0].unsure);
  assert_int_equal(s.clears.len, 1);
  sim_idle(&s);
  assert_string_equal(sim_live(&s, "a")->host, "h1");
  sim_started(&s, "a");
  assert_string_equal(sim_task(&s, 1, "a")->reason, "begins without its ROTA_STATE, which is on h2");
  restart();
  sim_started(&s, "a");
  assert_says(sim_why(&s, 1, "a"), "begins without its ROTA_STATE, which is on h2");
  assert_false(sim_run(&s, 1)->may_have_run_twice); /* a person said that it is dead */
  sim_exit(&s, "a", 0);
  assert_run(&s, 1, "succeeded");
}

static void nothing_starts_on_a_host_before_its_survivors_are_ended(void **state) {
  (void)state;
  all_up();
  begin("on: h1, retries: {delay: 0s}");
  sim_started(&s, "a");
  sim_order(&s, "h1", HOST_ORDER_DOWN, "fire", false);
  sim_idle(&s);
  assert_says(sim_why(&s, 1, "a"), "host h1 was declared down by anna at 00:00:00 UTC: fire");
  sim_order(&s, "h1", HOST_ORDER_UP, NULL, false);
  assert_why("waits for host h1: what may be left of p#1 a is being ended there first");
  restart();
  assert_int_equal(s.clears.len, 0); /* core asks for them */
  struct arena a = {0};
  struct remnant_row *rows;
  assert_int_equal(engine_remnants(s.e, &a, &rows), 1);
  assert_string_equal(rows[0].host, "h1");
  assert_string_equal(rows[0].attempt_id, s.attempts.items[0].id.text);
  vec_push(&s.clears, rows[0].attempt_id);
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  assert_why("waits for host h1: what may be left of p#1 a is being ended there first");
  sim_cleared(&s);
  arena_release(&a);
  assert_int_equal(s.remnants.len, 0);
  assert_task(&s, 1, "a", "starting");
}

static void order_gone(const char *host) {
  struct engine_event ev = {.kind = ENGINE_HOST_ORDER};
  ev.host_order = (struct engine_host_order){
      .asker = sim_anna(), .host = host, .order = HOST_ORDER_DOWN, .gone = true, .reason = "scrapped"};
  sim_event(&s, ev);
}

/* Another machine answers under the name: the old one's survivors would be waited for without end. */
static void what_lived_on_a_machine_that_is_gone_for_good_isnt_waited_for(void **state) {
  (void)state;
  all_up();
  begin("on: h1, retries: {delay: 0s}");
  sim_started(&s, "a");
  sim_order(&s, "h1", HOST_ORDER_DOWN, "fire", false);
  sim_order(&s, "h1", HOST_ORDER_UP, NULL, false);
  assert_why("waits for host h1: what may be left of p#1 a is being ended there first");
  order_gone("h1");
  assert_int_equal(s.remnants.len, 0);
  assert_says(sim_why(&s, 1, "a"), "host h1 was declared down by anna at 00:00:00 UTC: scrapped");
  order_gone("h1"); /* again is no mistake */
  sim_order(&s, "h1", HOST_ORDER_UP, NULL, false);
  assert_task(&s, 1, "a", "starting");
  sim_cleared(&s); /* it did answer after all: news of no interest */
  assert_task(&s, 1, "a", "starting");
}

static void a_report_of_what_was_given_up_changes_nothing(void **state) {
  (void)state;
  all_up();
  begin("on: h1, retries: {lost: 0}");
  sim_started(&s, "a");
  struct engine_event late = sim_report(&s, sim_live(&s, "a"), ENGINE_REPORT_ENDED);
  sim_order(&s, "h1", HOST_ORDER_DOWN, "fire", false);
  assert_run(&s, 1, "failed");
  sim_event(&s, late);
  assert_task(&s, 1, "a", "lost");
  assert_int_equal(s.remnants.len, 1);
}

static void a_waiting_retry_leaves_the_host_that_is_declared_down(void **state) {
  (void)state;
  all_up();
  begin("on: gpus, slots: {gpu: 1}, retries: {max: 3, delay: 0s}");
  sim_started(&s, "a");
  sim_host(&s, "h2", HOST_CONTACT_UNREACHABLE, "no route");
  sim_exit(&s, "a", 1); /* as its files told before */
  sim_idle(&s);
  /* Its checkpoint is there, so it waits for it. */
  assert_why("host h2 is unreachable since 00:00:00 UTC: no route");
  sim_order(&s, "h2", HOST_ORDER_DOWN, "gone for good", false);
  assert_string_equal(sim_live(&s, "a")->host, "h1");
}

static void what_never_reached_its_host_may_go_elsewhere_without_using_a_budget(void **state) {
  (void)state;
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_host(&s, "h2", HOST_CONTACT_UP, NULL);
  begin("on: gpus, slots: {gpu: 1}, retries: {max: 0, lost: 0}");
  assert_string_equal(sim_live(&s, "a")->host, "h2");
  sim_host(&s, "h2", HOST_CONTACT_CONNECTING, "reset");
  sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_string_equal(sim_live(&s, "a")->host, "h1");
  assert_null(sim_task(&s, 1, "a")->state_host); /* it ran nowhere */
  sim_started(&s, "a");
  assert_string_equal(sim_task(&s, 1, "a")->state_host, "h1");
}

static void a_host_that_turns_all_away_isnt_asked_in_a_hurry(void **state) {
  (void)state;
  all_up();
  begin("on: h1");
  for (int i = 0; i < 3; i++) sim_kind(&s, "a", ENGINE_REPORT_FENCED, false);
  assert_task(&s, 1, "a", "waiting");
  assert_says(sim_why(&s, 1, "a"), "it never started and is tried again at 00:00:01 UTC");
  sim_later(&s, USEC_PER_SEC);
  assert_task(&s, 1, "a", "starting");
}

/* ---- silence ---- */

static void a_silent_one_that_is_tried_again_may_have_run_twice(void **state) {
  (void)state;
  all_up();
  begin("on: gpus, slots: {gpu: 1}, retries: {delay: 0s}, unreachable: {after: 1h, then: retry}");
  sim_started(&s, "a");
  sim_host(&s, "h2", HOST_CONTACT_UNREACHABLE, "no route");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  sim_later(&s, 50 * USEC_PER_MIN);
  restart();
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_later(&s, 10 * USEC_PER_MIN - 1);
  assert_task(&s, 1, "a", "unreachable");
  assert_false(sim_run(&s, 1)->may_have_run_twice);
  sim_later(&s, 1);
  assert_true(sim_run(&s, 1)->may_have_run_twice);
  assert_string_equal(sim_run(&s, 1)->reason, "a may have run twice: h2 was silent when it was given up there");
  assert_says(s.attempts.items[0].reason, "h2 was silent for 1h, after which it is given up; it may still run there");
  assert_true(s.remnants.items[0].unsure);
  assert_int_equal(host_events("may have run twice"), 1);
  sim_idle(&s);
  assert_string_equal(sim_live(&s, "a")->host, "h1");
  assert_says(sim_why(&s, 1, "a"),
              "begins without its ROTA_STATE, which is on h2, while what was given up of it on h2 "
              "may still run");
  sim_exit(&s, "a", 0);
  assert_run(&s, 1, "succeeded");
  assert_string_equal(sim_run(&s, 1)->reason, "a task may have run twice");
}

static void a_daemon_that_was_away_gives_a_silent_host_a_minute(void **state) {
  (void)state;
  all_up();
  begin("on: h1, unreachable: {after: 1h, then: retry}");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  s.now.wall += USEC_PER_DAY;
  restart();
  assert_task(&s, 1, "a", "unreachable");
  sim_kind(&s, "a", ENGINE_REPORT_REACHABLE, false);
  sim_later(&s, USEC_PER_DAY);
  assert_task(&s, 1, "a", "running");
  assert_true(s.attempts.items[0].unreachable_at == INSTANT_NONE);
}

static void waiting_beyond_its_time_is_said_and_is_a_concern(void **state) {
  (void)state;
  struct engine_concern *c;
  struct arena a = {0};
  all_up();
  begin("on: h1, unreachable: {after: 1h, then: wait}");
  sim_started(&s, "a");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  instant since = s.now.wall;
  sim_later(&s, USEC_PER_HOUR);
  assert_task(&s, 1, "a", "unreachable");
  assert_says(sim_why(&s, 1, "a"),
              "h1 has been silent for more than 1h, and the task is to wait: `rota hosts down h1`");
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_true(c->overdue);
  assert_string_equal(c->host, "h1");
  assert_int_equal(c->since, since);
  assert_says(c->why, "has been silent");
  arena_release(&a);
  sim_kind(&s, "a", ENGINE_REPORT_REACHABLE, false);
  assert_task(&s, 1, "a", "running");
  assert_int_equal(s.remnants.len, 0);
}

static void a_long_wait_for_a_host_is_a_concern_that_says_why(void **state) {
  (void)state;
  struct engine_concern *c;
  struct arena a = {0};
  begin("on: h1");
  sim_host(&s, "h1", HOST_CONTACT_REFUSED, "its key isn't known");
  sim_later(&s, 11 * USEC_PER_MIN);
  assert_int_equal(engine_concerns(s.e, s.now, &a, &c), 1);
  assert_string_equal(c->why, "host h1 is refused since 00:00:00 UTC: its key isn't known");
  arena_release(&a);
}

/* ---- abandon ---- */

static void a_cancel_that_abandons_ends_what_cannot_be_asked(void **state) {
  (void)state;
  all_up();
  sim_load(&s, "p",
           "tasks:\n  a: {run: 'true', on: h1}\n  b: {run: 'true', on: h2}\n"
           "  f: {run: 'true', finally: true}\n");
  sim_trigger(&s, "p");
  sim_started(&s, "a");
  sim_started(&s, "b");
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route");
  sim_kind(&s, "a", ENGINE_REPORT_UNREACHABLE, false);
  sim_cancel(&s, 1, NULL);
  assert_task(&s, 1, "a", "unreachable");
  sim_abandon(&s, 1, NULL);
  assert_int_equal(s.status, 200);
  assert_says(s.body, "1 that can't be reached is ended without being confirmed");
  assert_task(&s, 1, "a", "cancelled");
  assert_string_equal(sim_task(&s, 1, "a")->reason,
                      "cancelled by anna; not confirmed: host h1 is unreachable since 00:00:00 UTC: no route");
  assert_task(&s, 1, "b", "stopping"); /* it has its grace still */
  assert_false(sim_live(&s, "b")->stop_now);
  assert_int_equal(s.remnants.len, 1);
  assert_string_equal(s.audits.items[s.audits.len - 1].detail, "abandon");
  sim_end_as(&s, "b", ENGINE_END_STOPPED, 143, NULL);
  sim_exit(&s, "f", 0);
  assert_run(&s, 1, "cancelled");
  sim_host(&s, "h1", HOST_CONTACT_UP, NULL);
  sim_cleared(&s);
  assert_int_equal(s.remnants.len, 0);
}

static void one_task_can_be_abandoned(void **state) {
  (void)state;
  all_up();
  begin("on: h1, retries: 3");
  sim_started(&s, "a");
  sim_host(&s, "h1", HOST_CONTACT_CONNECTING, "reset");
  sim_abandon(&s, 1, "a");
  assert_task(&s, 1, "a", "cancelled");
  assert_says(sim_task(&s, 1, "a")->reason, "not confirmed: host h1 is being connected");
  assert_run(&s, 1, "cancelled");
}

static void a_rerun_beside_what_was_abandoned_may_have_run_twice(void **state) {
  (void)state;
  all_up();
  begin("on: h1");
  sim_started(&s, "a");
  sim_host(&s, "h1", HOST_CONTACT_UNREACHABLE, "no route");
  sim_abandon(&s, 1, NULL);
  assert_false(sim_run(&s, 1)->may_have_run_twice);
  sim_rerun_on(&s, 1, RERUN_ALL, "h2");
  assert_int_equal(s.status, 200);
  assert_string_equal(sim_live(&s, "a")->host, "h2");
  assert_true(sim_run(&s, 1)->may_have_run_twice);
}

/* ---- the rest ---- */

static void a_success_with_a_fault_is_none(void **state) {
  (void)state;
  all_up();
  begin("on: h1");
  sim_started(&s, "a");
  struct proc *p = sim_live(&s, "a");
  struct engine_event ev = sim_report(&s, p, ENGINE_REPORT_ENDED);
  ev.report.fault = "fetch: out/model.bin isn't there";
  p->state = PROC_GONE;
  sim_event(&s, ev);
  assert_task(&s, 1, "a", "failed");
  assert_string_equal(sim_task(&s, 1, "a")->reason, "fetch: out/model.bin isn't there");
  assert_int_equal(s.attempts.items[0].exit_code, 0);
}

static void configure(const char *yaml) {
  struct config *old = s.config;
  s.config = sim_config(yaml);
  s.options.config = s.config;
  struct engine_event ev = {.kind = ENGINE_CONFIG};
  ev.config.config = s.config;
  sim_event(&s, ev);
  config_free(old);
}

static void a_host_that_leaves_the_configuration_stays_until_its_tasks_have_ended(void **state) {
  (void)state;
  struct arena a = {0};
  struct engine_place *places;
  struct engine_host_attempt *there;
  all_up();
  begin("on: h1");
  sim_started(&s, "a");
  configure("slots: {cpu: 2}\n");
  assert_int_equal(engine_hosts(s.e, &a, &places), 2);
  assert_string_equal(places[1].row->name, "h1");
  assert_false(places[1].configured);
  assert_int_equal(places[1].running, 1);
  assert_int_equal(engine_host_attempts(s.e, "h1", &a, &there), 1);
  assert_string_equal(there[0].task, "a");
  assert_int_equal(there[0].state, TASK_RUNNING);
  sim_exit(&s, "a", 0);
  assert_run(&s, 1, "succeeded");
  assert_int_equal(engine_hosts(s.e, &a, &places), 1);
  arena_release(&a);
}

static void a_host_that_comes_back_is_told_again_what_is_to_be_ended(void **state) {
  (void)state;
  all_up();
  begin("on: h1, retries: {lost: 0}");
  sim_started(&s, "a");
  sim_order(&s, "h1", HOST_ORDER_DOWN, "fire", false);
  configure("slots: {cpu: 2}\n");
  assert_int_equal(s.clears.len, 1);
  configure(two_hosts);
  assert_int_equal(s.clears.len, 2);
  sim_cleared(&s);
  sim_cleared(&s); /* a second one is about nothing */
  assert_int_equal(s.remnants.len, 0);
}

static void the_units_of_a_slot_name_their_holders(void **state) {
  (void)state;
  struct arena a = {0};
  struct engine_unit *units;
  all_up();
  begin("on: h2, slots: {gpu: 1}");
  size_t len = engine_units(s.e, &a, &units), held = 0, gpus = 0;
  for (size_t i = 0; i < len; i++) {
    if (!units[i].host || strcmp(units[i].host, "h2") != 0) continue;
    gpus++;
    if (!units[i].task) continue;
    held++;
    assert_string_equal(units[i].slot, "gpu");
    assert_string_equal(units[i].unit, "0");
    assert_string_equal(units[i].pipeline, "p");
    assert_string_equal(units[i].task, "a");
  }
  assert_int_equal(gpus, 2);
  assert_int_equal(held, 1);
  arena_release(&a);
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_task_waits_until_its_host_answers),
      test(a_contact_lasts_over_tries_and_restarts),
      test(an_examination_is_recorded_and_answered),
      test(facts_are_written_down_once_a_boot),
      test(a_drained_host_starts_nothing_and_says_who_wants_it_so),
      test(this_machine_can_be_drained_but_not_declared_down),
      test(a_group_goes_on_with_those_of_its_hosts_that_are_open),
      test(down_names_first_what_it_would_end),
      test(what_ran_on_a_host_declared_down_is_tried_elsewhere),
      test(nothing_starts_on_a_host_before_its_survivors_are_ended),
      test(what_lived_on_a_machine_that_is_gone_for_good_isnt_waited_for),
      test(a_report_of_what_was_given_up_changes_nothing),
      test(a_waiting_retry_leaves_the_host_that_is_declared_down),
      test(what_never_reached_its_host_may_go_elsewhere_without_using_a_budget),
      test(a_host_that_turns_all_away_isnt_asked_in_a_hurry),
      test(a_silent_one_that_is_tried_again_may_have_run_twice),
      test(a_daemon_that_was_away_gives_a_silent_host_a_minute),
      test(waiting_beyond_its_time_is_said_and_is_a_concern),
      test(a_long_wait_for_a_host_is_a_concern_that_says_why),
      test(a_cancel_that_abandons_ends_what_cannot_be_asked),
      test(one_task_can_be_abandoned),
      test(a_rerun_beside_what_was_abandoned_may_have_run_twice),
      test(who_waits_for_a_host_that_refuses_us_is_told_at_once),
      test(a_success_with_a_fault_is_none),
      test(a_host_that_leaves_the_configuration_stays_until_its_tasks_have_ended),
      test(a_host_that_comes_back_is_told_again_what_is_to_be_ended),
      test(the_units_of_a_slot_name_their_holders),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
