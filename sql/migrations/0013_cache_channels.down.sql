-- Undoes 0013. Triggers before the function they call.

DO $triggers$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT t.tgrelid::regclass AS relation, t.tgname
        FROM pg_catalog.pg_trigger t
        WHERE t.tgfoid = to_regprocedure('public.cms_announce_change()')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.tgname, v_trigger.relation);
    END LOOP;
END
$triggers$;

DROP FUNCTION IF EXISTS public.cms_announce(boolean);
DROP FUNCTION IF EXISTS public.cms_announce_change();
DROP FUNCTION IF EXISTS public.cms_announce_place(text, text, text, uuid);
