-- Schema, table, rows and role for pg_canary_exporter.
-- Run it in the database that the exporter connects to, as a superuser or as a
-- role that may create schemas and roles and grant pg_read_all_stats. It can be
-- run again at any time, and changes all or nothing.
BEGIN ISOLATION LEVEL READ COMMITTED;
-- First of all: nothing is called that somebody put into another schema.
-- Functions and operators are never looked up in pg_temp.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL synchronous_commit = local;
SET LOCAL lock_timeout = '3s';
SET LOCAL pg_canary.role = @role@;
SET LOCAL pg_canary.password = @password@;
SET LOCAL pg_canary.section = @section@;
SET LOCAL pg_canary.drill = @drill@;
SET LOCAL pg_canary.cluster = @cluster@;
SET LOCAL pg_canary.adopt = @adopt@;

DO LANGUAGE plpgsql $setup$
DECLARE
    -- The columns of canary.section; the first is the primary key.
    --   name        the section
    --   mark        random, made by the exporter, new for each beat
    --   written_at  when, by the server's clock: for people, nothing is decided by it
    --   capacity    the value that is written and compared
    --   timeline    that the beat was written on; NULL where the server does not tell
    --   fork        at or past where that timeline began; NULL where not known
    --   started,    the server's life: when its postmaster started, and where its
    --   recovered   last recovery ended (0/0: it had none)
    --   born        random, made with the row: a row that was made again is another
    --   eras        {era, value that it follows, ...}, oldest first, the last sixteen
    --   cluster     that the section was made for; NULL where nobody said
    -- Their order matters. An UPDATE logs the row from the first to the last byte
    -- that changed. So what every beat changes lies together, with capacity at its
    -- end, of whose bytes the higher ones do not change.
    columns CONSTANT pg_catalog.text[] := ARRAY['name', 'mark', 'written_at', 'capacity', 'timeline', 'fork', 'started', 'recovered', 'born', 'eras', 'cluster'];
    types   CONSTANT pg_catalog.text[] := ARRAY['text', 'bigint', 'timestamp with time zone', 'bigint', 'integer', 'pg_lsn', 'timestamp with time zone', 'pg_lsn', 'bigint', 'bigint[]', 'text'];
    -- Those that are NOT NULL, and those that the exporter writes.
    needed  CONSTANT pg_catalog.text[] := ARRAY['name', 'mark', 'written_at', 'capacity', 'born', 'eras'];
    written CONSTANT pg_catalog.text[] := ARRAY['mark', 'written_at', 'capacity', 'timeline', 'fork', 'started', 'recovered', 'eras'];
    -- The columns of a table that an earlier version made.
    earlier CONSTANT pg_catalog.text[] := ARRAY['name', 'capacity', 'written_at'];

    role_name CONSTANT pg_catalog.text := pg_catalog.current_setting('pg_canary.role');
    password  CONSTANT pg_catalog.text := pg_catalog.current_setting('pg_canary.password');
    section   CONSTANT pg_catalog.text := pg_catalog.current_setting('pg_canary.section');
    of_drills CONSTANT pg_catalog.text := pg_catalog.current_setting('pg_canary.drill'); -- the section that drills write
    of_cluster CONSTANT pg_catalog.text := pg_catalog.current_setting('pg_canary.cluster'); -- '': not said
    adopt     CONSTANT pg_catalog.bool := pg_catalog.current_setting('pg_canary.adopt');
    made_by   CONSTANT pg_catalog.text := 'managed by pg_canary_exporter setup';
    max_conns CONSTANT pg_catalog.int4 := @limit@;
    version   CONSTANT pg_catalog.int4 := pg_catalog.current_setting('server_version_num');
    stats     CONSTANT pg_catalog.oid := 'pg_read_all_stats'::pg_catalog.regrole;
    monitor   CONSTANT pg_catalog.oid := 'pg_monitor'::pg_catalog.regrole;

    runner    record; -- who runs this
    db        record; -- where
    space     record; -- the schema canary, if there is one
    relation  record; -- canary.section, if there is one
    is_earlier pg_catalog.bool; -- whether it is as an earlier version made it
    expected  pg_catalog.text[]; -- the columns that it has to have
    target    record; -- the exporter's role, if there is one
    trusted   pg_catalog.oid[]; -- roles that may run setup: nothing that it makes gives them more
    exporters pg_catalog.oid[]; -- roles that setup made, or a version of it that left no mark
    unable    pg_catalog.text[] := '{}'; -- what the runner may not do
    faults    pg_catalog.text[] := '{}'; -- what else is in the way, each with what fixes it
    found     pg_catalog.text;
BEGIN
    IF pg_catalog.pg_is_in_recovery() THEN
        RAISE EXCEPTION 'nothing can be set up on a replica' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    -- Of two at once, one waits for the other.
    PERFORM pg_catalog.pg_advisory_xact_lock(4712059137720418);

    SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole,
           pg_catalog.pg_has_role(r.oid, stats, 'MEMBER WITH ADMIN OPTION')
           OR (version < 160000 AND r.rolcreaterole) AS grants_stats
      INTO runner FROM pg_catalog.pg_roles r WHERE r.rolname = current_user;
    SELECT d.oid, d.datname, d.datdba INTO db
      FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database();
    SELECT n.oid, n.nspowner INTO space
      FROM pg_catalog.pg_namespace n WHERE n.nspname = 'canary';
    SELECT c.oid, c.relkind, c.relowner INTO relation
      FROM pg_catalog.pg_class c WHERE c.relnamespace = space.oid AND c.relname = 'section';
    SELECT r.oid, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls AS mighty,
           r.rolcanlogin, r.rolconnlimit,
           coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid') LIKE made_by || '%', false) AS marked
      INTO target FROM pg_catalog.pg_roles r WHERE r.rolname = role_name;
    trusted := ARRAY(
        SELECT r.oid FROM pg_catalog.pg_roles r
         WHERE r.rolsuper OR r.oid = runner.oid
            OR pg_catalog.pg_has_role(r.oid, stats, 'MEMBER WITH ADMIN OPTION')
            OR (version < 160000 AND r.rolcreaterole));
    exporters := ARRAY(
        SELECT r.oid FROM pg_catalog.pg_roles r
         WHERE r.oid = target.oid
            OR pg_catalog.shobj_description(r.oid, 'pg_authid') LIKE made_by || '%'
            OR (r.rolconnlimit = 8 AND EXISTS (
                SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid AND m.roleid = monitor)));

    -- What the runner may not do.
    IF space.oid IS NULL AND NOT pg_catalog.has_database_privilege(db.oid, 'CREATE') THEN
        unable := pg_catalog.array_append(unable, pg_catalog.format('create a schema in the database %I', db.datname));
    END IF;
    IF target.oid IS NULL AND NOT (runner.rolsuper OR runner.rolcreaterole) THEN
        unable := pg_catalog.array_append(unable, 'create roles');
    END IF;
    IF NOT runner.grants_stats AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = target.oid AND m.roleid = stats) THEN
        unable := pg_catalog.array_append(unable, pg_catalog.format(
            'grant pg_read_all_stats (a superuser can allow it: GRANT pg_read_all_stats TO %I WITH ADMIN OPTION)', runner.rolname));
    END IF;
    IF NOT pg_catalog.pg_has_role(db.datdba, 'USAGE')
       AND NOT coalesce(pg_catalog.has_database_privilege(target.oid, db.oid, 'CONNECT'),
                        pg_catalog.has_database_privilege('public', db.oid, 'CONNECT')) THEN
        unable := pg_catalog.array_append(unable, pg_catalog.format('grant CONNECT on the database %I, which %I owns',
            db.datname, pg_catalog.pg_get_userbyid(db.datdba)));
    END IF;
    unable := unable || ARRAY(
        SELECT pg_catalog.format('change canary%s, which %I owns', o.what, pg_catalog.pg_get_userbyid(o.owner))
          FROM (VALUES ('', space.nspowner), ('.section', relation.relowner)) AS o(what, owner)
         WHERE NOT pg_catalog.pg_has_role(o.owner, 'USAGE'));

    -- A schema of somebody else, or one in which others may put things.
    faults := faults || ARRAY(
        SELECT pg_catalog.format('%s belongs to %I, who could make the exporter''s role run anything; '
                   'check what is in it first: ALTER %s OWNER TO %I',
                   o.what, pg_catalog.pg_get_userbyid(o.owner), o.what, runner.rolname)
          FROM (VALUES ('SCHEMA canary', space.nspowner), ('TABLE canary.section', relation.relowner)) AS o(what, owner)
         WHERE o.owner <> ALL (trusted));
    faults := faults || ARRAY(
        SELECT pg_catalog.format('%s may create things in the schema canary: REVOKE CREATE ON SCHEMA canary FROM %1$s', g.who)
          FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a, LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS g(who)
         WHERE n.oid = space.oid AND a.privilege_type = 'CREATE' AND a.grantee <> ALL (trusted || n.nspowner)
           AND a.grantee IS DISTINCT FROM target.oid);

    -- A function of somebody who may not run setup, which every CREATE would call.
    faults := faults || ARRAY(
        SELECT pg_catalog.format('the event trigger %I calls a function of %I: ALTER EVENT TRIGGER %1$I DISABLE',
                   e.evtname, pg_catalog.pg_get_userbyid(p.proowner))
          FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
         WHERE e.evtenabled <> 'D' AND p.proowner <> ALL (trusted));

    -- The table. Whatever could change it waits until this is over.
    IF relation.relkind = 'r' AND relation.relowner = ANY (trusted)
       AND pg_catalog.pg_has_role(relation.relowner, 'USAGE') THEN
        LOCK TABLE canary.section IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    faults := faults || ARRAY(SELECT t.fault || ': ' || t.mend FROM (@table_faults@) AS t);
    is_earlier := relation.relkind = 'r' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = relation.oid AND NOT a.attisdropped AND a.attname = ANY (columns) AND a.attname <> ALL (earlier));
    expected := CASE WHEN is_earlier THEN earlier ELSE columns END;
    IF relation.relkind = 'r' THEN
        faults := faults || ARRAY(
            SELECT pg_catalog.format('canary.section lacks the column %I: ALTER TABLE canary.section RENAME TO section_before', w.name)
              FROM ROWS FROM (pg_catalog.unnest(expected)) AS w(name)
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                WHERE a.attrelid = relation.oid AND a.attname = w.name AND NOT a.attisdropped));
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the column %I of canary.section %s: ALTER TABLE canary.section %s', a.attname, f.fault, f.mend)
              FROM pg_catalog.pg_attribute a
              LEFT JOIN ROWS FROM (pg_catalog.unnest(columns), pg_catalog.unnest(types)) AS w(name, type)
                ON w.name = a.attname AND w.name = ANY (expected)
             CROSS JOIN LATERAL (
                SELECT 'is not one that setup creates', pg_catalog.format('DROP COLUMN %I', a.attname)
                 WHERE w.name IS NULL
                UNION ALL
                SELECT pg_catalog.format('is of type %s', pg_catalog.format_type(a.atttypid, a.atttypmod)),
                       pg_catalog.format('ALTER COLUMN %I TYPE pg_catalog.%s', a.attname, CASE w.type WHEN 'timestamp with time zone' THEN 'timestamptz' WHEN 'bigint' THEN 'int8' WHEN 'bigint[]' THEN 'int8[]' WHEN 'integer' THEN 'int4' ELSE w.type END)
                 WHERE pg_catalog.format_type(a.atttypid, a.atttypmod) <> w.type
                UNION ALL
                SELECT 'has a collation of its own', pg_catalog.format('ALTER COLUMN %I TYPE pg_catalog.text COLLATE pg_catalog."default"', a.attname)
                 WHERE a.attcollation NOT IN (0, 100) AND pg_catalog.format_type(a.atttypid, a.atttypmod) = w.type
                UNION ALL
                SELECT 'may be NULL', pg_catalog.format('ALTER COLUMN %I SET NOT NULL', a.attname)
                 WHERE w.name = ANY (needed) AND NOT a.attnotnull
                UNION ALL
                SELECT 'may not be NULL', pg_catalog.format('ALTER COLUMN %I DROP NOT NULL', a.attname)
                 WHERE w.name <> ALL (needed) AND a.attnotnull
                UNION ALL
                SELECT 'is generated', pg_catalog.format('ALTER COLUMN %I DROP EXPRESSION', a.attname)
                 WHERE w.name IS NOT NULL AND a.attgenerated <> ''
                UNION ALL
                SELECT 'is an identity', pg_catalog.format('ALTER COLUMN %I DROP IDENTITY', a.attname)
                 WHERE w.name IS NOT NULL AND a.attidentity <> ''
                UNION ALL
                SELECT 'has a default', pg_catalog.format('ALTER COLUMN %I DROP DEFAULT', a.attname)
                 WHERE w.name IS NOT NULL AND a.atthasdef AND a.attgenerated = '' AND a.attidentity = ''
             ) AS f(fault, mend)
             WHERE a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped);
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
             WHERE i.indrelid = relation.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate
               AND i.indnatts = 1 AND a.attname = columns[1]) THEN
            faults := pg_catalog.array_append(faults, pg_catalog.format(
                'canary.section has no primary key on %I alone: ALTER TABLE canary.section ADD PRIMARY KEY (%1$I)', columns[1]));
        END IF;
        -- What runs somebody's function, or costs a write more than it has to.
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the constraint %I of %s: ALTER TABLE %2$s DROP CONSTRAINT %1$I', k.conname, k.conrelid::pg_catalog.regclass)
              FROM pg_catalog.pg_constraint k
             WHERE relation.oid IN (k.conrelid, k.confrelid) AND k.contype NOT IN ('p', 'n', 't'));
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the index %s of canary.section: DROP INDEX %1$s', i.indexrelid::pg_catalog.regclass)
              FROM pg_catalog.pg_index i
             WHERE i.indrelid = relation.oid AND NOT i.indisprimary
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid));
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the statistics %I.%I of canary.section: DROP STATISTICS %1$I.%2$I', n.nspname, x.stxname)
              FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
             WHERE x.stxrelid = relation.oid);
        -- Who may set a trigger, lock or empty the table, or write what only an exporter writes.
        faults := faults || ARRAY(
            SELECT pg_catalog.format('%s has %s on canary.section: REVOKE ALL ON TABLE canary.section FROM %1$s', w.who,
                       pg_catalog.string_agg(DISTINCT a.privilege_type, ', '))
              FROM (SELECT c.relacl FROM pg_catalog.pg_class c WHERE c.oid = relation.oid
                    UNION ALL
                    SELECT t.attacl FROM pg_catalog.pg_attribute t WHERE t.attrelid = relation.oid) AS l(acl),
                   pg_catalog.aclexplode(l.acl) a, LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS w(who)
             WHERE a.grantee <> 0 AND a.grantee <> ALL (trusted || relation.relowner) AND a.grantee IS DISTINCT FROM target.oid
               AND a.privilege_type <> 'SELECT'
               AND NOT (a.grantee = ANY (exporters) AND a.privilege_type IN ('INSERT', 'UPDATE'))
             GROUP BY w.who);
    END IF;
    -- The row, which is looked at only where nothing can hide it.
    IF relation.relkind = 'r' AND NOT is_earlier AND of_cluster <> '' AND unable = '{}' AND faults = '{}' THEN
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the section %s was made for the cluster %s, and not for %s: take another section '
                       '(--canary.section), or if this is the cluster that is called so now: '
                       'UPDATE canary.section SET cluster = %L WHERE name = %L', s.name, s.cluster, of_cluster, of_cluster, section)
              FROM canary.section s WHERE s.name = section AND s.cluster <> of_cluster);
    END IF;

    -- The role.
    IF target.oid IS NOT NULL THEN
        IF target.oid = runner.oid OR role_name = session_user THEN
            faults := pg_catalog.array_append(faults, pg_catalog.format(
                'the role %I is the one that runs setup: give the exporter a role of its own (--role)', role_name));
        ELSIF target.mighty THEN
            faults := pg_catalog.array_append(faults, pg_catalog.format(
                'the role %I is an administrator, with one of the attributes SUPERUSER, CREATEROLE, CREATEDB, REPLICATION and BYPASSRLS: '
                'give the exporter a role of its own (--role)', role_name));
        ELSIF NOT target.marked AND NOT adopt AND NOT coalesce(
            -- Just what setup gave before it left a mark.
            target.rolcanlogin AND target.rolconnlimit = 8
            AND (SELECT pg_catalog.array_agg(m.roleid) = ARRAY[monitor] FROM pg_catalog.pg_auth_members m WHERE m.member = target.oid)
            AND (SELECT pg_catalog.array_agg(a.privilege_type ORDER BY a.privilege_type) = ARRAY['INSERT', 'SELECT', 'UPDATE']
                   FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.oid = relation.oid AND a.grantee = target.oid)
            AND (SELECT pg_catalog.array_agg(a.privilege_type) = ARRAY['USAGE']
                   FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a WHERE n.oid = space.oid AND a.grantee = target.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
                             WHERE a.grantee = target.oid AND a.privilege_type <> 'CONNECT')
            -- In each database one schema and one table, and nothing of its own.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend s
                             WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = target.oid
                               AND NOT (s.deptype = 'a' AND s.classid IN ('pg_catalog.pg_database'::pg_catalog.regclass,
                                        'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_class'::pg_catalog.regclass)))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend s
                             WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = target.oid
                               AND s.dbid <> 0 AND s.deptype = 'a' GROUP BY s.dbid, s.classid HAVING pg_catalog.count(*) > 1),
            false) THEN
            faults := pg_catalog.array_append(faults, pg_catalog.format(
                'the role %I was not made by setup: name another one (--role), or let setup change the password, '
                'the connection limit and the rights of this one (--role.adopt)', role_name));
        END IF;
        IF EXISTS (SELECT FROM pg_catalog.pg_shdepend s
                    WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = target.oid AND s.deptype = 'o') THEN
            faults := pg_catalog.array_append(faults, pg_catalog.format(
                'the role %I owns something: REASSIGN OWNED BY %1$I TO %I, in each database', role_name, runner.rolname));
        END IF;
        -- Who could act as the role.
        faults := faults || ARRAY(
            SELECT pg_catalog.format('the role %I is a member of %I, and would have its rights: REVOKE %2$I FROM %1$I',
                       pg_catalog.pg_get_userbyid(m.member), role_name)
              FROM pg_catalog.pg_auth_members m WHERE m.roleid = target.oid AND m.member <> ALL (trusted));
        -- What the role could act as. Only the user can know whether a group is meant, and none may bring rights of an administrator.
        faults := faults || ARRAY(
            WITH RECURSIVE reached(first, roleid) AS (
                SELECT m.roleid, m.roleid FROM pg_catalog.pg_auth_members m
                 WHERE m.member = target.oid AND m.roleid NOT IN (stats, monitor)
                UNION
                SELECT r.first, m.roleid FROM reached r JOIN pg_catalog.pg_auth_members m ON m.member = r.roleid)
            SELECT pg_catalog.format('the role %I is a member of %I: REVOKE %2$I FROM %1$I%s', role_name,
                       pg_catalog.pg_get_userbyid(r.first), CASE WHEN NOT pg_catalog.bool_or(g.mighty) THEN ', or keep it (--role.adopt)' END)
              FROM reached r,
                   LATERAL (SELECT (o.rolname LIKE 'pg\_%' AND o.oid <> stats) OR o.rolsuper OR o.rolcreaterole OR o.rolcreatedb
                                   OR o.rolreplication OR o.rolbypassrls
                              FROM pg_catalog.pg_roles o WHERE o.oid = r.roleid) AS g(mighty)
             GROUP BY r.first HAVING NOT adopt OR pg_catalog.bool_or(g.mighty));
    END IF;

    IF unable <> '{}' OR faults <> '{}' THEN
        found := 'setup changed nothing.';
        IF unable <> '{}' THEN
            found := found || pg_catalog.format(E'\n%I may not:', runner.rolname);
            FOR i IN 1 .. pg_catalog.cardinality(unable) LOOP
                found := found || E'\n  - ' || unable[i];
            END LOOP;
        END IF;
        IF faults <> '{}' THEN
            found := found || E'\nThe problems, each with what fixes it:';
            FOR i IN 1 .. pg_catalog.cardinality(faults) LOOP
                found := found || E'\n  - ' || faults[i];
            END LOOP;
        END IF;
        RAISE EXCEPTION '%', found USING ERRCODE =
            CASE WHEN unable <> '{}' THEN 'insufficient_privilege' ELSE 'raise_exception' END;
    END IF;

    -- What is new belongs to nobody but its owner, whatever default privileges say.
    IF space.oid IS NULL THEN
        CREATE SCHEMA canary;
        FOR found IN SELECT DISTINCT w.who
              FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a, LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS w(who)
             WHERE n.nspname = 'canary' AND a.grantee <> n.nspowner LOOP
            EXECUTE 'REVOKE ALL ON SCHEMA canary FROM ' || found;
        END LOOP;
    END IF;
    IF relation.oid IS NULL THEN
        EXECUTE (SELECT pg_catalog.format('CREATE TABLE canary.section (%s, PRIMARY KEY (%I)) USING heap',
                            pg_catalog.string_agg(pg_catalog.format('%I %s%s', w.name, w.type,
                                CASE WHEN w.name = ANY (needed) THEN ' NOT NULL' END), ', ' ORDER BY w.n), columns[1])
                   FROM ROWS FROM (pg_catalog.unnest(columns), pg_catalog.unnest(types)) WITH ORDINALITY AS w(name, type, n));
        FOR found IN SELECT DISTINCT w.who
              FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a, LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS w(who)
             WHERE c.oid = 'canary.section'::pg_catalog.regclass AND a.grantee <> c.relowner LOOP
            EXECUTE 'REVOKE ALL ON TABLE canary.section FROM ' || found;
        END LOOP;
    END IF;
    IF is_earlier THEN
        -- What was capacity becomes mark, which has its type, for the sake of the order.
        ALTER TABLE canary.section RENAME COLUMN capacity TO mark;
        EXECUTE (SELECT 'ALTER TABLE canary.section ' || pg_catalog.string_agg(pg_catalog.format('ADD COLUMN %I %s', w.name, w.type), ', ' ORDER BY w.n)
                   FROM ROWS FROM (pg_catalog.unnest(columns), pg_catalog.unnest(types)) WITH ORDINALITY AS w(name, type, n)
                  WHERE w.name = 'capacity' OR w.name <> ALL (earlier || ARRAY['mark']));
        UPDATE canary.section AS s
           SET capacity = s.mark, mark = 0, eras = '{}',
               born = pg_catalog.hashtextextended(pg_catalog.gen_random_uuid()::pg_catalog.text, 0);
        EXECUTE (SELECT 'ALTER TABLE canary.section ' || pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I SET NOT NULL', w.name), ', ')
                   FROM ROWS FROM (pg_catalog.unnest(needed)) AS w(name));
        -- The rights on capacity went with its old name: another exporter, of an earlier version, goes on.
        FOR found IN SELECT pg_catalog.format('GRANT %s (capacity) ON TABLE canary.section TO %s', a.privilege_type, w.who)
              FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a, LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS w(who)
             WHERE t.attrelid = relation.oid AND t.attname = 'mark' LOOP
            EXECUTE found;
        END LOOP;
    END IF;
    -- Half of each page is left free, so that a new version of a row fits on its own page (a HOT update, which touches
    -- no index) and the versions of the probes before are pruned from it on the way: the table stays at one page.
    ALTER TABLE canary.section SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000000);
    COMMENT ON TABLE canary.section IS 'Written by pg_canary_exporter on the primary and read on the replicas.';
    -- The exporter may not make its row. One with the capacity 0 was never written.
    INSERT INTO canary.section (name, mark, written_at, capacity, born, eras)
        SELECT w.name, 0, pg_catalog.clock_timestamp(), 0,
               pg_catalog.hashtextextended(pg_catalog.gen_random_uuid()::pg_catalog.text, 0), '{}'
          FROM ROWS FROM (pg_catalog.unnest(ARRAY[section, of_drills])) AS w(name)
        ON CONFLICT DO NOTHING;
    UPDATE canary.section AS s SET cluster = of_cluster
     WHERE s.name IN (section, of_drills) AND of_cluster <> '' AND s.cluster IS NULL;

    IF target.oid IS NULL THEN
        EXECUTE pg_catalog.format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', role_name);
    END IF;
    EXECUTE pg_catalog.format('ALTER ROLE %I LOGIN INHERIT', role_name);
    IF NOT coalesce(target.marked, false) THEN
        EXECUTE pg_catalog.format('ALTER ROLE %I CONNECTION LIMIT %s', role_name, max_conns);
        EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', role_name, made_by);
    END IF;
    IF password <> '' THEN
        EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', role_name, password);
    END IF;

    -- pg_monitor shows the replication password in primary_conninfo.
    FOR found IN SELECT pg_catalog.pg_get_userbyid(m.grantor) FROM pg_catalog.pg_auth_members m
                  WHERE m.roleid = monitor AND m.member = target.oid LOOP
        EXECUTE pg_catalog.format(CASE WHEN version < 160000 THEN 'REVOKE pg_monitor FROM %I'
                                       ELSE 'REVOKE pg_monitor FROM %I GRANTED BY %I' END, role_name, found);
    END LOOP;
    IF NOT pg_catalog.pg_has_role(role_name, stats, 'USAGE') THEN
        EXECUTE pg_catalog.format(CASE WHEN version < 160000 THEN 'GRANT pg_read_all_stats TO %I'
                                       ELSE 'GRANT pg_read_all_stats TO %I WITH INHERIT TRUE' END, role_name);
    END IF;
    IF pg_catalog.pg_has_role(db.datdba, 'USAGE') THEN
        EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', db.datname, role_name);
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA canary FROM %I', role_name);
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA canary TO %I', role_name);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE canary.section FROM PUBLIC, %I', role_name);
    EXECUTE (SELECT pg_catalog.format('GRANT SELECT (%s) ON TABLE canary.section TO %I',
                        pg_catalog.string_agg(pg_catalog.quote_ident(w.name), ', '), role_name)
               FROM ROWS FROM (pg_catalog.unnest(columns)) AS w(name));
    EXECUTE (SELECT pg_catalog.format('GRANT UPDATE (%s) ON TABLE canary.section TO %I',
                        pg_catalog.string_agg(pg_catalog.quote_ident(w.name), ', '), role_name)
               FROM ROWS FROM (pg_catalog.unnest(written)) AS w(name));

    -- What somebody else than the owner granted is still there.
    FOR found IN SELECT DISTINCT pg_catalog.format('%s on %s, granted by %I', a.privilege_type, l.what, pg_catalog.pg_get_userbyid(a.grantor))
          FROM (SELECT 'canary.section', c.relacl FROM pg_catalog.pg_class c WHERE c.oid = 'canary.section'::pg_catalog.regclass
                UNION ALL
                SELECT 'the schema canary', n.nspacl FROM pg_catalog.pg_namespace n WHERE n.nspname = 'canary') AS l(what, acl),
               pg_catalog.aclexplode(l.acl) a
         WHERE a.grantee IN (0, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = role_name)) AND a.privilege_type <> 'USAGE' LOOP
        RAISE EXCEPTION 'setup changed nothing. % (or PUBLIC) still has %: revoke that as the role that granted it',
            pg_catalog.quote_ident(role_name), found;
    END LOOP;
END
$setup$;
COMMIT;
