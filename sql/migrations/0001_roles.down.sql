-- Undoes 0001. A role stays, with a notice, when it was here before us (no mark of ours), when
-- logins are members of it, or when another database of the cluster still gives it rights: it is
-- not ours alone then.

DO $roles$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT r.oid, r.rolname
        FROM pg_catalog.pg_roles r
        WHERE r.rolname IN ('anon', 'authenticated', 'platen_editor', 'platen_reader')
          AND pg_catalog.shobj_description(r.oid, 'pg_authid')
              = 'created by the platen CMS migrations'
        ORDER BY r.rolname
    LOOP
        IF EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                   WHERE m.roleid = v_role.oid
                     AND m.member <> (SELECT oid FROM pg_catalog.pg_roles
                                      WHERE rolname = current_user)) THEN
            RAISE NOTICE 'role % has members and stays', v_role.rolname;
            CONTINUE;
        END IF;
        BEGIN
            EXECUTE format('REVOKE USAGE ON SCHEMA public FROM %I', v_role.rolname);
            EXECUTE format('DROP ROLE %I', v_role.rolname);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'role % is used elsewhere and stays', v_role.rolname;
        END;
    END LOOP;
END
$roles$;
