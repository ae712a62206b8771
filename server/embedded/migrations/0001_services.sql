-- Services and refresh tokens, as in PostgreSQL (server/api/migrations). There is one node, whose loader says in a file
-- of its own what it has (server/embedded/presence.py), so no table of nodes.

-- One row: the revision of all services together. It only grows.
CREATE TABLE catalogue (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO catalogue VALUES (1, 1);

-- The model comes last: whoever reads the other columns does not read over it.
CREATE TABLE service (
  name TEXT NOT NULL CHECK (name GLOB '[A-Za-z]*' AND name NOT GLOB '*[^A-Za-z0-9._-]*' AND length(name) <= 64),
  version TEXT NOT NULL
    CHECK (version GLOB '[A-Za-z0-9]*' AND version NOT GLOB '*[^A-Za-z0-9._-]*' AND length(version) <= 64),
  description TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  inputs TEXT NOT NULL CHECK (json_valid(inputs)),
  outputs TEXT NOT NULL CHECK (json_valid(outputs)),
  sha256 TEXT NOT NULL,
  published_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  model BLOB NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE refresh_token (
  digest BLOB PRIMARY KEY,
  username TEXT NOT NULL,
  role TEXT NOT NULL,
  chain_started TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX refresh_token_expires_at ON refresh_token (expires_at);

CREATE TRIGGER service_added AFTER INSERT ON service BEGIN UPDATE catalogue SET revision = revision + 1; END;
CREATE TRIGGER service_changed AFTER UPDATE ON service BEGIN UPDATE catalogue SET revision = revision + 1; END;
CREATE TRIGGER service_removed AFTER DELETE ON service BEGIN UPDATE catalogue SET revision = revision + 1; END;
