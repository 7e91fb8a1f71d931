-- Roles: who may read and who may write the CMS. None of them can log in; logins are made members
-- of them:
--
--     anon            visitors without a session: what is published and active, nothing else
--     authenticated   visitors with a session: the same. Signed in does not mean editor
--     platen_editor   the people and programs that edit, publish and schedule
--     platen_reader   the press. Sees published sections even while they are switched off (it must
--                     tell "switched off" from "gone"), but no drafts, no users, and of schedules
--                     only their times
--
-- Roles belong to the whole cluster, and some platforms bring anon and authenticated with them.
-- So: a role is created only where it is missing, and marked as ours by its comment. The way down
-- drops only marked roles.

DO $roles$
DECLARE
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY ARRAY['anon', 'authenticated', 'platen_editor', 'platen_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_name);
                EXECUTE format('COMMENT ON ROLE %I IS %L', v_name,
                               'created by the platen CMS migrations');
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster is being migrated at the same moment
            END;
        END IF;
        -- Normally everybody has USAGE on public. Where it was revoked, give back only what is
        -- missing.
        IF NOT has_schema_privilege(v_name, 'public', 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', v_name);
        END IF;
    END LOOP;
END
$roles$;
