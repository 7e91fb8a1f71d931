-- Undoes 0012. The role stays, with a notice, where it is not ours alone (see 0001).

DROP FUNCTION IF EXISTS platen.trim_releases(interval, integer);
DROP FUNCTION IF EXISTS platen.leader_key();
DROP VIEW IF EXISTS platen.performance_summary;
DROP TABLE IF EXISTS platen.worker;
DROP TABLE IF EXISTS platen.release;

DO $roles$
DECLARE
    v_role oid;
BEGIN
    SELECT r.oid INTO v_role FROM pg_catalog.pg_roles r
    WHERE r.rolname = 'platen_worker'
      AND pg_catalog.shobj_description(r.oid, 'pg_authid')
          = 'created by the platen CMS migrations';
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'platen_worker') THEN
        REVOKE ALL ON FUNCTION public.process_scheduled_publishes() FROM platen_worker;
    END IF;
    IF v_role IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_auth_members m
               WHERE m.roleid = v_role
                 AND m.member <> (SELECT oid FROM pg_catalog.pg_roles
                                  WHERE rolname = current_user)) THEN
        RAISE NOTICE 'role platen_worker has members and stays';
        RETURN;
    END IF;
    BEGIN
        DROP ROLE platen_worker;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE NOTICE 'role platen_worker is used elsewhere and stays';
    END;
END
$roles$;
