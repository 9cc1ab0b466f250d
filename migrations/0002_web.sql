-- What the port and its pages need: who may come in, and what lists and dialogs look up.

-- Tokens are kept as the SHA-256 of their text. A revoked one stays, so that the audit can name it.
CREATE TABLE token (
  key        INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  sha256     TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  created_by TEXT,
  expires_at INTEGER,
  used_at    INTEGER,
  revoked_at INTEGER
) STRICT;

-- A session of a browser: from a login with a token, or (token NULL) from a one-time link that a user of this machine
-- asked for over the socket. Its secret is kept as its SHA-256.
CREATE TABLE session (
  key        INTEGER PRIMARY KEY,
  sha256     TEXT NOT NULL UNIQUE,
  token      INTEGER,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  address    TEXT,
  agent      TEXT,
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE INDEX session_used ON session (used_at);

-- How many runs ended in each hour (hours since the epoch), for the strip of the last day.
CREATE TABLE hourly (
  hour     INTEGER NOT NULL,
  pipeline INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  count    INTEGER NOT NULL,
  PRIMARY KEY (hour, pipeline, state)
) STRICT, WITHOUT ROWID;

-- Whether an instant was run by hand already, and which firings came to nothing.
CREATE INDEX run_scheduled ON run (pipeline, scheduled_for);
CREATE INDEX firing_unrun ON firing (scheduled_for) WHERE outcome <> 'run';
