-- Two channels for caches of API clients; the press listens to neither:
--
--     cache_invalidate   {"table": "homepage_sections", "operation": "UPDATE", "section_id": "...",
--                         "locale": "en", "timestamp": "..."}
--     homepage_updated   {"locale": "en", "timestamp": "..."}
--
-- One message of each per statement and locale whose homepage it may have changed; section_id is
-- null where more than one section is concerned, locale is null after a TRUNCATE: all of them. The
-- server folds equal messages of one transaction into one. As all notifications, they are lost
-- where nobody listens: a cache also needs an age.
--
-- Sent for any change of a section, drafts included (caches of editors' lists), and for changes of
-- content in place, links, products and categories of sections that are published and active.
--
--     SELECT public.cms_announce(false)     switches them off, true on again
--     SET platen.notify = off               in one session

CREATE OR REPLACE FUNCTION public.cms_announce_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $function$
DECLARE
    v_place record;
    v_sections uuid[];
BEGIN
    IF COALESCE(current_setting('platen.notify', true), '') IN ('off', 'false', 'no', '0')
       OR pg_notification_queue_usage() > 0.5 THEN
        RETURN NULL;
    END IF;

    -- the sections concerned; of homepage_sections with the locale they had and have
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('cache_invalidate', json_build_object(
                    'table', TG_TABLE_NAME, 'operation', TG_OP, 'section_id', NULL,
                    'locale', NULL, 'timestamp', now())::text),
                pg_notify('homepage_updated',
                          json_build_object('locale', NULL, 'timestamp', now())::text);
        RETURN NULL;
    ELSIF TG_TABLE_NAME = 'homepage_sections' THEN
        NULL;
    ELSIF TG_TABLE_NAME = 'section_versions' THEN
        v_sections := ARRAY(SELECT hs.id FROM public.homepage_sections hs
                            WHERE hs.published_version_id = NEW.id);
    ELSIF TG_TABLE_NAME IN ('section_products', 'section_categories') THEN
        IF TG_OP = 'INSERT' THEN
            v_sections := ARRAY(SELECT DISTINCT n.section_id FROM new_rows n);
        ELSIF TG_OP = 'DELETE' THEN
            v_sections := ARRAY(SELECT DISTINCT o.section_id FROM old_rows o);
        ELSE
            v_sections := ARRAY(
                SELECT x.section_id
                FROM ((SELECT * FROM new_rows EXCEPT ALL SELECT * FROM old_rows)
                      UNION ALL (SELECT * FROM old_rows EXCEPT ALL SELECT * FROM new_rows)) x
                GROUP BY x.section_id);
        END IF;
    ELSIF TG_TABLE_NAME = 'products' THEN
        v_sections := ARRAY(
            SELECT DISTINCT sp.section_id FROM new_rows n JOIN old_rows o ON o.id = n.id
            JOIN public.section_products sp ON sp.product_id = n.id
            WHERE n *<> o);
    ELSE
        v_sections := ARRAY(
            SELECT DISTINCT sc.section_id FROM new_rows n JOIN old_rows o ON o.id = n.id
            JOIN public.section_categories sc ON sc.category_id = n.id
            WHERE n *<> o);
    END IF;

    IF v_sections IS NOT NULL THEN
        FOR v_place IN
            SELECT hs.locale, (array_agg(hs.id))[1] AS id, count(*) AS sections
            FROM public.homepage_sections hs
            WHERE hs.id = ANY (v_sections) AND hs.status = 'published' AND hs.is_active
            GROUP BY hs.locale
        LOOP
            PERFORM public.cms_announce_place(TG_TABLE_NAME, TG_OP, v_place.locale,
                                              CASE v_place.sections WHEN 1 THEN v_place.id END);
        END LOOP;
    ELSIF TG_OP = 'INSERT' THEN
        FOR v_place IN
            SELECT n.locale, (array_agg(n.id))[1] AS id, count(*) AS sections
            FROM new_rows n GROUP BY n.locale
        LOOP
            PERFORM public.cms_announce_place(TG_TABLE_NAME, TG_OP, v_place.locale,
                                              CASE v_place.sections WHEN 1 THEN v_place.id END);
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR v_place IN
            SELECT o.locale, (array_agg(o.id))[1] AS id, count(*) AS sections
            FROM old_rows o GROUP BY o.locale
        LOOP
            PERFORM public.cms_announce_place(TG_TABLE_NAME, TG_OP, v_place.locale,
                                              CASE v_place.sections WHEN 1 THEN v_place.id END);
        END LOOP;
    ELSE
        PERFORM public.cms_announce_place(TG_TABLE_NAME, TG_OP, g.locale,
                                          CASE WHEN g.first = g.last THEN g.first::uuid END)
        FROM (SELECT x.locale, min(x.id) AS first, max(x.id) AS last
              FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
              CROSS JOIN LATERAL (VALUES (o.locale, o.id::text), (n.locale, n.id::text))
                  AS x (locale, id)
              WHERE (o *<> n) IS NOT FALSE AND x.id IS NOT NULL
              GROUP BY x.locale) g;
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'a change of % was not announced: %', TG_TABLE_NAME, SQLERRM;
    RETURN NULL;
END
$function$;

-- A locale too long for a message is not announced: nobody serves it.
CREATE OR REPLACE FUNCTION public.cms_announce_place(
    p_table text, p_operation text, p_locale text, p_section uuid)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT pg_notify('cache_invalidate', json_build_object(
               'table', p_table, 'operation', p_operation, 'section_id', p_section,
               'locale', p_locale, 'timestamp', now())::text),
           pg_notify('homepage_updated',
                     json_build_object('locale', p_locale, 'timestamp', now())::text)
    WHERE octet_length(p_locale) <= 1000
$function$;

-- Switches the triggers on or off; whoever owns the tables may.
CREATE OR REPLACE FUNCTION public.cms_announce(p_on boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $function$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT t.tgrelid::regclass AS relation, t.tgname
        FROM pg_trigger t
        WHERE t.tgfoid = 'public.cms_announce_change()'::regprocedure
          AND t.tgenabled <> CASE WHEN p_on THEN 'A' ELSE 'D' END::"char"
    LOOP
        EXECUTE format('ALTER TABLE %s %s TRIGGER %I', v_trigger.relation,
                       CASE WHEN p_on THEN 'ENABLE ALWAYS' ELSE 'DISABLE' END, v_trigger.tgname);
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION public.cms_announce_change(), public.cms_announce(boolean),
    public.cms_announce_place(text, text, text, uuid)
    FROM PUBLIC, anon, authenticated, platen_editor, platen_reader, platen_worker;

-- Only what is missing: where somebody switched them off, they stay off.
DO $triggers$
DECLARE
    v_want record;
BEGIN
    FOR v_want IN
        SELECT w.relation, o.operation
        FROM (VALUES ('homepage_sections', '{insert,update,delete,truncate}'::text[]),
                     ('section_versions', '{truncate}'),
                     ('section_products', '{insert,update,delete,truncate}'),
                     ('section_categories', '{insert,update,delete,truncate}'),
                     ('products', '{update}'),
                     ('categories', '{update}')) AS w (relation, operations)
        CROSS JOIN unnest(w.operations) AS o (operation)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_trigger t
            WHERE t.tgrelid = format('public.%I', v_want.relation)::regclass
              AND t.tgname = 'cms_announce_' || v_want.operation);
        EXECUTE format(
            'CREATE TRIGGER cms_announce_%1$s AFTER %1$s ON public.%2$I %3$s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION public.cms_announce_change()',
            v_want.operation, v_want.relation,
            CASE v_want.operation
                WHEN 'insert' THEN 'REFERENCING NEW TABLE AS new_rows'
                WHEN 'update' THEN 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
                WHEN 'delete' THEN 'REFERENCING OLD TABLE AS old_rows'
                ELSE '' END);
        EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER cms_announce_%s',
                       v_want.relation, v_want.operation);
    END LOOP;
    -- Of versions only content changed in place counts, which is rare: publishing, which sets
    -- flags, does not even come here.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                   WHERE t.tgrelid = 'public.section_versions'::regclass
                     AND t.tgname = 'cms_announce_update') THEN
        CREATE TRIGGER cms_announce_update AFTER UPDATE ON public.section_versions FOR EACH ROW
            WHEN (OLD.content IS DISTINCT FROM NEW.content)
            EXECUTE FUNCTION public.cms_announce_change();
        ALTER TABLE public.section_versions ENABLE ALWAYS TRIGGER cms_announce_update;
    END IF;
END
$triggers$;
