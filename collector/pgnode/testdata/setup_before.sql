-- Schema, table and role for pg_canary_exporter.
-- Run as a superuser or a role that may do the same, in the database that the exporter connects to.
BEGIN;
SET LOCAL synchronous_commit = local;

CREATE SCHEMA IF NOT EXISTS canary;

CREATE TABLE IF NOT EXISTS canary.section (
    name       text        PRIMARY KEY,
    capacity   bigint      NOT NULL,
    written_at timestamptz NOT NULL
);
ALTER TABLE canary.section SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_threshold = 1000000
);
COMMENT ON TABLE canary.section IS 'Written by pg_canary_exporter on the primary and read on the replicas.';

DO $setup$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '@role_name@' AND (rolsuper OR rolname = current_user)) THEN
        RAISE EXCEPTION 'the role @role_name@ is an administrator: give the exporter a role of its own (--role)';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '@role_name@') THEN
        CREATE ROLE @role@;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), '@role_name@');
END
$setup$;
ALTER ROLE @role@ LOGIN CONNECTION LIMIT @limit@@password@;

GRANT USAGE ON SCHEMA canary TO @role@;
GRANT SELECT, INSERT, UPDATE ON canary.section TO @role@;
GRANT pg_monitor TO @role@;
COMMIT;
