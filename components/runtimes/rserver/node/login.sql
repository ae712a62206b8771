-- The product's own login, and a schema of its name, which the server looks for tables in first. Several web nodes may do
-- this at once. prepare-database.sh puts the names in: letters, digits and underscores alone.
DO $$
BEGIN
  PERFORM pg_advisory_xact_lock(7318349394477056);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ':login') THEN
    CREATE ROLE ":login" LOGIN;
  END IF;
  -- Since PostgreSQL 16 who creates a role is its member and yet may not act as it.
  IF NOT pg_has_role(':login', CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
    GRANT ":login" TO CURRENT_USER;
  END IF;
END
$$;
ALTER ROLE ":login" LOGIN PASSWORD ':verifier';
CREATE SCHEMA IF NOT EXISTS ":login" AUTHORIZATION ":login";
