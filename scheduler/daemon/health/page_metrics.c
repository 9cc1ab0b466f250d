/* GET /metrics: all figures of the daemon in the text format of Prometheus. What the system must be asked for is read
 * on a thread of the pool; the rest lies in memory, so that an answer costs the loop a millisecond for a thousand
 * pipelines. Series are by pipeline, by host and by slot of a host, never by run or task. */
#include <string.h>

#include "scheduler/daemon/events/event_hub.h"
#include "scheduler/daemon/health/exposition.h"
#include "scheduler/daemon/health/health.h"
#include "scheduler/daemon/health/process.h"
#include "scheduler/daemon/pages/page.h"
#include "scheduler/store/store.h"

#define LINE_GUESS 100 /* bytes */

struct metrics {
  struct exposition x;
  struct page *page;
  const struct queries_options *o;
  const struct engine *engine;
  struct health_view view;
  const struct process_facts *facts;
};

void page_metrics_read(struct page *p) {
  struct process_facts *facts = arena_new(&p->arena, struct process_facts);
  process_look(p->state_dir, facts);
  p->found = facts;
}

/* ---- pipelines ---- */

/* What a pipeline has of a family; false: it has nothing of it. */
typedef bool score_value(const struct metrics *m, const struct score *s, int64_t *value);

static bool instant_value(instant at, int64_t *value) {
  *value = at;
  return at != INSTANT_NONE;
}

static bool last_success(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  return instant_value(s->succeeded_at, value);
}

static bool last_end(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  return instant_value(s->ended_at, value);
}

static bool added(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  return instant_value(s->added_at, value);
}

static bool next_due(const struct metrics *m, const struct score *s, int64_t *value) {
  return instant_value(engine_next_firing(m->engine, s->name, NULL), value);
}

static bool firing_gap(const struct metrics *m, const struct score *s, int64_t *value) {
  *value = engine_firing_gap(m->engine, s->name);
  return *value >= 0;
}

static bool last_missed(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  return instant_value(s->missed_at, value);
}

static bool missed_known(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  return instant_value(s->missed_known, value);
}

static bool missed(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  *value = s->missed;
  return true;
}

static bool paused(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  *value = s->paused;
  return true;
}

static bool broken(const struct metrics *m, const struct score *s, int64_t *value) {
  (void)m;
  *value = s->broken;
  return true;
}

static const struct {
  const char *name;
  enum metric_type type;
  bool seconds;
  score_value *value;
  const char *help;
} by_pipeline[] = {
    {"rota_pipeline_last_success_timestamp_seconds", METRIC_GAUGE, true, last_success,
     "When its last run to succeed ended."},
    {"rota_pipeline_last_end_timestamp_seconds", METRIC_GAUGE, true, last_end, "When its last run to end did."},
    {"rota_pipeline_added_timestamp_seconds", METRIC_GAUGE, true, added, "When its file was first seen."},
    {"rota_pipeline_next_due_timestamp_seconds", METRIC_GAUGE, true, next_due,
     "When it fires next; none while it is paused or has no schedule."},
    {"rota_pipeline_firing_gap_seconds", METRIC_GAUGE, true, firing_gap,
     "The longer of the times between its firing before last, the last and the next."},
    {"rota_pipeline_last_missed_timestamp_seconds", METRIC_GAUGE, true, last_missed,
     "The instant of the last firing that was missed."},
    {"rota_pipeline_missed_known_timestamp_seconds", METRIC_GAUGE, true, missed_known,
     "When it was last found that a firing was missed: after a downtime, its end."},
    {"rota_pipeline_missed_firings_total", METRIC_COUNTER, false, missed,
     "Firings that were missed, since the daemon started."},
    {"rota_pipeline_paused", METRIC_GAUGE, false, paused, "Whether it is paused."},
    {"rota_pipeline_broken", METRIC_GAUGE, false, broken,
     "Whether its file doesn't load; the last good version is in force."},
};

static void write_last_states(struct metrics *m, const struct scores *scores) {
  exposition_family(&m->x, METRIC_GAUGE, "rota_pipeline_last_state",
                    "1 with the state in which its last run to end did.");
  for (size_t i = 0; i < scores->items.len; i++) {
    const struct score *s = scores->items.items[i];
    if (!s->present || s->ended_at == INSTANT_NONE) continue;
    exposition_labels(&m->x, s->label);
    exposition_label(&m->x, "state", run_state_word(s->state));
    exposition_integer(&m->x, 1);
  }
}

static void write_pipelines(struct metrics *m) {
  const struct scores *scores = health_scores(m->o->health);
  size_t families = sizeof by_pipeline / sizeof by_pipeline[0];
  buf_reserve(m->x.out, scores->items.len * (families + 1) * LINE_GUESS);
  for (size_t f = 0; f < families; f++) {
    exposition_family(&m->x, by_pipeline[f].type, by_pipeline[f].name, by_pipeline[f].help);
    for (size_t i = 0; i < scores->items.len; i++) {
      const struct score *s = scores->items.items[i];
      int64_t value;
      if (!s->present || !by_pipeline[f].value(m, s, &value)) continue;
      exposition_labels(&m->x, s->label);
      if (by_pipeline[f].seconds)
        exposition_seconds(&m->x, value);
      else
        exposition_integer(&m->x, value);
    }
  }
  write_last_states(m, scores);
}

/* ---- hosts ---- */

static bool host_up(const struct engine_place *place) {
  return place->here || place->row->contact == HOST_CONTACT_UP;
}

static void host_integer(struct metrics *m, const struct engine_place *place, int64_t value) {
  exposition_label(&m->x, "host", place->row->name);
  exposition_integer(&m->x, value);
}

static void write_hosts(struct metrics *m) {
  struct exposition *x = &m->x;
  struct engine_place *places;
  size_t len = engine_hosts(m->engine, &m->page->arena, &places);
  exposition_family(x, METRIC_GAUGE, "rota_host_up", "Whether it answers.");
  for (size_t i = 0; i < len; i++) host_integer(m, &places[i], host_up(&places[i]));
  exposition_family(x, METRIC_GAUGE, "rota_host_contact", "1 with how it is reached.");
  for (size_t i = 0; i < len; i++) {
    enum host_contact contact = places[i].here ? HOST_CONTACT_UP : places[i].row->contact;
    exposition_label(x, "contact", host_contact_word(contact));
    host_integer(m, &places[i], 1);
  }
  exposition_family(x, METRIC_GAUGE, "rota_host_order", "1 with what a person ordered of it.");
  for (size_t i = 0; i < len; i++) {
    exposition_label(x, "order", host_order_word(places[i].row->order));
    host_integer(m, &places[i], 1);
  }
  exposition_family(x, METRIC_GAUGE, "rota_host_running_tasks", "Tasks that run there.");
  for (size_t i = 0; i < len; i++) host_integer(m, &places[i], places[i].running);
  exposition_family(x, METRIC_GAUGE, "rota_host_remnants",
                    "Tasks that were given up and may still be alive there; nothing starts before they are gone.");
  for (size_t i = 0; i < len; i++) host_integer(m, &places[i], places[i].remnants);
}

static void write_slot_family(struct metrics *m, const struct engine_slot *slots, size_t len, bool hosts,
                              bool total) {
  static const char *const names[2][2] = {{"rota_limit_used", "rota_limit_total"},
                                          {"rota_host_slots_used", "rota_host_slots_total"}};
  static const char *const helps[2] = {"Units that running tasks hold.", "Units there are."};
  exposition_family(&m->x, METRIC_GAUGE, names[hosts][total], helps[total]);
  for (size_t i = 0; i < len; i++) {
    if (hosts != (slots[i].host != NULL)) continue;
    if (hosts) exposition_label(&m->x, "host", slots[i].host);
    exposition_label(&m->x, hosts ? "slot" : "limit", slots[i].name);
    exposition_integer(&m->x, total ? slots[i].total : slots[i].used);
  }
}

static void write_slots(struct metrics *m) {
  struct engine_slot *slots;
  size_t len = engine_slots(m->engine, &m->page->arena, &slots);
  write_slot_family(m, slots, len, true, false);
  write_slot_family(m, slots, len, true, true);
  write_slot_family(m, slots, len, false, false);
  write_slot_family(m, slots, len, false, true);
}

/* ---- the daemon ---- */

static void gauge(struct metrics *m, const char *name, const char *help, int64_t value) {
  if (value < 0) return; /* unknown */
  exposition_family(&m->x, METRIC_GAUGE, name, help);
  exposition_integer(&m->x, value);
}

static void gauge_seconds(struct metrics *m, const char *name, const char *help, int64_t us) {
  if (us < 0) return;
  exposition_family(&m->x, METRIC_GAUGE, name, help);
  exposition_seconds(&m->x, us);
}

static void write_build(struct metrics *m) {
  exposition_family(&m->x, METRIC_GAUGE, "rota_build_info", "1 with the version of the daemon.");
  exposition_label(&m->x, "version", ROTA_VERSION);
  exposition_integer(&m->x, 1);
  gauge_seconds(m, "process_start_time_seconds", "When the daemon started.", m->o->assembly->started_at);
  int64_t up = m->page->now - m->o->assembly->started_at;
  gauge_seconds(m, "rota_uptime_seconds", "How long it has been running.", up < 0 ? 0 : up);
}

static void write_loop(struct metrics *m) {
  const struct pulse_view *pulse = &m->view.pulse;
  exposition_family(&m->x, METRIC_HISTOGRAM, "rota_loop_lag_seconds",
                    "How late a timer of one second came: what is due is done so much later.");
  exposition_histogram(&m->x, &pulse->beats);
  exposition_family(&m->x, METRIC_HISTOGRAM, "rota_loop_turn_seconds",
                    "How long a turn of the loop took, without its sleep.");
  exposition_histogram(&m->x, &pulse->turns);
  gauge_seconds(m, "rota_loop_lag_recent_max_seconds", "The longest of both within the last minute.",
                pulse->recent_us);
}

static void write_commits(struct metrics *m) {
  const struct committer_view *commits = &m->view.commits;
  exposition_family(&m->x, METRIC_HISTOGRAM, "rota_commit_seconds",
                    "How long a batch of changes took until it was on the disk.");
  exposition_histogram(&m->x, &commits->took);
  if (commits->committed_at != INSTANT_NONE)
    gauge_seconds(m, "rota_last_commit_timestamp_seconds", "When the last batch was on the disk.",
                  commits->committed_at);
  gauge_seconds(m, "rota_writer_silent_seconds", "How long the writer has been at one thing; 0 if it rests.",
                commits->silent_us);
  gauge(m, "rota_writer_jobs", "Small jobs that wait for the writer.", (int64_t)commits->jobs);
  exposition_family(&m->x, METRIC_GAUGE, "rota_degraded", "1 with the reason why commits don't succeed now.");
  for (int t = 0; t < TROUBLES; t++) {
    int err = m->view.degraded.err;
    exposition_label(&m->x, "reason", trouble_word((enum trouble)t));
    exposition_integer(&m->x, err && trouble_of(err) == (enum trouble)t);
  }
}

static void write_queues(struct metrics *m) {
  struct engine_load load = engine_load(m->engine);
  gauge(m, "rota_inbox_events", "Events that wait for the next step.",
        (int64_t)inbox_len(core_inbox(m->o->assembly->core)));
  gauge(m, "rota_runs_live", "Runs that haven't ended.", (int64_t)load.runs);
  gauge(m, "rota_attempts_live", "Attempts that haven't ended, on all hosts.", (int64_t)load.attempts);
  gauge(m, "rota_tasks_waiting", "Tasks that are ready and wait for a place.", (int64_t)load.waiting);
  gauge(m, "rota_left_aside", "Pipelines, versions and runs that crashed the daemon three times in a row.",
        (int64_t)m->view.left_aside);
  gauge(m, "rota_paused", "Whether the whole installation is paused.", engine_paused(m->engine).at != INSTANT_NONE);
}

static void write_stream(struct metrics *m) {
  struct event_hub_view view;
  health_stream(m->o->health, &view);
  gauge(m, "rota_stream_clients", "Who listens to the event stream.", (int64_t)view.listeners);
  exposition_family(&m->x, METRIC_COUNTER, "rota_stream_drops_total",
                    "Events that didn't fit into a client's queue, which was told to fetch all anew.");
  exposition_integer(&m->x, (int64_t)view.drops);
}

static void write_backup(struct metrics *m) {
  gauge(m, "rota_backup_failing", "Whether backups on the schedule fail.", m->view.backup_failing);
  instant at = m->view.backup_at, overdue = m->view.backup_overdue, now = m->page->now;
  gauge_seconds(m, "rota_backup_overdue_seconds", "For how long the folder of a backup hasn't answered; 0: it does.",
                overdue != INSTANT_NONE && now > overdue ? now - overdue : 0);
  if (at == INSTANT_NONE) return;
  gauge_seconds(m, "rota_last_backup_timestamp_seconds", "When the last backup that was verified was made.", at);
  gauge_seconds(m, "rota_last_backup_age_seconds", "Its age.", m->page->now > at ? m->page->now - at : 0);
}

static void write_process(struct metrics *m) {
  const struct process_facts *f = m->facts;
  gauge(m, "rota_disk_free_bytes", "Free on the volume of the state directory.", f->disk_free_bytes);
  gauge(m, "rota_disk_size_bytes", "Size of that volume.", f->disk_size_bytes);
  gauge(m, "rota_disk_free_files", "Files that can still be made there.", f->disk_free_files);
  gauge(m, "rota_database_bytes", "Size of rota.db.", f->database_bytes);
  gauge(m, "rota_wal_bytes", "Size of the file rota.db-wal.", f->wal_bytes < 0 ? 0 : f->wal_bytes);
  gauge(m, "rota_wal_pending_bytes", "What of it isn't moved into the database yet, as of the last commit.",
        m->view.commits.wal_bytes);
  gauge(m, "process_open_fds", "Open file descriptors.", f->open_fds);
  gauge(m, "process_max_fds", "How many may be open.", f->max_fds);
  gauge(m, "process_resident_memory_bytes", "Resident memory.", f->resident_bytes);
  if (f->cpu_us < 0) return;
  exposition_family(&m->x, METRIC_COUNTER, "process_cpu_seconds_total", "Time on processors.");
  exposition_seconds(&m->x, f->cpu_us);
}

void page_metrics_finish(struct page *p, const struct queries_options *o) {
  struct metrics m = {.page = p, .o = o, .engine = core_engine(o->assembly->core), .facts = p->found};
  exposition_init(&m.x, &p->body);
  health_view(o->health, &m.view);
  p->content_type = EXPOSITION_TYPE;
  write_build(&m);
  write_loop(&m);
  write_commits(&m);
  write_queues(&m);
  write_stream(&m);
  write_backup(&m);
  write_process(&m);
  write_hosts(&m);
  write_slots(&m);
  write_pipelines(&m);
}
