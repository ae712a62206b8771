-- On AWS a new database has one login, whose password RDS keeps. It makes the user that web nodes log in as with tokens,
-- and ends its own password ("IAM authentication takes precedence", Amazon RDS User Guide), as web nodes of the open
-- runtime do. prepare-database.sh puts the names in.
DO $$
BEGIN
  PERFORM pg_advisory_xact_lock(7318349394477056);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ':principal') THEN
    CREATE ROLE ":principal" LOGIN CREATEROLE;
  END IF;
END
$$;
GRANT CREATE ON DATABASE ":database" TO ":principal";
GRANT rds_iam TO ":principal";
-- Last: whoever connects after this needs a token.
GRANT rds_iam TO CURRENT_USER;
