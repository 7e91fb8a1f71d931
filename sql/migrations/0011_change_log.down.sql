-- Undoes 0011: the triggers of every watched table, also of those watched later, then the log.
-- Schema platen stays where something else is in it: platen migrate keeps its books there.

DO $unwatch$
DECLARE
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY ARRAY(
        SELECT DISTINCT t.tgrelid::regclass
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
        WHERE n.nspname = 'platen' AND f.proname LIKE 'log\_%' AND NOT t.tgisinternal)
    LOOP
        PERFORM platen.unwatch(v_table);
    END LOOP;
END
$unwatch$;

DROP FUNCTION IF EXISTS platen.trim(interval, integer);
DROP FUNCTION IF EXISTS platen.unwatch(regclass);
DROP FUNCTION IF EXISTS platen.watch(regclass, text, text[], text);
DROP FUNCTION IF EXISTS platen.log_body(text, text[], text, boolean);
DROP FUNCTION IF EXISTS platen.log_failed(text, text, text);
DROP FUNCTION IF EXISTS platen.fingerprint();
DROP VIEW IF EXISTS platen.watched;
DROP FUNCTION IF EXISTS platen.tree(oid);
DROP FUNCTION IF EXISTS platen.relation_name(oid);
DROP VIEW IF EXISTS platen.log_state;
DROP TABLE IF EXISTS platen.log_mark;
DROP TABLE IF EXISTS platen.change;

DO $schema$
BEGIN
    IF to_regnamespace('platen') IS NULL THEN
        RETURN;
    END IF;
    REVOKE ALL ON SCHEMA platen FROM platen_reader;
    BEGIN
        DROP SCHEMA platen;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        NULL;
    END;
END
$schema$;
