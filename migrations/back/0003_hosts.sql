-- The way back from hosts, to what the version before them reads. A SELECT that gives a row refuses, with what has to
-- be done before; what comes then keeps all that happened but what only hosts have: their orders, facts and events.

SELECT 'the host ' || host || ' may still run ' || what || ', which was given up: let it answer once more, '
    || 'so that it can be ended there'
  FROM remnant ORDER BY attempt LIMIT 1;
SELECT p.name || '#' || r.number || ' ' || t.label || ' is under way on the host ' || a.host
    || ', which the older version can''t reach: wait until it has ended, or cancel it'
  FROM attempt a JOIN run r ON r.key = a.run JOIN pipeline p ON p.key = r.pipeline
  JOIN task t ON t.run = a.run AND t."index" = a.task
  WHERE a.ended_at IS NULL AND a.host <> 'local' ORDER BY a.key LIMIT 1;
SELECT p.name || '#' || r.number || ' was rerun with --on, which the older version doesn''t know: wait until it has '
    || 'ended, or cancel it'
  FROM task t JOIN run r ON r.key = t.run JOIN pipeline p ON p.key = r.pipeline
  WHERE t.on_asked IS NOT NULL AND r.ended_at IS NULL ORDER BY r.key LIMIT 1;

DROP INDEX attempt_bad;
ALTER TABLE attempt DROP COLUMN unreachable_at;
ALTER TABLE task DROP COLUMN on_asked;
ALTER TABLE run DROP COLUMN may_have_run_twice;
DROP TABLE remnant;
DROP TABLE host_boot;
DROP TABLE host;

CREATE TABLE event_before_hosts (
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
INSERT INTO event_before_hosts (key, at, kind, pipeline, run, task, attempt, state, reason, actor)
  SELECT key, at, kind, pipeline, run, task, attempt, state, reason, actor FROM event WHERE kind <> 'host' ORDER BY key;
DROP TABLE event;
ALTER TABLE event_before_hosts RENAME TO event;
CREATE INDEX event_run ON event (run) WHERE run IS NOT NULL;
CREATE INDEX event_other ON event (pipeline) WHERE run IS NULL;
CREATE INDEX event_note ON event (run) WHERE kind = 'note';
