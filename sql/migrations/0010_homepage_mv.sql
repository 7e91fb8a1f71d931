-- The homepages once more, as finished JSON in a materialized view: for API clients that want one
-- row. The press does not use it, since it may be older than what is published.
--
-- No trigger refreshes it. A refresh inside a publishing transaction holds its lock until that
-- commits, so that every publish waits for every other; it must be made by the view's owner; and
-- it reads the tables before the publish is complete. Call manual_refresh_homepage_mv() after the
-- commit, or from a timer; it refuses to run in a transaction that has already written something.
--
-- Every locale that has sections has a row, '[]' when nothing of it is live. So "switched off" is
-- [], and a locale unknown at the last refresh is null.
CREATE MATERIALIZED VIEW IF NOT EXISTS public.mv_published_homepage AS
SELECT
    l.locale,
    COALESCE(s.sections, '[]'::jsonb) AS sections,
    GREATEST(l.updated_at, s.updated_at) AS last_updated
FROM (
    SELECT hs.locale, max(hs.updated_at) AS updated_at
    FROM public.homepage_sections hs
    GROUP BY hs.locale
) l
LEFT JOIN (
    SELECT
        v.locale,
        max(v.updated_at) AS updated_at,
        jsonb_agg(
            jsonb_build_object(
                'section_id', v.section_id,
                'section_type', v.section_type,
                'section_key', v.section_key,
                'display_order', v.display_order,
                'content', v.content,
                'metadata', v.metadata,
                'products', v.products,
                'categories', v.categories)
            ORDER BY v.display_order, v.section_key COLLATE "C", v.section_id) AS sections
    FROM public.published_homepage_sections v
    GROUP BY v.locale
) s ON s.locale = l.locale;

-- REFRESH ... CONCURRENTLY needs a unique index.
CREATE UNIQUE INDEX IF NOT EXISTS idx_mv_published_homepage_locale
    ON public.mv_published_homepage (locale);

REVOKE ALL ON TABLE public.mv_published_homepage
    FROM PUBLIC, anon, authenticated, platen_editor, platen_reader;
GRANT SELECT ON TABLE public.mv_published_homepage
    TO anon, authenticated, platen_editor, platen_reader;

CREATE OR REPLACE FUNCTION public.get_homepage_from_mv(p_locale text DEFAULT 'en')
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT mv.sections FROM public.mv_published_homepage mv WHERE mv.locale = p_locale
$function$;

-- SECURITY DEFINER because only the owner of a materialized view may refresh it. Readers go on
-- reading the old rows meanwhile. Returns how long it took.
CREATE OR REPLACE FUNCTION public.manual_refresh_homepage_mv()
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $function$
DECLARE
    v_start timestamptz := clock_timestamp();
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'the homepage view cannot be refreshed in a transaction that has written'
            USING ERRCODE = 'active_sql_transaction',
                  DETAIL = 'Every other refresh would wait for this transaction to end.',
                  HINT = 'Commit first, then refresh.';
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.mv_published_homepage;
    RETURN format('Materialized view refreshed in %s ms',
                  round(extract(epoch FROM clock_timestamp() - v_start) * 1000, 1));
END
$function$;

REVOKE ALL ON FUNCTION public.get_homepage_from_mv(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.manual_refresh_homepage_mv() FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.get_homepage_from_mv(text)
    TO anon, authenticated, platen_editor, platen_reader;
GRANT EXECUTE ON FUNCTION public.manual_refresh_homepage_mv() TO platen_editor;
