-- What a homepage consists of: one view, and the functions that API clients call.
--
-- Everything here runs with the rights of the caller (security_invoker, no SECURITY DEFINER), so
-- 0005 decides what anybody gets. The functions pin search_path all the same: a caller's path may
-- name objects of strangers.
--
-- Order: display_order, then section_key, then id, bytewise ("C"): ties must not depend on the
-- plan, nor on the collation of the server. Products and categories likewise: display_order, then
-- id.

-- The translated words of a row: those of the locale ("de-AT") laid over those of its language
-- ("de"). Null: none. One call per row, because the whole column is unpacked each time it is
-- touched. A body in RETURN form is bound when it is made, whatever the caller's search_path
-- says, and can be inlined.
CREATE OR REPLACE FUNCTION public.cms_words(p_translations jsonb, p_locale text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(p_locale, '-') = 0 THEN p_translations -> p_locale
            ELSE COALESCE(p_translations -> split_part(p_locale, '-', 1), '{}'::jsonb)
                 || COALESCE(p_translations -> p_locale, '{}'::jsonb) END;

REVOKE ALL ON FUNCTION public.cms_words(jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.cms_words(jsonb, text)
    TO anon, authenticated, platen_editor, platen_reader;

-- Every section of every homepage as it is printed: one statement for all of them. The lists are
-- grouped by locale as well as by section, so that asking for one locale reads only that locale's
-- links. OFFSET 0 keeps the planner from copying the call of cms_words to each place that uses
-- its result. The lists are json, not jsonb: the press only passes them on as text, and that is
-- twice as fast. inventory_count is in it because API clients know it there. A published section
-- without a version has content {}: the press decides what that means, not this view.
CREATE OR REPLACE VIEW public.published_homepage_sections WITH (security_invoker = true) AS
SELECT
    hs.locale,
    hs.id AS section_id,
    hs.section_type,
    hs.section_key,
    hs.display_order,
    COALESCE(sv.content, '{}'::jsonb) AS content,
    hs.metadata,
    COALESCE(pr.list, '[]'::json) AS products,
    COALESCE(ca.list, '[]'::json) AS categories,
    GREATEST(hs.updated_at, sv.updated_at, pr.updated_at, ca.updated_at) AS updated_at
FROM public.homepage_sections hs
LEFT JOIN public.section_versions sv ON sv.id = hs.published_version_id
LEFT JOIN (
    SELECT
        ps.locale,
        sp.section_id,
        json_agg(
            json_build_object(
                'id', p.id,
                'slug', COALESCE(p.slug, p.id::text),
                'name', COALESCE(NULLIF(w.words ->> 'name', ''), p.name),
                'description', COALESCE(NULLIF(w.words ->> 'description', ''), p.description),
                'price', p.price,
                'currency', p.currency,
                'image_url', p.image_url,
                'inventory_count', p.inventory_count,
                'is_featured', p.is_featured,
                'display_order', sp.display_order,
                'metadata', sp.metadata)
            ORDER BY sp.display_order, p.id) AS list,
        max(p.updated_at) AS updated_at
    FROM public.homepage_sections ps
    JOIN public.section_products sp ON sp.section_id = ps.id
    JOIN public.products p ON p.id = sp.product_id
    CROSS JOIN LATERAL (SELECT public.cms_words(p.translations, ps.locale) AS words OFFSET 0) w
    WHERE ps.status = 'published' AND ps.is_active AND p.is_active
    GROUP BY ps.locale, sp.section_id
) pr ON pr.locale = hs.locale AND pr.section_id = hs.id
LEFT JOIN (
    SELECT
        cs.locale,
        sc.section_id,
        json_agg(
            json_build_object(
                'id', c.id,
                'slug', COALESCE(c.slug, c.id::text),
                'name', COALESCE(NULLIF(w.words ->> 'name', ''), c.name),
                'description', COALESCE(NULLIF(w.words ->> 'description', ''), c.description),
                'image_url', c.image_url,
                'display_order', sc.display_order,
                'metadata', sc.metadata)
            ORDER BY sc.display_order, c.id) AS list,
        max(c.updated_at) AS updated_at
    FROM public.homepage_sections cs
    JOIN public.section_categories sc ON sc.section_id = cs.id
    JOIN public.categories c ON c.id = sc.category_id
    CROSS JOIN LATERAL (SELECT public.cms_words(c.translations, cs.locale) AS words OFFSET 0) w
    WHERE cs.status = 'published' AND cs.is_active
    GROUP BY cs.locale, sc.section_id
) ca ON ca.locale = hs.locale AND ca.section_id = hs.id
WHERE hs.status = 'published' AND hs.is_active;

REVOKE ALL ON TABLE public.published_homepage_sections
    FROM PUBLIC, anon, authenticated, platen_editor, platen_reader;
GRANT SELECT ON TABLE public.published_homepage_sections
    TO anon, authenticated, platen_editor, platen_reader;

-- When a locale's homepage next changes by the clock alone. This one view runs with its owner's
-- rights, on purpose: the press learns the time, and neither which section nor which version it
-- concerns.
CREATE OR REPLACE VIEW public.homepage_next_change AS
SELECT hs.locale,
       min(CASE ss.status WHEN 'pending' THEN ss.publish_at ELSE ss.expire_at END) AS next_change_at
FROM public.section_schedules ss
JOIN public.homepage_sections hs ON hs.id = ss.section_id
WHERE ss.status = 'pending' OR (ss.status = 'active' AND ss.expire_at IS NOT NULL)
GROUP BY hs.locale;

REVOKE ALL ON TABLE public.homepage_next_change
    FROM PUBLIC, anon, authenticated, platen_editor, platen_reader;
GRANT SELECT ON TABLE public.homepage_next_change TO platen_editor, platen_reader;

-- No row: the locale has nothing published and active. That is not an error here.
CREATE OR REPLACE FUNCTION public.get_homepage_content(p_locale text DEFAULT 'en')
RETURNS TABLE (
    section_id uuid,
    section_type text,
    section_key text,
    display_order integer,
    content jsonb,
    metadata jsonb,
    products jsonb,
    categories jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT v.section_id, v.section_type, v.section_key, v.display_order, v.content, v.metadata,
           v.products::jsonb, v.categories::jsonb
    FROM public.published_homepage_sections v
    WHERE v.locale = p_locale
    ORDER BY v.display_order, v.section_key COLLATE "C", v.section_id
$function$;

-- The second name of the same thing: clients call either.
CREATE OR REPLACE FUNCTION public.get_homepage_content_optimized(p_locale text DEFAULT 'en')
RETURNS TABLE (
    section_id uuid,
    section_type text,
    section_key text,
    display_order integer,
    content jsonb,
    metadata jsonb,
    products jsonb,
    categories jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT * FROM public.get_homepage_content(p_locale)
$function$;

REVOKE ALL ON FUNCTION public.get_homepage_content(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.get_homepage_content_optimized(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.get_homepage_content(text)
    TO anon, authenticated, platen_editor, platen_reader;
GRANT EXECUTE ON FUNCTION public.get_homepage_content_optimized(text)
    TO anon, authenticated, platen_editor, platen_reader;
