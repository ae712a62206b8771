-- Services, refresh tokens and compute nodes. Expand only: compute nodes run on the schema before this one too.

CREATE SEQUENCE catalogue_revision;

-- One row: the revision of all services together. Compute nodes say which one they have.
CREATE TABLE catalogue (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO catalogue (revision) VALUES (nextval('catalogue_revision'));

CREATE TABLE service (
  name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9._-]{0,63}$'),
  version text NOT NULL CHECK (version ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  description text NOT NULL,
  operation_id text NOT NULL,
  inputs jsonb NOT NULL,
  outputs jsonb NOT NULL,
  model bytea NOT NULL,
  sha256 text NOT NULL,
  published_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);

-- Models come compressed; a second attempt only takes time.
ALTER TABLE service ALTER COLUMN model SET STORAGE EXTERNAL;

CREATE TABLE refresh_token (
  digest bytea PRIMARY KEY,
  username text NOT NULL,
  role text NOT NULL,
  chain_started timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX refresh_token_expires_at ON refresh_token (expires_at);

CREATE TABLE compute_node (
  address inet PRIMARY KEY,
  port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  workers integer NOT NULL CHECK (workers BETWEEN 1 AND 4096),
  revision bigint NOT NULL,
  seen_at timestamptz NOT NULL
);

-- A service as the API lists it: the models stay where they are.
CREATE VIEW listed_service AS
  SELECT name, version, description, operation_id, inputs, outputs, sha256, published_by, created_at FROM service;

-- The compute nodes that serve have said so: their loaders do every 3 seconds.
CREATE VIEW serving_node AS
  SELECT address, port, workers, revision FROM compute_node WHERE seen_at > clock_timestamp() - interval '15 seconds';

CREATE FUNCTION bump_catalogue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = operationalization, pg_temp AS $$
BEGIN
  UPDATE catalogue SET revision = nextval('catalogue_revision');
  PERFORM pg_notify('services', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER bump_catalogue AFTER INSERT OR UPDATE OR DELETE ON service
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue();

-- The loader reads, and may say that its node is there: it has no other way to write.
CREATE FUNCTION heartbeat(address inet, port integer, workers integer, revision bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = operationalization, pg_temp AS $$
  INSERT INTO compute_node VALUES ($1, $2, $3, $4, clock_timestamp())
  ON CONFLICT (address) DO UPDATE
    SET port = excluded.port, workers = excluded.workers, revision = excluded.revision, seen_at = excluded.seen_at;
  DELETE FROM compute_node WHERE seen_at < clock_timestamp() - interval '1 hour';
$$;

CREATE FUNCTION farewell(address inet) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = operationalization, pg_temp AS $$
  DELETE FROM compute_node WHERE compute_node.address = $1;
$$;

REVOKE ALL ON FUNCTION bump_catalogue(), heartbeat(inet, integer, integer, bigint), farewell(inet) FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON service, refresh_token TO operationalization_api;
GRANT SELECT ON catalogue, listed_service, serving_node TO operationalization_api;
GRANT SELECT ON catalogue, service TO operationalization_loader;
GRANT EXECUTE ON FUNCTION heartbeat(inet, integer, integer, bigint), farewell(inet) TO operationalization_loader;
