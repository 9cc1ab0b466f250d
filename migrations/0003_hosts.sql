-- Hosts over SSH: what was ordered of each, what is known of each, and what may be left on them of attempts that were
-- given up. Columns in the order of the structs in scheduler/engine/rows.h.

CREATE TABLE host (
  name         TEXT PRIMARY KEY,
  "order"      TEXT NOT NULL CHECK ("order" IN ('up', 'drain', 'down')),
  order_reason TEXT,
  order_by     TEXT,
  order_at     INTEGER,
  contact      TEXT NOT NULL CHECK (contact IN ('up', 'connecting', 'unreachable', 'refused')),
  since        INTEGER,
  text         TEXT,
  machine      TEXT,
  boot         TEXT,
  booted_at    INTEGER,
  facts        TEXT,
  doctor       TEXT,
  doctor_at    INTEGER
) STRICT, WITHOUT ROWID;

-- Which facts were in force when: a row for each boot seen, another if the machine or the facts of a boot changed.
CREATE TABLE host_boot (
  key       INTEGER PRIMARY KEY,
  host      TEXT NOT NULL,
  machine   TEXT,
  boot      TEXT,
  booted_at INTEGER,
  seen_at   INTEGER NOT NULL,
  facts     TEXT
) STRICT;
CREATE INDEX host_boot_host ON host_boot (host, seen_at);

-- An attempt that was given up while it may be alive. The row goes when its host says that nothing is left.
CREATE TABLE remnant (
  attempt    INTEGER PRIMARY KEY,
  host       TEXT NOT NULL,
  run_id     TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  what       TEXT NOT NULL,
  reason     TEXT,
  since      INTEGER NOT NULL,
  run        INTEGER NOT NULL,
  task       INTEGER NOT NULL,
  unsure     INTEGER NOT NULL CHECK (unsure IN (0, 1))
) STRICT;

ALTER TABLE run ADD COLUMN may_have_run_twice INTEGER NOT NULL DEFAULT 0 CHECK (may_have_run_twice IN (0, 1));
ALTER TABLE task ADD COLUMN on_asked TEXT;
ALTER TABLE attempt ADD COLUMN unreachable_at INTEGER;

-- What failed on a host lately, of all pipelines. The key ends the index by itself.
CREATE INDEX attempt_bad ON attempt (host, ended_at) WHERE state IN ('failed', 'timed_out', 'lost');

-- Events know of hosts. A CHECK can't be changed in place, so the table is made anew.
CREATE TABLE event_with_hosts (
  key      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL CHECK (kind IN ('run', 'round', 'task', 'note', 'mark', 'pipeline', 'schedule', 'clock',
             'host')),
  pipeline INTEGER,
  run      INTEGER,
  task     INTEGER,
  attempt  INTEGER,
  state    TEXT,
  reason   TEXT,
  actor    TEXT,
  host     TEXT
) STRICT;
INSERT INTO event_with_hosts (key, at, kind, pipeline, run, task, attempt, state, reason, actor)
  SELECT key, at, kind, pipeline, run, task, attempt, state, reason, actor FROM event ORDER BY key;
DROP TABLE event;
ALTER TABLE event_with_hosts RENAME TO event;
CREATE INDEX event_run ON event (run) WHERE run IS NOT NULL;
CREATE INDEX event_other ON event (pipeline) WHERE run IS NULL;
CREATE INDEX event_note ON event (run) WHERE kind = 'note';
CREATE INDEX event_host ON event (host) WHERE host IS NOT NULL;
