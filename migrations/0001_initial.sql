-- The first schema. One table for each kind of row in scheduler/engine/rows.h, its columns in the order of the struct.
--
-- Times are microseconds since the epoch, UTC; NULL is "unknown" or "none". States are words, so that a change of the
-- order in the lists of scheduler/engine/states.h can't change what a row says; a unit test holds the CHECKs against
-- those lists. Keys are given out by the engine, rising over all tables, and never used twice.
--
-- What hangs on a run (round, task, attempt, output, event) has no foreign key to it: retention takes the run's row
-- away first, so that nobody sees half a run, and the rest in small pieces after that.

CREATE TABLE meta (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  state_id      TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  last_key      INTEGER NOT NULL,
  restored_at   INTEGER,
  restored_from TEXT,
  paused_at     INTEGER,
  paused_reason TEXT,
  paused_by     TEXT
) STRICT;

CREATE TABLE pipeline (
  key           INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  version       INTEGER REFERENCES version (key) DEFERRABLE INITIALLY DEFERRED,
  last_number   INTEGER NOT NULL,
  present       INTEGER NOT NULL CHECK (present IN (0, 1)),
  error         TEXT,
  seen_at       INTEGER,
  paused_at     INTEGER,
  paused_reason TEXT,
  paused_by     TEXT
) STRICT;

CREATE INDEX pipeline_version ON pipeline (version);

-- A version is a fact: this content came into force then. A file that goes back to an earlier text makes a new row.
-- The owner, the tags (a JSON array) and the description are taken out of the JSON for filters and lists.
CREATE TABLE version (
  key         INTEGER PRIMARY KEY,
  pipeline    INTEGER NOT NULL REFERENCES pipeline (key) DEFERRABLE INITIALLY DEFERRED,
  sha256      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  owner       TEXT,
  tags        TEXT,
  description TEXT,
  json        TEXT NOT NULL,
  text        TEXT NOT NULL
) STRICT;
CREATE INDEX version_pipeline ON version (pipeline);

CREATE TABLE schedule (
  key      INTEGER PRIMARY KEY,
  pipeline INTEGER NOT NULL REFERENCES pipeline (key) DEFERRABLE INITIALLY DEFERRED,
  identity TEXT NOT NULL,
  since    INTEGER,
  decided  INTEGER,
  active   INTEGER NOT NULL CHECK (active IN (0, 1)),
  UNIQUE (pipeline, identity)
) STRICT;

CREATE TABLE firing (
  key           INTEGER PRIMARY KEY,
  schedule      INTEGER NOT NULL REFERENCES schedule (key) DEFERRABLE INITIALLY DEFERRED,
  pipeline      INTEGER NOT NULL,
  scheduled_for INTEGER NOT NULL,
  until         INTEGER NOT NULL,
  count         INTEGER NOT NULL,
  at_least      INTEGER NOT NULL CHECK (at_least IN (0, 1)),
  outcome       TEXT NOT NULL CHECK (outcome IN ('run', 'skipped', 'missed')),
  reason        TEXT,
  run           INTEGER,
  decided_at    INTEGER,
  UNIQUE (schedule, scheduled_for)
) STRICT;
CREATE INDEX firing_pipeline ON firing (pipeline, scheduled_for);

CREATE TABLE run (
  key            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE CHECK (length(id) = 26),
  pipeline       INTEGER NOT NULL REFERENCES pipeline (key) DEFERRABLE INITIALLY DEFERRED,
  number         INTEGER NOT NULL,
  version        INTEGER NOT NULL REFERENCES version (key) DEFERRABLE INITIALLY DEFERRED,
  state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  reason         TEXT,
  "trigger"      TEXT NOT NULL CHECK ("trigger" IN ('schedule', 'manual', 'rerun', 'command')),
  actor_kind     TEXT,
  actor_id       TEXT,
  actor_name     TEXT,
  actor_address  TEXT,
  params         TEXT,
  scheduled_for  INTEGER,
  interval_start INTEGER,
  zone           TEXT,
  date           INTEGER NOT NULL,
  schedule       INTEGER,
  linked_from    INTEGER,
  created_at     INTEGER,
  started_at     INTEGER,
  ended_at       INTEGER,
  round          INTEGER NOT NULL,
  failed_before  INTEGER NOT NULL CHECK (failed_before IN (0, 1)),
  keep           INTEGER NOT NULL CHECK (keep IN (0, 1)),
  fresh          INTEGER NOT NULL CHECK (fresh IN (0, 1)),
  deadline       INTEGER,
  tasks          INTEGER NOT NULL,
  tasks_done     INTEGER NOT NULL,
  tasks_failed   INTEGER NOT NULL,
  UNIQUE (pipeline, number)
) STRICT;
-- The key ends each of these indexes by itself, so that a page is read from it in order.
CREATE INDEX run_pipeline_state ON run (pipeline, state);
CREATE INDEX run_state ON run (state);
CREATE INDEX run_started ON run (started_at);
CREATE INDEX run_version ON run (version);
CREATE INDEX run_linked ON run (linked_from) WHERE linked_from IS NOT NULL;

CREATE TABLE round (
  run           INTEGER NOT NULL,
  number        INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  reason        TEXT,
  scope         TEXT,
  actor_kind    TEXT,
  actor_id      TEXT,
  actor_name    TEXT,
  actor_address TEXT,
  opened_at     INTEGER,
  ended_at      INTEGER,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
  run            INTEGER NOT NULL,
  "index"        INTEGER NOT NULL,
  name           TEXT NOT NULL,
  label          TEXT NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('waiting', 'starting', 'running', 'stopping', 'unreachable', 'succeeded',
                   'failed', 'timed_out', 'lost', 'cancelled', 'skipped', 'upstream_failed')),
  wait           TEXT NOT NULL CHECK (wait IN ('', 'dependencies', 'slot', 'retry', 'paused', 'host', 'files')),
  reason         TEXT,
  round          INTEGER NOT NULL,
  attempts       INTEGER NOT NULL,
  failures       INTEGER NOT NULL,
  losses         INTEGER NOT NULL,
  attempt        INTEGER,
  output_attempt INTEGER,
  not_before     INTEGER,
  state_host     TEXT,
  fresh_state    INTEGER NOT NULL CHECK (fresh_state IN (0, 1)),
  marked         INTEGER NOT NULL CHECK (marked IN (0, 1)),
  ready_at       INTEGER,
  started_at     INTEGER,
  ended_at       INTEGER,
  PRIMARY KEY (run, "index")
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
  key         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL CHECK (length(id) = 26),
  run         INTEGER NOT NULL,
  task        INTEGER NOT NULL,
  round       INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('waiting', 'starting', 'running', 'stopping', 'unreachable', 'succeeded',
                'failed', 'timed_out', 'lost', 'cancelled', 'skipped', 'upstream_failed')),
  reason      TEXT,
  host        TEXT,
  slots       TEXT,
  stop_asked  INTEGER NOT NULL CHECK (stop_asked IN (0, 1)),
  stop_now    INTEGER NOT NULL CHECK (stop_now IN (0, 1)),
  stop_reason TEXT,
  exit_code   INTEGER,
  signal      INTEGER NOT NULL,
  pid         INTEGER,
  created_at  INTEGER,
  started_at  INTEGER,
  ended_at    INTEGER,
  max_rss_kb  INTEGER,
  cpu_us      INTEGER,
  log_bytes   INTEGER,
  dir         TEXT,
  git_commit  TEXT,
  git_dirty   INTEGER CHECK (git_dirty IN (0, 1))
) STRICT;
CREATE INDEX attempt_run ON attempt (run, task, number);

CREATE TABLE output (
  attempt INTEGER NOT NULL,
  name    TEXT NOT NULL,
  json    TEXT NOT NULL,
  PRIMARY KEY (attempt, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  key      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL CHECK (kind IN ('run', 'round', 'task', 'note', 'mark', 'pipeline', 'schedule', 'clock')),
  pipeline INTEGER,
  run      INTEGER,
  task     INTEGER,
  attempt  INTEGER,
  state    TEXT,
  reason   TEXT,
  actor    TEXT
) STRICT;
CREATE INDEX event_run ON event (run) WHERE run IS NOT NULL;
CREATE INDEX event_other ON event (pipeline) WHERE run IS NULL;
CREATE INDEX event_note ON event (run) WHERE kind = 'note';

CREATE TABLE audit (
  key           INTEGER PRIMARY KEY,
  at            INTEGER NOT NULL,
  actor_kind    TEXT,
  actor_id      TEXT,
  actor_name    TEXT,
  actor_address TEXT,
  action        TEXT NOT NULL,
  object        TEXT,
  detail        TEXT
) STRICT;

CREATE TABLE request (
  key         TEXT PRIMARY KEY,
  body_sha256 TEXT NOT NULL,
  status      INTEGER NOT NULL,
  response    TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;
CREATE INDEX request_at ON request (at);

CREATE TABLE daily (
  day      INTEGER NOT NULL,
  pipeline INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  count    INTEGER NOT NULL,
  total    INTEGER NOT NULL,
  PRIMARY KEY (day, pipeline, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE stat (
  pipeline INTEGER NOT NULL,
  task     TEXT NOT NULL,
  ms       BLOB NOT NULL,
  PRIMARY KEY (pipeline, task)
) STRICT, WITHOUT ROWID;

-- Runs that retention took away: `rows` while tasks, attempts or events of it may be there, `dir` while its directory
-- may be.
CREATE TABLE removed_run (
  run  INTEGER PRIMARY KEY,
  id   TEXT NOT NULL UNIQUE,
  rows INTEGER NOT NULL CHECK (rows IN (0, 1)),
  dir  INTEGER NOT NULL CHECK (dir IN (0, 1))
) STRICT;
CREATE INDEX removed_run_rows ON removed_run (run) WHERE rows = 1;
CREATE INDEX removed_run_dir ON removed_run (run) WHERE dir = 1;

-- What a restored snapshot doesn't know: one row for each question to a person.
CREATE TABLE restore_item (
  key           INTEGER PRIMARY KEY,
  kind          TEXT NOT NULL CHECK (kind IN ('firing', 'attempt')),
  pipeline      TEXT,
  what          TEXT NOT NULL,
  run_id        TEXT,
  attempt_id    TEXT,
  scheduled_for INTEGER,
  found         TEXT NOT NULL,
  answer        TEXT CHECK (answer IN ('skip', 'mark', 'run'))
) STRICT;
